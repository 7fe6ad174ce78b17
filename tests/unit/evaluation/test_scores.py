"""Means over tasks: their names, and that they exist only when all their parts do."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from cftray.data.scores import ItemScores, Part, TaskScores
from cftray.errors import InternalError
from cftray.evaluation.aggregate import mean_and_stderr, metrics_of
from cftray.evaluation.packs import find_pack
from cftray.plan.packs import Pack


def scored(pack: Pack, scores: dict[str, tuple[float, ...]], **unscored: dict[str, str]) -> ItemScores:
    """Items' scores of some of a pack's tasks."""
    tasks = [
        TaskScores(
            task=task.task,
            suite=task.suite,
            benchmark=task.benchmark,
            language=task.language,
            metric=task.metric,
            items=tuple(str(number) for number in range(len(scores[task.task]))),
            scores=scores[task.task],
            paper_metric=task.paper_metric,
            others={} if task.paper_metric is None else {task.paper_metric: tuple(1 - s for s in scores[task.task])},
            unscored=unscored.get(task.task, {}),
        )
        for task in pack.tasks
        if task.task in scores
    ]
    return ItemScores(
        tasks=tuple(tasks),
        expected=tuple(
            Part(task=t.task, suite=t.suite, benchmark=t.benchmark, language=t.language, paper_metric=t.paper_metric)
            for t in pack.tasks
        ),
    )


WHOLE = {
    "toy_follow": (1.0, 1.0, 1.0, 0.0),
    "toy_choose": (1.0, 0.0),
    "toy_read_de": (0.0, 0.4),
    "toy_read_fr": (0.4, 0.4),
}


def names(metrics: dict[str, float]) -> set[str]:
    return {key for key in metrics if not key.endswith(("/n", "/stderr"))}


def test_means_over_languages_and_benchmarks(pack: Pack) -> None:
    metrics = metrics_of([scored(pack, WHOLE)])
    assert metrics == pytest.approx(
        {
            "ta/ifeval": 0.75, "ta/ifeval/stderr": 0.25, "ta/ifeval/n": 4,
            "ta/mmlu": 0.5, "ta/mmlu/stderr": 0.5, "ta/mmlu/n": 2,
            "ta": 0.625, "ta/stderr": math.hypot(0.125, 0.25), "ta/n": 6,
            "la/xquad/de": 0.2, "la/xquad/de/stderr": 0.2, "la/xquad/de/n": 2,
            "la/xquad/fr": 0.4, "la/xquad/fr/stderr": 0, "la/xquad/fr/n": 2,
            "la/xquad": 0.3, "la/xquad/stderr": 0.1, "la/xquad/n": 4,
            "la": 0.3, "la/stderr": 0.1, "la/n": 4,
        }
    )  # fmt: skip


def test_a_mean_is_absent_where_a_benchmark_is(pack: Pack) -> None:
    metrics = metrics_of([scored(pack, {"toy_follow": (0.5, 0.5)})])
    assert names(metrics) == {"ta/ifeval"}


def test_a_mean_over_some_languages_has_a_name_of_its_own(pack: Pack) -> None:
    metrics = metrics_of([scored(pack, {"toy_read_fr": (0.5, 0.5)})])
    assert names(metrics) == {"la/xquad/fr", "la/xquad/asked", "la/asked"}


def test_items_that_could_not_be_scored_leave_the_score_absent_and_never_lower(pack: Pack) -> None:
    metrics = metrics_of([scored(pack, WHOLE, toy_follow={"9": "punkt_tab is missing"})])
    assert "ta/ifeval" not in metrics
    assert "ta" not in metrics
    assert (metrics["ta/ifeval/of_scored"], metrics["ta/ifeval/of_scored/n"]) == (0.75, 4)


def test_what_a_judge_scored_is_part_of_the_mean(pack: Pack) -> None:
    first, second = dict(WHOLE), {"toy_choose": WHOLE["toy_choose"]}
    del first["toy_choose"]
    apart = [scored(pack, first), scored(pack, second)]
    assert metrics_of(apart) == metrics_of([scored(pack, WHOLE)])


def test_the_papers_metric_stands_beside_ours(pack: Pack) -> None:
    tasks = [replace(task, paper_metric="acc") if task.task == "toy_choose" else task for task in pack.tasks]
    metrics = metrics_of([scored(replace(pack, tasks=tuple(tasks)), WHOLE | {"toy_choose": (1.0, 1.0)})])
    assert (metrics["ta/mmlu"], metrics["paper/ta/mmlu"]) == (1.0, 0.0)
    assert (metrics["ta"], metrics["paper/ta"]) == (0.875, 0.375)
    assert "paper/la" not in metrics


def test_one_item_has_a_score_and_no_error(pack: Pack) -> None:
    assert mean_and_stderr([1.0]) == (1.0, None, 1)
    metrics = metrics_of([scored(pack, {"toy_follow": (1.0,), "toy_choose": (0.0, 1.0)})])
    assert metrics["ta"] == 0.75
    assert "ta/stderr" not in metrics


def test_the_standard_error_is_of_the_sample() -> None:
    assert mean_and_stderr([0.0, 1.0, 1.0, 0.0]).stderr == pytest.approx(math.sqrt(1 / 3 / 4))


def test_scores_come_back_as_written(tmp_path: Path) -> None:
    task = TaskScores(
        task="t", suite="ta", benchmark="b", language="en", metric="acc", items=("a", "b"), scores=(0.1, 1 / 3)
    )
    ItemScores(tasks=(task,)).write(tmp_path / "scores")
    assert ItemScores.read(tmp_path / "scores").tasks == (task,)


def test_scores_that_are_cut_short_are_no_scores(tmp_path: Path) -> None:
    (tmp_path / "scores").write_bytes(b"\x1f\x8b")
    with pytest.raises(InternalError, match="can't be read"):
        ItemScores.read(tmp_path / "scores")


def test_an_item_has_one_score() -> None:
    with pytest.raises(ValueError, match="one score"):
        TaskScores(task="t", suite="ta", benchmark="b", language="en", metric="m", items=("a", "a"), scores=(1.0, 0.0))


def test_the_miniature_is_a_pack_with_files_for_its_tasks() -> None:
    pack = find_pack("mini")
    assert pack.digest == find_pack("mini").digest
    assert all((pack.include_path / f"{task.task}.yaml").is_file() for task in pack.tasks)
    assert {task.suite for task in pack.of_suites(["la"])} == {"la"}


def test_an_unknown_pack_is_refused() -> None:
    with pytest.raises(InternalError, match="did you mean mini"):
        find_pack("minni")
