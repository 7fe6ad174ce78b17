"""Trials beside each other: state, best, front; the page and the picture."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cftray.data.scores import ItemScores, TaskScores
from cftray.errors import FailureClass
from cftray.evaluation.aggregate import metrics_of
from cftray.plan import Plan, build_sweep_plan
from cftray.recipes import sweep_from_document, trials_of
from cftray.report.analysed import NOT_RECORDED, UNDEFINED
from cftray.report.sweep_likeness import WAITS, sweep_likeness
from cftray.report.sweep_page import sweep_findings, sweep_report
from cftray.report.sweep_picture import PictureFormat, pareto_files
from cftray.report.trials import SweepResults, TrialState, sweep_results
from cftray.spec import SweepSpec
from cftray.store import Failure, Record, RungReached, Store, TrialEnd, TrialEnded
from tests.unit.plan.fakes import toy_pack
from tests.unit.report.pages import Page, in_browser

RATE = "phase2.hyperparameters.learning_rate"
SWEEP: dict[str, Any] = {
    "name": "toy",
    "spec": {"recipe": "mini", "pair": "dissimilar"},
    "space": {RATE: [1e-4, 2e-4, 3e-4, 4e-4, 5e-4, 6e-4]},
    "objective": {"maximise": "la", "subject_to": [{"score": "ta", "decline_at_most": 0.2}]},
    "early_stopping": {"grace": 0.5, "reduction_factor": 2},
}
P1 = {"ta": 0.6, "la": 0.1}
SWEPT = "swp_a"
AT = "2026-11-27T02:03:04.000+00:00"


class Swept:
    """A sweep of six trials of which nothing is known yet."""

    def __init__(self, root: Path, **changes: Any) -> None:
        self.sweep: SweepSpec = sweep_from_document(SWEEP | changes)
        trials = [(trial.values, trial.spec) for trial in trials_of(self.sweep)]
        self.plan: Plan = build_sweep_plan(trials, self.sweep.rungs, lambda leaf: leaf.location, toy_pack)
        self.store = Store(root)

    def reach(self, trial: int, rung: int, ta: float, la: float) -> None:
        violation = max(0.0, P1["ta"] - ta - 0.2)
        share = self.plan.trials[trial - 1].rungs[rung - 1].share
        self.store.sweep(SWEPT, self.plan).reach(
            RungReached(
                trial=trial, rung=rung, share=share, at=AT, p1=P1, p2={"ta": ta, "la": la}, value=la,
                violation=violation,
            )
        )  # fmt: skip

    def end(self, trial: int, how: TrialEnd, rung: int, failure: Failure | None = None) -> None:
        self.store.sweep(SWEPT, self.plan).end(TrialEnded(trial=trial, end=how, rung=rung, failure=failure))

    def finish(self, trial: int, ta: float, la: float) -> None:
        self.reach(trial, 1, ta, la / 2)
        self.reach(trial, 2, ta, la)
        self.end(trial, TrialEnd.FINISHED, 2)

    def told(self, **settings: Any) -> SweepResults:
        return sweep_results(self.sweep, self.plan, self.store, SWEPT, **settings)

    def score(self, name: str, ta: float, la: float) -> None:
        """Record an evaluation: a hundred items a task, that share of them right."""
        node = self.plan.stage(name)
        assert node.fingerprint is not None
        tasks = tuple(
            TaskScores(
                task=benchmark, suite=suite, benchmark=benchmark, language=language, metric="acc",
                items=tuple(map(str, range(100))), scores=tuple(float(item < 100 * share) for item in range(100)),
            )
            for suite, benchmark, language, share in (("ta", "mmlu", "en", ta), ("la", "xquad", "de", la))
        )  # fmt: skip
        scores = ItemScores(tasks=tasks)
        path = self.store.attempt_folder(node.fingerprint, 1) / "scores.json.gz"
        path.parent.mkdir(parents=True)
        scores.write(path)
        self.record(name, {"scores": path}, metrics_of([scores]), {"tasks": []})

    def record(
        self, name: str, outputs: dict[str, Path], metrics: dict[str, float], details: dict[str, Any] | None = None
    ) -> None:
        """Record a stage with these outputs."""
        node = self.plan.stage(name)
        assert node.fingerprint is not None
        described = {output: self.store.describe(node.fingerprint, path) for output, path in outputs.items()}
        self.store.write_record(
            Record(
                fingerprint=node.fingerprint, kind=node.kind, title=node.title, config={}, inputs={},
                outputs=described, metrics=metrics, details=details or {}, execution={},
                provenance={"python": "3.11"}, experiment=SWEPT, attempt=1,
                started_at="2026-01-01T00:00:00+00:00", finished_at="2026-01-01T00:01:00+00:00", seconds=60.0,
            )
        )  # fmt: skip


@pytest.fixture
def swept(tmp_path: Path) -> Swept:
    """Trial 2 is best; 3 has more LA and forgets too much; 1 is beaten by 2; 4 was stopped, 5 failed, 6 runs."""
    made = Swept(tmp_path)
    for trial, ta, la in ((1, 0.45, 0.3), (2, 0.5, 0.4), (3, 0.2, 0.6)):
        made.finish(trial, ta, la)
    made.reach(4, 1, 0.55, 0.05)
    made.end(4, TrialEnd.STOPPED, 1)
    failure = Failure(failure=FailureClass.DATA, code="bad-data", message="nothing <b>to train on", retryable=False)
    made.end(5, TrialEnd.FAILED, 0, failure)
    made.reach(6, 1, 0.5, 0.2)
    return made


def test_states_best_and_front(swept: Swept) -> None:
    found = swept.told(intervals=False)
    assert [trial.state for trial in found.trials] == [
        TrialState.FINISHED, TrialState.FINISHED, TrialState.FINISHED, TrialState.STOPPED, TrialState.FAILED,
        TrialState.RUNNING,
    ]  # fmt: skip
    assert found.best == 2, "trial 3 scores more and misses the constraint"
    assert found.front == (3, 2), "by TA's change; 1 is beaten by 2 in both"
    assert not found.complete
    assert found.trial(5).failure == "nothing <b>to train on"


def test_what_a_sweep_that_is_over_has_not_ended_is_left_behind(swept: Swept) -> None:
    found = swept.told(intervals=False, over=True)
    assert [trial.number for trial in found.trials if trial.state is TrialState.LEFT] == [6]
    assert (found.best, found.complete) == (2, False)


def test_a_trial_runs_once_one_of_its_own_stages_does(tmp_path: Path) -> None:
    made = Swept(tmp_path)
    assert {trial.state for trial in made.told(busy={"train.p1.s17"}).trials} == {TrialState.QUEUED}
    busy = made.told(busy={"t02.train.p2.s17.r1"}).trials
    assert [trial.number for trial in busy if trial.state is TrialState.RUNNING] == [2]


def test_no_trial_that_keeps_to_the_constraints_is_no_best_one(tmp_path: Path) -> None:
    made = Swept(tmp_path)
    made.finish(1, 0.1, 0.9)
    found = made.told(intervals=False)
    assert found.best is None
    assert found.front == (1,)
    told = list(sweep_findings(made.sweep, found))
    assert told[-1] == (
        "No trial that was trained whole keeps to the constraints: a decline of TA of at most 20.0."
    )


def test_a_whole_trial_has_intervals_and_verdicts(tmp_path: Path) -> None:
    made = Swept(tmp_path)
    made.score("evaluate.p1.s17", 0.6, 0.1)
    made.score("t01.evaluate.p2.s17", 0.4, 0.5)
    made.finish(1, 0.4, 0.5)
    changes = made.told().trial(1).changes
    assert (changes["ta"].difference, changes["ta"].verdict) == (pytest.approx(-0.2), "falls")
    assert (changes["la"].difference, changes["la"].verdict) == (pytest.approx(0.4), "rises")
    assert made.told(intervals=False).trial(1).changes == {}


def test_the_page_tells_what_was_found_and_shows_nothing_from_elsewhere(swept: Swept) -> None:
    swept.score("evaluate.p1.s17", 0.6, 0.1)
    for trial, ta, la in ((1, 0.45, 0.3), (2, 0.5, 0.4), (3, 0.2, 0.6)):
        swept.score(f"t{trial:02d}.evaluate.p2.s17", ta, la)
    best = trials_of(swept.sweep)[1].spec.model_dump(mode="json")
    page = sweep_report(swept.sweep, swept.told(), swept.plan, swept.store, identifier=SWEPT, best=best)
    for text in (
        "6 trials: 1 running, 3 finished, 1 stopped, 1 failed.",
        "Highest LA with a decline of TA of at most 20.0: trial 2, 40.0 (learning_rate 0.0002; TA −10.0, "
        "LA +30.0 since P1).",
        "stopped at 50 %", "missed by 20.0", "nothing &lt;b&gt;to train on", "cftray submit best.yaml",
        "<svg", "ASHA at 50 % of phase 2, the best 1 in 2 go on",
    ):  # fmt: skip
        assert text in page, text
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)


def looked_inside(swept: Swept, trial: int, difference: float) -> None:
    """Record what a trial changed inside the model, with a picture."""
    name = f"t{trial:02d}.representations.s17"
    fingerprint = swept.plan.stage(name).fingerprint
    assert fingerprint is not None
    folder = swept.store.attempt_folder(fingerprint, 1) / "figures"
    folder.mkdir(parents=True)
    (folder / "layers.png").write_bytes(b"\x89PNG of trial %d" % trial)
    swept.record(name, {"figures": folder}, {"covariance_difference": difference, "prompts": 80.0})


def test_the_similarity_of_the_phases_and_what_each_whole_trial_changed_inside(tmp_path: Path) -> None:
    swept = Swept(tmp_path, spec=SWEEP["spec"] | {"analysis": ["des", "representations"]})
    swept.finish(1, 0.45, 0.3)
    swept.finish(2, 0.5, 0.4)
    for trial in (3, 4):
        swept.reach(trial, 1, 0.5, 0.05)
        swept.end(trial, TrialEnd.STOPPED, 1)
    swept.record("des", {}, {"des": 0.31}, {"samples": 500, "pairs": []})
    looked_inside(swept, 1, 1.25)
    looked_inside(swept, 2, 2.5)
    found = sweep_likeness(swept.sweep, swept.told(intervals=False), swept.plan, swept.store)
    assert found is not None
    inside = "Representations of P1 and P2, trial"
    assert dict(found.facts) == {
        "DES of the phases' data": "0.310, 500 rows a side, how many were cut is not known",
        f"{inside} 1": "covariance of layers differs by 1.25; 80 prompts",
        f"{inside} 2": "covariance of layers differs by 2.5; 80 prompts",
        f"{inside}s 3, 4": f"left out: {WAITS}",
        f"{inside}s 5, 6": NOT_RECORDED,
    }
    assert [one.title.partition(":")[0] for one in found.figures] == [f"{inside} 2"], "the best trial's alone"
    page = sweep_report(
        swept.sweep, swept.told(intervals=False), swept.plan, swept.store, identifier=SWEPT, best=None
    )
    assert f"{inside}s 3, 4" in page


def test_of_an_adopted_phase_1_there_is_no_similarity_of_data_and_without_analyses_no_section(tmp_path: Path) -> None:
    mini = sweep_from_document(SWEEP).spec
    spec = mini.model_dump(mode="json") | {"phase1": {"adopt": "some/instruct"}, "analysis": ["des"]}
    adopted = Swept(tmp_path, spec=spec)
    found = sweep_likeness(adopted.sweep, adopted.told(intervals=False), adopted.plan, adopted.store)
    assert found is not None
    assert [words for _, words in found.facts] == [f"undefined: {UNDEFINED}"]
    plain = Swept(tmp_path)
    assert sweep_likeness(plain.sweep, plain.told(intervals=False), plain.plan, plain.store) is None


@pytest.mark.parametrize("width", [420, 1280])
def test_in_a_browser_the_page_is_no_wider_than_the_window_and_loads_nothing(
    swept: Swept, tmp_path: Path, width: int
) -> None:
    page = sweep_report(
        swept.sweep, swept.told(intervals=False), swept.plan, swept.store, identifier=SWEPT, best=None
    )
    Page(page)
    assert in_browser(page, width, tmp_path) == (width, 0, 0)


def test_the_picture_is_drawn_where_a_trial_has_both_suites(swept: Swept, tmp_path: Path) -> None:
    files = pareto_files(swept.sweep, swept.told(intervals=False))
    assert files is not None
    assert files[PictureFormat.PNG].startswith(b"\x89PNG")
    svg = files[PictureFormat.SVG].decode()
    for text in ("change of TA in phase 2, points", "misses a constraint", "stopped early", "best", "TA decline of 20"):
        assert text in svg, text
    assert pareto_files(swept.sweep, Swept(tmp_path / "none").told()) is None
