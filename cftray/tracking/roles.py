"""Which part a stage plays: the phase and the seed by which people know it."""

from __future__ import annotations

from dataclasses import dataclass

from cftray.plan import Outcome, Plan, StageKind, StageNode, TrainConfig
from cftray.report.analysed import ANALYSES, seed_of

SHOWN = (StageKind.TRAIN, StageKind.EVALUATE)
ALONE = "D2 alone"
"""What a model is called that was trained on phase 2's data without phase 1, to be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """`seed` is None where the stage serves all seeds: the scores of an adopted P1.

    `phase` is None where it is not of one of the two models: an analysis, or what `called` says.
    """

    phase: int | None
    seed: int | None
    called: str = ""

    @property
    def key(self) -> str:
        """`p1.s17`, or `p1` for all seeds."""
        return f"p{self.phase}" if self.seed is None else f"p{self.phase}.s{self.seed}"

    @property
    def title(self) -> str:
        """`P1 s17`, or `P1`: MLflow's list shows some 20 characters of a run's name."""
        name = self.called if self.phase is None else f"P{self.phase}"
        return " ".join(part for part in (name, "" if self.seed is None else f"s{self.seed}") if part)


def shown_stages(plan: Plan) -> list[tuple[StageNode, Role]]:
    """Stages that get a run of their own, in the plan's order."""
    found: list[tuple[StageNode, Role]] = []
    for node in plan.stages:
        if node.kind in (*SHOWN, *ANALYSES):
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
        if any(node.name in (one.p1_train, one.p2_train) for one in plan.outcomes):
            return Role(phase=node.config.phase, seed=node.config.seed)
        return Role(phase=None, seed=node.config.seed, called=ALONE)
    if node.kind in ANALYSES:
        return Role(phase=None, seed=seed_of(node, plan))
    for outcome in plan.outcomes:
        if node.name == outcome.p1_scores:
            return p1_role(outcome)
        if node.name == outcome.p2_scores:
            return p2_role(outcome)
    return None
