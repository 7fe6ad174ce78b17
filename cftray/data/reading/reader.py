"""Records become rows under the spec's rules; what is left out, and why, is counted and placed.

A row's id is its own where the adapter knows one, else its number among all records, so that it
depends on the content and not on names of files; an id that comes again gets the number behind it.
"""

from __future__ import annotations

import collections
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from cftray.data.adapters import ABSENT, BadRecord, Draft, adapter_of
from cftray.data.adapters import field as field_of
from cftray.data.reading.records import TEXT, Formats, Numbered, records_of
from cftray.data.rows import Row
from cftray.errors import DataError
from cftray.plan.data_stages import RowsSource
from cftray.spec.data import Alignment
from cftray.spec.languages import language_of
from cftray.store.files import telling_name

UNKNOWN = "und"
PLACES = 5
"""How many places of each kind are kept."""

KINDS = ("bad_lines", "empty", "duplicates", "more_turns", "not_among", "null_input", "repeated_ids")
"""What is counted. Only the first five can be a reason to leave a record out."""

KINDS_SAID = {
    "bad_lines": "bad",
    "empty": "without instruction or response",
    "more_turns": "of more than one exchange",
    "not_among": "of languages not asked for",
}
"""What can leave no row at all, as messages say it."""

CODE = re.compile(r"[a-z]{2,3}")
REGION = re.compile(r"[A-Z]{2}")
PARTS = re.compile(r"[._\-/]")


@dataclass(slots=True)
class Tally:
    """What became of the records so far."""

    records: int = 0
    rows: int = 0
    counts: collections.Counter[str] = field(default_factory=collections.Counter)
    places: dict[str, list[str]] = field(default_factory=dict)

    def note(self, kind: str, place: str) -> None:
        """One of a kind at a place."""
        self.counts[kind] += 1
        found = self.places.setdefault(kind, [])
        if len(found) < PLACES:
            found.append(place)


class Reader:
    """One reading of a data set. `tally` is complete once the rows are used up."""

    def __init__(self, source: RowsSource, formats: Formats = TEXT) -> None:
        self.source = source
        self.formats = formats
        self.tally = Tally()
        self._adapt = adapter_of(source.adapter, source.columns)
        self._seen: set[bytes] = set()
        self._ids: set[str] = set()
        self._unseen = _named(source)
        languages = source.languages
        self._among = languages.among if languages is not None and languages.by != "detection" else ()

    def rows(self, files: Sequence[Path]) -> Iterator[Row]:
        """Rows in the order of files and records.

        Raises DataError where a rule refuses, a file can't be read, or nothing is left.
        """
        for path in files:
            language, records = self._of_file(path), records_of(path, self.formats)
            if self._told_by_files() and self._among and language not in self._among:
                self._pass_over(path.name, language, records)
            else:
                yield from self._rows(path.name, language, records)
        self.finish(", ".join(path.name for path in files[:3]) + (", …" if len(files) > 3 else ""))

    def rows_of(self, name: str, records: Iterable[Numbered]) -> Iterator[Row]:
        """Rows of records that lie in no file; `name` stands for it in messages."""
        yield from self._rows(name, self.source.language, records)
        self.finish(name)

    def finish(self, name: str) -> None:
        """Raises DataError where too much was left out."""
        tally, rules = self.tally, self.source.rules
        bad = tally.counts["bad_lines"]
        if bad > rules.max_bad_share * tally.records:
            raise DataError(
                f"{bad} of {tally.records} records are bad, the first at {tally.places['bad_lines'][0]}; "
                f"rules.max_bad_share allows {rules.max_bad_share:g}"
            )
        if not tally.rows:
            why = ", ".join(f"{tally.counts[kind]} {KINDS_SAID[kind]}" for kind in KINDS_SAID if tally.counts[kind])
            raise DataError(
                f"{name}: no usable row in {tally.records} records{f' ({why})' if why else ''}; "
                "expected instructions and responses"
            )
        if self._unseen:
            fields = " or ".join(sorted(self._unseen))
            raise DataError(f"{name}: no record has a field {fields}; check the names that the spec gives")

    def _rows(self, name: str, language: str, records: Iterable[Numbered]) -> Iterator[Row]:
        for unit, number, record in records:
            self.tally.records += 1
            place = f"{name}, {unit} {number}"
            try:
                row = self._row(record, language, place)
            except BadRecord as error:
                self._judge("bad_lines", self.source.rules.bad_lines, place, str(error))
                continue
            if row is not None:
                self.tally.rows += 1
                yield row

    def _pass_over(self, name: str, language: str, records: Iterable[Numbered]) -> None:
        """Count a file in a language that was not asked for, whatever its records are."""
        for unit, number, _ in records:
            self.tally.records += 1
            self.tally.note("not_among", f"{name}, {unit} {number} ({language})")

    def _row(self, record: object, language: str, place: str) -> Row | None:
        draft = self._adapt(record)
        if self._unseen:
            self._unseen = {name for name in self._unseen if field_of(record, name) is ABSENT}
        language = self._language(record, draft, language)
        shared = self._shared(record, place)
        if self._left_out(draft, language, place):
            return None
        if draft.null_input:
            self.tally.note("null_input", place)
        english = self.source.english
        return Row(
            id=shared if english and shared is not None else self._identity(draft, place),
            instruction=draft.instruction,
            input=draft.input,
            output=draft.output,
            system=draft.system,
            language=language,
            english_id=None if english else shared,
        )

    def _left_out(self, draft: Draft, language: str, place: str) -> bool:
        rules = self.source.rules
        if not draft.instruction or not draft.output:
            missing = "instruction" if not draft.instruction else "response"
            return self._judge("empty", rules.empty, place, f"has no {missing}")
        if self._among and language not in self._among:
            self.tally.note("not_among", f"{place} ({language})")
            return True
        if draft.more_turns and self._judge("more_turns", rules.more_turns, place, "has more than one exchange"):
            return True
        content = "\0".join((draft.system, draft.instruction, draft.input, draft.output)).encode()
        digest = hashlib.blake2b(content, digest_size=10).digest()
        if digest not in self._seen:
            self._seen.add(digest)
            return False
        return self._judge("duplicates", rules.duplicates, place, "says word for word what a record before it says")

    def _judge(self, kind: str, rule: str, place: str, why: str) -> bool:
        """Count one of a kind; whether it is left out. Raises DataError where the rule refuses it."""
        if rule == "refuse":
            raise DataError(f"{place}: {why}; mend it, or let rules.{kind} leave it out")
        self.tally.note(kind, f"{place}: {why}" if kind == "bad_lines" else place)
        return rule == "drop"

    def _shared(self, record: object, place: str) -> str | None:
        """What the row shares with its English counterpart."""
        match self.source.align:
            case Alignment.LINE:
                return str(self.tally.records)
            case Alignment.ID:
                value = field_of(record, self.source.key or "id")
                if isinstance(value, float) and value.is_integer():
                    value = int(value)  # what becomes of whole numbers in a column with gaps
                if not isinstance(value, str | int) or value == "":
                    raise DataError(
                        f"{place}: has no {self.source.key}; alignment by id needs it in every record of both sets"
                    )
                return str(value)
            case Alignment.NONE:
                return None

    def _identity(self, draft: Draft, place: str) -> str:
        number = str(self.tally.records)
        if draft.id is None and not self._ids:
            return number
        own = draft.id or number
        if own in self._ids:
            self.tally.note("repeated_ids", place)
            own = f"{own}~{number}"
        self._ids.add(own)
        return own

    def _language(self, record: object, draft: Draft, language: str) -> str:
        languages = self.source.languages
        if languages is not None and languages.by == "detection":
            return UNKNOWN
        found = draft.language
        if languages is not None and languages.column is not None:
            value = field_of(record, languages.column)
            found = value if isinstance(value, str) else None
        elif self.source.columns is None or self.source.columns.language is None:
            return language
        return UNKNOWN if not found else code_of(found)

    def _told_by_files(self) -> bool:
        return self.source.languages is not None and self.source.languages.by == "file"

    def _of_file(self, path: Path) -> str:
        languages = self.source.languages
        if languages is None or not self._told_by_files():
            return self.source.language
        found = language_of_name(path, languages.among)
        if found is None:
            known = f" of {', '.join(languages.among)}" if languages.among else ""
            raise DataError(
                f"{path.name}: its name tells no language code{known}; expected such as es.jsonl or es/…, "
                "or the code in languages.among"
            )
        return found


def code_of(value: str) -> str:
    """`en` from `en`, `EN`, `en-US` or `en_US`. Raises BadRecord where it is no code."""
    code = re.split(r"[-_]", value.strip().lower(), maxsplit=1)[0]
    if not CODE.fullmatch(code):
        raise BadRecord(f"has the language {value[:40]!r}; expected an ISO 639 code such as en")
    return code


def language_of_name(path: Path, among: Sequence[str]) -> str | None:
    """The last code in a file's name, or the code at the end of the names of the folders that can tell it.

    Codes of `among` go before all others: `my-rows.jsonl` in `es` is Spanish where es is among them. Others
    are those of languages that CFTRay can name, so that `train-00000-of-00002` tells none.
    """
    *folders, name = telling_name(PurePosixPath(path.as_posix())).split("/")
    own = _codes(name.removesuffix(".gz").rpartition(".")[0])
    ends = [part for folder in reversed(folders) for part in _codes(folder)[:1]]
    found = [*own, *ends]
    for part in found:
        if part in among:
            return part
    return next((part for part in found if language_of(part) is not None), None)


def _codes(name: str) -> list[str]:
    """Parts of a name in small letters, the last first; the region behind a language (`pt-BR`) is none of them."""
    parts = PARTS.split(name)
    kept = [
        part.lower()
        for before, part in zip(["", *parts], parts, strict=False)
        if not (REGION.fullmatch(part) and before.islower() and language_of(before) is not None)
    ]
    return kept[::-1]


def _named(source: RowsSource) -> set[str]:
    """Fields that the spec names itself, each of which must occur."""
    columns, languages = source.columns, source.languages
    own = {columns.input, columns.system, columns.language, columns.id} if columns is not None else set()
    return {name for name in (*own, languages.column if languages is not None else None) if name is not None}
