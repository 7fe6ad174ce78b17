"""Names of experiments, evaluations, comparisons and matrices: a prefix and twelve characters that hold 60 random bits.

Order comes from the database's sequence, so an id says nothing about when, or how many.
"""

from __future__ import annotations

import secrets

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
LENGTH = 12
PATTERN = rf"^(exp|ev|sim|swp)_[{ALPHABET}]{{{LENGTH}}}$"


def new_id(prefix: str = "exp") -> str:
    """A name that nothing else has."""
    return f"{prefix}_" + "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
