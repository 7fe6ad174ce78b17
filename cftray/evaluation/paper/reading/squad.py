"""Questions over passages: SQuAD 1.1's nested JSON, and the hub's flat Parquet of the same fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cftray.data.reading.opening import format_of, opened
from cftray.errors import DataError
from cftray.evaluation.paper.reading.rows import Row, rows


def questions(path: Path) -> Iterator[dict[str, Any]]:
    """Items with `id`, `context`, `question` and `answers`, all right answers. Raises DataError."""
    if format_of(path) == "parquet":
        yield from (_flat(row) for row in rows(path))
        return
    for row in _nested(path, "data"):
        for paragraph in _inside(row, "paragraphs"):
            context = paragraph.text("context")
            yield from (_item(question, context) for question in _inside(paragraph, "qas"))


def _item(question: Row, context: str) -> dict[str, Any]:
    answers = [answer.text("text") for answer in _inside(question, "answers")]
    if not answers:
        raise question.refused("answers", "at least one right answer")
    return {"id": question.text("id"), "context": context, "question": question.text("question"), "answers": answers}


def _flat(row: Row) -> dict[str, Any]:
    answers = row.fields.get("answers")
    if not isinstance(answers, dict):
        raise row.refused("answers", "an object with text, a list of right answers")
    texts = Row(file=row.file, place=f"{row.place}, answers", fields=answers).texts("text")
    return {"id": row.text("id"), "context": row.text("context"), "question": row.text("question"), "answers": texts}


def _nested(path: Path, name: str) -> Iterator[Row]:
    with opened(path) as text:
        try:
            document = json.load(text)
        except json.JSONDecodeError as error:
            raise DataError(f"{path.name}, line {error.lineno}: not JSON ({error.msg}); fetch it again") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path.name}: not JSON that can be read ({error}); fetch it again") from error
    if not isinstance(document, dict) or not isinstance(document.get(name), list):
        raise DataError(f"{path.name}: no list {name} at its top; expected SQuAD 1.1, an object with {name}")
    return _inside(Row(file=path.name, place="", fields=document), name)


def _inside(row: Row, name: str) -> Iterator[Row]:
    for number, record in enumerate(row.elements(name)):
        place = f"{row.place}.{name}[{number}]".lstrip(".")
        if not isinstance(record, dict):
            raise DataError(f"{row.file}, {place}: {record!r:.60}; expected an object; mend the file")
        yield Row(file=row.file, place=place, fields=record)
