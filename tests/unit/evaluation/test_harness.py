"""lm-eval with a pack's tasks, and what they are told of their files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cftray.errors import InternalError
from cftray.evaluation import harness
from cftray.plan.packs import Pack


def test_tasks_find_the_files_of_their_benchmarks_while_they_are_loaded(
    pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Mapping[str, Path]] = []

    @contextmanager
    def bound(files: Mapping[str, Path]) -> Iterator[None]:
        seen.append(files)
        yield

    from cftray.evaluation import tasks as loading

    monkeypatch.setattr(loading, "bound", bound)
    entry = replace(pack.tasks[0], source="ifeval")
    files = {"ifeval": tmp_path / "ifeval"}
    with harness.opened(pack, [entry], files, 64, tmp_path / "cache") as tasks:
        assert list(tasks) == ["toy_follow"]
    assert seen == [files]
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("output_type: generate_until", "repeats: 3\noutput_type: generate_until", "repeats 3"),
        ("do_sample: false", "do_sample: true", "samples its answers"),
        ('until: ["w7"]', 'until: [""]', "expected stop strings"),
        ("max_gen_toks: 6, ", "", "expected the most tokens"),
        ("test_split: test", "test_split: test\nnum_fewshot: 2", "the method is zero-shot"),
    ],
)
def test_a_task_that_would_not_be_zero_shot_and_repeatable_is_refused(
    pack: Pack, tmp_path: Path, before: str, after: str, told: str
) -> None:
    (tmp_path / "toy.py").write_text((pack.include_path / "toy.py").read_text())
    text = (pack.include_path / "toy_follow.yaml").read_text()
    assert before in text
    (tmp_path / "toy_follow.yaml").write_text(text.replace(before, after))
    changed = replace(pack, include_path=tmp_path)
    with (
        pytest.raises(InternalError, match=told),
        harness.opened(changed, pack.tasks[:1], {}, 64, tmp_path / "cache"),
    ):
        pass


def test_a_task_without_a_file_is_our_mistake(pack: Pack, tmp_path: Path) -> None:
    entry = replace(pack.tasks[0], task="toy_unknown")
    with pytest.raises(InternalError, match="no file for toy_unknown"), harness.opened(
        pack, [entry], {}, 64, tmp_path / "cache"
    ):
        pass
