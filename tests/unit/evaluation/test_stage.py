"""The stage without torch: what it asks the worker, what it makes of the answer."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cftray.errors import Cancelled, InternalError
from cftray.evaluation.packs import find_pack
from cftray.evaluation.progress import ProgressWriter
from cftray.evaluation.stage import run
from cftray.plan.stages import EvaluateConfig
from cftray.spec import ExecutionSpec
from cftray.stage import Entry, Progress, StageContext


class Answers:
    """Workers that answer an evaluation at once: 0.5 on all tasks of the suites asked for."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def call(self, entry: Entry, request: Mapping[str, Any], *, accelerator: str | None, name: str) -> Any:
        self.asked = json.loads(json.dumps(dict(request)))
        progress = ProgressWriter(Path(request["folder"]), 8)
        progress.tell(3, 1, force=True)
        progress.tell(8, 2, force=True)
        tasks = find_pack("mini").of_suites(request["suites"])
        return {"tasks": [{"task": one.task, "score": 0.5, "stderr": 0.1, "n": 4} for one in tasks]}

    def group(self, *args: Any, **kwargs: Any) -> None:
        raise AssertionError("an evaluation is one process")

    def available(self, accelerator: str | None) -> int:
        return 1


def config(**changes: Any) -> EvaluateConfig:
    values = {
        "suites": ["ta", "la"], "pack": "mini", "pack_digest": find_pack("mini").digest,
        "batch_size": 8, "limit": None, "template": "chat", "precision": "fp32",
    }  # fmt: skip
    return EvaluateConfig.model_validate(values | changes)


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Path]:
    for name, template in (("p1", "P1 asks"), ("p2", "P2 asks")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "chat_template.jinja").write_text(template)
    return {"model": tmp_path / "p2", "tokenizer": tmp_path / "p1"}


def context(tmp_path: Path, workers: Answers, told: list[Progress]) -> StageContext:
    folder = tmp_path / "attempt"
    folder.mkdir()
    return StageContext(
        folder=folder, execution=ExecutionSpec(), workers=workers, stop=tmp_path / "stop", report=told.append
    )


def test_p2_is_asked_with_the_template_of_the_tokenizers_folder(tmp_path: Path, inputs: dict[str, Path]) -> None:
    workers = Answers()
    run(config(), inputs, context(tmp_path, workers, []))
    assert workers.asked["template_text"] == "P1 asks"
    assert workers.asked["model_dir"] == str(inputs["model"])


def test_a_template_of_the_spec_comes_before_the_folders(tmp_path: Path, inputs: dict[str, Path]) -> None:
    workers = Answers()
    run(config(template={"text": "spec asks"}), inputs, context(tmp_path, workers, []))
    assert workers.asked["template_text"] == "spec asks"


def test_metrics_of_both_suites_and_of_one(tmp_path: Path, inputs: dict[str, Path]) -> None:
    both = run(config(), inputs, context(tmp_path, Answers(), [])).metrics
    assert both["ta"] == both["la"] == both["la/xlsum/ru"] == pytest.approx(0.5)
    (tmp_path / "attempt").rename(tmp_path / "before")
    one = run(config(suites=["la"]), inputs, context(tmp_path, Answers(), [])).metrics
    assert not [key for key in one if key.startswith("ta")]


def test_progress_reaches_the_driver(tmp_path: Path, inputs: dict[str, Path]) -> None:
    told: list[Progress] = []
    run(config(), inputs, context(tmp_path, Answers(), told))
    assert (told[-1].step, told[-1].total, told[-1].unit) == (8, 8, "items")


def test_another_pack_than_planned_is_refused(tmp_path: Path, inputs: dict[str, Path]) -> None:
    with pytest.raises(InternalError, match="plan the experiment anew"):
        run(config(pack_digest="0"), inputs, context(tmp_path, Answers(), []))


def test_a_stop_before_the_start_is_heard(tmp_path: Path, inputs: dict[str, Path]) -> None:
    (tmp_path / "stop").touch()
    with pytest.raises(Cancelled):
        run(config(), inputs, context(tmp_path, Answers(), []))


def test_the_stage_and_the_packs_import_nothing_heavy() -> None:
    heavy = "{'torch', 'transformers', 'lm_eval', 'datasets', 'pyarrow', 'ray'} & set(sys.modules)"
    code = f"import sys, cftray.evaluation.stage, cftray.evaluation.packs; sys.exit(bool({heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
