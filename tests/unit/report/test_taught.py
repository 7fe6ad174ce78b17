"""Language ability split by what phase 2 taught."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cftray.data.scores import ItemScores, Level
from cftray.report.grid import columns
from cftray.report.notes import notes
from cftray.report.results import Results, results

from .conftest import World, task

Make = Callable[..., World]
RIGHT = {"xquad/de": 1.0, "xquad/zh": 0.5, "xquad/el": 0.0, "xlsum/de": 0.5, "xlsum/fr": 0.0}


def scored(world: Make, samples: dict[str, int], *, paper: bool = False) -> Results:
    toy = world()
    for name in ("evaluate.p1.s17", "evaluate.p2.s17"):
        tasks = []
        for part, share in RIGHT.items():
            scores = [float(item < 80 * share) for item in range(80)]
            tasks.append(task(f"la/{part}", scores, paper=scores if paper and "xquad" in part else None))
        toy.scored(name, ItemScores(tasks=tuple(tasks)))
    counts: dict[str, Any] = {
        code: {"samples": count, "tokens": 1, "supervised_tokens": 1} for code, count in samples.items()
    }
    toy.record("tokens.p2", details={"composition": counts})
    return results(toy.plan, toy.store)


def test_each_group_is_a_mean_over_benchmarks_of_means_over_its_languages(world: Make) -> None:
    found = scored(world, {"de": 600, "fr": 600})
    rows = {row.key: row for row in found.rows}
    taught, untaught = rows["la/taught"].p1, rows["la/untaught"].p1
    assert taught is not None
    assert untaught is not None
    assert taught.score == pytest.approx((1.0 + (0.5 + 0.0) / 2) / 2)
    assert untaught.score == pytest.approx((0.5 + 0.0) / 2)
    assert found.group_comparisons == 2
    assert {row.change.among for row in found.rows if row.level is Level.GROUP and row.change} == {2}


def test_a_benchmark_without_such_a_language_is_left_out_by_name(world: Make) -> None:
    found = scored(world, {"de": 600, "fr": 600})
    taught, untaught = found.groups
    assert (taught.languages, taught.without) == (("de", "fr"), ())
    assert (untaught.languages, untaught.benchmarks, untaught.without) == (("el", "zh"), ("xquad",), ("xlsum",))
    (note,) = notes(found)
    assert "untaught: el zh (none of them in XLSum)" in note


def test_the_groups_stand_behind_the_mean(world: Make) -> None:
    labels = [column.label for column in columns(scored(world, {"de": 600, "fr": 600}))]
    assert labels == ["XQuAD", "XLSum", "mean", "taught", "untaught"]


@pytest.mark.parametrize("samples", [{"de": 9, "fr": 9, "zh": 9, "el": 9}, {"ko": 9}])
def test_there_is_no_split_where_one_group_is_empty(world: Make, samples: dict[str, int]) -> None:
    found = scored(world, samples)
    assert not found.groups
    assert not [row for row in found.rows if "taught" in row.key]


def test_a_handful_of_rows_teach_no_language_and_a_region_is_no_language_of_its_own(world: Make) -> None:
    taught, _ = scored(world, {"de": 600, "zh-CN": 600, "el": 5}).groups
    assert taught.languages == ("de", "zh")


def test_the_papers_metrics_are_split_too(world: Make) -> None:
    keys = [row.key for row in scored(world, {"de": 600, "fr": 600}, paper=True).rows]
    assert keys[-2:] == ["paper/la/taught", "paper/la/untaught"]
