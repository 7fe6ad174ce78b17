"""The stages of a plan as they are collected: by name, each once, with its fingerprint."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cftray.plan.canonical import sha256_of
from cftray.plan.stages import CODE_VERSION, Leaf, LeafInput, StageConfig, StageInput, StageKind, StageNode

Digests = Callable[[Leaf], str | None]
"""The digest of a leaf, or None while it is being made."""

Source = LeafInput | StageInput


class Known:
    """What plans of one moment have in common: a stage that several of them have is hashed once, and is one object."""

    def __init__(self) -> None:
        self._fingerprints: dict[tuple[StageConfig, tuple[tuple[str, str], ...]], str] = {}
        self._nodes: dict[tuple[object, ...], StageNode] = {}

    def fingerprint(self, config: StageConfig, inputs: Mapping[str, str]) -> str:
        """As `fingerprint_of`."""
        key = (config, tuple(sorted(inputs.items())))
        if key not in self._fingerprints:
            self._fingerprints[key] = fingerprint_of(config, inputs)
        return self._fingerprints[key]

    def node(
        self,
        name: str,
        title: str,
        config: StageConfig,
        inputs: Mapping[str, Source],
        fingerprint: str | None,
        *,
        gated_by: tuple[str, ...],
        optional: bool,
        continues: tuple[str, ...],
    ) -> StageNode:
        """The stage; where its fingerprint is not known yet it is a new one each time."""
        key = (fingerprint, name, title, gated_by, optional, continues, *inputs.values())
        if key in self._nodes:
            return self._nodes[key]
        node = StageNode(
            name=name,
            title=title,
            config=config,
            inputs=dict(inputs),
            fingerprint=fingerprint,
            gated_by=gated_by,
            optional=optional,
            continues=continues,
        )
        if fingerprint is not None:
            self._nodes[key] = node
        return node


class Nodes:
    """Replicas share what does not depend on their seed: a name that is there already is not added again."""

    def __init__(self, digests: Digests, *, replicas: int, known: Known | None = None) -> None:
        self.digests = digests
        self.known = known or Known()
        self.replicas = replicas
        self.gate: str | None = None
        """The gate that what is added from now on stands behind."""
        self._nodes: dict[str, StageNode] = {}

    def all(self) -> tuple[StageNode, ...]:
        """In an order in which each comes after its inputs."""
        return tuple(self._nodes.values())

    def add(
        self,
        name: str,
        title: str,
        config: StageConfig,
        inputs: Mapping[str, Source],
        *,
        optional: bool = False,
        continues: tuple[str, ...] = (),
    ) -> str:
        """The stage of that name; it stands behind every gate that was set when it was asked for, and behind none
        once it was asked for without."""
        if name not in self._nodes:
            gates: tuple[str, ...] = () if self.gate is None else (self.gate,)
            self._nodes[name] = self.known.node(
                name,
                title,
                config,
                inputs,
                self._fingerprint(config, inputs),
                gated_by=gates,
                optional=optional,
                continues=continues,
            )
            return name
        known = self._nodes[name]
        if known.gated_by and self.gate not in known.gated_by:
            gates = () if self.gate is None else (*known.gated_by, self.gate)
            self._nodes[name] = known.model_copy(update={"gated_by": gates})
        return name

    def like(self, config: StageConfig, inputs: Mapping[str, LeafInput]) -> str | None:
        """The name of a stage that does just that, under whatever name."""
        for node in self._nodes.values():
            if node.config == config and node.inputs == inputs:
                return self.add(node.name, node.title, config, inputs)
        return None

    def leaf(self, leaf: Leaf) -> LeafInput:
        """A leaf as an input."""
        return LeafInput(leaf=leaf, digest=self.digests(leaf))

    def title(self, what: str, seed: int) -> str:
        """A title that names its seed, where there are several."""
        return f"{what} (seed {seed})" if self.replicas > 1 else what

    def _fingerprint(self, config: StageConfig, inputs: Mapping[str, Source]) -> str | None:
        known: dict[str, str] = {}
        for key, source in inputs.items():
            digest = source.digest if isinstance(source, LeafInput) else self._nodes[source.stage].fingerprint
            if digest is None:
                return None
            known[key] = digest
        return self.known.fingerprint(config, known)


def fingerprint_of(config: StageConfig, inputs: Mapping[str, str]) -> str:
    """sha256 over kind, code version, config and the inputs' digests."""
    version = CODE_VERSION[StageKind(config.kind)]
    return sha256_of({"kind": config.kind, "version": version, "config": config, "inputs": inputs})
