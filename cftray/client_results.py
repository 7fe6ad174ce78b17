"""Scores of an experiment, a matrix's cell or a single model, as the service tells them."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


class Results:
    """Scores from records; `document` is what the service says, differences included."""

    def __init__(self, document: Json) -> None:
        self.document = document

    @property
    def complete(self) -> bool:
        """Whether both models of every seed are evaluated."""
        return bool(self.document["complete"])

    @property
    def rows(self) -> list[Json]:
        """One per model, task and language: score, stderr, n; means over tasks and suites included."""
        named = ("key", "level", "suite", "benchmark", "language", "metric")
        return [
            {"model": model.upper()} | {name: row[name] for name in named} | row[model]
            for model in ("p1", "p2")
            for row in self.document["rows"]
            if row[model] is not None
        ]

    @property
    def changes(self) -> list[Json]:
        """P2 minus P1 where both are scored: difference, interval, p values, verdict."""
        return [{"key": row["key"]} | row["change"] for row in self.document["rows"] if row["change"] is not None]

    @property
    def analyses(self) -> list[Json]:
        """What became of each analysis that was asked for: `state`, and its `measures` or the `reason` for none."""
        return list(self.document["analyses"])

    def to_pandas(self) -> Any:
        """`rows` as a pandas.DataFrame; pandas must be installed."""
        import pandas as pd  # type: ignore[import-untyped,unused-ignore]

        return pd.DataFrame(self.rows)
