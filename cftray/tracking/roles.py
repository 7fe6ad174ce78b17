"""Which part a stage plays: the phase and the seed by which people know it."""

from __future__ import annotations

from dataclasses import dataclass

from cftray.plan import Outcome, Plan, StageKind, StageNode, TrainConfig

SHOWN = (StageKind.TRAIN, StageKind.EVALUATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """`seed` is None where the stage serves all seeds: the scores of an adopted P1."""

    phase: int
    seed: int | None

    @property
    def key(self) -> str:
        """`p1.s17`, or `p1` for all seeds."""
        return f"p{self.phase}" if self.seed is None else f"p{self.phase}.s{self.seed}"

    @property
    def title(self) -> str:
        """`P1 s17`, or `P1`: MLflow's list shows some 20 characters of a run's name."""
        return f"P{self.phase}" if self.seed is None else f"P{self.phase} s{self.seed}"


def shown_stages(plan: Plan) -> list[tuple[StageNode, Role]]:
    """Stages that get a run of their own, in the plan's order."""
    found: list[tuple[StageNode, Role]] = []
    for node in plan.stages:
        if node.kind in SHOWN:
            role = _role(node, plan)
            if role is not None:
                found.append((node, role))
    return found


def p1_role(outcome: Outcome) -> Role:
    """The role of an outcome's P1."""
    return Role(phase=1, seed=outcome.seed if outcome.p1_train is not None else None)


def p2_role(outcome: Outcome) -> Role:
    """The role of an outcome's P2."""
    return Role(phase=2, seed=outcome.seed)


def _role(node: StageNode, plan: Plan) -> Role | None:
    if isinstance(node.config, TrainConfig):
        return Role(phase=node.config.phase, seed=node.config.seed)
    for outcome in plan.outcomes:
        if node.name == outcome.p1_scores:
            return p1_role(outcome)
        if node.name == outcome.p2_scores:
            return p2_role(outcome)
    return None
