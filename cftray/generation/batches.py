"""Prompts, batches of them, and the files in which answers are kept.

Batches of the engine `transformers` are composed once, answered whole and kept in a file each. Such a
batch's composition follows from all prompts and the batch size alone, so an answer depends neither on
how many actors there are nor on what an earlier attempt had finished. Longest prompts come first: the
last batches to run are the short ones, and actors end together. A file of the engine `vllm` holds rows
that were finished together, by chance.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from cftray.store.atomic import write_atomic

FOLDER = "batches"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What one row asks: its place in the order of use, its id, its tokens and the most of an answer's."""

    place: int
    id: str
    tokens: list[int]
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What is left to do, ready to be done.

    `answer` has every prompt answered that has no answer yet, and gives the engine's name and version;
    `promise` says what answers depend on, for the record.
    """

    answer: Callable[[], str]
    promise: str


def compose(prompts: Iterable[Prompt], size: int) -> list[list[Prompt]]:
    """Batches of `size`, alike in length within, the longest first."""
    ordered = sorted(prompts, key=lambda one: (-len(one.tokens), one.place))
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def batch_file(folder: Path, number: int) -> Path:
    """Where an attempt keeps the answers of a batch."""
    return folder / FOLDER / f"{number:06d}.json"


def write_answers(folder: Path, number: int, answers: Sequence[dict[str, Any]]) -> None:
    """Keep a batch's answers; the file is whole or not there."""
    write_atomic(batch_file(folder, number), json.dumps(answers, ensure_ascii=False))


def read_answers(path: Path) -> list[dict[str, Any]]:
    """The answers of a batch: id, text, tokens, ended."""
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def answers_in(folder: Path) -> dict[str, dict[str, Any]]:
    """Every answer that an attempt keeps, by id."""
    files = sorted((folder / FOLDER).glob("*.json"))
    return {one["id"]: one for path in files for one in read_answers(path)}


def answer_of(identifier: str, tokens: Sequence[int], ends: Sequence[int], tokenizer: Tokenizer) -> dict[str, Any]:
    """The answer that `tokens` are, up to the first end: id, text, how many tokens, whether it ended."""
    end = next((place for place, token in enumerate(tokens) if token in ends), None)
    kept = list(tokens[:end])
    text = tokenizer.decode(kept, skip_special_tokens=True).strip()
    return {"id": identifier, "text": text, "tokens": len(kept) + (end is not None), "ended": end is not None}


def keep_earlier(folder: Path, earlier: Iterable[Path], prompts: Sequence[Prompt]) -> list[Prompt]:
    """Keep what attempts before answered, newest first, in one file; gives the prompts that are left."""
    found: dict[str, dict[str, Any]] = {}
    for attempt in earlier:
        found = answers_in(attempt) | found
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    kept = [found[one.id] for one in prompts if one.id in found]
    if kept:
        write_answers(folder, 0, kept)
    return [one for one in prompts if one.id not in found]


def take_over(folder: Path, earlier: Iterable[Path], batches: Sequence[Sequence[Prompt]]) -> list[int]:
    """Copy what earlier attempts had finished; gives the numbers of the batches that are left."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    attempts = list(earlier)
    left = []
    for number, batch in enumerate(batches):
        found = next((path for one in attempts if (path := batch_file(one, number)).is_file()), None)
        if found is not None and [one["id"] for one in read_answers(found)] == [one.id for one in batch]:
            shutil.copyfile(found, batch_file(folder, number).with_suffix(".part"))
            batch_file(folder, number).with_suffix(".part").rename(batch_file(folder, number))
        else:
            left.append(number)
    return left
