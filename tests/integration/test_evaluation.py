"""The evaluation stage on the miniature's task pack, its worker a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cftray.data.scores import ItemScores
from cftray.errors import Cancelled
from cftray.evaluation.packs import find_pack
from cftray.evaluation.stage import run
from cftray.plan.stages import EvaluateConfig
from cftray.spec import ExecutionSpec
from cftray.spec.model import MINI_BASE
from cftray.stage import Progress, StageContext
from cftray.store import locate_model
from cftray.training.local_workers import LocalWorkers


def config(limit: int | None) -> EvaluateConfig:
    return EvaluateConfig.model_validate(
        {
            "suites": ["ta", "la"],
            "pack": "mini",
            "pack_digest": find_pack("mini").digest,
            "batch_size": 32,
            "limit": limit,
            "template": "chat",
            "precision": "fp32",
        }
    )


def context(tmp_path: Path, report: Callable[[Progress], None]) -> StageContext:
    folder, home = tmp_path / "attempt", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    return StageContext(
        folder=folder,
        execution=ExecutionSpec(),
        workers=LocalWorkers(environment={"HOME": str(home)}),
        stop=tmp_path / "stop",
        report=report,
    )


def test_every_task_of_the_miniature_is_scored(tmp_path: Path) -> None:
    told: list[Progress] = []
    base = locate_model(MINI_BASE)
    artifact = run(config(limit=3), {"model": base, "tokenizer": base}, context(tmp_path, told.append))
    tasks = find_pack("mini").tasks
    rows = pq.read_table(artifact.outputs["items"]).to_pylist()
    assert len(rows) == 3 * len(tasks)
    assert {one["task"] for one in artifact.details["tasks"]} == {task.task for task in tasks}
    for key in ("ta/ifeval", "ta/alpaca_eval", "ta/mmlu", "ta/hellaswag", "ta", "la/mlqa/de", "la/xlsum", "la"):
        assert 0 <= artifact.metrics[key] <= 1
    assert artifact.metrics["la/n"] == 3 * 15
    assert len(ItemScores.read(artifact.outputs["scores"]).tasks) == len(tasks)
    assert (told[-1].step, told[-1].total) == (57, 57)
    assert not list((tmp_path / "home").iterdir())


def test_a_stop_ends_a_running_evaluation(tmp_path: Path) -> None:
    base = locate_model(MINI_BASE)
    stop = tmp_path / "stop"
    with pytest.raises(Cancelled):
        run(config(limit=None), {"model": base, "tokenizer": base}, context(tmp_path, lambda progress: stop.touch()))
    assert not (tmp_path / "attempt" / "items.parquet").exists()
