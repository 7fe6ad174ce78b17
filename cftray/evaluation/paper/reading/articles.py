"""XL-Sum: articles with their summaries, JSON lines or the hub's Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cftray.evaluation.paper.reading.rows import rows


def articles(path: Path) -> Iterator[dict[str, Any]]:
    """Items with `id`, `text` and `summary`. Raises DataError."""
    for row in rows(path):
        yield {"id": row.text("id"), "text": row.text("text"), "summary": row.text("summary")}
