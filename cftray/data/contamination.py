"""Which items of a benchmark stand in training data: runs of n words that both share.

As in GPT-3's paper (Brown et al., Language Models are Few-Shot Learners, 2020, appendix C) an item is
contaminated where a run of n = 13 of its words stands in a training row, case and punctuation aside; an
item of fewer words is compared whole. In scripts without spaces (Chinese, Japanese, Thai, Lao, Khmer,
Burmese) a character counts as a word.

Runs are 64-bit hashes. Those of the items are held, sorted; training rows stream past them, a batch at a
time, so that memory depends on the benchmarks alone.
"""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from cftray.data.rows import Row

WORDS = 13
EXAMPLES = 3
"""Contaminated items told of each benchmark."""

BASE = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that multiplying by it loses nothing modulo 2^64."""

SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u0900-\u0963\u0966-\u0dff"
"""Marks that belong to the letters before them, which \\w leaves out: Hebrew, Arabic, the scripts of India."""
WORD = re.compile(rf"[{SPACELESS}]|(?:(?![{SPACELESS}_])[\w{MARKS}])+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of a benchmark: the text that a model is asked."""

    benchmark: str
    id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A run of words that an item shares with a training row."""

    item: str
    row: str
    words: str


@dataclass(slots=True)
class Overlap:
    """A benchmark's items: how many, how many of them short (compared whole), how many contaminated."""

    items: int = 0
    short: int = 0
    contaminated: int = 0
    examples: list[Example] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Of the items, those contaminated."""
        return self.contaminated / self.items if self.items else 0.0


class Contamination:
    """The benchmarks' runs of words, past which training rows go."""

    def __init__(self, items: Sequence[Item], n: int = WORDS) -> None:
        self._items = items
        self._hit: np.ndarray = np.zeros(len(items), dtype=bool)
        self._found: dict[str, Overlap] = {}
        runs: dict[int, list[tuple[np.ndarray, int]]] = {}
        for number, item in enumerate(items):
            words = words_of(item.text)
            overlap = self._found.setdefault(item.benchmark, Overlap())
            overlap.items += 1
            overlap.short += len(words) < n
            if words:
                length = min(n, len(words))
                runs.setdefault(length, []).append((np.unique(_runs(_hashes(words), length)), number))
        self._tables = {length: _table(of) for length, of in sorted(runs.items())}

    def see(self, rows: Iterable[Row]) -> None:
        """Look for every item in a batch of rows."""
        batch = list(rows)
        words: list[str] = []
        ends: list[int] = []
        for row in batch:
            words += words_of(f"{row.system}\n{row.instruction}\n{row.input}\n{row.output}")
            words.append("")  # no item has it, so no run that spans two rows is one of an item's
            ends.append(len(words))
        hashes = _hashes(words)
        for length, places in self._matches(hashes):
            for place, number in places:
                row = batch[int(np.searchsorted(ends, place, side="right"))]
                self._tell(number, row, " ".join(words[place : place + length]))

    def found(self) -> dict[str, Overlap]:
        """By benchmark, in the items' order, over all rows seen."""
        return self._found

    def _matches(self, hashes: np.ndarray) -> Iterator[tuple[int, list[tuple[int, int]]]]:
        """(length, (place, item) pairs) of runs that items not hit yet have too."""
        for length, (keys, owners) in self._tables.items():
            runs = _runs(hashes, length)
            at = np.minimum(np.searchsorted(keys, runs), len(keys) - 1)
            places = np.flatnonzero(keys[at] == runs)
            _, firsts = np.unique(runs[places], return_index=True)
            yield length, [
                (int(place), int(number))
                for place in sorted(places[firsts])
                for number in owners[np.searchsorted(keys, runs[place]) : np.searchsorted(keys, runs[place], "right")]
                if not self._hit[number]
            ]

    def _tell(self, number: int, row: Row, words: str) -> None:
        if self._hit[number]:
            return
        self._hit[number] = True
        item = self._items[number]
        overlap = self._found[item.benchmark]
        overlap.contaminated += 1
        if len(overlap.examples) < EXAMPLES:
            overlap.examples.append(Example(item=item.id, row=row.id, words=words))


def words_of(text: str) -> list[str]:
    """Words without case and punctuation."""
    return WORD.findall(unicodedata.normalize("NFC", text).casefold())


@functools.lru_cache(maxsize=1 << 18)
def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")


def _hashes(words: Sequence[str]) -> np.ndarray:
    """uint64 (words,)"""
    return np.fromiter(map(_hash, words), dtype=np.uint64, count=len(words))


def _runs(hashes: np.ndarray, length: int) -> np.ndarray:
    """uint64 (words - length + 1,): Σⱼ wⱼ · BASE^(length - 1 - j) modulo 2^64 of each run; empty if too few."""
    if len(hashes) < length:
        return np.zeros(0, dtype=np.uint64)
    runs = hashes.copy()
    for step in range(1, length):
        runs = runs[:-1] * BASE + hashes[step:]
    return runs


def _table(runs: Sequence[tuple[np.ndarray, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Sorted hashes of runs of one length, and the item that each is of."""
    keys = np.concatenate([of for of, _ in runs])
    owners: np.ndarray = np.repeat([number for _, number in runs], [len(of) for of, _ in runs])
    order = np.argsort(keys, kind="stable")
    return keys[order], owners[order]
