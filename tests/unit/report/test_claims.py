"""Claims are held against figures, and verdicts follow from the cases alone."""

from __future__ import annotations

import pytest

from cftray.data.published import PaperKey
from cftray.data.statistics import Verdict
from cftray.report.claims import Case, Judged, Moved, Ruling, judge, judge_similarities
from cftray.report.paper import printed_cases


def case(strategy: str = "none", phase1: str = "instruct", model: str | None = None, **figures: Moved | float) -> Case:
    key = PaperKey(model=model, phase1=phase1, phase2="multialpaca", strategy=strategy)
    return Case(key=key, **figures)  # type: ignore[arg-type]


def moved(difference: float, verdict: Verdict | None = None) -> Moved:
    return Moved(difference=difference, verdict=verdict)


def ruled(name: str, *cases: Case) -> Judged:
    return next(one for one in judge(cases) if one.name == name)


PRINTED = {one.name: one for one in (*judge(printed_cases()), *judge_similarities())}


@pytest.mark.parametrize(
    ("name", "ruling", "count"),
    [
        ("similar", Ruling.IN_PART, "3 of 4"),
        ("dissimilar", Ruling.BORNE_OUT, "4 of 4"),
        ("language", Ruling.BORNE_OUT, "5 of 8"),
        ("mitigations", Ruling.IN_PART, "3 of 7"),
        ("llama", Ruling.BORNE_OUT, "7 gains of 8"),
        ("english-replay", Ruling.IN_PART, "2 of 3"),
        ("lora", Ruling.BORNE_OUT, "2 of 2"),
        ("des", Ruling.BORNE_OUT, "2 of 2"),
        ("mpd", Ruling.BORNE_OUT, "2 of 2"),
    ],
)
def test_the_paper_s_claims_held_against_its_own_tables(name: str, ruling: Ruling, count: str) -> None:
    assert (PRINTED[name].ruling, PRINTED[name].count) == (ruling, count)


def test_freezing_the_most_changed_layers_does_not_reduce_mistral_s_decline_in_print() -> None:
    frozen = [one for one in PRINTED["mitigations"].instances if "LF_H2" in one.text]
    assert [one.holds for one in frozen] == [False, False]
    assert "TA −0.052" in frozen[0].text


def test_a_run_s_case_inside_the_noise_is_open() -> None:
    noise = case(ta=moved(-0.01, Verdict.NOISE))
    assert ruled("dissimilar", noise).ruling is Ruling.OPEN
    assert ruled("dissimilar", noise, case(ta=moved(-0.1, Verdict.FALLS))).ruling is Ruling.IN_PART
    assert ruled("dissimilar", case(ta=moved(0.1, Verdict.RISES))).ruling is Ruling.NOT


def test_task_ability_that_stays_inside_the_noise_has_not_declined() -> None:
    kept = case(phase1="alpaca", ta=moved(-0.01, Verdict.NOISE))
    assert ruled("similar", kept).ruling is Ruling.BORNE_OUT
    assert ruled("similar", case(phase1="alpaca", ta=moved(-0.1, Verdict.FALLS))).ruling is Ruling.NOT


def test_most_cells_is_more_than_half_of_them() -> None:
    rise, noise = case(la=moved(0.1, Verdict.RISES)), case(la=moved(0.0, Verdict.NOISE))
    assert ruled("language", rise, rise, noise).ruling is Ruling.BORNE_OUT
    assert ruled("language", rise, noise).ruling is Ruling.OPEN
    fall = case(la=moved(-0.1, Verdict.FALLS))
    assert ruled("language", rise, fall).ruling is Ruling.NOT


def test_no_consistent_gain_is_borne_out_by_a_single_loss_and_refuted_by_gains_throughout() -> None:
    gain, loss, noise = (moved(one, verdict) for one, verdict in (
        (0.1, Verdict.RISES), (-0.1, Verdict.FALLS), (0.0, Verdict.NOISE)
    ))  # fmt: skip

    def ruling(*found: Moved) -> Ruling:
        return ruled("llama", *(case("GR_5", model="llama-3-8b", ta_plain=one) for one in found)).ruling

    assert ruling(loss, loss) is Ruling.BORNE_OUT
    assert ruling(loss, noise) is Ruling.BORNE_OUT
    assert ruling(gain, noise) is Ruling.OPEN
    assert ruling(gain, gain) is Ruling.NOT


def test_a_claim_without_cases_has_no_figures() -> None:
    assert ruled("lora", case(ta=moved(-0.1))).ruling is Ruling.NO_FIGURES


def test_claims_about_one_of_the_models_leave_out_the_other() -> None:
    helped = moved(0.1)
    assert ruled("mitigations", case("GR_5", model="llama-3-8b", ta_plain=helped)).ruling is Ruling.NO_FIGURES
    assert ruled("mitigations", case("GR_5", ta_plain=helped)).ruling is Ruling.BORNE_OUT


def test_english_replay_is_held_against_the_best_rival_on_the_same_data() -> None:
    replay = case("ER_10", ta_score=0.5)
    assert ruled("english-replay", replay, case("GR_5", ta_score=0.4)).ruling is Ruling.BORNE_OUT
    beaten = ruled("english-replay", replay, case("GR_5", ta_score=0.4), case("LF_H2", ta_score=0.6))
    assert beaten.ruling is Ruling.NOT
    assert "(LF_H2)" in beaten.instances[0].text
