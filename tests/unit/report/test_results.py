"""Results from records: complete, partial, several seeds."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from cftray.data.scores import ItemScores, Level
from cftray.data.statistics import Verdict
from cftray.errors import InternalError
from cftray.report.results import Results, results

from .conftest import World, item_scores

Make = Callable[..., World]


def test_each_score_and_difference_with_its_verdict(world: Make) -> None:
    toy = world()
    toy.record_all()
    found = results(toy.plan, toy.store)
    rows = {row.key: row for row in found.rows}
    assert list(rows) == ["ta/ifeval", "ta/mmlu", "ta", "la/xquad/de", "la/xquad/fr", "la/xquad", "la"]
    verdicts = {key: row.change.verdict for key, row in rows.items() if row.change}
    assert verdicts["ta/ifeval"] is verdicts["ta"] is Verdict.FALLS
    assert verdicts["ta/mmlu"] is Verdict.NOISE
    assert verdicts["la/xquad/de"] is verdicts["la"] is Verdict.RISES
    assert found.complete
    assert (found.comparisons, found.part_comparisons) == (5, 2)


def test_scores_are_those_of_the_records(world: Make) -> None:
    toy = world()
    toy.record_all()
    record = toy.store.record(toy.plan.stage("evaluate.p2.s17").fingerprint or "")
    assert record is not None
    for row in results(toy.plan, toy.store).rows:
        assert row.p2 is not None
        assert row.p2.score == pytest.approx(record.metrics[row.key])
        assert row.p2.stderr == pytest.approx(record.metrics[f"{row.key}/stderr"])
        assert row.p2.n == record.metrics[f"{row.key}/n"]


def test_nothing_recorded_gives_no_rows(world: Make) -> None:
    toy = world()
    found = results(toy.plan, toy.store)
    assert (found.rows, found.complete, found.comparisons) == ((), False, 0)


def test_p1_alone_has_scores_and_no_change(world: Make) -> None:
    toy = world()
    toy.record("evaluate.p1.s17")
    found = results(toy.plan, toy.store)
    assert not found.complete
    assert all(row.p1 and row.p2 is None and row.change is None for row in found.rows)


def test_seeds_are_paired_with_themselves_and_their_spread_is_given(world: Make) -> None:
    toy = world(seeds=[1, 2, 3])
    toy.record_all()
    found = results(toy.plan, toy.store)
    row = next(row for row in found.rows if row.key == "ta")
    of_seeds = [next(one for one in replica.rows if one.key == "ta").change for replica in found.replicas]
    differences = [change.difference for change in of_seeds if change]
    assert len(differences) == 3
    assert row.change is not None
    assert row.change.difference == pytest.approx(sum(differences) / 3)
    mean = sum(differences) / 3
    assert row.change.seeds_sd == pytest.approx((sum((one - mean) ** 2 for one in differences) / 2) ** 0.5)


def test_only_complete_replicas_count_until_all_are(world: Make) -> None:
    toy = world(seeds=[1, 2])
    for name in ("evaluate.p1.s1", "evaluate.p2.s1", "evaluate.p1.s2"):
        toy.record(name)
    found = results(toy.plan, toy.store)
    assert found.seeds == (1,)
    assert [replica.complete for replica in found.replicas] == [True, False]
    assert found.replicas[0].rows == found.rows


def test_models_scored_on_other_items_are_not_compared(world: Make) -> None:
    toy = world()
    toy.record("evaluate.p1.s17")
    node = toy.plan.stage("evaluate.p2.s17")
    toy.record(node.name)
    record = toy.store.record(node.fingerprint or "")
    assert record is not None
    fewer = item_scores(2, 17, n=79)
    ItemScores(tasks=fewer.tasks).write(toy.store.output(record, "scores"))
    with pytest.raises(InternalError, match="different items"):
        results(toy.plan, toy.store)


def test_results_survive_json(world: Make) -> None:
    toy = world()
    toy.record_all()
    found = results(toy.plan, toy.store)
    assert Results.model_validate(json.loads(found.model_dump_json())) == found
    assert {row.level for row in found.rows} == {Level.PART, Level.BENCHMARK, Level.SUITE}
