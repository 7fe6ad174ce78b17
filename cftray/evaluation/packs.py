"""Task packs by name: their tasks, where lm-eval finds them, and the digest of it all.

Imports nothing heavy: whoever plans an experiment needs the digest.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from cftray.errors import InternalError, nearest
from cftray.evaluation.paper import pack as paper_pack
from cftray.evaluation.paper.hub import leaves
from cftray.mini import pack as mini_pack
from cftray.plan.packs import Pack


def find_pack(name: str) -> Pack:
    """The pack of that name. Raises InternalError where there is none."""
    if name not in PACKS:
        raise InternalError(f"task pack {name}: not known; {nearest(name, PACKS)}")
    return PACKS[name]()


@functools.cache
def _mini() -> Pack:
    """Made once, as the paper's is."""
    return Pack(
        name="mini",
        version=mini_pack.PACK_VERSION,
        digest=mini_pack.digest(),
        tasks=tuple(mini_pack.TASKS),
        include_path=Path(mini_pack.__file__).parent / "tasks",
    )


@functools.cache
def _paper() -> Pack:
    """Made once: its digests read some forty files, and a matrix plans a thousand experiments."""
    return Pack(
        name="paper",
        version=paper_pack.PACK_VERSION,
        digest=paper_pack.digest(),
        tasks=paper_pack.TASKS,
        include_path=paper_pack.TASKS_FOLDER,
        hub=leaves(),
        task_digests={one.task: paper_pack.task_digest(one.task) for one in paper_pack.TASKS},
    )


PACKS: Final[Mapping[str, Callable[[], Pack]]] = {"mini": _mini, "paper": _paper}


def find_planned(name: str, digest: str) -> Pack:
    """As `find_pack`. Raises InternalError where the pack is not the one that was planned."""
    pack = find_pack(name)
    if pack.digest != digest:
        raise InternalError(
            f"task pack {pack.name} is not the one that was planned: its digest here is {pack.digest}, planned was "
            f"{digest}; plan the experiment anew"
        )
    return pack
