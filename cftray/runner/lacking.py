"""Things that a stage can do without, and whether they are there by now.

A stage names in its artifact what was lacking. A walk that finds such a record runs the stage again as soon as one
of the things can be had on the machine where the walk runs, which is a worker's machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cftray.evaluation.paper.metrics.following import PUNKT, has_punkt
from cftray.store import Record

THERE: Mapping[str, Callable[[], bool]] = {PUNKT: has_punkt}
"""By its name, how to find out."""


def mended(record: Record) -> bool:
    """Whether something that the recorded stage had to do without is there now."""
    return any(THERE[name]() for name in record.lacking if name in THERE)
