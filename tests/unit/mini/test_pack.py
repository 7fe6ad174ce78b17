"""The task pack: as the code makes it, and as lm-eval reads it."""

from __future__ import annotations

import json
import subprocess
import sys

from cftray.mini.make_tasks import files
from cftray.mini.pack import TASKS, TASKS_FOLDER, digest


def test_the_committed_files_are_what_the_code_makes() -> None:
    made = files()
    assert {path.name for path in TASKS_FOLDER.iterdir() if path.suffix in (".yaml", ".jsonl")} == set(made)
    for name, text in made.items():
        assert (TASKS_FOLDER / name).read_text(encoding="utf-8") == text


def test_every_task_of_the_description_has_its_files() -> None:
    for task in TASKS:
        assert (TASKS_FOLDER / f"{task.task}.yaml").is_file()
        assert (TASKS_FOLDER / f"{task.task}.jsonl").is_file()
    assert len({task.task for task in TASKS}) == len(TASKS) == 19


def test_no_item_comes_twice() -> None:
    for task in TASKS:
        lines = (TASKS_FOLDER / f"{task.task}.jsonl").read_text(encoding="utf-8").splitlines()
        items = [json.dumps(json.loads(line), sort_keys=True) for line in lines]
        assert len(items) == len(set(items)) >= 40


def test_one_choice_is_right_and_all_differ() -> None:
    for name in ("mmlu_mini", "hellaswag_mini"):
        for line in (TASKS_FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            item = json.loads(line)
            assert len(set(item["choices"])) == 4
            assert item["gold"] in range(4)


def test_the_digest_is_stable() -> None:
    assert digest() == digest()
    assert len(digest()) == 64


def test_the_description_needs_no_heavy_import() -> None:
    code = "import sys, cftray.mini.pack, cftray.mini.datasets; print(sorted(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not any(f"'{name}'" in found for name in ("torch", "transformers", "lm_eval", "datasets", "numpy"))


def test_lm_eval_loads_every_task_from_anywhere(tmp_path: object, monkeypatch: object) -> None:
    from lm_eval.tasks import TaskManager

    monkeypatch.chdir(tmp_path)  # type: ignore[attr-defined]
    manager = TaskManager(include_path=str(TASKS_FOLDER), include_defaults=False)
    loaded = manager.load([task.task for task in TASKS])["tasks"]
    for task in TASKS:
        assert len(loaded[task.task].eval_docs) >= 40
