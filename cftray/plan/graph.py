"""A spec becomes a graph of stages with fingerprints. Pure: reads no file, starts nothing.

    rows ── tokens ─┐
    base model ─────┴─ train p1 ─┬─ evaluate p1
                                 └─ train p2 ── evaluate p2      (tokens of phase 2 likewise)

A fingerprint is sha256 over kind, code version, config and the inputs' fingerprints (stages) or
digests (leaves). The whole graph has fingerprints before anything runs, unless a leaf is still
being hashed: then it, and what is derived from it, has none yet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from cftray.errors import InternalError
from cftray.plan.canonical import sha256_of
from cftray.plan.stages import (
    CODE_VERSION,
    EvaluateConfig,
    Leaf,
    LeafInput,
    LeafKind,
    MiniRowsConfig,
    StageConfig,
    StageInput,
    StageKind,
    StageNode,
    TokenizeConfig,
    TrainConfig,
)
from cftray.spec import DataSpec, ExperimentSpec, MiniData, ModelRef, Template
from cftray.spec.base import SpecModel
from cftray.spec.hyperparameters import Hyperparameters, Precision

Digests = Callable[[Leaf], str | None]
"""The digest of a leaf, or None while it is being made."""

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


class _Builder:
    """Collects nodes by name, so that replicas share what does not depend on their seed."""

    def __init__(self, spec: ExperimentSpec, digests: Digests, pack_digest: PackDigest) -> None:
        self.spec = spec
        self.digests = digests
        self.pack_digest = pack_digest
        self.nodes: dict[str, StageNode] = {}

    def build(self) -> Plan:
        outcomes = tuple(self._replica(seed) for seed in self.spec.seeds)
        return Plan(stages=tuple(self.nodes.values()), outcomes=outcomes)

    def _replica(self, seed: int) -> Outcome:
        spec = self.spec
        template2 = spec.phase2.template if spec.phase2.template is not None else spec.template
        base = self._leaf(model_leaf(spec.base))
        p1_train: str | None = None
        if spec.phase1.train is not None:
            phase = spec.phase1.train
            tokens = self._tokens(1, phase.data, base, spec.template, phase.hyperparameters.max_length)
            p1_train = self._train(1, seed, phase.hyperparameters, spec.template, base, tokens)
            p1: LeafInput | StageInput = StageInput(stage=p1_train)
            p1_precision, tokenizer = phase.hyperparameters.precision, base
        else:
            assert spec.phase1.adopt is not None
            p1 = tokenizer = self._leaf(model_leaf(spec.phase1.adopt))
            p1_precision = spec.phase2.hyperparameters.precision
        p1_scores = self._evaluate(1, seed, p1, tokenizer, p1_precision)
        second = spec.phase2.hyperparameters
        tokens2 = self._tokens(2, spec.phase2.data, tokenizer, template2, second.max_length)
        p2_train = self._train(2, seed, second, template2, p1, tokens2)
        p2_scores = self._evaluate(2, seed, StageInput(stage=p2_train), tokenizer, second.precision)
        return Outcome(seed=seed, p1_train=p1_train, p2_train=p2_train, p1_scores=p1_scores, p2_scores=p2_scores)

    def _tokens(
        self, phase: Literal[1, 2], data: DataSpec, tokenizer: LeafInput, template: Template, max_length: int
    ) -> str:
        if isinstance(data, MiniData):
            rows_config = MiniRowsConfig(dataset=data.mini, samples=data.samples, sample_seed=data.sample_seed)
            rows: LeafInput | StageInput = StageInput(
                stage=self._add(f"rows.p{phase}", f"rows of phase {phase}", rows_config, {})
            )
            config = TokenizeConfig(template=template, max_length=max_length)
        else:
            rows = self._leaf(Leaf(kind=LeafKind.FILES, location=data.path))
            config = TokenizeConfig(
                template=template,
                max_length=max_length,
                adapter=data.adapter,
                language=data.language,
                samples=data.samples,
                sample_seed=data.sample_seed,
            )
        return self._add(f"tokens.p{phase}", f"tokens of phase {phase}", config, {"rows": rows, "model": tokenizer})

    def _train(
        self,
        phase: Literal[1, 2],
        seed: int,
        hyperparameters: Hyperparameters,
        template: Template,
        model: LeafInput | StageInput,
        tokens: str,
    ) -> str:
        config = TrainConfig(phase=phase, hyperparameters=hyperparameters, template=template, seed=seed)
        inputs: dict[str, LeafInput | StageInput] = {"model": model, "data": StageInput(stage=tokens)}
        return self._add(f"train.p{phase}.s{seed}", self._title(f"phase {phase}", seed), config, inputs)

    def _evaluate(
        self,
        phase: Literal[1, 2],
        seed: int,
        model: LeafInput | StageInput,
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
        self, name: str, title: str, config: StageConfig, inputs: dict[str, LeafInput | StageInput]
    ) -> str:
        known: dict[str, str] = {}
        for key, source in inputs.items():
            digest = source.digest if isinstance(source, LeafInput) else self.nodes[source.stage].fingerprint
            if digest is not None:
                known[key] = digest
        whole = len(known) == len(inputs)
        fingerprint = fingerprint_of(config, known) if whole else None
        node = StageNode(name=name, title=title, config=config, inputs=inputs, fingerprint=fingerprint)
        self.nodes.setdefault(name, node)
        return name
