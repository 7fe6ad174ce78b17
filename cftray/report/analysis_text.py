"""Analyses in words: a name and what there is to say of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean, stdev
from typing import Final

from cftray.plan import StageKind
from cftray.report.analysed import Analysed, AnalysisState, Measure

STATES: Final = {
    AnalysisState.UNDEFINED: "undefined: ",
    AnalysisState.FAILED: "failed: ",
    AnalysisState.LEFT_OUT: "left out: ",
    AnalysisState.AWAITED: "",
}


def analysis_lines(found: Sequence[Analysed]) -> Iterator[tuple[str, str]]:
    """(title, words) of each, DES by its languages; of several seeds' MPD the mean as well."""
    for one in found:
        if one.state is not AnalysisState.FOUND:
            yield one.title, absent(one)
        elif one.kind in (StageKind.DES, StageKind.MPD):
            whole, *parts = one.measures
            yield one.title, figure(whole)
            if parts:
                by = "by languages" if one.kind is StageKind.DES else "by kind of module"
                yield f"  {by}", "; ".join(f"{part.of} {figure(part)}" for part in parts)
        else:
            yield one.title, ", ".join(f"{_plain(part.name)} {part.value:.4g}" for part in one.measures)
    values = [one.measures[0].value for one in found if one.kind is StageKind.MPD and one.measures]
    if len(values) > 1:
        yield f"MPD, mean over {len(values)} seeds", f"{fmean(values):.4g} (standard deviation {stdev(values):.2g})"


def absent(one: Analysed) -> str:
    """Why an analysis has no figures, on one line."""
    return STATES[one.state] + " ".join(str(one.reason).split())


def figure(one: Measure) -> str:
    """`0.612 (95 %: 0.550 to 0.680)`; MPD is in no unit, so its digits count, not its places."""
    if "/mpd" in one.name:
        return f"{one.value:.4g}"
    interval = f" (95 %: {one.low:.3f} to {one.high:.3f})" if one.low is not None and one.high is not None else ""
    return f"{one.value:.3f}{interval}"


def _plain(name: str) -> str:
    return name.partition("/")[2].replace("_", " ").replace("/", " ")
