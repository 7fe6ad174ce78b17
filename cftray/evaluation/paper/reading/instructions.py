"""Open-ended instructions: IFEval with what its checkers need, AlpacaEval with the reference's answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cftray.evaluation.paper.reading.rows import Row, rows


def checkable(path: Path) -> Iterator[dict[str, Any]]:
    """IFEval: items with `id`, `key`, `prompt`, `instruction_id_list` and `kwargs`, a JSON text. Raises DataError.

    A table of one type a column would give each instruction the arguments of all others, as null; so does the hub's.
    """
    for row in rows(path):
        kinds, arguments = row.texts("instruction_id_list"), row.elements("kwargs")
        if len(kinds) != len(arguments) or not all(isinstance(one, Mapping) for one in arguments):
            raise row.refused("kwargs", f"a list of {len(kinds)} objects, one an instruction")
        kept = [{name: value for name, value in one.items() if value is not None} for one in arguments]
        yield {
            "id": str(row.number("key")),
            "key": row.number("key"),
            "prompt": row.text("prompt"),
            "instruction_id_list": kinds,
            "kwargs": json.dumps(kept, ensure_ascii=False),
        }


def compared(path: Path) -> Iterator[dict[str, Any]]:
    """AlpacaEval: items with `id`, `instruction`, `reference` and `dataset`. Raises DataError.

    An instruction's id is its place in the file, from 0: the judge's stage names it so.
    """
    for number, row in enumerate(rows(path)):
        yield {
            "id": str(number),
            "instruction": row.text("instruction"),
            "reference": row.text("output", empty=True),
            "dataset": _optional(row, "dataset"),
        }


def _optional(row: Row, name: str) -> str:
    return row.text(name) if row.fields.get(name) is not None else ""
