"""What models are shown: requests of the miniature world, MT-Bench's first turns, or the lines of a file."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

from cftray.data.reading.opening import opened
from cftray.data.rows import Row
from cftray.errors import DataError
from cftray.mini.requests import requests
from cftray.spec.analysis import FilePrompts, MiniPrompts, Prompts

LAYOUT = 'one JSON object a line with question_id, category and turns, as MT-Bench has it: {"question_id": 81, ' \
    '"category": "writing", "turns": ["…", "…"]}'  # fmt: skip


def read_prompts(wanted: Prompts, path: Path | None) -> list[Row]:
    """The prompts as rows without a response; `path` is the file, null for the miniature's own.

    Raises DataError where the file holds no prompt, fewer than asked, one twice, or is of another layout.
    """
    if isinstance(wanted, MiniPrompts):
        return requests(count=wanted.count, seed=wanted.seed)
    if path is None or not path.is_file():
        raise DataError(f"no file of prompts ({path}); give one, or take prompts of kind mini")
    rows = list(itertools.islice(_rows(wanted, path), wanted.count))
    if not rows:
        raise DataError(f"{path.name}: holds no prompt; expected {_expected(wanted)}")
    if wanted.count is not None and len(rows) < wanted.count:
        raise DataError(
            f"{path.name}: holds {len(rows)} prompts, {wanted.count} were asked for; lower prompts.count (null: all)"
        )
    twice = len(rows) - len({row.id for row in rows})
    if twice:
        raise DataError(
            f"{path.name}: {twice} of {len(rows)} question_ids stand there more than once; each needs its own"
        )
    return rows


def _rows(wanted: FilePrompts, path: Path) -> Iterator[Row]:
    with opened(path) as text:
        for number, line in enumerate(text, 1):
            if any("\ud800" <= one <= "\udfff" for one in line):
                raise DataError(f"{path.name}, line {number}: is not UTF-8; convert the file")
            if line.strip():
                yield _question(path, number, line) if wanted.format == "mt_bench" else _line(number, line)


def _line(number: int, line: str) -> Row:
    return Row(id=f"line-{number:06d}", instruction=line.strip(), output="")


def _question(path: Path, number: int, line: str) -> Row:
    try:
        record = json.loads(line)
        first = record["turns"][0]
        if not isinstance(first, str) or not first.strip():
            raise ValueError("its first turn is no text")
        return Row(id=str(record["question_id"]), instruction=first, output="")
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError(f"{path.name}, line {number}: {_said(error)}; expected {LAYOUT}") from error


def _said(error: Exception) -> str:
    match error:
        case KeyError():
            return f"has no {error.args[0]}"
        case json.JSONDecodeError():
            return f"is no JSON ({error.msg})"
        case IndexError():
            return "has no turn"
        case _:
            return str(error)


def _expected(wanted: FilePrompts) -> str:
    return LAYOUT if wanted.format == "mt_bench" else "a prompt on each line"
