"""Task packs by name: their tasks, where lm-eval finds them, and the digest of it all.

Imports nothing heavy: whoever plans an experiment needs the digest.
"""

from __future__ import annotations

from pathlib import Path

from cftray.errors import InternalError, nearest
from cftray.mini import pack as mini_pack
from cftray.plan.packs import Pack


def find_pack(name: str) -> Pack:
    """The pack of that name. Raises InternalError where there is none."""
    if name != "mini":
        raise InternalError(f"task pack {name}: not known; {nearest(name, ['mini'])}")
    return Pack(
        name=name,
        version=mini_pack.PACK_VERSION,
        digest=mini_pack.digest(),
        tasks=tuple(mini_pack.TASKS),
        include_path=Path(mini_pack.__file__).parent / "tasks",
    )


def find_planned(name: str, digest: str) -> Pack:
    """As `find_pack`. Raises InternalError where the pack is not the one that was planned."""
    pack = find_pack(name)
    if pack.digest != digest:
        raise InternalError(
            f"task pack {pack.name} is not the one that was planned: its digest here is {pack.digest}, planned was "
            f"{digest}; plan the experiment anew"
        )
    return pack
