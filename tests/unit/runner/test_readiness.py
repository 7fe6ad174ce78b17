"""What a job needs of others is looked for before its first stage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cftray.plan import Plan, build_plan
from cftray.recipes.mini import mini
from cftray.runner.readiness import unready
from cftray.spec import ExperimentSpec
from cftray.store import Store
from tests.unit.plan.fakes import toy_pack
from tests.unit.report.conftest import JUDGED, judged_pack

NAMED = {"CFTRAY_ENDPOINTS": json.dumps({"judge": {"url": "http://127.0.0.1:9/v1", "key_env": "JUDGE_KEY"}})}


@pytest.fixture
def plan() -> Plan:
    document = mini("similar").model_dump(mode="json") | {"evaluation": JUDGED}
    return build_plan(ExperimentSpec.model_validate(document), lambda leaf: leaf.location, judged_pack)


def test_a_judge_whose_key_is_missing_is_told_before_anything_runs(plan: Plan, tmp_path: Path) -> None:
    failure = unready(plan, Store(tmp_path), NAMED)
    assert failure is not None
    assert failure.stage == "judge.p1.s17"
    assert "JUDGE_KEY" in failure.message
    assert not failure.retryable


def test_an_endpoint_that_nobody_named_is_told(plan: Plan, tmp_path: Path) -> None:
    failure = unready(plan, Store(tmp_path), {})
    assert failure is not None
    assert "judge" in failure.message


def test_a_key_that_is_there_is_enough_and_stays_secret(plan: Plan, tmp_path: Path) -> None:
    assert unready(plan, Store(tmp_path), NAMED | {"JUDGE_KEY": "a-secret-of-some-length"}) is None


def test_a_plan_that_asks_nobody_needs_nothing(tmp_path: Path) -> None:
    plain = build_plan(mini("similar"), lambda leaf: leaf.location, toy_pack)
    assert unready(plain, Store(tmp_path), {}) is None
