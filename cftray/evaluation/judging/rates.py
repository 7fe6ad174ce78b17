"""From judgements to figures. A rate is over all pairs, each judged; nothing here drops one.

    win_rate                       (wins + draws / 2) / n, as AlpacaEval's (Li et al., 2023), 0 to 1
    win_rate/stderr, win_rate/n    s / sqrt(n) over the items' scores, and n
    win_rate_length_adjusted       see `length`; absent where that can't be said
    draws                          how many items are neither won nor lost
    position_consistency           share of the pairs judged in both orders that were judged alike in both;
                                   absent where there is none
"""

from __future__ import annotations

from collections.abc import Sequence

from cftray.evaluation.aggregate import mean_and_stderr
from cftray.evaluation.judging.length import LengthFit, fit_length
from cftray.evaluation.judging.pairs import Judgement, Pair, Preference


def rates_of(pairs: Sequence[Pair], judgements: Sequence[Judgement]) -> dict[str, float]:
    """Flat metrics; one judgement a pair. Raises InternalError where there are none."""
    scores = [one.preference.score for one in judgements]
    rate = mean_and_stderr(scores)
    metrics: dict[str, float] = {"win_rate": rate.score, "win_rate/n": rate.n}
    if rate.stderr is not None:
        metrics["win_rate/stderr"] = rate.stderr
    fit = length_fit(pairs, judgements)
    if fit is not None:
        metrics["win_rate_length_adjusted"] = fit.rate
    metrics["draws"] = sum(one.preference is Preference.DRAW for one in judgements)
    alike = [one.consistent for one in judgements if one.consistent is not None]
    if alike:
        metrics["position_consistency"] = sum(alike) / len(alike)
    return metrics


def length_fit(pairs: Sequence[Pair], judgements: Sequence[Judgement]) -> LengthFit | None:
    """How far length goes with winning."""
    scores = [one.preference.score for one in judgements]
    return fit_length(scores, [pair.extra_length for pair, _ in zip(pairs, judgements, strict=True)])
