"""What becomes of a stage when a judge leaves pairs without a judgement: it fails, and says which and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from cftray.endpoint import Reason
from cftray.errors import BudgetExceeded, CFTRayError, DataError, EndpointRefused, EndpointUnavailable
from cftray.evaluation.judging.pairs import OTHER_OUTPUT, UNASKED, Judgement, NoJudgement, Outcome, Pair

TOLD: Final = 3
"""How many pairs without a judgement a message names."""

KINDS: Final[Mapping[str, type[CFTRayError]]] = {
    Reason.BROKEN: EndpointUnavailable,
    Reason.UNAVAILABLE: EndpointUnavailable,
    OTHER_OUTPUT: DataError,
    UNASKED: DataError,
}
"""What a reason makes of a stage; any other is EndpointRefused: waiting would not help."""

HALTS = (EndpointUnavailable, EndpointRefused, BudgetExceeded)
"""Errors that end the asking."""


def all_judged(pairs: Sequence[Pair], outcomes: Sequence[Outcome], judge: str) -> list[Judgement]:
    """The judgements, one a pair. Raises EndpointUnavailable, EndpointRefused or DataError where any is missing."""
    judgements = [one for one in outcomes if isinstance(one, Judgement)]
    gaps = [
        (pair.item, one)
        for pair, one in zip(pairs, outcomes, strict=True)
        if isinstance(one, NoJudgement)
    ]
    if not gaps:
        return judgements
    counts = Counter(one.reason for _, one in gaps)
    why = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
    first = "; ".join(f"item {item}: {one.message}" for item, one in gaps[:TOLD])
    kind = _kind(counts)
    then = "" if kind is DataError else "; the other judgements are kept: a retry asks only for these"
    raise kind(
        f"judge {judge}: {len(gaps)} of {len(pairs)} answers have no judgement ({why}), so there is no win rate; "
        f"{first}{then}"
    )


def halted(error: CFTRayError, judge: str, settled: int, pairs: int) -> CFTRayError:
    """`error`, which ended the asking, with what is there and what is missing."""
    return type(error)(
        f"judge {judge}: {pairs - settled} of {pairs} answers have no judgement yet, {settled} have and are kept; "
        f"{error.message}"
    )


def _kind(counts: Mapping[str, int]) -> type[CFTRayError]:
    """That of a reason that waiting may mend, if there is one: the service then tries again by itself."""
    kinds = {KINDS.get(reason, EndpointRefused) for reason in counts}
    return next((one for one in (EndpointUnavailable, EndpointRefused) if one in kinds), DataError)
