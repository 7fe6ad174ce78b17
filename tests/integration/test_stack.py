"""The real embedded stack: Ray, MLflow and the API come up on free ports, and go without a trace."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from cluster import stack
from cluster.errors import AlreadyUp
from cluster.ports import any_free
from cluster.processes import family
from cluster.settings import LOOPBACK, ClusterSettings
from cluster.state import State

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
START_TIMEOUT_S = 400


class Place:
    """A stack with an empty home of its own."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.home.mkdir()
        api, mlflow, ray = any_free(3)
        self.settings = ClusterSettings(
            home=root.joinpath(*["a-folder-with-a-long-name"] * 5),
            port=api,
            mlflow_port=mlflow,
            ray_dashboard_port=ray,
            start_timeout_s=START_TIMEOUT_S,
            object_store_mb=128,
        )

    @property
    def environment(self) -> dict[str, str]:
        own = self.settings
        return {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "CFTRAY_HOME": str(own.home),
            "CFTRAY_PORT": str(own.port),
            "CFTRAY_MLFLOW_PORT": str(own.mlflow_port),
            "CFTRAY_RAY_DASHBOARD_PORT": str(own.ray_dashboard_port),
            "CFTRAY_START_TIMEOUT_S": str(START_TIMEOUT_S),
            "CFTRAY_OBJECT_STORE_MB": "128",
        }

    def cluster(self, command: str) -> subprocess.CompletedProcess[str]:
        arguments = [sys.executable, "-m", "cluster", command]
        return subprocess.run(arguments, env=self.environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Up as `make up` leaves it, in a home that holds nothing."""
    made = Place(tmp_path_factory.mktemp("stack"))
    brought = made.cluster("up")
    assert brought.returncode == 0, brought.stdout + brought.stderr
    yield made
    stack.down(made.settings)


@pytest.fixture
def running(place: Place) -> State:
    found = stack.current(place.settings)
    assert found is not None
    return found


def test_every_part_answers(place: Place, running: State) -> None:
    ready = httpx.get(f"{running.url('api')}/readyz", timeout=60).json()

    assert {part["name"]: part["status"] for part in ready["parts"]} == {"database": "ok", "ray": "ok", "mlflow": "ok"}


def test_ray_refuses_who_has_no_token(place: Place, running: State) -> None:
    jobs = f"{running.url('ray')}/api/jobs/"
    token = place.settings.token_file.read_text()

    assert httpx.get(jobs, timeout=60).status_code == 401
    assert httpx.post(jobs, json={"entrypoint": "id"}, timeout=60).status_code == 401
    assert httpx.get(jobs, headers={"Authorization": "Bearer wrong"}, timeout=60).status_code in (401, 403)
    assert httpx.get(jobs, headers={"Authorization": f"Bearer {token}"}, timeout=60).status_code == 200


def test_everything_listens_on_loopback_only(place: Place, running: State) -> None:
    ours = {one.pid for one in family(running.roots, place.settings.identity)}
    addresses = {
        one.laddr.ip for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN and one.pid in ours
    }

    assert addresses
    assert addresses <= {LOOPBACK, f"::ffff:{LOOPBACK}", "::1"}


def test_a_second_up_is_refused_and_changes_nothing(place: Place, running: State) -> None:
    with pytest.raises(AlreadyUp, match=running.url("api")):
        stack.up(place.settings, _Silent())

    assert stack.current(place.settings) == running


def test_down_leaves_nothing_running_listening_or_written_into_the_home(place: Place, running: State) -> None:
    members = family(running.roots, place.settings.identity)
    ports = (place.settings.port, place.settings.mlflow_port, place.settings.ray_dashboard_port)

    stopped = place.cluster("down")

    assert stopped.returncode == 0, stopped.stderr
    assert [one for one in members if one.find()] == []
    assert family([], place.settings.identity) == []
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex((LOOPBACK, port)) != 0
    assert not place.settings.ray_temp.exists()
    assert list(place.home.iterdir()) == []
    assert place.cluster("status").returncode == 1


class _Silent:
    def note(self, text: str) -> None: ...

    def waiting(self, names: object, seconds: float) -> None: ...

    def ready(self, name: str, url: str, seconds: float) -> None: ...
