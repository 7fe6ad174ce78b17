"""What records say of each replica's models: items' scores, what is missing, what a gate decided.

A model's scores are those of its evaluation and, where a judge was asked and has answered, those of the judge. The
judge's stand in for what the evaluation has of the same task.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cftray.data.scores import ItemScores, Part, TaskScores
from cftray.plan import Outcome, Plan
from cftray.report.views import Gate, ModelName, Unscored
from cftray.store import Record, Store

SCORES_OUTPUT = "scores"


class Model(NamedTuple):
    """One evaluated model: its items by task, and the tasks that the pack has for its suites."""

    tasks: dict[str, TaskScores]
    expected: dict[str, Part]


class Pair(NamedTuple):
    """One replica. `again` are the two evaluations of its P1 that a noise floor is measured by; `missing` are titles
    of stages without a record."""

    seed: int
    p1: Model | None
    p2: Model | None
    again: tuple[Model, Model] | None = None
    gate: Gate | None = None
    missing: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether both models are evaluated."""
        return self.p1 is not None and self.p2 is not None


def pairs_of(plans: Sequence[Plan], store: Store) -> list[Pair]:
    """Every replica of the plans; of several plans, by seed. Raises InternalError where scores can't be read."""
    found = [pair for plan in plans for pair in _Reader(plan, store).pairs()]
    return sorted(found, key=lambda pair: pair.seed) if len(plans) > 1 else found


def merged(scored: Sequence[ItemScores]) -> Model:
    """All that was scored of one model, the later over the earlier, in the pack's order."""
    expected = {part.task: part for one in scored for part in one.expected}
    tasks = {task.task: task for one in scored for task in one.tasks}
    places = {name: place for place, name in enumerate(expected)}
    ordered = sorted(tasks.values(), key=lambda task: places.get(task.task, len(places)))
    return Model({task.task: task for task in ordered}, expected)


def unscored(pair: Pair) -> Iterator[Unscored]:
    """Tasks of both models of which some items have no score."""
    models: tuple[tuple[ModelName, Model | None], ...] = (("p1", pair.p1), ("p2", pair.p2))
    for name, model in models:
        for task in model.tasks.values() if model is not None else ():
            if task.unscored:
                yield Unscored(
                    model=name,
                    seed=pair.seed,
                    task=task.task,
                    benchmark=task.benchmark,
                    language=task.language,
                    n=len(task.unscored),
                    of=len(task.unscored.keys() | set(task.items)),
                    reasons=dict(Counter(task.unscored.values()).most_common()),
                )


class _Reader:
    """Reads a plan's records once each; models that replicas share (an adopted P1) too."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self.plan, self.store = plan, store
        self._items: dict[str, ItemScores] = {}
        self._records: dict[str, Record | None] = {}

    def pairs(self) -> Iterator[Pair]:
        for outcome in self.plan.outcomes:
            gate = self._gate(outcome)
            p1 = self._model(outcome.p1_scores, outcome.p1_judged)
            yield Pair(
                seed=outcome.seed,
                p1=p1,
                p2=self._model(outcome.p2_scores, outcome.p2_judged),
                again=self._again(outcome),
                gate=gate,
                missing=tuple(self._missing(outcome, closed=gate is not None and not gate.open)),
            )

    def _model(self, scores: str | None, judged: str | None) -> Model | None:
        first = self._read(scores)
        if first is None:
            return None
        second = self._read(judged)
        return merged([first] if second is None else [first, second])

    def _again(self, outcome: Outcome) -> tuple[Model, Model] | None:
        """Both evaluations without a judge, who would not be asked twice."""
        first, second = self._read(outcome.p1_scores), self._read(outcome.p1_noise)
        return None if first is None or second is None else (merged([first]), merged([second]))

    def _read(self, name: str | None) -> ItemScores | None:
        record = self._record(name)
        if record is None:
            return None
        if record.fingerprint not in self._items:
            self._items[record.fingerprint] = ItemScores.read(self.store.output(record, SCORES_OUTPUT))
        return self._items[record.fingerprint]

    def _record(self, name: str | None) -> Record | None:
        if name is None:
            return None
        if name not in self._records:
            fingerprint = self.plan.stage(name).fingerprint
            self._records[name] = None if fingerprint is None else self.store.record(fingerprint)
        return self._records[name]

    def _gate(self, outcome: Outcome) -> Gate | None:
        record = self._record(outcome.gate)
        if record is None:
            return None
        found = record.details
        return Gate.model_validate({"seed": outcome.seed, "open": found["open"], "conditions": found["conditions"]})

    def _missing(self, outcome: Outcome, *, closed: bool) -> Iterator[str]:
        first = (outcome.p1_scores, outcome.p1_judged, outcome.p1_noise, outcome.gate)
        second = () if closed else (outcome.p2_scores, outcome.p2_judged)
        for name in (*first, *second):
            if name is not None and self._record(name) is None:
                yield self.plan.stage(name).title
