"""The benchmarks in both ways in which they are published, and NLTK with and without its sentence model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .published import write_originals, write_snapshots


@pytest.fixture(scope="session")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_originals(tmp_path_factory.mktemp("originals"))


@pytest.fixture(scope="session")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_snapshots(tmp_path_factory.mktemp("snapshots"))


@pytest.fixture
def without_punkt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NLTK looks in an empty folder alone."""
    import nltk.data

    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])


@pytest.fixture
def with_punkt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A sentence model that knows no abbreviation: a full stop ends a sentence."""
    import nltk.data

    folder = tmp_path / "tokenizers" / "punkt_tab" / "english"
    folder.mkdir(parents=True)
    for name in ("collocations.tab", "sent_starters.txt", "abbrev_types.txt", "ortho_context.tab"):
        (folder / name).write_text("")
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    yield
    from lm_eval.tasks.ifeval import instructions_util

    instructions_util._get_sentence_tokenizer.cache_clear()
