"""The instructions with the reference's answers to them, and a model's answers beside those.

A published file is a JSON list of objects with `instruction`, `output`, and `generator`, whoever gave the output; the
hub's copy of it is a Parquet file with these columns.
An instruction's id is its position in the file: `0` for the first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cftray.errors import DataError
from cftray.evaluation.judging.pairs import Pair

NAMES: Final = ("text_davinci_003*.json", "alpaca_eval.json", "text_davinci_003*.parquet", "*.parquet")
"""What the reference's file is called, in a folder or those in it: by itself, and in the hub's set."""
TOLD: Final = 5
"""How many of several things a message names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """`outputs[i]` is the reference's answer to `instructions[i]`, each of which is there once."""

    instructions: tuple[str, ...]
    outputs: tuple[str, ...]
    generators: tuple[str, ...]

    def first(self, limit: int | None) -> Reference:
        """The first `limit` of them; all where it is null."""
        return Reference(
            instructions=self.instructions[:limit], outputs=self.outputs[:limit], generators=self.generators
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A model's answer, by the instruction's id; by its text where an item carries that."""

    item: str
    output: str
    instruction: str | None = None


def read_reference(place: Path) -> Reference:
    """The reference at `place`, a file or a folder with one. Raises DataError where it is not what is expected."""
    path = _file_in(place) if place.is_dir() else place
    rows = read_objects(path, ("instruction", "output"))
    instructions = [row["instruction"] for row in rows]
    refuse(path.name, "instructions that are there more than once", _doubled(instructions))
    return Reference(
        instructions=tuple(instructions),
        outputs=tuple(row["output"] for row in rows),
        generators=tuple(sorted({str(row.get("generator")) for row in rows if row.get("generator")})),
    )


def pairs_of(reference: Reference, answers: Sequence[Answered]) -> list[Pair]:
    """A pair for each instruction, in the reference's order.

    Raises DataError, naming them, where answers are missing, are there twice, or belong to no instruction.
    """
    by_text = {text: str(place) for place, text in enumerate(reference.instructions)}
    ids = set(by_text.values())
    found: dict[str, str] = {}
    foreign, doubled = [], []
    for one in answers:
        known = by_text.get(one.instruction) if one.instruction is not None else one.item
        if known is None or known not in ids:
            foreign.append(one.item)
        elif known in found:
            doubled.append(known)
        else:
            found[known] = one.output
    what = f"{len(answers)} answers to {len(ids)} instructions"
    refuse(what, "answers to no instruction of the reference", foreign)
    refuse(what, "answers that are there more than once", doubled)
    refuse(what, "instructions without an answer", [item for item in by_text.values() if item not in found])
    return [
        Pair(item=item, instruction=text, reference=output, output=found[item])
        for (text, item), output in zip(by_text.items(), reference.outputs, strict=True)
    ]


def read_objects(path: Path, texts: Sequence[str]) -> list[Mapping[str, Any]]:
    """The JSON list, or the Parquet file's rows, at `path`, each with the named texts. Raises DataError otherwise."""
    parquet = path.suffix == ".parquet"
    expected = f"expected {'rows' if parquet else 'a JSON list of objects'} with {', '.join(texts)}"
    try:
        document: Any = _parquet_rows(path) if parquet else json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"{path.name}: can't be read ({error.strerror or error}); {expected}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path.name}: is no {'Parquet' if parquet else 'JSON'} ({error}); {expected}") from None
    if not isinstance(document, list) or not document:
        given = "an empty list" if document == [] else f"a {type(document).__name__}"
        raise DataError(f"{path.name}: holds {given}; {expected}")
    for number, row in enumerate(document):
        missing = [name for name in texts if not isinstance(row, dict) or not isinstance(row.get(name), str)]
        if missing:
            raise DataError(f"{path.name}: element {number} has no text {missing[0]}; {expected}")
    return document


def _parquet_rows(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def refuse(what: str, wrong: str, names: Sequence[str]) -> None:
    """Raises DataError where there are `names`, and tells some of them."""
    if not names:
        return
    told = ", ".join(repr(name) if len(name) <= 60 else repr(name[:59] + "…") for name in names[:TOLD])
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    raise DataError(
        f"{what}: {len(names)} {wrong} ({told}{more}); a win rate is over each instruction once, and over all of them"
    )


def _file_in(folder: Path) -> Path:
    for pattern in NAMES:
        found = sorted(folder.rglob(pattern))
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(path.name for path in found)
            raise DataError(f"{folder.name}: {names} match {pattern}; expected one file with the reference's answers")
    names = " or ".join(NAMES)
    raise DataError(f"{folder.name}: no file {names}; expected the reference's answers as a JSON list or Parquet")


def _doubled(texts: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [text for text in texts if text in seen or seen.add(text)]  # type: ignore[func-returns-value]
