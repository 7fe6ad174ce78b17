"""Σ (w₁ − w₂)² of pairs of tensors that need not fit into memory.

A few threads read pieces of both tensors by position; numpy lets go of the interpreter's lock while it
computes. Differences are exact, squares are added up in float64: within `ROW` numbers by a dot product, over
rows by `math.fsum`, whose sum depends on no order. A row begins at the same number of its tensor whatever
the pieces, files and threads, so none of them changes the last bit.

Memory: each thread holds one piece of each model, 32 MiB together in float32, and a row of small buffers.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np

from cftray.analysis.mpd_files import Stored
from cftray.errors import ModelError

ROW: Final = 8192
"""Numbers of one dot product: under the length from which BLAS shares one out among threads of its own."""
BLOCK: Final = 8 * ROW
"""Numbers widened and subtracted at a time: they stay in a core's cache."""
PIECE: Final = 64 * BLOCK
"""Numbers read at a time (4 Mi: 8 MiB of bfloat16, 16 MiB of float32, of each model)."""
THREADS: Final = 4

Pair = tuple[Stored, Stored]

Told = Callable[[int, int], None]
"""(bytes read so far, bytes in all). What it raises ends the work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Numbers `first` to `first + count` of the pair at `place`."""

    place: int
    first: int
    count: int


def squares_of(pairs: Sequence[Pair], threads: int, told: Told) -> list[float]:
    """Σ (w₁ − w₂)² of each pair of tensors of one shape. Raises ModelError where values are not finite."""
    pieces = _pieces(pairs)
    total, done = sum(pair[0].size * pair_bytes(pair) for pair in pairs), 0
    squares = [0.0] * len(pairs)
    scratch = _Scratch()
    pool = ThreadPoolExecutor(max(1, threads), thread_name_prefix="mpd")
    try:
        found = zip(pieces, pool.map(lambda one: _rows(pairs, one, scratch), pieces), strict=True)
        for place, of_tensor in groupby(found, lambda one: one[0].place):
            rows: list[float] = []
            for piece, some in of_tensor:
                rows += some
                done += piece.count * pair_bytes(pairs[place])
                told(done, total)
            squares[place] = math.fsum(rows)
    finally:
        pool.shutdown(cancel_futures=True)
    return squares


def pair_bytes(pair: Pair) -> int:
    """Bytes of one number in both models."""
    return pair[0].item_bytes + pair[1].item_bytes


def _pieces(pairs: Sequence[Pair]) -> list[_Piece]:
    """In the order in which they lie in the first model's files, a tensor's together."""
    order = sorted(range(len(pairs)), key=lambda place: (pairs[place][0].file.name, pairs[place][0].start, place))
    return [
        _Piece(place=place, first=first, count=min(PIECE, pairs[place][0].size - first))
        for place in order
        for first in range(0, pairs[place][0].size, PIECE)
    ]


class _Scratch(threading.local):
    """Each thread's own memory; grows to what the largest number format needs."""

    def __init__(self) -> None:
        self.raw = [bytearray(), bytearray()]
        self.wide: list[np.ndarray] = [np.zeros((BLOCK, 2), "<u2") for _ in range(2)]
        self.difference = np.empty(BLOCK)

    def buffer(self, which: int, size: int) -> memoryview:
        """`size` bytes or more for one of the two models."""
        if len(self.raw[which]) < size:
            self.raw[which] = bytearray(size)
        return memoryview(self.raw[which])


def _rows(pairs: Sequence[Pair], piece: _Piece, scratch: _Scratch) -> list[float]:
    """Σ (w₁ − w₂)² of each row of a piece."""
    pair = pairs[piece.place]
    one, other = (
        stored.read(piece.first, piece.count, scratch.buffer(which, piece.count * stored.item_bytes))
        for which, stored in enumerate(pair)
    )
    found = [
        row
        for first in range(0, piece.count, BLOCK)
        for row in _block(one[first : first + BLOCK], other[first : first + BLOCK], scratch)
    ]
    if not all(map(math.isfinite, found)):
        raise ModelError(f"{pair[0].name} holds values that are not finite, in one of the two models")
    return found


def _block(one: np.ndarray, other: np.ndarray, scratch: _Scratch) -> Iterator[float]:
    """The same for at most `BLOCK` numbers; the last row may be short."""
    difference = scratch.difference[: len(one)]
    with np.errstate(invalid="ignore"):  # infinities are told by the tensor's name
        np.subtract(
            _widened(one, scratch.wide[0]), _widened(other, scratch.wide[1]), out=difference, dtype=np.float64
        )
    whole = len(difference) // ROW * ROW
    lines = difference[:whole].reshape(-1, ROW)
    yield from np.vecdot(lines, lines).tolist()
    if whole < len(difference):
        yield float(np.vecdot(difference[whole:], difference[whole:]))


def _widened(values: np.ndarray, wide: np.ndarray) -> np.ndarray:
    """The numbers themselves: bfloat16's bits are the upper half of a float32's, whose lower half stays 0."""
    if values.dtype != np.uint16:
        return values
    wide[: len(values), 1] = values
    return wide[: len(values)].view("<f4")[:, 0]
