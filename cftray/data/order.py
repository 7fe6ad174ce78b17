"""Which samples make which step.

The data of a phase are one stream across its epochs, each epoch a permutation drawn from (seed,
epoch). A step takes the next `global_batch` samples of the stream, or, where the batch counts packs,
the samples of the next `global_batch` packs; only the very last step may be short. None of it
depends on workers, micro-batches or where a run was resumed.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from cftray.spec.hyperparameters import Hyperparameters


class StepOrder(Protocol):
    """`order[k]` are the int64 sample ids of step k, counted from 0."""

    def __len__(self) -> int: ...

    def __getitem__(self, step: int) -> np.ndarray: ...


def permutation(samples: int, seed: int, epoch: int) -> np.ndarray:
    """int64 (samples,): the order of one epoch.

    Sorting raw Philox output, whose values numpy promises to keep, rather than calling
    `Generator.permutation`, whose values it does not.
    """
    bits = np.random.Philox(np.random.SeedSequence([seed, epoch])).random_raw(samples)
    return np.argsort(bits, kind="stable")


def steps_of(lengths: np.ndarray, hyperparameters: Hyperparameters, seed: int) -> StepOrder:
    """The steps of a phase over samples of these lengths."""
    if hyperparameters.batch_unit == "packs":
        return PackedSteps(
            lengths, hyperparameters.epochs, hyperparameters.global_batch, hyperparameters.max_length, seed
        )
    return Steps(len(lengths), hyperparameters.epochs, hyperparameters.global_batch, seed)


class Steps:
    """Steps of exactly `global_batch` samples; holds the permutations of at most two epochs."""

    def __init__(self, samples: int, epochs: int, global_batch: int, seed: int) -> None:
        self.samples = samples
        self.total = samples * epochs
        self.global_batch = global_batch
        self.seed = seed
        self._cached: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return (self.total + self.global_batch - 1) // self.global_batch

    def __getitem__(self, step: int) -> np.ndarray:
        if not 0 <= step < len(self):
            raise IndexError(step)
        start = step * self.global_batch
        end = min(start + self.global_batch, self.total)
        parts = []
        while start < end:
            epoch, offset = divmod(start, self.samples)
            taken = min(end - start, self.samples - offset)
            parts.append(self._epoch(epoch)[offset : offset + taken])
            start += taken
        return np.concatenate(parts)

    def _epoch(self, epoch: int) -> np.ndarray:
        if epoch not in self._cached:
            self._cached = {kept: order for kept, order in self._cached.items() if kept == epoch - 1}
            self._cached[epoch] = permutation(self.samples, self.seed, epoch)
        return self._cached[epoch]


class PackedSteps:
    """Steps of `global_batch` packs; a pack takes the stream's next samples while they fit `max_length`.

    A sample longer than `max_length` is a pack of its own. The boundaries need the whole stream, so
    its order is held: 8 bytes a sample and epoch.
    """

    def __init__(self, lengths: np.ndarray, epochs: int, global_batch: int, max_length: int, seed: int) -> None:
        orders = [permutation(len(lengths), seed, epoch) for epoch in range(epochs)]
        self._stream = np.concatenate(orders)
        ends = np.cumsum(lengths[self._stream])
        bounds, start, laid = [0], 0, 0
        while start < len(self._stream):
            start = max(start + 1, int(np.searchsorted(ends, laid + max_length, side="right")))
            laid = int(ends[start - 1])
            bounds.append(start)
        self._bounds = [*bounds[:-1:global_batch], len(self._stream)]

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def __getitem__(self, step: int) -> np.ndarray:
        if not 0 <= step < len(self):
            raise IndexError(step)
        return self._stream[self._bounds[step] : self._bounds[step + 1]]
