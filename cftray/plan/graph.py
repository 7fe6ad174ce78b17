"""A spec becomes a graph of stages with fingerprints. Pure: reads no file, starts nothing.

    rows ── tokens ─┐
    base model ─────┴─ train p1 ─┬─ evaluate p1
                                 └─ train p2 ── evaluate p2      (tokens of phase 2 likewise)

Rows of files are read by a stage of their own; two data sets that are read alike share it.
Rows are also compared with the benchmarks' items before they are trained on; nothing depends on that.

Data that are translated from an English set are made of their languages; where a set without an English
counterpart replays, `english` is a translation too:

    english ─┬─ translate de ─┬─ rows (gathered)
             └─ translate es ─┘

With replay, phase 2 reads a mix instead of its tokens; with layer freezing, also a selection:

    english ── prompts ─┬─ overlap with phase 1's rows
                        └─ (answers of the P1 model) ── tokens ── mix
    base model, P1 model ── frozen

A fingerprint is sha256 over kind, code version, config and the inputs' fingerprints (stages) or
digests (leaves). The whole graph has fingerprints before anything runs, unless a leaf is still
being hashed: then it, and what is derived from it, has none yet.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from cftray.errors import InternalError
from cftray.plan.canonical import sha256_of
from cftray.plan.reading import Outside, aligned_source, data_leaf, english_source, rows_source
from cftray.plan.stages import (
    CODE_VERSION,
    ContaminationConfig,
    EvaluateConfig,
    GatherConfig,
    GenerateConfig,
    Leaf,
    LeafInput,
    LeafKind,
    MiniRowsConfig,
    MixConfig,
    OverlapConfig,
    ReadRowsConfig,
    ReplayPromptsConfig,
    RowsSource,
    SelectFrozenConfig,
    StageConfig,
    StageInput,
    StageKind,
    StageNode,
    TokenizeConfig,
    TrainConfig,
    TranslateConfig,
)
from cftray.spec import (
    Alignment,
    ChangeFreezing,
    DataSpec,
    ExperimentSpec,
    GenerativeReplay,
    LowRank,
    MiniData,
    ModelRef,
    RandomFreezing,
    Replay,
    Template,
    TranslatedData,
    TranslatedEnglish,
    parts_of,
)
from cftray.spec.base import SpecModel
from cftray.spec.hyperparameters import Precision
from cftray.spec.translation import GateSettings, Seq2SeqSettings, Seq2SeqTranslator, TranslationGate, Translator

Digests = Callable[[Leaf], str | None]
"""The digest of a leaf, or None while it is being made."""

Source = LeafInput | StageInput

PackDigest = Callable[[str], str]
"""The content digest of a task pack, by name."""


class Outcome(SpecModel):
    """Where one replica's P1 and P2 end: stage names; `p1_model` is null where P1 is adopted."""

    seed: int
    p1_train: str | None
    p2_train: str
    p1_scores: str
    p2_scores: str


class Plan(SpecModel):
    """Stages in an order in which each comes after its inputs."""

    stages: tuple[StageNode, ...]
    outcomes: tuple[Outcome, ...]

    def stage(self, name: str) -> StageNode:
        """The stage of that name. Raises InternalError where there is none."""
        for node in self.stages:
            if node.name == name:
                return node
        raise InternalError(f"no stage {name} in this plan")

    @property
    def complete(self) -> bool:
        """Whether every stage has its fingerprint."""
        return all(node.fingerprint for node in self.stages)


def build_plan(spec: ExperimentSpec, digests: Digests, pack_digest: PackDigest) -> Plan:
    """The stages that `spec` needs, shared ones once."""
    return _Builder(spec, digests, pack_digest).build()


def fingerprint_of(config: StageConfig, inputs: dict[str, str]) -> str:
    """sha256 over kind, code version, config and the inputs' digests."""
    version = CODE_VERSION[StageKind(config.kind)]
    return sha256_of({"kind": config.kind, "version": version, "config": config, "inputs": inputs})


def model_leaf(reference: ModelRef) -> Leaf:
    """The leaf that a model reference stands for."""
    return Leaf(kind=LeafKind.MODEL, location=reference.model, revision=reference.revision)


def encoder_leaf(reference: ModelRef) -> Leaf:
    """The leaf that a sentence encoder stands for."""
    return Leaf(kind=LeafKind.ENCODER, location=reference.model, revision=reference.revision)


class _First(NamedTuple):
    """What phase 2 starts from. `tokenizer` is the model whose tokenizer P1 has."""

    model: Source
    tokenizer: LeafInput
    precision: Precision


class _Builder:
    """Collects nodes by name, so that replicas share what does not depend on their seed."""

    def __init__(self, spec: ExperimentSpec, digests: Digests, pack_digest: PackDigest) -> None:
        self.spec = spec
        self.digests = digests
        self.pack_digest = functools.cache(pack_digest)  # every replica asks for it
        self.nodes: dict[str, StageNode] = {}

    def build(self) -> Plan:
        outcomes = tuple(self._replica(seed) for seed in self.spec.seeds)
        return Plan(stages=tuple(self.nodes.values()), outcomes=outcomes)

    def _replica(self, seed: int) -> Outcome:
        spec = self.spec
        base = self._leaf(model_leaf(spec.base))
        p1_train: str | None = None
        if spec.phase1.train is not None:
            phase = spec.phase1.train
            tokens = self._tokens(1, phase.data, base, spec.template, phase.hyperparameters.max_length)
            self._contamination(1, phase.data)
            config = TrainConfig(phase=1, hyperparameters=phase.hyperparameters, template=spec.template, seed=seed)
            p1_train = self._train(config, {"model": base, "data": StageInput(stage=tokens)})
            p1: Source = StageInput(stage=p1_train)
            p1_precision, tokenizer = phase.hyperparameters.precision, base
        else:
            assert spec.phase1.adopt is not None
            p1 = tokenizer = self._leaf(model_leaf(spec.phase1.adopt))
            p1_precision = spec.phase2.hyperparameters.precision
        first = _First(model=p1, tokenizer=tokenizer, precision=p1_precision)
        p1_scores = self._evaluate(1, seed, p1, tokenizer, p1_precision)
        p2_train = self._second(seed, first)
        second = spec.phase2.hyperparameters.precision
        p2_scores = self._evaluate(2, seed, StageInput(stage=p2_train), tokenizer, second)
        return Outcome(seed=seed, p1_train=p1_train, p2_train=p2_train, p1_scores=p1_scores, p2_scores=p2_scores)

    def _second(self, seed: int, first: _First) -> str:
        """Phase 2 with what its mitigation adds."""
        phase = self.spec.phase2
        template = phase.template if phase.template is not None else self.spec.template
        data = self._tokens(2, phase.data, first.tokenizer, template, phase.hyperparameters.max_length)
        self._contamination(2, phase.data)
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
        return self._train(config, inputs)

    def _tokens(
        self, phase: Literal[1, 2], data: DataSpec, tokenizer: LeafInput, template: Template, max_length: int
    ) -> str:
        config = TokenizeConfig(template=template, max_length=max_length)
        inputs: dict[str, Source] = {"rows": self._rows(phase, data), "model": tokenizer}
        return self._add(f"tokens.p{phase}", f"tokens of phase {phase}", config, inputs)

    def _rows(self, phase: Literal[1, 2], data: DataSpec) -> StageInput:
        """Rows of a phase's data."""
        name, title = f"rows.p{phase}", f"rows of phase {phase}"
        if isinstance(data, MiniData):
            config = MiniRowsConfig(dataset=data.mini, samples=data.samples, sample_seed=data.sample_seed)
            return StageInput(stage=self._add(name, title, config, {}))
        if isinstance(data, TranslatedData):
            return self._translated(phase, data)
        return self._read(name, title, rows_source(data), data_leaf(data))

    def _translated(self, phase: Literal[1, 2], data: TranslatedData) -> StageInput:
        """An English set in each of its languages, gathered."""
        rows = self._translated_from(phase, data)
        languages: dict[str, Source] = {}
        for code in data.into:
            config = _translation(code, data.translator, data.gate)
            name, title = f"translate.p{phase}.{code}", f"phase {phase} in {code}"
            languages[code] = self._translate(name, title, config, rows, data)
        gather = GatherConfig(samples=data.samples, sample_seed=data.sample_seed)
        return StageInput(stage=self._add(f"gather.p{phase}", f"rows of phase {phase}", gather, languages))

    def _translated_from(self, phase: Literal[1, 2], data: TranslatedData) -> StageInput:
        """The English rows."""
        own, name, title = data.translate, f"english.p{phase}", f"English rows of phase {phase}"
        if isinstance(own, MiniData):
            config = MiniRowsConfig(dataset=own.mini, samples=own.samples, sample_seed=own.sample_seed)
            return StageInput(stage=self._add(name, title, config, {}))
        return self._read(name, title, rows_source(own), data_leaf(own))

    def _translate(
        self, name: str, title: str, config: TranslateConfig, rows: Source, asked: TranslatedData | TranslatedEnglish
    ) -> StageInput:
        inputs = {"rows": rows}
        if isinstance(asked.translator, Seq2SeqTranslator):
            inputs["model"] = self._leaf(model_leaf(asked.translator.model))
        if asked.gate.similarity is not None:
            inputs["similarity"] = self._leaf(encoder_leaf(asked.gate.similarity.model))
        return StageInput(stage=self._add(name, title, config, inputs))

    def _aligned(self, data: DataSpec) -> StageInput:
        """Rows of phase 2 that know their English counterparts. Training reads the others: whether there
        is a counterpart changes nothing of it."""
        if isinstance(data, MiniData | TranslatedData):
            return self._rows(2, data)
        return self._read("aligned.p2", "rows of phase 2, aligned", aligned_source(data), data_leaf(data))

    def _english(self, data: DataSpec) -> tuple[StageInput, Alignment]:
        """The English counterpart of phase 2's data; `spec_faults` has refused a spec without one."""
        name, title = "english.p2", "English counterparts of phase 2"
        if isinstance(data, MiniData):
            config = MiniRowsConfig(
                dataset=data.mini, samples=data.samples, sample_seed=data.sample_seed, english=True
            )
            return StageInput(stage=self._add(name, title, config, {})), Alignment.ID
        if isinstance(data, TranslatedData):
            return self._translated_from(2, data), Alignment.ID
        if isinstance(data.english, TranslatedEnglish):
            return self._to_english(data, data.english), Alignment.NONE
        if data.english is None:
            raise InternalError("replay without an English counterpart was planned")
        rows = self._read(name, title, english_source(data.english), data_leaf(data.english))
        return rows, data.english.alignment

    def _read(self, name: str, title: str, source: RowsSource, leaf: Leaf) -> StageInput:
        """The stage that reads a data set; one that another purpose has planned already is shared."""
        config, inputs = ReadRowsConfig(source=source), {"files": self._leaf(leaf)}
        for node in self.nodes.values():
            if node.config == config and node.inputs == inputs:
                return StageInput(stage=node.name)
        return StageInput(stage=self._add(name, title, config, inputs))

    def _to_english(self, data: Outside, english: TranslatedEnglish) -> StageInput:
        """Instructions of phase 2 in English. Each is a counterpart, so replay may draw among all of them."""
        source = rows_source(data)
        if english.samples is not None:
            drawn = {"samples": english.samples, "sample_seed": english.sample_seed, "proportions": ()}
            source = source.model_copy(update=drawn)
        rows = self._read("asked.p2", "instructions of phase 2 to translate", source, data_leaf(data))
        config = _translation("en", english.translator, english.gate, prompts_only=True)
        return self._translate("english.p2", "instructions of phase 2 in English", config, rows, english)

    def _replayed(self, seed: int, replay: Replay, first: _First, template: Template, data: str) -> str:
        """Phase 2's tokens with the replay's after them."""
        spec = self.spec
        english, alignment = self._english(spec.phase2.data)
        config = ReplayPromptsConfig(ratio=replay.ratio, surplus=replay.surplus, alignment=alignment, seed=seed)
        inputs: dict[str, Source] = {"data": StageInput(stage=data), "english": english}
        if alignment is not Alignment.NONE:
            inputs["rows"] = self._aligned(spec.phase2.data)
        prompts = self._add(f"prompts.p2.s{seed}", self._title("prompts of the replay", seed), config, inputs)
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
            pairs = self._add(
                f"generate.p2.s{seed}",
                self._title("replay: answers of the P1 model", seed),
                generate,
                {"prompts": StageInput(stage=prompts), "model": first.model, "tokenizer": first.tokenizer},
            )
        tokens = self._add(
            f"replay.p2.s{seed}",
            self._title("tokens of the replay", seed),
            TokenizeConfig(template=template, max_length=spec.phase2.hyperparameters.max_length),
            {"rows": StageInput(stage=pairs), "model": first.tokenizer},
        )
        mix = MixConfig(ratio=replay.ratio, shortfall=replay.shortfall)
        both: dict[str, Source] = {"data": StageInput(stage=data), "replay": StageInput(stage=tokens)}
        return self._add(f"mix.p2.s{seed}", self._title("phase 2's data with the replay", seed), mix, both)

    def _overlap(self, seed: int, replay: Replay, prompts: str) -> None:
        """Measured where phase 1's data are known; nothing but the spec's own limit depends on it."""
        if self.spec.phase1.train is None:
            return
        rows = self._rows(1, self.spec.phase1.train.data)
        self._add(
            f"overlap.p2.s{seed}",
            self._title("overlap of the replay with phase 1", seed),
            OverlapConfig(max_overlap=replay.max_overlap),
            {"prompts": StageInput(stage=prompts), "rows": rows},
        )

    def _contamination(self, phase: Literal[1, 2], data: DataSpec) -> None:
        """Told before the phase is trained; refuses nothing."""
        evaluation = self.spec.evaluation
        if not evaluation.contamination:
            return
        config = ContaminationConfig(
            suites=evaluation.suites,
            pack=evaluation.pack,
            pack_digest=self.pack_digest(evaluation.pack),
            limit=evaluation.limit,
        )
        title = f"benchmarks' items in the data of phase {phase}"
        self._add(f"contamination.p{phase}", title, config, {"rows": self._rows(phase, data)})

    def _frozen(self, seed: int, part: RandomFreezing | ChangeFreezing, first: _First) -> str:
        config = SelectFrozenConfig(
            method=part.kind, k=part.k, seed=seed if isinstance(part, RandomFreezing) else None
        )
        base = self._leaf(model_leaf(self.spec.base))
        title = self._title("what phase 2 leaves frozen", seed)
        return self._add(f"frozen.p2.s{seed}", title, config, {"base": base, "model": first.model})

    def _train(self, config: TrainConfig, inputs: dict[str, Source]) -> str:
        name = f"train.p{config.phase}.s{config.seed}"
        return self._add(name, self._title(f"phase {config.phase}", config.seed), config, inputs)

    def _evaluate(
        self,
        phase: Literal[1, 2],
        seed: int,
        model: Source,
        tokenizer: LeafInput,
        precision: Precision,
    ) -> str:
        evaluation = self.spec.evaluation
        config = EvaluateConfig(
            suites=evaluation.suites,
            pack=evaluation.pack,
            pack_digest=self.pack_digest(evaluation.pack),
            batch_size=evaluation.batch_size,
            limit=evaluation.limit,
            template=self.spec.template,
            precision=precision,
        )
        seeded = isinstance(model, StageInput)
        name = f"evaluate.p{phase}.s{seed}" if seeded else f"evaluate.p{phase}"
        title = self._title(f"evaluate P{phase}", seed) if seeded else f"evaluate P{phase}"
        return self._add(name, title, config, {"model": model, "tokenizer": tokenizer})

    def _title(self, what: str, seed: int) -> str:
        return f"{what} (seed {seed})" if len(self.spec.seeds) > 1 else what

    def _leaf(self, leaf: Leaf) -> LeafInput:
        return LeafInput(leaf=leaf, digest=self.digests(leaf))

    def _add(
        self, name: str, title: str, config: StageConfig, inputs: Mapping[str, Source]
    ) -> str:
        known: dict[str, str] = {}
        for key, source in inputs.items():
            digest = source.digest if isinstance(source, LeafInput) else self.nodes[source.stage].fingerprint
            if digest is not None:
                known[key] = digest
        whole = len(known) == len(inputs)
        fingerprint = fingerprint_of(config, known) if whole else None
        node = StageNode(name=name, title=title, config=config, inputs=dict(inputs), fingerprint=fingerprint)
        self.nodes.setdefault(name, node)
        return name


def _translation(
    into: str, translator: Translator, gate: TranslationGate, *, prompts_only: bool = False
) -> TranslateConfig:
    """The identity of a translation: its models are inputs, counted by content and not by where they lie."""
    plain: Translator | Seq2SeqSettings = translator
    if isinstance(translator, Seq2SeqTranslator):
        plain = Seq2SeqSettings.model_validate(translator.model_dump(exclude={"model"}))
    return TranslateConfig(
        into=into,
        translator=plain,
        gate=GateSettings.model_validate(gate.model_dump(exclude={"similarity"})),
        min_similarity=None if gate.similarity is None else gate.similarity.threshold,
        prompts_only=prompts_only,
    )
