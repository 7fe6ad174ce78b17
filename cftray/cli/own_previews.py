"""What the service can't show of the data, shown by this machine where the worker's packages are installed."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

Json = Mapping[str, Any]

NEEDED = ("pyarrow", "datasets", "lingua")


def completed(found: Sequence[Json], spec: Path, rows: int) -> Sequence[Json]:
    """The previews, those that the service left open made here if that is possible; else they say why not."""
    if all(phase["seen"] is not None for phase in found) or not all(map(find_spec, NEEDED)):
        return found
    return [phase if phase["seen"] is not None else _made_here(phase, spec, rows) for phase in found]


def _made_here(phase: Json, spec: Path, rows: int) -> Json:
    from cftray.client_documents import document_of
    from cftray.data.looking import Means
    from cftray.data.reading.stage import FORMATS, read
    from cftray.errors import SpecRefused
    from cftray.recipes import spec_from_document
    from cftray.recipes.previews import previews
    from cftray.store import LeafDigests

    asked = spec_from_document(document_of(spec))
    with tempfile.TemporaryDirectory() as fetched:
        means = Means(digests=LeafDigests(Path(fetched)), formats=FORMATS, read=read, everything=True)
        try:
            (made,) = previews(asked, means, rows, phases=(phase["phase"],))
        except SpecRefused as refused:
            return {**phase, "unseen": f"the service does not read it, and here: {refused.faults[0].expected}"}
    return made.model_dump(mode="json")
