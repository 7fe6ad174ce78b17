"""What must stay as it is when a text is translated.

Blocks are cut out with the lines they fill: fenced code, displayed formulas, and lines that read as code though
nobody fenced them. Within a line spans are replaced by markers, `[0]`, `[1]` …: inline code, formulas, addresses,
placeholders, JSON keys, decimal numbers, and quotations that a task names ("the word 'bank'"). Plain integers are
their own markers, since translators carry digits over: they stay in the text and are only counted.
"""

from __future__ import annotations

import collections
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_BLOCKS: Final = re.compile(
    r"^[ \t]*(?P<fence>```|~~~).*?(?:^[ \t]*(?P=fence)[ \t]*$|\Z)"
    r"|\$\$.+?\$\$|\\\[.+?\\\]|\\begin\{(?P<name>[a-z]+\*?)\}.*?\\end\{(?P=name)\}",
    re.DOTALL | re.MULTILINE,
)

_OPERAND = r"\(?-?(?:\d+(?:[.,]\d+)*[A-Za-z]?|[A-Za-z])(?:\^-?\w+|[²³])?\)?"
_FORMULA = rf"(?<![\w.]){_OPERAND}(?:\s?[-+*/^=<>×÷≤≥]\s?{_OPERAND})+(?![\w(])"

_INLINE: Final = re.compile(
    "|".join(
        (
            r"(?P<code>`+[^`\n]+`+)",
            r"(?P<math>\\\([^\n]+?\\\)|(?<![\\$\w])\$(?![\s\d])[^$\n]*[^\s$]\$(?![\w$])"
            r"|(?<![\\$\w])\$[^$\n]*[\\^_=+][^$\n]*\$(?![\w$]))",
            r"(?P<url>(?:https?|ftp)://[^\s<>\"']*[^\s<>\"'.,;:!?)\]]|www\.[^\s<>\"']*[^\s<>\"'.,;:!?)\]])",
            r"(?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)",
            r"(?P<key>\"[^\"\n]{1,80}\"(?=\s*:\s*[\[{\"\d-]|\s*:\s*(?:true|false|null)))",
            r"(?P<placeholder>\{\{[^{}\n]*\}\}|\$?\{[^{}\n]{0,60}\}|</?[A-Za-z][^<>\n]{0,120}>|\[[^\[\]\n]{1,40}\]"
            r"|%\(\w+\)[sdfr]|%[sdfr](?!\w)|_{2,})",
            rf"(?P<formula>{_FORMULA})",
            r"(?P<number>[$€£¥]\s?\d+(?:[.,]\d+)*|\d+(?:[.,:/]\d+)+%?|\d+%)",
        )
    )
)

_SIGN: Final = re.compile(r"[\d`$\\{<\[%@\"=]|__|www\.|://|\w [-+*/^] \w")
"""A line without any of these has no span."""

_QUOTED = r"\"(?P<a>[^\"\n]{1,200})\"|“(?P<b>[^”\n]{1,200})”|'(?P<c>[^'\n]{1,200})'(?!\w)|‘(?P<d>[^’\n]{1,200})’"
_NAMED: Final = re.compile(
    r"\b(?:words?|phrase|letters?|characters?|string|term|prefix|suffix|acronym|abbreviation|keyword|variable|"
    rf"function|file|command|username|hashtag|code)\s+(?:{_QUOTED})",
    re.IGNORECASE,
)

_INTEGER: Final = re.compile(r"(?<![\w.,])\d+(?![\w]|[.,:/]\d)")
_MARKER: Final = re.compile(r"[\[［【]\s*(\d+)\s*[\]］】]")

_CODE_LINE: Final = re.compile(
    r"^\s*(?:"
    r"(?:async )?def \w+\(.*|class \w+.*[:{]|import [\w.]+.*|from [\w.]+ import .+|#include\b.*|@\w+.*"
    r"|(?:for \w+(?:, ?\w+)* in|while|if|elif|with|except)\b.*[=<>()\[\]!\w]:|(?:else|try|finally):"
    r"|(?:public|private|protected|static|const|let|var|func|fn|void|int|double|float|char|bool|string)\s.*[;{(=].*"
    r"|(?:function|return)\b.*[({;].*|return [\w.\[\]+*/ -]+"
    r"|[\w.\[\]'\"]+(?:, ?\w+)*\s*(?:[-+*/%]|\*\*|:)?=[^=\s]?\s*\S.*"
    r"|[\w.]+\([^)]*\).*[;{]?|\}.*|\{|.*[)\w\"'\]]\s?[;{]"
    r"|(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE|FROM|WHERE|GROUP BY|ORDER BY|JOIN)\b.*"
    r"|</?\w[^>]*>.*</?\w+>|</?\w[^>]*>"
    r")\s*$"
)
_CODE_SIGN: Final = re.compile(
    r"[(){}\[\]=<>]|^\s*(?:import|from|SELECT|FROM|WHERE|GROUP|ORDER|else|try)\b|^\s+return\b",
    re.MULTILINE,
)
_STRONG: Final = re.compile(
    r"^\s*(?:(?:async )?def \w+\(|#include\b|import [\w.]+(?: as \w+)?$|from [\w.]+ import |SELECT\b.*\bFROM\b|print\()"
)
_COMMENT: Final = re.compile(r"^\s*(?:#|//|/\*|\*|--)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A part of a line that stays: where it is and why."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """A text with markers in the place of its spans."""

    text: str
    spans: tuple[str, ...]


def quotations(instruction: str) -> frozenset[str]:
    """What an instruction quotes because it is about these very words, without the quotation marks."""
    return frozenset(next(one for one in found.groups() if one) for found in _NAMED.finditer(instruction))


def blocks(text: str) -> Iterator[tuple[str, bool]]:
    """(part, whether it stays) in order; the parts joined are the text."""
    if _CODE_SIGN.search(text) is None and _BLOCKS.search(text) is None:
        yield text, False
        return
    last = 0
    for found in _BLOCKS.finditer(text):
        yield from _unfenced(text[last : found.start()])
        yield found.group(), True
        last = found.end()
    yield from _unfenced(text[last:])


def inline(text: str, named: Iterable[str] = (), *, whole_numbers: bool = False) -> list[Span]:
    """The spans of a line, in order; `named` are quotations that stay wherever they are quoted.

    `whole_numbers`: plain integers too.
    """
    signed = _INLINE.finditer(text) if _SIGN.search(text) is not None else ()
    found = [Span(start=one.start(), end=one.end(), kind=one.lastgroup or "") for one in signed]
    for words in named:
        pattern = rf"[\"'“‘]{re.escape(words)}[\"'”’]"
        found += [Span(start=one.start(), end=one.end(), kind="quotation") for one in re.finditer(pattern, text)]
    if whole_numbers:
        found += [Span(start=one.start(), end=one.end(), kind="integer") for one in _INTEGER.finditer(text)]
    kept: list[Span] = []
    for span in sorted(found, key=lambda one: (one.start, -one.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept


def protect(text: str, named: Iterable[str] = ()) -> Protected:
    """`text` with a marker for each of its spans."""
    parts, last = [], 0
    spans = inline(text, named)
    for number, span in enumerate(spans):
        parts += [text[last : span.start], f"[{number}]"]
        last = span.end
    return Protected(text="".join([*parts, text[last:]]), spans=tuple(text[one.start : one.end] for one in spans))


def restore(translated: str, protected: Protected) -> str | None:
    """The spans in the place of their markers; None unless each marker is there exactly once."""
    numbers = [int(one) for one in _MARKER.findall(translated)]
    if sorted(numbers) != list(range(len(protected.spans))):
        return None
    return _MARKER.sub(lambda one: protected.spans[int(one.group(1))], translated)


def integers(text: str) -> collections.Counter[int]:
    """The plain integers of a text outside its other spans, in whatever digits they are written."""
    plain = "".join(str(unicodedata.digit(one)) if one.isdigit() and not one.isascii() else one for one in text)
    bare, last = [], 0
    for span in inline(plain):
        bare.append(plain[last : span.start])
        last = span.end
    return collections.Counter(int(one) for one in _INTEGER.findall(" ".join([*bare, plain[last:]])))


def has_prose(text: str) -> bool:
    """Whether anything but spans, digits and signs is in a line."""
    return any(character.isalpha() for character in _MARKER.sub("", protect(text).text))


def prose(text: str) -> str:
    """A text without what stays in it: what a language can be told from."""
    lines = "\n".join(part for part, stays in blocks(text) if not stays)
    return _MARKER.sub(" ", protect(lines).text)


def _unfenced(text: str) -> Iterator[tuple[str, bool]]:
    """Runs of lines that read as code stay; comments and blank lines among them do too."""
    lines = text.splitlines(keepends=True)
    marks = [_reads_as_code(line) for line in lines]
    joined = list(marks)
    for index in range(1, len(lines) - 1):
        filler = not lines[index].strip() or _COMMENT.match(lines[index]) is not None or lines[index][0] in " \t"
        joined[index] = marks[index] or (filler and joined[index - 1] and any(marks[index + 1 : index + 4]))
    for is_code, run in itertools.groupby(range(len(lines)), key=lambda index: joined[index]):
        numbers = list(run)
        part = "".join(lines[index] for index in numbers)
        strong = any(_STRONG.match(lines[index]) for index in numbers)
        yield part, is_code and (strong or sum(marks[index] for index in numbers) > 1)


def _reads_as_code(line: str) -> bool:
    return _CODE_LINE.match(line) is not None and _CODE_SIGN.search(line) is not None
