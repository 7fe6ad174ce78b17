"""Items of a model from where a person says: an experiment, an evaluation, or a Parquet file.

    exp_7k2q:p1   exp_7k2q:p2:17   an experiment's model; the seed where there are several
    ev_3f9c                        an evaluation
    items.parquet                  a file

Only here and only when asked are Parquet files read on the command line.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from cftray.cli.session import Session
from cftray.errors import DataError, nearest

OF_EXPERIMENT: Final = re.compile(r"^(?P<experiment>[A-Za-z0-9_-]+):(?P<phase>p1|p2)(?::(?P<seed>\d+))?$")
NEEDED: Final = ("item", "task", "prompt_sha256", "output", "score")
FURTHER: Final = ("suite", "benchmark", "language", "truncated", "unscored")
HELP: Final = "EXP:p1, EXP:p2 or EXP:p2:SEED, an evaluation's id, or a Parquet file."


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item as a model answered it; `score` is null where it has none, `unscored` says why."""

    item: str
    task: str
    suite: str
    benchmark: str
    language: str
    prompt_sha256: str
    output: str
    score: float | None
    truncated: bool
    unscored: str | None

    @property
    def awaits_judge(self) -> bool:
        """Whether it has no score and nothing says why: a judge's are in a file of their own."""
        return self.score is None and not self.unscored


def load(session: Session, source: str) -> list[Item]:
    """The items of `source`, with a judge's scores where they can be had.

    Raises DataError where `source` is none of these or its file can't be read; Refused and Unreachable.
    """
    if Path(source).is_file():
        return read(Path(source))
    if source.endswith(".parquet"):
        raise DataError(f"{source}: there is no such file")
    from cftray.client_errors import Refused

    path, params = _address(source)
    client = session.client()
    with tempfile.TemporaryDirectory(prefix="cftray-items-") as folder:
        items = read(client.save(path, Path(folder) / "items.parquet", **params), source)
        if not any(item.awaits_judge for item in items):
            return items
        try:
            annotations = client.save(path, Path(folder) / "annotations.jsonl", **params, of="annotations")
        except Refused:
            return items
        return judged(items, annotations)


def read(path: Path, name: str | None = None) -> list[Item]:
    """The items of a Parquet file; further columns are left alone. Raises DataError where it is none."""
    shown = name or path.name
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise DataError(f"{shown}: reading items needs pyarrow, which is not installed; pip install pyarrow") from error
    try:
        names = pq.read_schema(path).names
        missing = [column for column in NEEDED if column not in names]
        if missing:
            raise DataError(f"{shown}: has no column {', '.join(missing)}; expected the items of an evaluation")
        rows = pq.read_table(path, columns=[one for one in (*NEEDED, *FURTHER) if one in names]).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{shown}: can't be read as Parquet: {str(error).splitlines()[0]}") from error
    return [_item(row) for row in rows]


def judged(items: list[Item], annotations: Path) -> list[Item]:
    """The items with the judge's score of each; one item of an evaluation is judged once."""
    lines = [json.loads(line) for line in annotations.read_text(encoding="utf-8").splitlines() if line.strip()]
    scores = {str(line["item"]): float(line["score"]) for line in lines if line.get("score") is not None}
    return [replace(one, score=scores.get(one.item)) if one.awaits_judge else one for one in items]


def chosen(items: list[Item], task: str | None, language: str | None) -> list[Item]:
    """Those of a task (or benchmark) and a language. Raises DataError where there are none of it."""
    found = items
    if task is not None:
        found = _only(found, task, lambda one: (one.task, one.benchmark), "task")
    if language is not None:
        found = _only(found, language, lambda one: (one.language,), "language")
    return found


def _only(items: list[Item], wanted: str, names: Callable[[Item], tuple[str, ...]], what: str) -> list[Item]:
    found = [one for one in items if wanted in names(one)]
    if not found:
        known = {name for one in items for name in names(one)}
        raise DataError(f"no items of the {what} {wanted}; {nearest(wanted, known)}")
    return found


def _address(source: str) -> tuple[str, dict[str, Any]]:
    """(path, parameters) of a source at the service."""
    found = OF_EXPERIMENT.match(source)
    if found is not None:
        seed = {} if found["seed"] is None else {"seed": int(found["seed"])}
        return f"/v1/experiments/{found['experiment']}/items", {"phase": found["phase"]} | seed
    if source.startswith("exp_") or not re.fullmatch(r"[A-Za-z0-9_-]+", source):
        raise DataError(f"{source}: expected {HELP}")
    return f"/v1/evaluations/{source}/items", {}


def _item(row: Mapping[str, Any]) -> Item:
    score = row["score"]
    return Item(
        item=str(row["item"]),
        task=str(row["task"]),
        suite=str(row.get("suite") or ""),
        benchmark=str(row.get("benchmark") or row["task"]),
        language=str(row.get("language") or ""),
        prompt_sha256=str(row["prompt_sha256"]),
        output=str(row["output"] or ""),
        score=None if score is None else float(score),
        truncated=bool(row.get("truncated")),
        unscored=row.get("unscored") or None,
    )
