"""A sweep of two trials over toy stages, in one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cftray.data.scores import ItemScores, TaskScores
from cftray.plan import Plan, StageKind, build_sweep_plan
from cftray.recipes import sweep_from_document, trials_of
from cftray.runner import walk as walking
from cftray.spec import ExecutionSpec, SweepSpec
from cftray.stage import Artifact
from cftray.store import JobFolder, JobRequest, Store, SweepFolder
from tests.unit.plan.fakes import toy_pack

RATE = "phase2.hyperparameters.learning_rate"
SWEEP: dict[str, Any] = {
    "name": "toy",
    "spec": {"recipe": "mini", "pair": "dissimilar"},
    "space": {RATE: [1e-4, 2e-4, 3e-4]},
    "objective": {"maximise": "la", "subject_to": [{"score": "ta", "decline_at_most": 0.2}]},
    "early_stopping": {"grace": 0.5, "reduction_factor": 2},
}


def item_scores(ta: float, la: float) -> ItemScores:
    """Two tasks whose means these are."""
    rows = [("ta", "mmlu", "en", ta), ("la", "xquad", "de", la)]
    return ItemScores(
        tasks=tuple(
            TaskScores(task=benchmark, suite=suite, benchmark=benchmark, language=language, metric="acc",
                       items=("1", "2"), scores=(score, score))
            for suite, benchmark, language, score in rows
        )
    )  # fmt: skip


class Toy:
    """The sweep, its plan and its job's folder; `p2` gives (TA, LA) of P2 by stage name, P1 has (0.6, 0.1).

    `failing` maps a stage's name to what it raises; `ran` are the names of stages that ran.
    """

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
        self.sweep: SweepSpec = sweep_from_document(SWEEP | changes)
        self.store = Store(root)
        trials = [(trial.values, trial.spec) for trial in trials_of(self.sweep)]
        self.plan: Plan = build_sweep_plan(trials, self.sweep.rungs, lambda leaf: leaf.location, toy_pack)
        self.p2: dict[str, tuple[float, float]] = {}
        self.failing: dict[str, Exception] = {}
        self.ran: list[str] = []
        monkeypatch.setattr(walking, "stage_function", lambda kind: self._run)
        monkeypatch.setattr(walking, "locate_model", lambda location, commit: root)
        monkeypatch.setattr(walking.LeafDigests, "still", lambda self, leaf, digest: True)

    @property
    def known(self) -> SweepFolder:
        """What is known of its trials."""
        return self.store.sweep("swp_a", self.plan)

    def job(self, attempt: int = 1) -> JobFolder:
        folder = self.store.job("swp_a", attempt)
        request = JobRequest(
            experiment="swp_a", attempt=attempt, execution=ExecutionSpec(), plan=self.plan, sweep=self.sweep
        )
        folder.write_request(request)
        return folder

    def _run(self, config: Any, inputs: Any, context: Any) -> Artifact:
        name = next(node.name for node in self.plan.stages if node.fingerprint == context.folder.parent.parent.name)
        self.ran.append(name)
        if name in self.failing:
            raise self.failing[name]
        outputs: dict[str, Path] = {}
        if StageKind(config.kind) is StageKind.EVALUATE:
            outputs["scores"] = context.folder / "scores.json.gz"
            item_scores(*(self.p2.get(name, (0.5, 0.3)) if ".p2" in name else (0.6, 0.1))).write(outputs["scores"])
        for output in ("rows", "tokens", "model", "items", "requests", "contamination", "prompts", "overlap"):
            outputs[output] = context.folder / output
            outputs[output].write_text("x")
        return Artifact(outputs=outputs)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    return Toy(tmp_path, monkeypatch)
