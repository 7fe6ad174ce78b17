"""A step's samples, split over ranks and laid end to end into micro-batches.

The split is execution: it decides where and in what portions a step is computed, never what is
summed. Within a micro-batch samples lie longest first, so that attention can take neighbours of
similar length together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cftray.data.tokenized import TokenizedData


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroBatch:
    """Samples end to end, T tokens in all, S of them predict a supervised token.

    `positions` index the T tokens; the token at `positions[i]` predicts `targets[i]`, the next token
    of the same sample. `empty` marks a stand-in that a rank computes only to keep step with the
    others: its loss counts nothing.
    """

    input_ids: np.ndarray
    """int64 (T,)"""
    position_ids: np.ndarray
    """int64 (T,), from 0 in each sample"""
    boundaries: np.ndarray
    """int32 (samples + 1,): cumulative lengths"""
    positions: np.ndarray
    """int64 (S,)"""
    targets: np.ndarray
    """int64 (S,)"""
    empty: bool = False


def split_over_ranks(samples: np.ndarray, lengths: np.ndarray, ranks: int) -> list[np.ndarray]:
    """The samples of each rank, longest first: each goes to the rank with the fewest tokens so far.

    `lengths` are those of all samples of the data, (n,). Deterministic: ties go by place in the step,
    then by rank. A rank gets nothing where there are fewer samples than ranks.
    """
    ordered = samples[np.argsort(-lengths[samples], kind="stable")]
    loads: np.ndarray = np.zeros(ranks, dtype=np.int64)
    shares: list[list[int]] = [[] for _ in range(ranks)]
    for sample in ordered:
        rank = int(np.argmin(loads))
        shares[rank].append(int(sample))
        loads[rank] += lengths[sample]
    return [np.asarray(share, dtype=np.int64) for share in shares]


def portions(samples: np.ndarray, lengths: np.ndarray, bound: int) -> list[list[int]]:
    """Consecutive samples together while they hold at most `bound` tokens; a longer one goes alone."""
    parts: list[list[int]] = []
    held = bound
    for sample in samples:
        length = int(lengths[sample])
        if not parts or held + length > bound:
            parts.append([])
            held = 0
        parts[-1].append(int(sample))
        held += length
    return parts


def micro_batches(
    data: TokenizedData, samples: np.ndarray, lengths: np.ndarray, *, rank: int, ranks: int, bound: int
) -> list[MicroBatch]:
    """What `rank` computes of a step: as many micro-batches as the rank that needs most of them."""
    shares = split_over_ranks(samples, lengths, ranks)
    count = max(len(portions(share, lengths, bound)) for share in shares)
    laid = [lay(data, part) for part in portions(shares[rank], lengths, bound)]
    return laid + [_stand_in(data)] * (count - len(laid))


def lay(data: TokenizedData, samples: Sequence[int]) -> MicroBatch:
    """Samples end to end; a target is a supervised token that has a token of its own sample before it."""
    parts = [data.tokens(sample) for sample in samples]
    tokens = np.concatenate(parts).astype(np.int64)
    marks = np.concatenate([data.supervised(sample) for sample in samples])
    lengths = np.asarray([len(part) for part in parts])
    boundaries: np.ndarray = np.zeros(len(parts) + 1, dtype=np.int32)
    np.cumsum(lengths, out=boundaries[1:])
    marks[boundaries[:-1]] = 0
    targets = np.flatnonzero(marks)
    return MicroBatch(
        input_ids=tokens,
        position_ids=np.arange(len(tokens)) - np.repeat(boundaries[:-1].astype(np.int64), lengths),
        boundaries=boundaries,
        positions=targets - 1,
        targets=tokens[targets],
    )


def _stand_in(data: TokenizedData) -> MicroBatch:
    return MicroBatch(
        input_ids=data.tokens(0)[:1].astype(np.int64),
        position_ids=np.zeros(1, dtype=np.int64),
        boundaries=np.asarray([0, 1], dtype=np.int32),
        positions=np.zeros(0, dtype=np.int64),
        targets=np.zeros(0, dtype=np.int64),
        empty=True,
    )
