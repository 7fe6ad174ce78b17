"""A text as pieces: some are translated, the others stay, and joined they are the text.

Lines, their indentation and what opens them (bullets, numbers, headings, quotation signs) stay, so that lists and
paragraphs come out as they went in. A line is cut into sentences for models that see one at a time, a sentence
that is longer than the model's window at its clauses, and where even that is not enough between words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cftray.translation.spans import blocks, has_prose, inline

Fits = Callable[[str], bool]
"""Whether a text is short enough for the translator."""


class Unit(StrEnum):
    """How much a translator is given at once."""

    SENTENCE = "sentence"
    LINE = "line"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Part of a text; `escaped`: it stands in a JSON string."""

    text: str
    translate: bool
    escaped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """How texts are cut. `around`: at protected spans too, so that no marker is needed."""

    unit: Unit
    fits: Fits
    around: bool = False
    named: Collection[str] = ()


_OPENER: Final = re.compile(r"\s*(?:(?:[-*+•·–>]|#{1,6}|\(?\d{1,3}[.):]|\(?[A-Za-z][.)])\s+)*(?:\|\s*)?")
_END: Final = re.compile(r"(?<=[.!?…])[\"'”’)\]]*(\s+)(?=\S)|(?<=[。！？])[」』”’）]*()(?=\S)")
_ABBREVIATION: Final = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|vs|etc|e\.g|i\.e|cf|approx|No|Fig|Vol|pp?|Inc|Ltd|Co|a\.m|p\.m)|\b[A-Z])\.$"
)
_CLAUSE: Final = re.compile(r"(?<=[;:,—–])\s+|(?<=[；：，、])")
_JSON_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"(\s*:)?')


def pieces(text: str, cutting: Cutting) -> list[Piece]:
    """The pieces of one field of a row."""
    if _is_json(text):
        return list(_json_pieces(text, cutting))
    found: list[Piece] = []
    for part, stays in blocks(text):
        if stays:
            found.append(Piece(text=part, translate=False))
        elif cutting.unit is Unit.TEXT and not cutting.around:
            found += _margins(part)
        else:
            for line in part.splitlines(keepends=True):
                found += _line(line, cutting)
    return found


def sentences(text: str) -> list[tuple[str, str]]:
    """(sentence, white space after it) in order."""
    found, start = [], 0
    for end in _END.finditer(text):
        before = text[start : end.start(end.lastindex or 0)]
        if _ABBREVIATION.search(before) or (before.endswith(("...", "…")) and text[end.end()].islower()):
            continue
        found.append((before, end.group(end.lastindex or 0)))
        start = end.end()
    return [*found, (text[start:], "")]


def fitting(sentence: str, fits: Fits) -> Iterator[str]:
    """A sentence in parts that fit, cut at clauses, then between words, then anywhere."""
    if fits(sentence) or len(sentence) < 2:
        yield sentence
        return
    for cuts in (_CLAUSE, re.compile(r"\s+")):
        places = [one.end() for one in cuts.finditer(sentence) if 0 < one.end() < len(sentence)]
        if places:
            middle = min(places, key=lambda place: abs(place - len(sentence) / 2))
            break
    else:
        middle = len(sentence) // 2
    yield from fitting(sentence[:middle], fits)
    yield from fitting(sentence[middle:], fits)


def skeleton(text: str) -> list[str]:
    """What opens each line outside blocks: equal for a text and its translation."""
    lines = [line for part, stays in blocks(text) if not stays for line in part.splitlines()]
    return [_opener(line) if line.strip() else "" for line in lines]


def _line(line: str, cutting: Cutting) -> Iterator[Piece]:
    opener = _opener(line)
    rest = line[len(opener) :]
    content = rest.rstrip()
    yield from _staying(opener)
    for sentence, space in sentences(content) if cutting.unit is Unit.SENTENCE else [(content, "")]:
        for part in fitting(sentence, cutting.fits):
            yield from _around(part, cutting) if cutting.around else _margins(part)
        yield from _staying(space)
    yield from _staying(rest[len(content) :])


def _around(text: str, cutting: Cutting) -> Iterator[Piece]:
    last = 0
    for span in inline(text, cutting.named, whole_numbers=True):
        yield from _margins(text[last : span.start])
        yield from _staying(text[span.start : span.end])
        last = span.end
    yield from _margins(text[last:])


def _margins(text: str) -> Iterator[Piece]:
    """White space at either end stays, and so does a text without a word."""
    content = text.strip()
    if not has_prose(content):
        yield from _staying(text)
        return
    start = text.index(content)
    yield from _staying(text[:start])
    yield Piece(text=content, translate=True)
    yield from _staying(text[start + len(content) :])


def _staying(text: str) -> Iterator[Piece]:
    if text:
        yield Piece(text=text, translate=False)


def _opener(line: str) -> str:
    found = _OPENER.match(line)
    return found.group() if found is not None else ""


def _is_json(text: str) -> bool:
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        return isinstance(json.loads(text), dict | list)
    except ValueError:
        return False


def _json_pieces(text: str, cutting: Cutting) -> Iterator[Piece]:
    """A JSON document: keys and everything but the words of its strings stay."""
    last = 0
    for found in _JSON_STRING.finditer(text):
        if found.group(2) is not None:
            continue
        yield from _staying(text[last : found.start(1)])
        value = json.loads(f'"{found.group(1)}"')
        for line in value.splitlines(keepends=True):
            for piece in _line(line, cutting):
                yield Piece(text=piece.text, translate=piece.translate, escaped=True)
        last = found.end(1)
    yield from _staying(text[last:])
