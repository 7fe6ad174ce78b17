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
    """The previews, those that the service left open made here if that is possible.

    Raises SpecRefused where the data that only this machine can read are at fault.
    """
    if all(phase["seen"] is not None for phase in found) or not all(map(find_spec, NEEDED)):
        return found
    own = {phase["phase"]: phase for phase in _made_here(spec, rows)}
    return [phase if phase["seen"] is not None else own[phase["phase"]] for phase in found]


def _made_here(spec: Path, rows: int) -> list[Json]:
    from cftray.client_documents import document_of
    from cftray.data.looking import Means
    from cftray.data.reading.stage import FORMATS, read
    from cftray.recipes import spec_from_document
    from cftray.recipes.previews import previews
    from cftray.store import LeafDigests

    with tempfile.TemporaryDirectory() as fetched:
        means = Means(digests=LeafDigests(Path(fetched)), formats=FORMATS, read=read, everything=True)
        made = previews(spec_from_document(document_of(spec)), means, rows)
    return [phase.model_dump(mode="json") for phase in made]
