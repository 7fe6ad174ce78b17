"""Where the pack's tasks find their data: places bound for a while, read when lm-eval builds a task.

    with bound({"xquad": Path("/data/xquad"), "mmlu": snapshot}):
        tasks = load_tasks(…)

A YAML file names no path, so that it is the same for everybody: `dataset_kwargs: {source: xquad, language: de}`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cftray.errors import DataError, InternalError, nearest
from cftray.evaluation.paper.layouts import find
from cftray.evaluation.paper.reading import articles, choices, instructions, squad

Reader = Callable[[Path], Iterator[dict[str, Any]]]

READERS: Final[Mapping[str, Reader]] = {
    "ifeval": instructions.checkable,
    "alpaca_eval": instructions.compared,
    "mmlu": choices.questions,
    "hellaswag": choices.endings,
    "mlqa": squad.questions,
    "xquad": squad.questions,
    "xlsum": articles.articles,
}

_BOUND: ContextVar[Mapping[str, Path] | None] = ContextVar("places of benchmarks", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """All items of a benchmark in a language, in the order of its files. Each has an `id` and its `language`."""

    benchmark: str
    language: str
    split: str
    files: tuple[str, ...]
    items: tuple[Mapping[str, Any], ...]

    @property
    def digest(self) -> str:
        """sha256 of the items: what was read, wherever it lay and in whatever format."""
        lines = (json.dumps(item, ensure_ascii=False, sort_keys=True) for item in self.items)
        return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def record(self) -> dict[str, Any]:
        """What a result says of its data, JSON-able."""
        return {
            "benchmark": self.benchmark,
            "language": self.language,
            "split": self.split,
            "files": list(self.files),
            "n": len(self.items),
            "digest": self.digest,
        }


@contextmanager
def bound(places: Mapping[str, Path]) -> Iterator[None]:
    """Within, tasks read each benchmark at its place: a file, a folder (also a snapshot of the hub's) or a pattern."""
    token = _BOUND.set(dict(places))
    try:
        yield
    finally:
        _BOUND.reset(token)


def read(benchmark: str, language: str, place: Path) -> Documents:
    """Raises DataError where files are missing, are not what they should be, or name two items alike."""
    if benchmark not in READERS:
        raise InternalError(f"{benchmark}: no reader; {nearest(benchmark, READERS)}")
    found = find(benchmark, language, place)
    items = [{**item, "language": language} for path in found.files for item in READERS[benchmark](path)]
    names = tuple(path.name for path in found.files)
    where = f"{benchmark} in {language} ({', '.join(names)})"
    if not items:
        raise DataError(f"{where}: is empty; expected items; fetch it again")
    doubled = [name for name, times in Counter(item["id"] for item in items).items() if times > 1]
    if doubled:
        some = ", ".join(doubled[:3]) + (" …" if len(doubled) > 3 else "")
        raise DataError(f"{where}: {len(doubled)} ids stand there more than once ({some}); expected each once; mend it")
    return Documents(benchmark=benchmark, language=language, split=found.split, files=names, items=tuple(items))


def load(source: str, language: str, **_: Any) -> dict[str, Any]:
    """lm-eval's `custom_dataset`: a data set with the split `test`, whichever split it is.

    Raises InternalError where no place is bound for `source`, DataError as `read`.
    """
    places = _BOUND.get()
    if places is None or source not in places:
        raise InternalError(f"{source}: a task wants its files, and no place is bound for them")
    from datasets import Dataset

    return {"test": Dataset.from_list([dict(item) for item in read(source, language, places[source]).items])}
