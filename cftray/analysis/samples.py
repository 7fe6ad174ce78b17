"""The rows of a set that stand for it: drawn by a seed, the same whatever the set is compared with."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import asdict, dataclass
from pathlib import Path

from cftray.data.rows import Row
from cftray.data.sources import ROWS
from cftray.errors import DataError
from cftray.spec.analysis import DesText
from cftray.store.atomic import write_atomic


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Texts and languages of the rows drawn of a set of `rows` rows whose file's sha256 is `digest`."""

    digest: str
    rows: int
    texts: tuple[str, ...]
    languages: tuple[str, ...]

    def write(self, path: Path) -> None:
        """For a worker to read."""
        write_atomic(path, json.dumps(asdict(self), ensure_ascii=False))

    @classmethod
    def read(cls, path: Path) -> Sample:
        """What `write` wrote."""
        facts = json.loads(path.read_text(encoding="utf-8"))
        return cls(**facts | {name: tuple(facts[name]) for name in ("texts", "languages")})


def draw(place: Path, *, name: str, samples: int, seed: int, text: DesText) -> Sample:
    """`samples` rows of the file or folder at `place`, without repetition, in the order they stand in.

    The draw follows from the seed and the content alone. So that it is another in every set: drawn at
    equal places, parallel sets would give the same tasks on both sides, and the two samples would not be
    independent. Raises DataError, which calls the set `name`, where there are no rows or fewer than asked.
    """
    path = place / ROWS if place.is_dir() else place
    if not path.is_file():
        raise DataError(f"{name}: {place} holds no rows; expected a file of rows, or a folder with {ROWS}")
    digest, count = _scanned(path)
    if samples > count:
        raise DataError(
            f"{name}: {samples} samples asked for, {count} rows are there; ask for at most {count}, of every set alike"
        )
    chosen = set(random.Random(f"des/{seed}/{digest}").sample(range(count), samples))
    with open(path, encoding="utf-8") as file:
        rows = [Row(**json.loads(line)) for place_of, line in enumerate(file) if place_of in chosen]
    return Sample(
        digest=digest,
        rows=count,
        texts=tuple(text_of(row, text) for row in rows),
        languages=tuple(row.language for row in rows),
    )


def text_of(row: Row, text: DesText) -> str:
    """What of a row is embedded."""
    if text == "instruction":
        return row.instruction
    return "\n".join(part for part in (row.system, row.instruction, row.input, row.output) if part)


def _scanned(path: Path) -> tuple[str, int]:
    """(sha256, lines) of a file of rows."""
    whole, count = hashlib.sha256(), 0
    with open(path, "rb") as file:
        for line in file:
            whole.update(line)
            count += 1
    return whole.hexdigest(), count
