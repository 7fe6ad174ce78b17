"""The Pareto picture of a sweep's results, drawn when it is asked for."""

from __future__ import annotations

import tempfile
from enum import StrEnum
from pathlib import Path

from cftray.report.trials import LA, TA, SweepResults, TrialState
from cftray.spec import SweepSpec


class PictureFormat(StrEnum):
    """How a picture is given."""

    PNG = "png"
    SVG = "svg"

    @property
    def media_type(self) -> str:
        """For HTTP."""
        return {PictureFormat.PNG: "image/png", PictureFormat.SVG: "image/svg+xml"}[self]


def pareto_files(sweep: SweepSpec, found: SweepResults) -> dict[PictureFormat, bytes] | None:
    """The picture by format; None while no trial has changes of both TA and LA."""
    from cftray.analysis.figures.pareto import Point, pareto

    points = [
        Point(
            number=trial.number,
            ta=100 * ta,
            la=100 * la,
            whole=trial.state is TrialState.FINISHED,
            feasible=last.feasible,
            on_front=trial.number in found.front,
            best=trial.number == found.best,
        )
        for trial in found.trials
        if (last := trial.last) is not None
        and (ta := last.change(TA)) is not None
        and (la := last.change(LA)) is not None
    ]
    if not points:
        return None
    limits = [bound.decline_at_most for bound in sweep.objective.subject_to if bound.score == TA]
    most = min((one for one in limits if one is not None), default=None)
    with tempfile.TemporaryDirectory() as folder:
        png, svg = pareto(points, Path(folder), most_decline=None if most is None else 100 * most)
        return {PictureFormat.PNG: png.read_bytes(), PictureFormat.SVG: svg.read_bytes()}
