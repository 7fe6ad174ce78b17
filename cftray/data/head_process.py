"""`python -m cftray.data.head_process`: a request as JSON on stdin, rows to look at as JSON on stdout.

Runs for `head`, wherever a worker's libraries are installed.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cftray.data.head import LACKING, WRONG
from cftray.data.looked import Looked, look
from cftray.data.reading.hub import hub_files, hub_records
from cftray.data.reading.reader import Reader
from cftray.data.reading.stage import FORMATS
from cftray.errors import CFTRayError
from cftray.plan.stages import RowsSource
from cftray.store.hub import fetch


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """The rows and how they were come by, or what is `lacking` or `wrong`."""
    try:
        return asdict(_looked(request))
    except ModuleNotFoundError as error:
        return {LACKING: error.name}
    except CFTRayError as error:
        return {WRONG: error.message}


def _looked(request: Mapping[str, Any]) -> Looked:
    reader, limit = Reader(RowsSource.model_validate(request["source"]), FORMATS), request["limit"]
    if "files" in request:
        return look(reader, [Path(one) for one in request["files"]], limit)
    hub = request["hub"]
    if hub["patterns"]:
        folder = fetch(hub["name"], hub["revision"], hub["patterns"], kind="dataset")
        return look(reader, hub_files(folder, hub["patterns"]), limit)
    source = reader.source
    records = hub_records(hub["name"], source.config, str(source.split), hub["revision"])
    rows = list(itertools.islice(reader.rows_of(hub["name"], records), limit))
    return Looked(rows=rows, out_of=None, choice="first", empty=reader.tally.counts["empty"])


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        told = answer(json.load(sys.stdin))
    sys.stdout.write(json.dumps(told, ensure_ascii=False))
