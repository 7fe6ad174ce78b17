"""Rows to look at of what only a worker's libraries can read: Parquet, and sets of the hub.

Those libraries are large, and the control plane is not: a process of its own reads the rows (`head_process`), where
they are installed, and ends.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cftray.data.looked import Looked
from cftray.data.rows import Row
from cftray.errors import DataError, InfraError
from cftray.plan.stages import Leaf, RowsSource

TIMEOUT_S = 90.0
LACKING = "lacking"
"""What the process says instead of rows where a package is not there."""
WRONG = "wrong"
"""What it says where the data can't be read."""


def rows_of_files(source: RowsSource, files: Sequence[Path], limit: int) -> Looked:
    """At most `limit` rows of local files. Raises as `rows`."""
    return _asked({"files": [str(path) for path in files]}, source, limit)


def rows(source: RowsSource, leaf: Leaf, limit: int) -> Looked:
    """The first rows of a set of the hub, `limit` at most.

    Raises DataError where they can't be read, or a package for it is not installed here; InfraError where the process
    dies or takes too long.
    """
    hub = {"name": leaf.location, "revision": leaf.revision, "patterns": list(leaf.patterns)}
    return _asked({"hub": hub}, source, limit)


def _asked(what: Mapping[str, Any], source: RowsSource, limit: int) -> Looked:
    request = {**what, "source": source.model_dump(mode="json"), "limit": limit}
    command = [sys.executable, "-m", "cftray.data.head_process"]
    try:
        done = subprocess.run(
            command, input=json.dumps(request), capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        told = f"the first rows took more than {TIMEOUT_S:.0f} s to read; plan without a preview"
        raise InfraError(told) from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InfraError(f"the process that reads the data's first rows died with {done.returncode}: {last[:300]}")
    return _looked(json.loads(done.stdout))


def _looked(answer: dict[str, Any]) -> Looked:
    if LACKING in answer:
        raise DataError(
            f"reading it takes {answer[LACKING]}, which is not installed where the API runs; install cftray[worker] "
            "there, or plan without a preview: a worker reads it"
        )
    if WRONG in answer:
        raise DataError(str(answer[WRONG]))
    found = [Row(**row) for row in answer.pop("rows")]
    return Looked(rows=found, **answer)
