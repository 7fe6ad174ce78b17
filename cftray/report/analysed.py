"""What became of the analyses that a spec asks for: their figures, or in words why there are none.

From the store alone, so it holds whatever happened to the job. A stage that failed has no record; its newest lease says
how it ended. What needs such a stage was left out, by the runner's own rule. DES of an adopted phase 1 is no stage at
all: nobody has its data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from cftray.analysis.modules import KINDS
from cftray.plan import Plan, StageKind, StageNode
from cftray.spec import ExperimentSpec
from cftray.spec.analysis import DesAnalysis
from cftray.store import Record, Store

ANALYSES: Final = (StageKind.DES, StageKind.MPD, StageKind.REPRESENTATIONS, StageKind.CROSSLINGUAL)
UNDEFINED: Final = "phase 1 was adopted, and the data it was trained on are not known"
NOT_RECORDED: Final = "not recorded"
COUNTS: Final = frozenset({"prompts", "tokens", "cut", "sentences", "languages"})
PREFIXES: Final = {StageKind.REPRESENTATIONS: "representations", StageKind.CROSSLINGUAL: "crosslinguality"}


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AnalysisState(StrEnum):
    """What became of an analysis. UNDEFINED: there can be none. LEFT_OUT: it needs a stage that failed, or that a gate
    left out. AWAITED: not recorded, and no failure is known."""

    FOUND = "found"
    UNDEFINED = "undefined"
    FAILED = "failed"
    LEFT_OUT = "left_out"
    AWAITED = "awaited"


class Measure(_View):
    """A figure under the name that it has in MLflow. `low` to `high` is its 95 % interval, null where it has none."""

    name: str
    of: Annotated[str, Field(description="what of the whole: languages, or a kind of module; empty for the whole")] = ""
    value: float
    low: float | None = None
    high: float | None = None


class Analysed(_View):
    """One analysis, of one seed where it looks at trained models. `reason` says why there are no `measures`."""

    kind: StageKind
    title: str
    seed: int | None = None
    state: AnalysisState
    reason: str | None = None
    measures: tuple[Measure, ...] = ()


def analysed(spec: ExperimentSpec, plan: Plan, store: Store) -> tuple[Analysed, ...]:
    """Every analysis of the spec, in the plan's order; DES that is undefined first."""
    return (*undefined(spec), *(analysis_of(node, plan, store) for node in plan.stages if node.kind in ANALYSES))


def undefined(spec: ExperimentSpec) -> Iterator[Analysed]:
    """DES, where it is asked for and there can be none."""
    if spec.phase1.adopt is not None and any(isinstance(one, DesAnalysis) for one in spec.analysis):
        title = "DES of the phases' data"
        yield Analysed(kind=StageKind.DES, title=title, state=AnalysisState.UNDEFINED, reason=UNDEFINED)


def analysis_of(node: StageNode, plan: Plan, store: Store) -> Analysed:
    """What became of one analysis' stage."""
    told = {"kind": node.kind, "title": node.title, "seed": seed_of(node, plan)}
    record = _record(node, store)
    if record is not None:
        return Analysed(**told, state=AnalysisState.FOUND, measures=tuple(measures_of(record)))
    failure = failed(node, store)
    if failure is not None:
        return Analysed(**told, state=AnalysisState.FAILED, reason=failure)
    why = _shut(node, plan, store) or _lost(node, plan, store)
    if why is not None:
        return Analysed(**told, state=AnalysisState.LEFT_OUT, reason=why)
    return Analysed(**told, state=AnalysisState.AWAITED, reason=NOT_RECORDED)


def seed_of(node: StageNode, plan: Plan) -> int | None:
    """The seed whose models a stage looks at; None where it serves all seeds."""
    return next((one.seed for one in plan.outcomes if node.name.endswith(f".s{one.seed}")), None)


def measures_of(record: Record) -> Iterator[Measure]:
    """The figures of an analysis' record that are worth comparing: no counts, no seconds."""
    kind = StageKind(record.kind)
    if kind is StageKind.DES:
        yield from _des(record)
    elif kind is StageKind.MPD:
        yield Measure(name="similarity/mpd", value=record.metrics["mpd"])
        for name, value in by_module(record).items():
            yield Measure(name=f"similarity/mpd/{name}", of=name, value=value)
    else:
        for name, value in record.metrics.items():
            if name not in COUNTS and not name.startswith("seconds"):
                yield Measure(name=f"{PREFIXES[kind]}/{name}", value=value)


def by_module(record: Record) -> dict[str, float]:
    """MPD of each kind of module, in the order of a model; a record has them by the alphabet."""
    modules: Mapping[str, Any] = record.details.get("modules", {})
    order = [name for name in KINDS if name in modules]
    return {name: modules[name]["mpd"] for name in order}


def _des(record: Record) -> Iterator[Measure]:
    """`similarity/des`, and of languages `similarity/des/de`, with the first set's too where it has several."""
    metrics = record.metrics
    yield Measure(name="similarity/des", value=metrics["des"], low=metrics.get("des/low"), high=metrics.get("des/high"))
    languages = [one for pair in record.details.get("pairs", ()) for one in pair["languages"]]
    several = len({one["first"] for one in languages}) > 1
    for one in languages:
        name = f"{one['first']}/{one['second']}" if several else one["second"]
        yield Measure(
            name=f"similarity/des/{name}", of=f"{one['first']}, {one['second']}",
            value=one["des"], low=one["low"], high=one["high"],
        )  # fmt: skip


def failed(node: StageNode, store: Store) -> str | None:
    """The message that a stage without a record failed with."""
    failure = store.failure(node.fingerprint) if node.fingerprint is not None else None
    return None if failure is None else failure.message


def _lost(node: StageNode, plan: Plan, store: Store) -> str | None:
    """The failed stage behind a stage that was left out, however far behind."""
    for name in node.needs:
        before = plan.stage(name)
        if _record(before, store) is not None:
            continue
        failure = failed(before, store)
        if failure is not None:
            return f"needs “{before.title}”, which failed: {failure}"
        further = _lost(before, plan, store)
        if further is not None:
            return further
    return None


def _shut(node: StageNode, plan: Plan, store: Store) -> str | None:
    """What the gates before a stage found, where all of them are closed."""
    found = [_record(plan.stage(name), store) for name in node.gated_by]
    closed = [str(one.details["told"]) for one in found if one is not None and not one.details["open"]]
    return f"gate closed: {'; '.join(closed)}" if found and len(closed) == len(found) else None


def _record(node: StageNode, store: Store) -> Record | None:
    return store.record(node.fingerprint) if node.fingerprint is not None else None
