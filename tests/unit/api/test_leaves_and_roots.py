"""Large inputs are hashed behind the scenes, and paths stay where they may be."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import Parts, create_app
from api.settings import Settings
from tests.unit.api.conftest import World
from tests.unit.api.fakes import Clock, FakeJobs
from tests.unit.api.test_requests import own, write_rows


def with_data(path: object) -> dict[str, Any]:
    document = own()
    return document | {"phase2": document["phase2"] | {"data": {"path": str(path)}}}


def wait_until_hashed(world: World, identifier: str) -> None:
    deadline = time.monotonic() + 30
    while not world.get(identifier)["plan"]["complete"] and time.monotonic() < deadline:
        world.step()


@pytest.fixture
def no_inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as large."""
    monkeypatch.setattr("cftray.store.leaves.INLINE_BYTES", 0)


@pytest.mark.usefixtures("no_inline")
def test_a_post_does_not_wait_for_large_inputs(world: World, tmp_path: Path) -> None:
    posted = world.post(with_data(write_rows(tmp_path / "rows.jsonl", 5)))
    assert posted["plan"]["complete"] is False
    world.step()
    assert world.jobs.submissions == {}
    wait_until_hashed(world, posted["id"])
    world.step()
    assert f"cftray-{posted['id']}-1" in world.jobs.submissions
    assert all(node.fingerprint for node in world.job(posted["id"]).folder.request().plan.stages)
    assert "plan.completed" in world.kinds(posted["id"])


@pytest.mark.usefixtures("no_inline")
def test_an_input_that_vanishes_before_it_is_hashed_fails_the_experiment_in_words(world: World, tmp_path: Path) -> None:
    path = Path(write_rows(tmp_path / "rows.jsonl", 5))
    identifier = world.post(with_data(path))["id"]
    path.unlink()
    world.step()
    ended = world.get(identifier)
    assert (ended["state"], ended["failure"]["class"]) == ("failed", "data")
    assert "no such file" in ended["failure"]["message"]


@contextmanager
def rooted(tmp_path: Path, **roots: Any) -> Iterator[TestClient]:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/r.db", store=tmp_path / "s", poll_s=3600, **roots)
    with TestClient(create_app(settings, Parts(jobs=FakeJobs(), clock=Clock())), base_url="http://localhost") as client:
        yield client


def test_data_lie_under_the_roots_links_and_dots_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    inside = write_rows(root / "rows.jsonl", 3)
    secret = write_rows(outside / "secret.jsonl", 3)
    (root / "link.jsonl").symlink_to(secret)
    with rooted(tmp_path, data_roots=str(root)) as client:
        assert client.post("/v1/plans", json=with_data(inside)).status_code == 200
        for path in (secret, f"{root}/../outside/*.jsonl", root / "link.jsonl", f"{root}/*.jsonl"):
            answer = client.post("/v1/plans", json=with_data(path))
            assert answer.status_code == 422, path
            assert f"a path under {root}" in json.dumps(answer.json()["faults"])


def test_what_lies_elsewhere_lies_under_no_root_and_is_not_asked_for(tmp_path: Path) -> None:
    with rooted(tmp_path, data_roots=(tmp_path,)) as client:
        answer = client.post("/v1/plans", json=with_data("nosuch://host/rows.jsonl"))
        assert f"a path under {tmp_path}" in json.dumps(answer.json()["faults"])
        inside = write_rows(tmp_path / "rows.jsonl", 3)
        assert client.post("/v1/plans", json=with_data(f"file://{inside}")).status_code == 200


def test_models_lie_under_their_roots(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"")
    with rooted(tmp_path, model_roots=(tmp_path / "models",)) as client:
        answer = client.post("/v1/plans", json=own(base=str(model)))
        assert [fault["path"] for fault in answer.json()["faults"]] == ["base.model"]
        assert client.post("/v1/plans", json=own()).status_code == 200
