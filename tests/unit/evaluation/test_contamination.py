"""The stage reads the items of any pack, compares them with a phase's rows, and refuses nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cftray.data.adapters import write_rows
from cftray.data.rows import Row
from cftray.errors import Cancelled, InternalError
from cftray.evaluation.contamination import compare, run
from cftray.evaluation.packs import find_pack
from cftray.evaluation.prompts import file_items, read_with_harness
from cftray.plan import ContaminationConfig
from cftray.plan.packs import Pack, PackTask
from cftray.spec import ExecutionSpec
from cftray.spec.evaluation import Suite, TaskPack
from cftray.stage import Artifact, Progress, StageContext

YAML = """\
task: {name}
custom_dataset: !function somewhere.load
dataset_kwargs: {{"file": "{name}.jsonl"}}
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
"""
QUESTIONS = ["Where does the judge work?", "Which city is north of Rome?", "What is red?"]


class Here:
    """Workers that compute where they are called."""

    def call(self, entry: Any, request: Mapping[str, Any], **_: Any) -> Any:
        return entry(request)


@pytest.fixture
def small(tmp_path: Path) -> Pack:
    """A pack of one benchmark in two languages, over files."""
    for name in ("asks_en", "asks_de"):
        (tmp_path / f"{name}.yaml").write_text(YAML.format(name=name))
        lines = [json.dumps({"question": one, "id": f"q{n}"}) for n, one in enumerate(QUESTIONS)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    tasks = tuple(
        PackTask(task=f"asks_{one}", suite="ta", benchmark="asks", language=one, metric="acc", chat=True)
        for one in ("en", "de")
    )
    return Pack(name="small", version=1, digest="d", tasks=tasks, include_path=tmp_path)


def config(**changes: Any) -> ContaminationConfig:
    settings = {"suites": (Suite.TA,), "pack": TaskPack.MINI, "pack_digest": "d", "limit": None}
    return ContaminationConfig.model_validate(settings | changes)


def context(tmp_path: Path, told: list[Progress] | None = None) -> StageContext:
    folder = tmp_path / "attempt"
    folder.mkdir()
    report = (lambda progress: None) if told is None else told.append
    return StageContext(
        folder=folder, execution=ExecutionSpec(), workers=Here(), stop=tmp_path / "stop", report=report  # type: ignore[arg-type]
    )


def rows_file(tmp_path: Path, *instructions: str) -> Path:
    path = tmp_path / "rows.jsonl"
    write_rows(path, [Row(id=f"r{n}", instruction=one, output="x") for n, one in enumerate(instructions)])
    return path


def test_the_record_tells_shares_and_examples(small: Pack, tmp_path: Path) -> None:
    rows = rows_file(tmp_path, "Hello", "Say: where does the judge work?")
    told: list[Progress] = []
    artifact: Artifact = compare(small, config(), {"rows": rows}, context(tmp_path, told))
    assert artifact.metrics == {
        "rows": 2, "items": 6, "contaminated": 2, "asks/contaminated_share": pytest.approx(1 / 3),
    }  # fmt: skip
    overlap = artifact.details["benchmarks"]["asks"]
    assert overlap["examples"][0] == {"item": "asks_en/q0", "row": "r1", "words": "where does the judge work"}
    assert json.loads(artifact.outputs["contamination"].read_text()) == artifact.details
    assert (told[-1].total, told[-1].unit) == (2, "rows")


def test_only_items_that_are_scored_are_compared(small: Pack, tmp_path: Path) -> None:
    rows = rows_file(tmp_path, "What is red?")
    assert compare(small, config(limit=2), {"rows": rows}, context(tmp_path)).metrics["contaminated"] == 0


def test_only_the_languages_asked_for_are_compared(small: Pack, tmp_path: Path) -> None:
    abroad = replace(small, tasks=tuple(replace(one, suite="la") for one in small.tasks))
    rows = rows_file(tmp_path, "Say: where does the judge work?")
    asked = config(suites=(Suite.LA,), languages=("de",))
    assert compare(abroad, asked, {"rows": rows}, context(tmp_path)).metrics["items"] == 3


def test_a_task_that_reads_a_benchmarks_files_is_left_to_lm_eval(small: Pack) -> None:
    assert file_items(small, replace(small.tasks[0], source="mmlu"), None) is None


def test_the_labels_around_a_question_are_no_part_of_it(small: Pack) -> None:
    items = file_items(small, small.tasks[0], None)
    assert items is not None
    assert [item.text for item in items] == QUESTIONS


def test_every_task_of_the_miniature_is_read_without_lm_eval() -> None:
    pack = find_pack("mini")
    for entry in pack.tasks:
        items = file_items(pack, entry, 5)
        assert items is not None
        assert len({item.id for item in items}) == 5
        assert all(item.text for item in items)


def test_a_task_that_is_no_file_is_left_to_lm_eval(small: Pack) -> None:
    (small.include_path / "asks_en.jsonl").unlink()
    assert file_items(small, small.tasks[0], None) is None


def test_lm_eval_reads_tasks_of_any_kind(pack: Pack, tmp_path: Path) -> None:
    items = read_with_harness(pack, ["toy_choose", "toy_read_de"], 2, tmp_path, {})
    assert [(one["benchmark"], one["id"]) for one in items] == [
        ("mmlu", "toy_choose/q0"), ("mmlu", "toy_choose/q1"), ("xquad", "toy_read_de/q0"), ("xquad", "toy_read_de/q1"),
    ]  # fmt: skip
    assert items[0]["text"] == "w1 w2 w3"


def test_the_miniatures_own_rows_are_compared_with_its_benchmarks(tmp_path: Path) -> None:
    pack = find_pack("mini")
    asked = file_items(pack, pack.tasks[0], 1)
    assert asked is not None
    rows = rows_file(tmp_path, asked[0].text)
    artifact = run(config(pack_digest=pack.digest), {"rows": rows}, context(tmp_path))
    assert artifact.metrics["ifeval/contaminated_share"] > 0
    assert artifact.metrics["hellaswag/contaminated_share"] == 0


def test_another_pack_than_the_planned_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match="not the one that was planned"):
        run(config(), {"rows": rows_file(tmp_path, "x")}, context(tmp_path))


def test_a_stop_is_heard(small: Pack, tmp_path: Path) -> None:
    (tmp_path / "stop").touch()
    with pytest.raises(Cancelled):
        compare(small, config(), {"rows": rows_file(tmp_path, "x")}, context(tmp_path))
