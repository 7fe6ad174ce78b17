"""lm-eval with a pack's tasks loaded, in a process sealed from the network."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from cftray.errors import InternalError
from cftray.evaluation.sealed import sealed
from cftray.plan.packs import Pack, PackTask

SOURCES = "cftray.evaluation.paper.sources"
"""The module that tells the tasks of a pack where their benchmarks' files lie."""


@contextmanager
def opened(
    pack: Pack, wanted: Sequence[PackTask], files: Mapping[str, Path], context_length: int, cache: Path
) -> Iterator[dict[str, Any]]:
    """lm-eval's task objects by name. `files` are the benchmarks' by their names; `cache` is gone afterwards.

    Raises what `load_tasks` raises.
    """
    with sealed(cache), _bound(wanted, files):
        # Heavy, and reads its settings of the network when it is imported.
        from cftray.evaluation.tasks import load_tasks

        logging.getLogger("lm_eval").setLevel(logging.ERROR)
        yield load_tasks(pack, wanted, context_length)


def _bound(wanted: Sequence[PackTask], files: Mapping[str, Path]) -> AbstractContextManager[Any]:
    sources = dict.fromkeys(task.source for task in wanted if task.source is not None)
    if not sources:
        return nullcontext()
    absent = [one for one in sources if one not in files]
    if absent:
        raise InternalError(f"files of {', '.join(absent)} are no inputs of this stage")
    bound: AbstractContextManager[Any] = importlib.import_module(SOURCES).bound({one: files[one] for one in sources})
    return bound
