"""A rate is over every pair."""

from __future__ import annotations

import math

import pytest

from cftray.endpoint import Reason
from cftray.errors import BudgetExceeded, CFTRayError, EndpointRefused, EndpointUnavailable, InternalError
from cftray.evaluation.judging.gaps import all_judged, halted
from cftray.evaluation.judging.pairs import NONSENSE, Judgement, NoJudgement, Preference
from cftray.evaluation.judging.rates import rates_of
from tests.unit.evaluation.judging.conftest import pair

REFERENCE, DRAW, MODEL = Preference.REFERENCE, Preference.DRAW, Preference.MODEL
JUDGED = [
    Judgement(preferences=(MODEL, MODEL)),
    Judgement(preferences=(MODEL, REFERENCE)),
    Judgement(preferences=(REFERENCE, REFERENCE)),
    Judgement(preferences=()),
]


def test_wins_and_half_the_draws_over_all() -> None:
    found = rates_of([pair(n, model="m" * n) for n in range(4)], JUDGED)
    assert found == pytest.approx(
        {"win_rate": 0.5, "win_rate/n": 4, "win_rate/stderr": math.sqrt(0.5 / 3 / 4), "draws": 2,
         "position_consistency": 2 / 3}
    )  # fmt: skip


def test_enough_pairs_have_a_length_adjusted_rate() -> None:
    pairs = [pair(n, model="m" * n, reference="r" * 30) for n in range(60)]
    judged = [Judgement(preferences=(MODEL if n > 30 else REFERENCE,) * 2) for n in range(60)]
    assert 0 < rates_of(pairs, judged)["win_rate_length_adjusted"] < 1


def test_no_pairs_have_no_rate() -> None:
    with pytest.raises(InternalError):
        rates_of([], [])


@pytest.mark.parametrize(
    ("reasons", "error"),
    [
        ([NONSENSE], EndpointRefused),
        ([Reason.CUT, Reason.REFUSED], EndpointRefused),
        ([Reason.UNAVAILABLE], EndpointUnavailable),
        ([NONSENSE, Reason.BROKEN], EndpointUnavailable),
    ],
)
def test_a_pair_without_a_judgement_fails_the_whole_by_its_reason(
    reasons: list[str], error: type[CFTRayError]
) -> None:
    gaps = [NoJudgement(reason=str(one), message=f"it was {one}") for one in reasons]
    pairs = [pair(n, model="m") for n in range(4 + len(gaps))]
    with pytest.raises(error) as caught:
        all_judged(pairs, [*JUDGED, *gaps], "small of local")
    told = caught.value.message
    assert f"judge small of local: {len(gaps)} of {len(pairs)} answers have no judgement" in told
    assert all(f"1 {one}" in told and f"it was {one}" in told for one in reasons)
    assert "item 4" in told


@pytest.mark.parametrize("kind", [EndpointUnavailable, EndpointRefused, BudgetExceeded])
def test_asking_that_ends_early_says_how_far_it_came(kind: type[CFTRayError]) -> None:
    told = halted(kind("endpoint local: 503"), "small of local", 300, 805)
    assert type(told) is kind
    assert "505 of 805 answers have no judgement yet, 300 have and are kept; endpoint local: 503" in told.message
