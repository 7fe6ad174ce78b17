"""What the API says about a plan."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.experiments.kinds import AnySpec
from api.experiments.states import StageState
from cftray.bundle import Bundle
from cftray.plan import StageKind
from cftray.recipes.previews import PhasePreview


class PlannedStage(BaseModel):
    """A stage of a dry run. `fingerprint` is null while a large file it depends on is not hashed yet. It is `skipped`
    where the gate that it needs has been found closed."""

    name: str
    title: str
    kind: StageKind
    state: StageState
    why: str
    fingerprint: str | None
    needs: list[str]


class PlanView(BaseModel):
    """What a spec would need; nothing was stored or started."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "complete": True,
                "cached": False,
                "new": 1,
                "stages": [
                    {"name": "train.p1.s17", "title": "phase 1", "kind": "train", "state": "cached",
                     "why": "recorded by exp_7k2qh3m5x2ab on 2026-11-20", "fingerprint": "9f2c…",
                     "needs": ["tokens.p1"]},
                    {"name": "train.p2.s17", "title": "phase 2", "kind": "train", "state": "new",
                     "why": "hyperparameters.learning_rate is 1e-06, was 2e-06 (exp_7k2qh3m5x2ab)",
                     "fingerprint": "03d1…", "needs": ["train.p1.s17", "tokens.p2"]},
                ],
                "spec": {"name": "mini-dissimilar"},
            }
        }
    )  # fmt: skip

    complete: bool
    cached: bool
    new: int
    stages: list[PlannedStage]
    spec: AnySpec
    preview: Annotated[tuple[PhasePreview, ...] | None, Field(description="null unless it was asked for")] = None
    bundle: Annotated[
        Bundle | None, Field(description="digests, configs and versions, as a bundle has them; null unless asked for")
    ] = None
