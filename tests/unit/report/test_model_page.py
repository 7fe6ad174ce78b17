"""The page of a single model's evaluation: its scores, escaped, and nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from cftray.data.scores import ItemScores, Level, TaskScores
from cftray.evaluation.aggregate import metrics_of
from cftray.plan import Plan, build_evaluation_plan
from cftray.report.model_page import model_report, score_name
from cftray.spec import ModelEvaluationSpec, evaluation_from_document
from cftray.store import Record, Store
from tests.unit.plan.fakes import toy_pack

EVIL = "/models/<script>alert(1)</script>"


def planned(**changes: object) -> tuple[ModelEvaluationSpec, Plan]:
    spec = evaluation_from_document({"name": "tiny", "model": EVIL} | changes)
    return spec, build_evaluation_plan(spec, lambda leaf: leaf.location, toy_pack)


def record(store: Store, plan: Plan) -> None:
    node = plan.stage("evaluate.model")
    assert node.fingerprint is not None
    tasks = [
        TaskScores(task=f"x_{code}", suite="la", benchmark="xquad", language=code, metric="f1", items=("1", "2"),
                   scores=scores)
        for code, scores in (("de", (1.0, 0.0)), ("es", (0.5, 0.5)))
    ]  # fmt: skip
    scores = ItemScores(tasks=tuple(tasks))
    path = store.attempt_folder(node.fingerprint, 1) / "scores.json.gz"
    path.parent.mkdir(parents=True)
    scores.write(path)
    table = [{"task": "x_de", "n": 2, "truncated": 1, "empty": 0, "cut_prompts": 0}]
    store.write_record(
        Record(
            fingerprint=node.fingerprint, kind=node.kind, title=node.title, config={}, inputs={},
            outputs={"scores": store.describe(node.fingerprint, path)}, metrics=metrics_of([scores]),
            details={"tasks": table}, execution={}, provenance={"python": "3.11"}, experiment="ev_b", attempt=1,
            started_at="2026-01-01T00:00:00+00:00", finished_at="2026-01-01T00:01:00+00:00", seconds=60.0,
        )
    )  # fmt: skip


def test_it_shows_scores_with_their_interval_and_where_they_come_from(tmp_path: Path) -> None:
    store = Store(tmp_path)
    spec, plan = planned()
    record(store, plan)
    page = model_report(spec, plan, store, evaluation="ev_a")
    for text in ("XQuAD de", "Language ability, mean", "50.0", "±98.0", "from ev_b", "x_de", "2026-01-01 00:01 UTC"):
        assert text in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_what_was_asked_is_told(tmp_path: Path) -> None:
    asked = {"suites": ["la"], "languages": ["de"], "judge": {"endpoint": "j", "model": "gpt"}, "limit": 7}
    page = model_report(*planned(evaluation=asked, template={"text": "{{ messages }}"}), Store(tmp_path))
    for text in ("gpt of j", "the first 7 items of each task", "text, 14 characters", "<dd>de</dd>"):
        assert text in page


@pytest.mark.parametrize(
    ("key", "level", "benchmark", "language", "name"),
    [
        ("ta", Level.SUITE, None, None, "Task ability, mean"),
        ("paper/ta/mmlu", Level.BENCHMARK, "mmlu", None, "MMLU (paper's metric)"),
        ("la/asked", Level.SUITE, None, None, "Language ability, mean (languages asked for)"),
        ("la/mlqa/de", Level.PART, "mlqa", "de", "MLQA de"),
    ],
)
def test_a_score_has_a_name_for_people(
    key: str, level: Level, benchmark: str | None, language: str | None, name: str
) -> None:
    assert score_name(key, level, benchmark, language) == name
