"""The stage that reads a data set into rows.

Records stream from file to file; only where rows are drawn is there a second pass over what was read.
"""

from __future__ import annotations

import collections
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cftray.data.adapters import iterate_rows, write_rows
from cftray.data.reading.hub import hub_rows
from cftray.data.reading.languages import Check, Findings, detect
from cftray.data.reading.parquet import parquet
from cftray.data.reading.reader import KINDS, Reader
from cftray.data.reading.records import TEXT
from cftray.data.reading.sampling import drawn, draws
from cftray.data.rows import Row
from cftray.data.sources import META, ROWS
from cftray.errors import DataError
from cftray.plan.data_stages import ReadRowsConfig
from cftray.stage import Artifact, Progress, StageContext
from cftray.store.atomic import write_atomic
from cftray.store.files import locate_files

CHECK_EVERY = 10_000
FORMATS = {**TEXT, "parquet": parquet}


@dataclass(slots=True)
class Content:
    """What the rows that are used say, whatever their files are called."""

    rows: int = 0
    languages: collections.Counter[str] = field(default_factory=collections.Counter)
    whole: Any = field(default_factory=hashlib.sha256)

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows as they come."""
        for row in rows:
            self.rows += 1
            self.languages[row.language] += 1
            said = [row.language, row.system, row.instruction, row.input, row.output]
            self.whole.update(json.dumps(said, ensure_ascii=False).encode() + b"\n")
            yield row


def run(config: ReadRowsConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Input: `files`. Output `rows`: a folder with `rows.jsonl`, and `meta.json` with how many `records` there were.

    Raises DataError where a rule refuses a record or the set, or too few rows are there.
    """
    source = config.source
    reader = Reader(source, FORMATS)
    content, check = Content(), Check(seed=source.sample_seed)
    folder = context.folder / "rows"
    folder.mkdir()
    rows = _told(check.watch(read(reader, inputs["files"])), reader, context)
    if draws(source):
        everything = context.folder / "all.jsonl"
        write_rows(everything, rows)
        chosen = drawn(source, [row.language for row in iterate_rows(everything)])
        write_rows(folder / ROWS, content.watch(_at(iterate_rows(everything), chosen)))
        everything.unlink()
    else:
        write_rows(folder / ROWS, content.watch(rows))
    if not content.rows:
        raise DataError(f"none of {reader.tally.records} records is in a language of languages.among")
    findings = _checked(reader, check)
    write_atomic(folder / META, json.dumps({"records": reader.tally.records}))
    return Artifact(
        outputs={"rows": folder},
        metrics=_metrics(reader, content, check, findings),
        details=_details(reader, content, findings),
    )


def read(reader: Reader, place: Path) -> Iterator[Row]:
    """Rows of files, or of a hub's set, each with its language, before any are drawn.

    Raises DataError where a rule refuses, something can't be read, or nothing is left.
    """
    source, languages = reader.source, reader.source.languages
    on_hub = source.split is not None
    rows = hub_rows(reader, place, str(source.split)) if on_hub else reader.rows(locate_files(str(place)))
    if languages is None or languages.by != "detection":
        yield from rows
        return
    for row in detect(rows, languages.among):
        if row.language in languages.among:
            yield row
        else:
            reader.tally.note("not_among", f"row {row.id}")


def _told(rows: Iterator[Row], reader: Reader, context: StageContext) -> Iterator[Row]:
    for number, row in enumerate(rows, 1):
        if number % CHECK_EVERY == 0:
            context.raise_if_stopped()
            context.report(_read_so_far(reader))
        yield row
    context.report(_read_so_far(reader))


def _read_so_far(reader: Reader) -> Progress:
    """How many there are in all nobody knows before the end."""
    records = reader.tally.records
    return Progress(step=records, total=records, unit="records")


def _at(rows: Iterator[Row], places: Sequence[int]) -> Iterator[Row]:
    """Rows at ascending places."""
    wanted = iter(places)
    place = next(wanted, None)
    for number, row in enumerate(rows):
        if number == place:
            yield row
            place = next(wanted, None)


def _checked(reader: Reader, check: Check) -> Findings:
    rules, languages = reader.source.rules, reader.source.languages
    if rules.languages == "ignore" or (languages is not None and languages.by == "detection"):
        return Findings(checked=0, other=())
    findings = check.findings()
    findings.raise_if_beyond(rules.max_other_language)
    return findings


def _metrics(reader: Reader, content: Content, check: Check, findings: Findings) -> dict[str, float]:
    return {
        "records": reader.tally.records,
        "rows": content.rows,
        "not_drawn": check.seen - content.rows,
        **{kind: reader.tally.counts[kind] for kind in KINDS},
        "language_checked": findings.checked,
        "other_language": len(findings.other),
    }


def _details(reader: Reader, content: Content, findings: Findings) -> dict[str, Any]:
    return {
        "digest": content.whole.hexdigest(),
        "languages": dict(sorted(content.languages.items())),
        "places": reader.tally.places,
        "other_language": [
            {"row": identity, "language": borne, "found": found} for identity, borne, found in findings.other[:10]
        ],
    }
