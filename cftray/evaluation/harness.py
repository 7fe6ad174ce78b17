"""lm-eval with a pack's tasks loaded, in a process sealed from the network."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cftray.evaluation.sealed import sealed
from cftray.plan.packs import Pack, PackTask


@contextmanager
def opened(
    pack: Pack, wanted: Sequence[PackTask], files: Mapping[str, Path], context_length: int, cache: Path
) -> Iterator[dict[str, Any]]:
    """lm-eval's task objects by name. `files` are the benchmarks' by their names; `cache` is gone afterwards.

    Raises what `load_tasks` raises.
    """
    with sealed(cache):
        # Heavy, and reads its settings of the network when it is imported.
        from cftray.evaluation.tasks import load_tasks

        logging.getLogger("lm_eval").setLevel(logging.ERROR)
        yield load_tasks(pack, wanted, context_length, files)
