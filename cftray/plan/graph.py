"""A spec becomes a graph of stages with fingerprints. Pure: reads no file, starts nothing.

    rows ── tokens ─┐
    base model ─────┴─ train p1 ─┬─ evaluate p1
                                 └─ train p2 ── evaluate p2      (tokens of phase 2 likewise)

Rows are also compared with the benchmarks' items before they are trained on; nothing depends on that. How rows come
about is in `cftray.plan.datasets`, how models are scored in `cftray.plan.evaluating`, what else is looked at in
`cftray.plan.analysing`.

With replay, phase 2 reads a mix instead of its tokens; with layer freezing, also a selection:

    english ── prompts ─┬─ overlap with phase 1's rows
                        └─ (answers of the P1 model) ── tokens ── mix
    base model, P1 model ── frozen

A fingerprint is sha256 over kind, code version, config and the inputs' fingerprints (stages) or
digests (leaves). The whole graph has fingerprints before anything runs, unless a leaf is still
being hashed: then it, and what is derived from it, has none yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from cftray.plan.analysing import Analyses
from cftray.plan.data_stages import MixConfig, OverlapConfig, ReplayPromptsConfig, TokenizeConfig
from cftray.plan.datasets import Datasets
from cftray.plan.evaluating import Evaluations, Packs, Scored
from cftray.plan.leaves import model_leaf
from cftray.plan.nodes import Digests, Known, Nodes, Source
from cftray.plan.plan import Outcome, Plan
from cftray.plan.stages import GenerateConfig, LeafInput, SelectFrozenConfig, StageInput, TrainConfig, TrainPartConfig
from cftray.spec import (
    Alignment,
    ChangeFreezing,
    DataSpec,
    ExperimentSpec,
    GenerativeReplay,
    LowRank,
    ModelEvaluationSpec,
    RandomFreezing,
    Replay,
    Template,
    parts_of,
)
from cftray.spec.hyperparameters import Precision


def build_plan(
    spec: ExperimentSpec, digests: Digests, packs: Packs, known: Known | None = None
) -> Plan:
    """The stages that `spec` needs, shared ones once. `known`: what was built before, where many plans are."""
    return _Builder(spec, digests, packs, known).build()


def build_trial_plan(
    spec: ExperimentSpec, rungs: Sequence[float], digests: Digests, packs: Packs, known: Known | None = None
) -> tuple[Plan, tuple[tuple[Outcome, ...], ...]]:
    """As `build_plan`, with P2 also scored after each share of its steps in `rungs`; and where that ends, by rung."""
    builder = _Builder(spec, digests, packs, known, rungs)
    plan = builder.build()
    return plan, tuple(zip(*builder.partial, strict=True)) if rungs else ()


def build_evaluation_plan(spec: ModelEvaluationSpec, digests: Digests, packs: Packs) -> Plan:
    """The stages that score a model which is there already: it stands as P1 of the one outcome, with seed 0."""
    nodes = Nodes(digests, replicas=1)
    evaluations = Evaluations(nodes, spec.evaluation, spec.template, packs)
    model = nodes.leaf(model_leaf(spec.model))
    scored = evaluations.add("model", "evaluate the model", model, model, spec.precision, noise=True)
    evaluations.finish()
    outcome = Outcome(
        seed=0,
        p1_train=None,
        p2_train=None,
        p1_scores=scored.scores,
        p2_scores=None,
        p1_judged=scored.judged,
        p1_noise=scored.noise,
    )
    return Plan(stages=nodes.all(), outcomes=(outcome,))


TOKENS = "tokens.p{phase}"


class _First(NamedTuple):
    """What phase 2 starts from. `tokenizer` is the model whose tokenizer P1 has."""

    model: Source
    tokenizer: LeafInput
    precision: Precision


class _Builder:
    """Collects nodes by name, so that replicas share what does not depend on their seed."""

    def __init__(
        self,
        spec: ExperimentSpec,
        digests: Digests,
        packs: Packs,
        known: Known | None = None,
        rungs: Sequence[float] = (),
    ) -> None:
        self.spec = spec
        self.rungs = rungs
        self.partial: list[tuple[Outcome, ...]] = []
        """By replica, where P2 ends at each rung."""
        self.nodes = Nodes(digests, replicas=len(spec.seeds), known=known)
        self.datasets = Datasets(self.nodes)
        self.evaluations = Evaluations(self.nodes, spec.evaluation, spec.template, packs)
        self.analyses = Analyses(self.nodes, self.datasets, spec)

    def build(self) -> Plan:
        outcomes = tuple(self._replica(seed) for seed in self.spec.seeds)
        self.evaluations.finish()
        return Plan(stages=self.nodes.all(), outcomes=outcomes)

    def _replica(self, seed: int) -> Outcome:
        self.nodes.gate = None
        spec, evaluations = self.spec, self.evaluations
        self.analyses.before(self._tokenizer())
        p1_train, first = self._first(seed)
        key, title = ("p1", "evaluate P1")
        if p1_train is not None:
            key, title = f"p1.s{seed}", self.nodes.title(title, seed)
        p1 = evaluations.add(
            key, title, first.model, first.tokenizer, first.precision, noise=True, judge_now=bool(spec.gate)
        )
        gate = evaluations.gate(seed, spec.gate, p1) if spec.gate else None
        self.nodes.gate = gate
        config, inputs = self._second(seed, first)
        parts = self._parts(seed, config, inputs, first.tokenizer)
        p2_train = self._train(config, inputs, continues=tuple(train for train, _ in parts))
        p2 = evaluations.add(
            f"p2.s{seed}",
            self.nodes.title("evaluate P2", seed),
            StageInput(stage=p2_train),
            first.tokenizer,
            spec.phase2.hyperparameters.precision,
        )
        self.analyses.after(seed, first.model, p2_train, first.tokenizer, TOKENS.format(phase=2))
        outcome = Outcome(
            seed=seed,
            p1_train=p1_train,
            p2_train=p2_train,
            p1_scores=p1.scores,
            p2_scores=p2.scores,
            p1_judged=p1.judged,
            p2_judged=p2.judged,
            p1_noise=p1.noise,
            gate=gate,
        )
        ends = [{"p2_train": train, "p2_scores": part.scores, "p2_judged": part.judged} for train, part in parts]
        self.partial.append(tuple(outcome.model_copy(update=end) for end in ends))
        return outcome

    def _parts(
        self, seed: int, config: TrainConfig, inputs: Mapping[str, Source], tokenizer: LeafInput
    ) -> list[tuple[str, Scored]]:
        """Phase 2's beginnings, each going on from the one before: names of their training, and their scores."""
        parts: list[tuple[str, Scored]] = []
        for number, share in enumerate(self.rungs, 1):
            at, title = f"p2.s{seed}.r{number}", f"{100 * share:.3g} % of phase 2"
            train = self.nodes.add(
                f"train.{at}",
                self.nodes.title(title, seed),
                TrainPartConfig(whole=config, share=share),
                inputs,
                continues=tuple(name for name, _ in parts),
            )
            scored = self.evaluations.add(
                at,
                self.nodes.title(f"evaluate after {title}", seed),
                StageInput(stage=train),
                tokenizer,
                config.hyperparameters.precision,
                judge_now=True,
            )
            parts.append((train, scored))
        return parts

    def _tokenizer(self) -> LeafInput:
        """The model whose tokenizer prompts every model alike: what phase 1 starts from, or what it adopts."""
        return self.nodes.leaf(model_leaf(self.spec.phase1.adopt or self.spec.base))

    def _first(self, seed: int) -> tuple[str | None, _First]:
        """(name of phase 1's training, what phase 2 starts from)."""
        spec = self.spec
        base = self.nodes.leaf(model_leaf(spec.base))
        if spec.phase1.train is None:
            assert spec.phase1.adopt is not None
            adopted = self.nodes.leaf(model_leaf(spec.phase1.adopt))
            return None, _First(adopted, adopted, spec.phase2.hyperparameters.precision)
        phase = spec.phase1.train
        tokens = self._tokens(1, phase.data, base, spec.template, phase.hyperparameters.max_length)
        self.evaluations.contamination(1, self.datasets.rows(1, phase.data))
        config = TrainConfig(phase=1, hyperparameters=phase.hyperparameters, template=spec.template, seed=seed)
        name = self._train(config, {"model": base, "data": StageInput(stage=tokens)})
        return name, _First(StageInput(stage=name), base, phase.hyperparameters.precision)

    def _second(self, seed: int, first: _First) -> tuple[TrainConfig, dict[str, Source]]:
        """What trains phase 2, with what its mitigation adds."""
        phase = self.spec.phase2
        template = phase.template if phase.template is not None else self.spec.template
        data = self._tokens(2, phase.data, first.tokenizer, template, phase.hyperparameters.max_length)
        self.evaluations.contamination(2, self.datasets.rows(2, phase.data))
        lora: LowRank | None = None
        inputs: dict[str, Source] = {"model": first.model, "data": StageInput(stage=data)}
        for part in parts_of(phase.mitigation):
            match part:
                case Replay():
                    inputs["data"] = StageInput(stage=self._replayed(seed, part, first, template, data))
                case RandomFreezing() | ChangeFreezing():
                    inputs["frozen"] = StageInput(stage=self._frozen(seed, part, first))
                case LowRank():
                    lora = part
        config = TrainConfig(
            phase=2, hyperparameters=phase.hyperparameters, template=template, seed=seed, lora=lora
        )
        return config, inputs

    def _tokens(
        self, phase: Literal[1, 2], data: DataSpec, tokenizer: LeafInput, template: Template, max_length: int
    ) -> str:
        config = TokenizeConfig(template=template, max_length=max_length)
        inputs: dict[str, Source] = {"rows": self.datasets.rows(phase, data), "model": tokenizer}
        return self.nodes.add(TOKENS.format(phase=phase), f"tokens of phase {phase}", config, inputs)

    def _replayed(self, seed: int, replay: Replay, first: _First, template: Template, data: str) -> str:
        """Phase 2's tokens with the replay's after them."""
        spec, title = self.spec, self.nodes.title
        english, alignment = self.datasets.english(spec.phase2.data)
        config = ReplayPromptsConfig(ratio=replay.ratio, surplus=replay.surplus, alignment=alignment, seed=seed)
        inputs: dict[str, Source] = {"data": StageInput(stage=data), "english": english}
        if alignment is not Alignment.NONE:
            inputs["rows"] = self.datasets.aligned(spec.phase2.data)
        prompts = self.nodes.add(f"prompts.p2.s{seed}", title("prompts of the replay", seed), config, inputs)
        self._overlap(seed, replay, prompts)
        pairs = prompts
        if isinstance(replay, GenerativeReplay):
            generate = GenerateConfig(
                template=spec.template,
                decoding=replay.decoding,
                max_new_tokens=replay.decoding.max_new_tokens or spec.phase2.hyperparameters.max_length,
                precision=first.precision,
                seed=seed,
            )
            pairs = self.nodes.add(
                f"generate.p2.s{seed}",
                title("replay: answers of the P1 model", seed),
                generate,
                {"prompts": StageInput(stage=prompts), "model": first.model, "tokenizer": first.tokenizer},
            )
        tokens = self.nodes.add(
            f"replay.p2.s{seed}",
            title("tokens of the replay", seed),
            TokenizeConfig(template=template, max_length=spec.phase2.hyperparameters.max_length),
            {"rows": StageInput(stage=pairs), "model": first.tokenizer},
        )
        mix = MixConfig(ratio=replay.ratio, shortfall=replay.shortfall)
        both: dict[str, Source] = {"data": StageInput(stage=data), "replay": StageInput(stage=tokens)}
        return self.nodes.add(f"mix.p2.s{seed}", title("phase 2's data with the replay", seed), mix, both)

    def _overlap(self, seed: int, replay: Replay, prompts: str) -> None:
        """Measured where phase 1's data are known; nothing but the spec's own limit depends on it."""
        if self.spec.phase1.train is None:
            return
        rows = self.datasets.rows(1, self.spec.phase1.train.data)
        self.nodes.add(
            f"overlap.p2.s{seed}",
            self.nodes.title("overlap of the replay with phase 1", seed),
            OverlapConfig(max_overlap=replay.max_overlap),
            {"prompts": StageInput(stage=prompts), "rows": rows},
        )

    def _frozen(self, seed: int, part: RandomFreezing | ChangeFreezing, first: _First) -> str:
        config = SelectFrozenConfig(
            method=part.kind, k=part.k, seed=seed if isinstance(part, RandomFreezing) else None
        )
        base = self.nodes.leaf(model_leaf(self.spec.base))
        title = self.nodes.title("what phase 2 leaves frozen", seed)
        return self.nodes.add(f"frozen.p2.s{seed}", title, config, {"base": base, "model": first.model})

    def _train(self, config: TrainConfig, inputs: dict[str, Source], *, continues: tuple[str, ...] = ()) -> str:
        name, title = f"train.p{config.phase}.s{config.seed}", self.nodes.title(f"phase {config.phase}", config.seed)
        return self.nodes.add(name, title, config, inputs, continues=continues)
