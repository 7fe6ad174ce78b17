"""Which scores a model has: from its evaluation and its judge, whole or not; gates, noise floors, what is missing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cftray.data.scores import ItemScores
from cftray.data.statistics import Verdict
from cftray.report.notes import notes
from cftray.report.results import Results, Row, results
from cftray.report.story import findings

from .conftest import JUDGED, World, judged_pack, part, task

Make = Callable[..., World]
P1, P2, AGAIN = "evaluate.p1.s17", "evaluate.p2.s17", "evaluate.p1.s17.noise"
HALF, GOOD = [0.0, 1.0] * 40, [1.0] * 80
EXPECTED = (part("ta/mmlu"), part("ta/alpaca_eval"))


def rows(found: Results) -> dict[str, Row]:
    return {row.key: row for row in found.rows}


def told(world: World) -> tuple[Results, dict[str, Row]]:
    found = results(world.plan, world.store)
    return found, rows(found)


def test_a_judges_scores_stand_among_those_of_the_evaluation(world: Make) -> None:
    toy = world(judged_pack, evaluation=JUDGED)
    for name, mmlu, rate in (("p1", HALF, GOOD), ("p2", HALF, HALF)):
        toy.scored(f"evaluate.{name}.s17", ItemScores(tasks=(task("ta/mmlu", mmlu),), expected=EXPECTED))
        toy.scored(f"judge.{name}.s17", ItemScores(tasks=(task("ta/alpaca_eval", rate, metric="win_rate"),)))
    found, by_key = told(toy)
    assert list(by_key) == ["ta/mmlu", "ta/alpaca_eval", "ta"]
    assert by_key["ta/alpaca_eval"].metric == "win_rate"
    mean = by_key["ta"]
    assert mean.p1 is not None
    assert mean.p1.score == pytest.approx(0.75)
    assert mean.change is not None
    assert mean.change.difference == pytest.approx(-0.25)
    assert found.complete


def test_without_its_judgement_ta_has_no_mean_and_the_judge_is_missing(world: Make) -> None:
    toy = world(judged_pack, evaluation=JUDGED)
    for name in (P1, P2):
        toy.scored(name, ItemScores(tasks=(task("ta/mmlu", HALF),), expected=EXPECTED))
    found, by_key = told(toy)
    assert list(by_key) == ["ta/mmlu"]
    assert not found.complete
    assert found.missing == ("evaluate P1: judged", "evaluate P2: judged")
    assert "Not recorded yet: evaluate P1: judged, evaluate P2: judged." in findings(found)


def test_a_judge_who_has_answered_for_one_model_alone_gives_no_difference(world: Make) -> None:
    toy = world(judged_pack, evaluation=JUDGED)
    for name in (P1, P2):
        toy.scored(name, ItemScores(tasks=(task("ta/mmlu", HALF),), expected=EXPECTED))
    toy.scored("judge.p1.s17", ItemScores(tasks=(task("ta/alpaca_eval", GOOD),)))
    row = told(toy)[1]["ta/alpaca_eval"]
    assert row.p1 is not None
    assert row.p2 is None
    assert row.change is None


def test_a_task_with_unscored_items_has_a_row_and_no_score(world: Make) -> None:
    toy = world()
    lacking = {"j1": "needs punkt_tab", "j2": "needs punkt_tab"}
    for name in (P1, P2):
        tasks = (task("ta/ifeval", HALF, unscored=lacking), task("ta/mmlu", HALF))
        toy.scored(name, ItemScores(tasks=tasks))
    found, by_key = told(toy)
    assert by_key["ta/ifeval"].p1 is by_key["ta/ifeval"].p2 is by_key["ta"].p1 is None
    assert by_key["ta/mmlu"].change is not None
    assert [(one.model, one.n, one.of, one.reasons) for one in found.unscored] == [
        ("p1", 2, 82, {"needs punkt_tab": 2}),
        ("p2", 2, 82, {"needs punkt_tab": 2}),
    ]
    assert notes(found) == [
        "IFEval, P1 and P2: 2 of 82 items not scored, so no score and no mean over it (needs punkt_tab)."
    ]


def test_a_task_without_any_item_has_no_score(world: Make) -> None:
    toy = world()
    toy.scored(P1, ItemScores(tasks=(task("ta/ifeval", [], unscored={"j": "no key"}), task("ta/mmlu", HALF))))
    by_key = told(toy)[1]
    assert by_key["ta/ifeval"].p1 is None
    assert by_key["ta/mmlu"].p1 is not None


def test_a_mean_over_some_of_the_languages_says_how_many(world: Make) -> None:
    toy = world()
    expected = tuple(part(f"la/xquad/{code}") for code in ("de", "es", "fr"))
    asked = ItemScores(tasks=(task("la/xquad/de", HALF), task("la/xquad/es", GOOD)), expected=expected)
    toy.scored(P1, asked)
    by_key = told(toy)[1]
    mean = by_key["la/asked"]
    assert (mean.whole, mean.parts, mean.parts_of) == (False, 2, 3)
    assert by_key["la/xquad/de"].whole


def test_the_papers_metric_is_a_row_of_its_own_and_a_family_of_its_own(world: Make) -> None:
    toy = world()
    toy.scored(P1, ItemScores(tasks=(task("ta/hellaswag", GOOD, paper=HALF), task("ta/mmlu", HALF))))
    toy.scored(P2, ItemScores(tasks=(task("ta/hellaswag", HALF, paper=HALF), task("ta/mmlu", HALF))))
    found, by_key = told(toy)
    assert list(by_key) == ["ta/hellaswag", "ta/mmlu", "ta", "paper/ta/hellaswag", "paper/ta"]
    ours, theirs = by_key["ta/hellaswag"], by_key["paper/ta/hellaswag"]
    assert (ours.metric, theirs.metric, theirs.paper) == ("acc", "theirs", True)
    assert ours.p1 is not None
    assert theirs.p1 is not None
    assert (ours.p1.score, theirs.p1.score) == (1.0, 0.5)
    assert ours.change is not None
    assert theirs.change is not None
    assert (ours.change.verdict, theirs.change.verdict) == (Verdict.FALLS, Verdict.NOISE)
    assert (ours.change.among, theirs.change.among) == (found.comparisons, found.paper_comparisons) == (3, 2)


def test_a_change_that_is_not_above_the_noise_floor_is_noise(world: Make) -> None:
    toy = world(evaluation={"noise_floor": True})
    toy.scored(P1, ItemScores(tasks=(task("ta/mmlu", GOOD), task("ta/ifeval", GOOD))))
    toy.scored(AGAIN, ItemScores(tasks=(task("ta/mmlu", [0.0] * 24 + [1.0] * 56), task("ta/ifeval", GOOD))))
    toy.scored(P2, ItemScores(tasks=(task("ta/mmlu", [0.0] * 20 + [1.0] * 60), task("ta/ifeval", HALF))))
    found, by_key = told(toy)
    mmlu, ifeval = by_key["ta/mmlu"], by_key["ta/ifeval"]
    assert mmlu.noise == pytest.approx(0.3)
    assert mmlu.change is not None
    assert mmlu.change.p_adjusted < 0.05
    assert mmlu.change.verdict is Verdict.NOISE
    assert ifeval.noise == 0.0
    assert ifeval.change is not None
    assert ifeval.change.verdict is Verdict.FALLS
    assert found.complete


def test_over_seeds_the_largest_noise_floor_counts(world: Make) -> None:
    toy = world(seeds=[1, 2], evaluation={"noise_floor": True})
    for seed, wrong in ((1, 4), (2, 12)):
        for name, scores in (
            (f"evaluate.p1.s{seed}", GOOD),
            (f"evaluate.p1.s{seed}.noise", [0.0] * wrong + GOOD[wrong:]),
            (f"evaluate.p2.s{seed}", HALF),
        ):
            toy.scored(name, ItemScores(tasks=(task("ta/mmlu", scores),)))
    assert told(toy)[1]["ta/mmlu"].noise == pytest.approx(12 / 80)


def gated(world: Make, *, opened: bool) -> World:
    toy = world(gate=[{"score": "ta/mmlu", "at_least": 0.4}])
    toy.scored(P1, ItemScores(tasks=(task("ta/mmlu", HALF),)))
    condition = {"score": "ta/mmlu", "value": 0.5, "at_least": 0.4, "at_most": None, "holds": opened}
    toy.record("gate.s17", details={"open": opened, "conditions": [condition]}, metrics={"open": float(opened)})
    return toy


def test_a_closed_gate_leaves_nothing_missing_and_says_why_there_is_no_p2(world: Make) -> None:
    found = told(gated(world, opened=False))[0]
    assert found.complete
    assert not found.gates[0].open
    words = "Gate closed, phase 2 left out: ta/mmlu of P1 is 50.0, at least 40.0 wanted."
    assert notes(found) == [words]
    assert findings(found) == [words, "P1's task ability is known; there is no P2."]


def test_behind_an_open_gate_p2_is_awaited(world: Make) -> None:
    found = told(gated(world, opened=True))[0]
    assert found.missing == ("evaluate P2",)
    assert notes(found) == ["Gate open: ta/mmlu of P1 is 50.0, at least 40.0 wanted."]


def test_a_single_model_has_scores_and_no_p2(world: Make) -> None:
    toy = world()
    toy.scored(P1, ItemScores(tasks=(task("ta/mmlu", HALF),)))
    (outcome,) = toy.plan.outcomes
    one = outcome.model_copy(update={"p2_scores": None, "p2_train": None})
    alone = toy.plan.model_copy(update={"outcomes": (one,)})
    found = results(alone, toy.store)
    assert found.single
    assert found.complete
    assert findings(found) == ["One model was evaluated; its task ability is known."]
