"""A plan as data: its stages, and where each replica ends in it; of a sweep, its trials."""

from __future__ import annotations

from typing import Any

from cftray.errors import InternalError
from cftray.plan.stages import StageNode
from cftray.spec.base import SpecModel


class Outcome(SpecModel):
    """Where one replica's P1 and P2 end: stage names; `p1_train` is null where P1 is adopted.

    `judged` names what a judge makes of a model's answers, `noise` what P1 scores when it is scored again, `gate` the
    decision on phase 2; null where nothing of the kind was asked for. Where a single model is evaluated and nothing
    trained, it stands as P1 and there is no P2.
    """

    seed: int
    p1_train: str | None
    p2_train: str | None
    p1_scores: str
    p2_scores: str | None
    p1_judged: str | None = None
    p2_judged: str | None = None
    p1_noise: str | None = None
    gate: str | None = None


class Rung(SpecModel):
    """A trial after `share` of phase 2's steps: where its replicas end there, and the stages that lead to it from the
    rung before, in order. P2 of its outcomes is the model at that share."""

    share: float
    outcomes: tuple[Outcome, ...]
    stages: tuple[str, ...]


class Trial(SpecModel):
    """One trial of a sweep, from 1, with its value of each setting. The last rung is the whole of phase 2."""

    number: int
    values: dict[str, Any]
    rungs: tuple[Rung, ...]


class Plan(SpecModel):
    """Stages in an order in which each comes after its inputs. A sweep has `trials`, and no outcomes of its own."""

    stages: tuple[StageNode, ...]
    outcomes: tuple[Outcome, ...]
    trials: tuple[Trial, ...] = ()

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
