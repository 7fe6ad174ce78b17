"""Bring-up with small real servers in the places of Ray, MLflow and the API."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from cluster import stack, state
from cluster.environment import base_environment
from cluster.errors import AlreadyUp, Busy, PortInUse, StartFailed
from cluster.ports import any_free
from cluster.processes import ProcessId, family
from cluster.services import Links, Recipe, Service, answers
from cluster.settings import LOOPBACK, ClusterSettings
from cluster.signals import Interrupted, interruptible

SERVE = "import http.server as h, sys; h.test(h.SimpleHTTPRequestHandler, bind='127.0.0.1', port=int(sys.argv[1]))"


class Notes:
    """Collects what would be shown."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.answering: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)

    def waiting(self, names: Sequence[str], seconds: float) -> None:
        pass

    def ready(self, name: str, url: str, seconds: float) -> None:
        self.answering.append(name)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[ClusterSettings]:
    api, mlflow, ray = any_free(3)
    made = ClusterSettings(
        home=tmp_path / "home",
        port=api,
        mlflow_port=mlflow,
        ray_dashboard_port=ray,
        start_timeout_s=30,
        stop_grace_s=1,
    )
    yield made
    stack.down(made)


def server(name: str, code: str = SERVE) -> Recipe:
    def recipe(settings: ClusterSettings, links: Links) -> Service:
        url = {"api": links.api, "mlflow": links.mlflow, "ray": links.ray}[name]
        return Service(
            name=name,
            command=(sys.executable, "-c", code, url.rpartition(":")[2]),
            env=base_environment(settings),
            folder=settings.home,
            log=settings.logs / f"{name}.log",
            url=url,
            ready=lambda: answers(url),
        )

    return recipe


WHOLE = {"mlflow": server("mlflow"), "api": server("api")}


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def test_up_leaves_every_part_answering_and_down_leaves_nothing(settings: ClusterSettings) -> None:
    notes = Notes()
    found = stack.up(settings, notes, WHOLE)

    assert sorted(notes.answering) == ["api", "mlflow"]
    assert answers(found.url("api"))
    assert answers(found.url("mlflow"))
    assert stack.current(settings) == found

    assert stack.down(settings)

    assert not listens(settings.port)
    assert not listens(settings.mlflow_port)
    assert family(found.roots, settings.identity) == []
    assert state.read(settings.home) is None
    assert not settings.ray_temp.exists()
    assert not stack.down(settings)


def test_a_part_that_ends_takes_the_others_down_and_its_log_is_shown(settings: ClusterSettings) -> None:
    broken = server("api", "import sys; sys.exit('no such table: experiments')")

    with pytest.raises(StartFailed, match=r"api ended with exit code 1[\s\S]*no such table: experiments"):
        stack.up(settings, Notes(), {"mlflow": server("mlflow"), "api": broken})

    assert family([], settings.identity) == []
    assert not listens(settings.mlflow_port)
    assert state.read(settings.home) is None


def test_a_part_that_never_answers_is_given_up(settings: ClusterSettings) -> None:
    hasty = settings.model_copy(update={"start_timeout_s": 0.5})
    silent = server("api", "import time; time.sleep(600)")

    with pytest.raises(StartFailed, match=r"api does not answer after .* s"):
        stack.up(hasty, Notes(), {"api": silent})

    assert family([], settings.identity) == []


def test_a_port_in_use_names_port_setting_and_process_before_anything_starts(settings: ClusterSettings) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, settings.port))
        taken.listen()
        with pytest.raises(PortInUse) as refused:
            stack.up(settings, Notes(), WHOLE)

    for part in (str(settings.port), "CFTRAY_PORT", f"process {os.getpid()}"):
        assert part in refused.value.message
    assert family([], settings.identity) == []


def test_a_port_taken_while_the_part_starts_is_told_from_the_part(settings: ClusterSettings) -> None:
    """The recipe itself opens the port, as a stranger who is quicker would."""
    taken = socket.socket()

    def late(settings: ClusterSettings, links: Links) -> Service:
        taken.bind((LOOPBACK, settings.port))
        taken.listen()
        return server("api", "import time; time.sleep(600)")(settings, links)

    try:
        with pytest.raises(StartFailed, match=f"port {settings.port} taken meanwhile by process {os.getpid()}"):
            stack.up(settings, Notes(), {"api": late})
    finally:
        taken.close()


def test_a_stack_that_is_up_is_named_and_left_running(settings: ClusterSettings) -> None:
    found = stack.up(settings, Notes(), WHOLE)

    with pytest.raises(AlreadyUp, match=found.url("api")):
        stack.up(settings, Notes(), WHOLE)

    assert stack.current(settings) == found


def test_a_stale_state_file_is_told_of_and_cleaned(settings: ClusterSettings) -> None:
    gone = ProcessId(pid=os.getpid(), created=psutil.Process().create_time() - 3600)
    part = state.Part(name="api", process=gone, url="http://127.0.0.1:1", log=settings.logs / "api.log")
    state.write(settings.home, state.State(ready=True, parts=(part,)))
    notes = Notes()

    found = stack.up(settings, notes, WHOLE)

    assert any("api ended" in line and "cleaning up" in line for line in notes.lines)
    assert len(found.living) == 2


def test_what_is_left_of_a_stack_that_lost_a_part_is_replaced(settings: ClusterSettings) -> None:
    before = stack.up(settings, Notes(), WHOLE)
    os.kill(before.parts[0].process.pid, signal.SIGKILL)
    os.waitpid(before.parts[0].process.pid, 0)

    after = stack.up(settings, Notes(), WHOLE)

    assert len(after.living) == 2
    assert not any(one.find() for one in before.roots)


def test_two_cannot_bring_the_stack_up_at_once(settings: ClusterSettings) -> None:
    with state.locked(settings.home), pytest.raises(Busy, match=f"process {os.getpid()}"):
        stack.up(settings, Notes(), WHOLE)


def test_the_lock_of_a_dead_process_does_not_count(settings: ClusterSettings) -> None:
    code = (
        "import os; from pathlib import Path; from cluster.state import locked\n"
        f"with locked(Path({str(settings.home)!r})): os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)

    with state.locked(settings.home):
        pass


def test_an_interrupt_while_starting_stops_what_was_started(settings: ClusterSettings) -> None:
    class Impatient(Notes):
        def waiting(self, names: Sequence[str], seconds: float) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

    assert threading.current_thread() is threading.main_thread()
    with pytest.raises(Interrupted) as end, interruptible():
        stack.up(settings, Impatient(), WHOLE)

    assert end.value.exit_code == 128 + signal.SIGTERM
    assert family([], settings.identity) == []


def test_status_for_programs_says_what_runs(settings: ClusterSettings) -> None:
    stack.up(settings, Notes(), WHOLE)
    env = {**os.environ, "CFTRAY_HOME": str(settings.home)}
    command = [sys.executable, "-m", "cluster", "status", "--json"]

    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert document["up"]
    assert {part["name"]: part["runs"] for part in document["parts"]} == {"mlflow": True, "api": True}
