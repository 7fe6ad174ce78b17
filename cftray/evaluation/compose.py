"""Batches of one task's requests, composed once from all of them.

Longest sequences come first, so that the last batches to run are the short ones and memory runs out at the
start or not at all. Continuations of one context that differ in their last token alone are read off the
same logits (lm-eval's logits cache): they are one sequence, and stay together.

A batch of `size` sequences has room for `size` times `TYPICAL` tokens, padding and answers among them: where sequences
are longer it holds fewer, where they are shorter more, so that one size fits a benchmark of questions and one of
newspaper articles.
"""

from __future__ import annotations

from collections.abc import Sequence

from cftray.evaluation.requests import BatchShape, Request

TYPICAL = 512
"""Tokens of a sequence up to which a batch holds as many sequences as its size says."""

WIDEST = 4
"""How many times its size a batch of short sequences holds at most."""


def compose(requests: Sequence[Request], size: int, answer: int = 0) -> list[list[Request]]:
    """Batches of sequences by length, equal lengths in the requests' order. `answer` is the longest one's in tokens.

    The room that answers take makes no batch smaller than `size`: few of them are of the greatest length.
    """
    sequences: dict[tuple[int, ...], list[Request]] = {}
    for one in requests:
        sequences.setdefault(_key(one), []).append(one)
    ordered = sorted(sequences.values(), key=lambda group: (-length(group[0]), group[0].place))
    batches: list[list[Request]] = []
    start = 0
    while start < len(ordered):
        fit = _fitting(ordered[start][0], size, answer)
        batches.append([one for group in ordered[start : start + fit] for one in group])
        start += fit
    return batches


def _fitting(longest: Request, size: int, answer: int) -> int:
    """Sequences in a batch of which this is the longest."""
    room = size * TYPICAL
    read = max(1, length(longest))
    return max(1, min(size, room // read), min(WIDEST * size, room // (read + answer)))


def shape(batch: Sequence[Request]) -> BatchShape:
    """How much a batch asks."""
    return BatchShape(
        requests=len(batch), sequences=len({_key(one) for one in batch}), length=max(length(one) for one in batch)
    )


def length(request: Request) -> int:
    """Tokens that the model reads for it, those it makes itself apart."""
    return len(request.context) + max(0, len(request.continuation) - 1)


def _key(request: Request) -> tuple[int, ...]:
    """What requests of one sequence have in common; an answer that is generated shares with none."""
    if not request.continuation:
        return (-1, request.place)
    return (*request.context, *request.continuation[:-1])
