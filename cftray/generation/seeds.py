"""A seed of its own for each row, so that what it draws depends on no other."""

from __future__ import annotations

import hashlib


def row_seed(seed: int, identifier: str) -> int:
    """63 bits of a hash over the replica's seed and the row's id."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{identifier}".encode()).digest()[:8], "big") >> 1
