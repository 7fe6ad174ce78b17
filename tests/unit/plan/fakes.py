"""What plans are built with where the tasks don't matter."""

from __future__ import annotations

from pathlib import Path

from cftray.plan import Pack


def toy_pack(name: str) -> Pack:
    """A pack without tasks, whose digest is told by its name."""
    return Pack(name=name, version=1, digest=f"digest of {name}", tasks=(), include_path=Path())
