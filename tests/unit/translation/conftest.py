"""Rows in files, and the stage run in a folder."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cftray.data.adapters import write_rows
from cftray.data.rows import Row
from cftray.mini import datasets
from cftray.plan import TranslateConfig
from cftray.spec import ExecutionSpec
from cftray.stage import StageContext
from cftray.translation import stage
from tests.unit.endpoint.conftest import server  # noqa: F401


@pytest.fixture
def english(tmp_path):
    def make(samples=40, name="multialpaca-mini"):
        path = tmp_path / "english.jsonl"
        write_rows(path, datasets.english_counterparts(name, samples=samples, seed=3))
        return path

    return make


@pytest.fixture
def written(tmp_path):
    """Rows of a test's own; each is a mapping of fields."""

    def make(*rows):
        path = tmp_path / "own.jsonl"
        write_rows(path, [replace(Row(id=f"r{number}", instruction="", output=""), **one)
                          for number, one in enumerate(rows)])  # fmt: skip
        return path

    return make


@pytest.fixture
def translated(tmp_path):
    def run(rows, workers, *, into="de", name="attempt", earlier=(), actors=1, inputs=None, **settings):
        config = TranslateConfig.model_validate(
            {"into": into, "translator": {"kind": "dictionary", "batch_size": 8}, "gate": {"language": True}} | settings
        )
        attempt = tmp_path / name
        attempt.mkdir()
        reports, notes = [], []
        context = StageContext(
            folder=attempt, execution=ExecutionSpec(workers=actors), workers=workers, stop=tmp_path / "stop",
            earlier=tuple(earlier), report=reports.append, note=notes.append,
        )  # fmt: skip
        return stage.run(config, {"rows": rows} | (inputs or {}), context), reports, notes

    return run
