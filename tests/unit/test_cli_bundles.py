"""`cftray bundle` and `cftray reproduce`: what is sent, what is said, and with which exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cftray.bundle import Bundle, make_bundle
from tests.unit.report.conftest import DOCUMENT, World, world
from tests.unit.test_cli import Console, event, view

__all__ = ["world"]

Make = Callable[..., World]
THERE, HERE = "exp_7k2qh3m5x2ab", "exp_222222222222"


class Service:
    """Another stack: what it plans, and the bundle of what it has run."""

    def __init__(self, planned: Bundle, done: Bundle) -> None:
        self.planned, self.done = planned, done
        self.posted: list[dict[str, Any]] = []
        self.ending = "succeeded"

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/v1/plans":
            self.posted.append(json.loads(request.content))
            return httpx.Response(200, json={"bundle": document(self.planned)})
        if request.method == "POST":
            self.posted.append(json.loads(request.content))
            return httpx.Response(201, json=view("queued") | {"id": HERE})
        if path.endswith("/bundle"):
            return httpx.Response(200, json=document(self.done))
        if path.endswith("/events"):
            page = {"data": [event(1, "experiment.succeeded")], "has_more": False, "next": 1, "terminal": True}
            live = request.headers["accept"] == "text/event-stream"
            return httpx.Response(200, text="") if live else httpx.Response(200, json=page)
        return httpx.Response(200, json=view(self.ending) | {"id": HERE})


def document(bundle: Bundle) -> dict[str, Any]:
    return bundle.model_dump(mode="json", by_alias=True)


@pytest.fixture
def there(world: Make) -> Bundle:
    data = {"path": "/home/ada/alpaca.json", "adapter": "alpaca"}
    made = world(phase2=DOCUMENT["phase2"] | {"data": data})
    made.record_all()
    return make_bundle(made.spec, made.plan, made.store, experiment=THERE)


@pytest.fixture
def file(there: Bundle, tmp_path: Path) -> str:
    path = tmp_path / "there.json"
    path.write_text(there.text())
    return str(path)


@pytest.fixture
def service(there: Bundle) -> Service:
    return Service(there.model_copy(update={"experiment": None}), there.model_copy(update={"experiment": HERE}))


@pytest.fixture
def cftray(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], service: Service) -> Console:
    console = Console(monkeypatch, capsys)
    console.answer = service
    return console


def lower(bundle: Bundle, key: str) -> Bundle:
    """With a P2 of that row that scores nothing."""
    rows = tuple(
        row.model_copy(update={"p2": row.p2.model_copy(update={"score": 0.0})}) if row.key == key and row.p2 else row
        for row in bundle.scores
    )
    return bundle.model_copy(update={"scores": rows})


def with_data(bundle: Bundle, digest: str) -> Bundle:
    """With other content in the data of phase 2."""
    stages = []
    for stage in bundle.stages:
        inputs = {
            name: one.model_copy(update={"digest": digest}) if one.location == "${ALPACA_DATA}" else one
            for name, one in stage.inputs.items()
        }
        moved = inputs != stage.inputs
        stages.append(stage.model_copy(update={"inputs": inputs} | ({"fingerprint": digest} if moved else {})))
    return bundle.model_copy(update={"stages": tuple(stages)})


def test_a_bundle_is_saved(cftray: Console, tmp_path: Path) -> None:
    path = tmp_path / "new" / "b.json"
    code, out, _ = cftray("bundle", THERE, "-o", str(path))
    assert code == 0
    assert str(path) in out
    assert json.loads(path.read_text())["schema"] == 1


def test_files_that_nobody_gave_are_named_and_nothing_is_sent(cftray: Console, file: str, service: Service) -> None:
    code, _, err = cftray("reproduce", file)
    assert code == 2
    assert "alpaca.json with digest 000000000000…: give --set ALPACA_DATA=PATH" in err
    assert service.posted == []


def test_a_check_starts_nothing_and_says_that_records_will_be_reused(
    cftray: Console, file: str, service: Service, there: Bundle
) -> None:
    code, out, _ = cftray("reproduce", file, "--set", "ALPACA_DATA=/mine/a.json", "--check")
    assert code == 0
    many = len(there.stages)
    assert f"{many} of {many} have the same fingerprint" in out
    assert f"{many} of {many} stages are recorded here already" in out
    assert len(service.posted) == 1


def test_what_is_sent_has_this_machine_s_path_and_names_its_origin(
    cftray: Console, file: str, service: Service
) -> None:
    code, out, _ = cftray("reproduce", file, "--set", "ALPACA_DATA=/mine/a.json")
    assert code == 0
    sent = service.posted[-1]
    assert sent["phase2"]["data"]["path"] == "/mine/a.json"
    assert f"reproduces-{THERE}" in sent["labels"]
    assert f"--against {HERE}" in out


def test_waiting_ends_with_the_comparison_and_says_what_was_reused(cftray: Console, file: str) -> None:
    code, out, _ = cftray("reproduce", file, "--set", "ALPACA_DATA=/mine/a.json", "--wait")
    assert code == 0
    assert "Reproduced: every score is identical." in out
    assert "Nothing was computed again" in out
    assert "CFTRAY_HOME" in out


def test_a_score_outside_its_interval_ends_with_4(cftray: Console, file: str, service: Service) -> None:
    service.done = lower(service.done, "la")
    code, out, _ = cftray("reproduce", file, "--against", HERE)
    assert code == 4
    assert "differs" in out
    code, out, _ = cftray("reproduce", file, "--against", HERE, "--json")
    assert code == 4
    assert json.loads(out)["outcome"] == "differs"


def test_an_experiment_that_fails_ends_with_1(cftray: Console, file: str, service: Service) -> None:
    service.ending = "failed"
    assert cftray("reproduce", file, "--set", "ALPACA_DATA=/mine/a.json", "--wait")[0] == 1


def test_other_data_is_refused_unless_it_is_wanted(cftray: Console, file: str, service: Service) -> None:
    service.planned = with_data(service.planned, "e" * 64)
    arguments = ("reproduce", file, "--set", "ALPACA_DATA=/mine/a.json")
    code, _, err = cftray(*arguments)
    assert code == 2
    assert "digest eeeeeeeeeeee…" in err
    assert len(service.posted) == 1
    assert cftray(*arguments, "--check")[0] == 4
    assert cftray(*arguments, "--anyway")[0] == 0


def test_for_programs_a_check_is_one_document(cftray: Console, file: str) -> None:
    code, out, _ = cftray("reproduce", file, "--set", "ALPACA_DATA=/mine/a.json", "--check", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["same"]
    assert all(stage["why"] is None for stage in found["stages"])


def test_a_pair_without_an_equals_sign_is_refused(cftray: Console, file: str) -> None:
    code, _, err = cftray("reproduce", file, "--set", "ALPACA_DATA")
    assert code == 2
    assert "NAME=PATH" in err
