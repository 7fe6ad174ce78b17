"""The report of a sweep: one HTML page with its trials, the picture of what they cost and gave, and how to go on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cftray.plan import Plan
from cftray.report import facts, grid
from cftray.report.drawn import in_line
from cftray.report.page import as_yaml, template
from cftray.report.sweep_likeness import sweep_likeness
from cftray.report.sweep_picture import PictureFormat, pareto_files
from cftray.report.trials import LA, TA, RungTold, SweepResults, TrialState, TrialTold
from cftray.spec import SweepSpec
from cftray.spec.sweep import Bound, Range
from cftray.store import Store

SPEC_FILE = "sweep.yaml"
NAME, PICTURE = "pareto", "Change of TA against change of LA, a point a trial"
BEST_FILE = "best.yaml"


def sweep_report(
    sweep: SweepSpec, found: SweepResults, plan: Plan, store: Store, *, identifier: str, best: dict[str, Any] | None
) -> str:
    """The page, as far as trials are scored. `best` is the best trial's experiment as a document."""
    stages = facts.stages_of(plan, store)
    finished = [record.finished_at for _, record in stages if record is not None]
    pictures = pareto_files(sweep, found)
    settings = sorted(sweep.space)
    return template("sweep.html.jinja").render(
        sweep=sweep,
        identifier=identifier,
        finished=max(finished, default="")[:16].replace("T", " "),
        findings=list(sweep_findings(sweep, found)),
        settings=[name.rpartition(".")[2] for name in settings],
        rows=[_cells(trial, settings, found) for trial in found.trials],
        picture=None if pictures is None else in_line(pictures[PictureFormat.SVG].decode(), NAME, PICTURE),
        rungs=[_share(share) for share in (*sweep.rungs, 1.0)],
        course=[_course(trial, len(sweep.rungs) + 1) for trial in found.trials] if sweep.rungs else [],
        likeness=sweep_likeness(sweep, found, plan, store),
        maximised=_name(sweep.objective.maximise),
        asked=list(_asked(sweep)),
        experiment=facts.asked(sweep.spec),
        composition=facts.composition(stages),
        timings=facts.timings(stages, identifier, store),
        total=facts.duration(facts.total_seconds(stages)),
        provenance=facts.provenance(stages),
        spec_file=SPEC_FILE,
        spec_text=as_yaml(sweep.model_dump(mode="json")),
        best_file=BEST_FILE,
        best_text=None if best is None else as_yaml(best),
    )


def sweep_findings(sweep: SweepSpec, found: SweepResults) -> Iterator[str]:
    """What came out, in sentences."""
    counts = {state: sum(one.state is state for one in found.trials) for state in TrialState}
    told = [f"{number} {state}" for state, number in counts.items() if number]
    yield f"{len(found.trials)} trials: {', '.join(told)}."
    bounds = _and(map(_bound, sweep.objective.subject_to))
    under = f" with {bounds}" if bounds else ""
    if found.best is not None:
        trial = found.trial(found.best)
        last = trial.last
        assert last is not None
        changes = [
            f"{suite.upper()} {grid.signed(change)}" for suite in (TA, LA) if (change := last.change(suite)) is not None
        ]
        yield (
            f"Highest {_name(found.maximise)}{under}: trial {trial.number}, {grid.points(last.value)} "
            f"({_values(trial)}; {', '.join(changes)} since P1)."
        )
    elif counts[TrialState.FINISHED]:
        yield f"No trial that was trained whole keeps to the constraints: {bounds}."
    if counts[TrialState.FINISHED] > 1:
        yield (
            "The best of several trials looks better than it is, the more so the more there are: run it again with "
            "other seeds before believing its figure."
        )


def _cells(trial: TrialTold, settings: list[str], found: SweepResults) -> dict[str, Any]:
    last = trial.last
    return {
        "number": trial.number,
        "values": [value_text(trial.values[name]) for name in settings],
        "state": _state(trial),
        "failure": trial.failure,
        "best": trial.number == found.best,
        "front": trial.number in found.front,
        "value": grid.ABSENT if last is None else grid.points(last.value),
        "kept": "" if last is None else "yes" if last.feasible else f"missed by {grid.points(last.violation)}",
        "changes": [(trial.changes.get(suite), _plain(last, suite)) for suite in (TA, LA)],
    }


def _state(trial: TrialTold) -> str:
    at = trial.state in (TrialState.STOPPED, TrialState.RUNNING, TrialState.LEFT) and trial.last is not None
    return f"{trial.state} at {_share(trial.last.share)}" if at and trial.last else str(trial.state)


def _plain(last: RungTold | None, suite: str) -> str:
    change = None if last is None else last.change(suite)
    return grid.ABSENT if change is None else grid.signed(change)


def _course(trial: TrialTold, rungs: int) -> tuple[int, list[str]]:
    """(number, the value at each rung)."""
    values = [grid.points(one.value) for one in trial.rungs]
    return trial.number, [*values, *[""] * (rungs - len(values))]


def _asked(sweep: SweepSpec) -> Iterator[tuple[str, str]]:
    for name, dimension in sorted(sweep.space.items()):
        yield name, _dimension(dimension)
    drawn = f"{sweep.trials} drawn (Latin hypercube, seed {sweep.seed})" if sweep.trials else "every combination"
    yield "Trials", drawn
    yield "Objective", f"highest {_name(sweep.objective.maximise)}"
    for bound in sweep.objective.subject_to:
        yield "Subject to", _bound(bound)
    if sweep.early_stopping is None:
        yield "Early stopping", "none: every trial is trained whole"
    else:
        shares = ", ".join(map(_share, sweep.rungs))
        factor = sweep.early_stopping.reduction_factor
        yield "Early stopping", f"ASHA at {shares} of phase 2, the best 1 in {factor} go on"


def _dimension(dimension: Any) -> str:
    if isinstance(dimension, Range):
        kind, ends = next((name, one) for name, one in dimension if one is not None)
        return f"{kind} from {ends[0]:g} to {ends[1]:g}"
    return ", ".join(map(value_text, dimension))


def value_text(value: Any) -> str:
    """A setting's value in few words."""
    match value:
        case {"kind": kind, **rest}:
            return f"{kind} {', '.join(f'{name} {value_text(one)}' for name, one in rest.items())}".strip()
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def _values(trial: TrialTold) -> str:
    return ", ".join(f"{name.rpartition('.')[2]} {value_text(value)}" for name, value in trial.values.items())


def _bound(bound: Bound) -> str:
    sides = []
    if bound.at_least is not None:
        sides.append(f"{_name(bound.score)} at least {grid.points(bound.at_least)}")
    if bound.at_most is not None:
        sides.append(f"{_name(bound.score)} at most {grid.points(bound.at_most)}")
    if bound.decline_at_most is not None:
        sides.append(f"a decline of {_name(bound.score)} of at most {grid.points(bound.decline_at_most)}")
    return " and ".join(sides)


def _and(parts: Any) -> str:
    return "; ".join(parts)


def _name(score: str) -> str:
    return score.upper() if score in (TA, LA) else score


def _share(share: float) -> str:
    return f"{100 * share:.3g} %"

