"""Means over tasks: their names, and that they exist only when all their parts do."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from cftray.data.scores import ItemScores, TaskScores
from cftray.errors import InternalError
from cftray.evaluation.aggregate import TaskScore, mean_and_stderr, metrics_of
from cftray.evaluation.packs import Pack, find_pack, pack_digest


def test_means_over_languages_and_benchmarks(pack: Pack) -> None:
    scored = {
        "toy_follow": TaskScore(0.8, 0.03, 10),
        "toy_choose": TaskScore(0.6, 0.04, 20),
        "toy_read_de": TaskScore(0.2, 0.06, 5),
        "toy_read_fr": TaskScore(0.4, 0.08, 5),
    }
    metrics = metrics_of(pack.tasks, scored)
    assert metrics == pytest.approx(
        {
            "ta/ifeval": 0.8, "ta/ifeval/stderr": 0.03, "ta/ifeval/n": 10,
            "ta/mmlu": 0.6, "ta/mmlu/stderr": 0.04, "ta/mmlu/n": 20,
            "ta": 0.7, "ta/stderr": 0.025, "ta/n": 30,
            "la/xquad/de": 0.2, "la/xquad/de/stderr": 0.06, "la/xquad/de/n": 5,
            "la/xquad/fr": 0.4, "la/xquad/fr/stderr": 0.08, "la/xquad/fr/n": 5,
            "la/xquad": 0.3, "la/xquad/stderr": 0.05, "la/xquad/n": 10,
            "la": 0.3, "la/stderr": 0.05, "la/n": 10,
        }
    )  # fmt: skip


def test_a_mean_is_absent_where_a_part_is(pack: Pack) -> None:
    part = TaskScore(0.5, 0.1, 4)
    metrics = metrics_of(pack.tasks, {"toy_follow": part, "toy_read_fr": part})
    assert {key for key in metrics if not key.endswith(("/n", "/stderr"))} == {"ta/ifeval", "la/xquad/fr"}


def test_one_item_has_a_score_and_no_error(pack: Pack) -> None:
    one = mean_and_stderr([1.0])
    assert one == (1.0, None, 1)
    metrics = metrics_of(pack.tasks, {"toy_follow": one, "toy_choose": TaskScore(0.5, 0.1, 9)})
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
    assert pack.digest == pack_digest("mini")
    assert all((pack.include_path / f"{task.task}.yaml").is_file() for task in pack.tasks)
    assert {task.suite for task in pack.of_suites(["la"])} == {"la"}


def test_an_unknown_pack_is_refused() -> None:
    with pytest.raises(InternalError, match="did you mean mini"):
        find_pack("minni")
