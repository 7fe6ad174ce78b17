"""What `cftray reproduce` says: what differs before it runs, and what came out otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from cftray.bundle.comparing import Compared, Comparison, StageCompared, Verdict

if TYPE_CHECKING:
    from cftray.client_bundles import Reproduction

HEADS = ("score", "of", "there", "here", "difference", "interval there", "verdict")
WORDS = {
    Verdict.IDENTICAL: "identical",
    Verdict.INSIDE: "inside the interval",
    Verdict.DIFFERS: "differs",
    Verdict.UNDECIDED: "not the same; no interval",
}
OUTCOMES = {
    Verdict.IDENTICAL: "Reproduced: every score is identical.",
    Verdict.INSIDE: "Reproduced: every score is identical or inside the interval that it had.",
    Verdict.UNDECIDED: "Nothing that both have decides whether it was reproduced.",
    Verdict.DIFFERS: "Differs: some scores are outside the interval that they had, or one side lacks them.",
}
ABSENT = "–"


def check_lines(look: Reproduction) -> Iterator[str]:
    """What is not the same here, before anything runs."""
    bundle = look.bundle
    yield f"{bundle.name}, {bundle.experiment}, recorded until {(bundle.made_at or '')[:10]}"
    if not bundle.complete:
        yield "the bundle was written before everything was recorded: it has scores of a part"
    yield from _versions(look.versions)
    for one in look.leaves:
        yield f"{one.location}: digest {one.here[:12]}… here, {one.there[:12]}… there: another experiment"
    yield from _stages(look.stages)
    recorded = sum(stage.reused for stage in look.stages)
    if recorded:
        yield f"{recorded} of {len(look.stages)} stages are recorded here already: reused, not computed again"


def rows(found: Comparison) -> Iterator[Sequence[str]]:
    """Suites and benchmarks, and whatever differs; scores in hundredths."""
    for one in found.scores:
        if one.name.count("/") < 2 or one.verdict is Verdict.DIFFERS:
            yield _row(one, 100, 1)
    for one in found.figures:
        yield _row(one, 1, 4)


def comparison_lines(found: Comparison) -> Iterator[str]:
    """What is to be said under the table, the outcome last."""
    yield from _versions(found.versions)
    yield from _stages(found.stages)
    kept = [stage for stage in found.stages if stage.same_bytes is not None and not stage.reused]
    if kept:
        same = sum(stage.same_bytes is True for stage in kept)
        yield f"of {_count(len(kept))} computed here, {same} gave the same bytes in every output"
    if found.reused:
        yield from _reused(found)
    if any(one.verdict is Verdict.UNDECIDED for one in found.figures):
        yield "a loss or analysis without an interval is not the same; that decides nothing"
    yield OUTCOMES[found.outcome]


def _reused(found: Comparison) -> Iterator[str]:
    everything = found.reused == found.recorded
    what = "Nothing was computed again: all" if everything else "Not everything was computed again:"
    yield f"{what} {_count(found.reused)} {'were' if found.reused > 1 else 'was'} recorded here before."
    yield "To compute all of it, run it on another machine, or on a stack with an empty CFTRAY_HOME."


def _versions(found: Mapping[str, tuple[str | None, str | None]]) -> Iterator[str]:
    known = {name: pair for name, pair in found.items() if None not in pair}
    if known:
        yield "versions: " + ", ".join(f"{name} {here} here, {there} there" for name, (there, here) in known.items())
    unknown = [name for name, (there, here) in found.items() if there is None or here is None]
    if unknown:
        yield f"versions known on one side only: {', '.join(unknown)}"
    if not found:
        yield "versions: all the same"


def _stages(stages: Sequence[StageCompared]) -> Iterator[str]:
    others = [stage for stage in stages if not stage.same]
    yield f"stages: {len(stages) - len(others)} of {len(stages)} have the same fingerprint"
    for stage in others:
        yield f"  {stage.title} ({stage.name}): {stage.why}"


def _row(one: Compared, scale: int, digits: int) -> Sequence[str]:
    def told(value: float | None, sign: str = "") -> str:
        return ABSENT if value is None else f"{scale * value:{sign}.{digits}f}"

    interval = ABSENT if one.low is None else f"{told(one.low)} … {told(one.high)}"
    verdict = WORDS[one.verdict] + (f"; {one.note}" if one.note else "")
    return one.name, one.of, told(one.there), told(one.here), told(one.difference, "+"), interval, verdict


def _count(number: int) -> str:
    return f"{number} stage{'' if number == 1 else 's'}"
