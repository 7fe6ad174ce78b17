"""Batches of one task's requests, composed once from all of them.

Longest sequences come first, so that the last batches to run are the short ones and memory runs out at the
start or not at all. Continuations of one context that differ in their last token alone are read off the
same logits (lm-eval's logits cache): they are one sequence, and stay together.

A batch of `size` sequences has room for `size` times `TYPICAL` tokens, padding among them: where sequences are
longer it holds fewer, so that one size fits a benchmark of questions and one of newspaper articles.
"""

from __future__ import annotations

from collections.abc import Sequence

from cftray.evaluation.requests import BatchShape, Request

TYPICAL = 512
"""Tokens of a sequence up to which a batch holds as many sequences as its size says."""


def compose(requests: Sequence[Request], size: int) -> list[list[Request]]:
    """Batches of at most `size` sequences, by length, equal lengths in the requests' order."""
    sequences: dict[tuple[int, ...], list[Request]] = {}
    for one in requests:
        sequences.setdefault(_key(one), []).append(one)
    ordered = sorted(sequences.values(), key=lambda group: (-length(group[0]), group[0].place))
    batches: list[list[Request]] = []
    start = 0
    while start < len(ordered):
        fit = max(1, min(size, size * TYPICAL // max(1, length(ordered[start][0]))))
        batches.append([one for group in ordered[start : start + fit] for one in group])
        start += fit
    return batches


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
