"""Multiple choice: HellaSwag and MMLU, JSON lines or the hub's Parquet."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from cftray.evaluation.paper.reading.rows import Row, rows

CHOICES: Final = 4
_BRACKETED: Final = re.compile(r"\[.*?\]")


def endings(path: Path) -> Iterator[dict[str, Any]]:
    """HellaSwag: items with `id`, `query`, `choices` and `gold`, cleaned as lm-eval does. Raises DataError.

    `ind` counts within a source, and two sources may share a number: with `source_id` it is an id.
    """
    for row in rows(path):
        choices = row.texts("endings", empty=True)
        context = f"{row.text('ctx_a', empty=True)} {row.text('ctx_b', empty=True).capitalize()}"
        yield {
            "id": f"{row.text('source_id')}/{row.number('ind')}",
            "query": _cleaned(f"{row.text('activity_label')}: {context}"),
            "choices": [_cleaned(one) for one in choices],
            "gold": _gold(row, "label", len(choices)),
        }


def questions(path: Path) -> Iterator[dict[str, Any]]:
    """MMLU: items with `id`, `subject`, `question`, `choices` and `gold`. Raises DataError.

    An item has no id of its own: it is the n-th of its subject.
    """
    seen: Counter[str] = Counter()
    for row in rows(path):
        subject, choices = row.text("subject"), row.texts("choices", empty=True)
        if len(choices) != CHOICES:
            raise row.refused("choices", f"{CHOICES} of them")
        yield {
            "id": f"{subject}/{seen[subject]}",
            "subject": subject,
            "question": row.text("question"),
            "choices": choices,
            "gold": _gold(row, "answer", CHOICES),
        }
        seen[subject] += 1


def _gold(row: Row, name: str, choices: int) -> int:
    number = row.number(name)
    if not 0 <= number < choices:
        raise row.refused(name, f"a number from 0 to {choices - 1}")
    return number


def _cleaned(text: str) -> str:
    """WikiHow's headings become sentences, its other brackets go; a pair of spaces that this leaves becomes one."""
    return _BRACKETED.sub("", text.strip().replace(" [title]", ". ")).replace("  ", " ")
