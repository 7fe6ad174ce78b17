"""Task packs by name: their tasks, where lm-eval finds them, and the digest of it all.

Imports nothing heavy: whoever plans an experiment needs the digest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cftray.errors import InternalError, nearest
from cftray.mini import pack as mini_pack
from cftray.mini.pack import PackTask


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """lm-eval tasks and what they stand for. `digest` covers task files, data and versions."""

    name: str
    version: int
    digest: str
    tasks: tuple[PackTask, ...]
    include_path: Path

    def of_suites(self, suites: Iterable[str]) -> tuple[PackTask, ...]:
        """The pack's tasks that belong to one of `suites`, in the pack's order."""
        wanted = set(suites)
        return tuple(task for task in self.tasks if task.suite in wanted)


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


def pack_digest(name: str) -> str:
    """The content digest of the pack of that name."""
    return find_pack(name).digest
