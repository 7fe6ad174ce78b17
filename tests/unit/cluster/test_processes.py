"""Children are found again with all that came from them, and nothing else is touched."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cluster.processes import MARK, Child, ProcessId, family, start, stop, tail

NAP = "import time; time.sleep(600)"
DEADLINE_S = 30.0


@pytest.fixture
def mark() -> str:
    return f"test-{os.urandom(6).hex()}"


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process of the same user that is none of ours."""
    process = subprocess.Popen([sys.executable, "-c", NAP], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def launch(code: str, mark: str, folder: Path) -> Child:
    env = {**os.environ, MARK: mark, "PYTHONUNBUFFERED": "1"}
    return start([sys.executable, "-c", code], env=env, log=folder / "child.log", folder=folder)


def numbers_in(log: Path, count: int) -> list[int]:
    """Process numbers that a child writes, once all of them are there."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        found = [int(line) for line in tail(log) if line.isdigit()]
        if len(found) == count:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{log} has {tail(log)}")


def test_stopping_takes_a_grandchild_that_left_the_session_and_lost_its_parent(tmp_path: Path, mark: str) -> None:
    orphan = (
        f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {NAP!r}], start_new_session=True).pid)"
    )
    child = launch(
        f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {orphan!r}]); time.sleep(600)",
        mark,
        tmp_path,
    )
    [orphaned] = numbers_in(tmp_path / "child.log", 1)

    [left] = [one for one in family([child.id], mark) if one.pid == orphaned]
    assert stop([child.id], mark, grace_s=2) == []

    assert child.id.find() is None
    assert left.find() is None


def test_a_child_that_ignores_the_polite_signal_is_killed(tmp_path: Path, mark: str) -> None:
    child = launch(
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(os.getpid()); time.sleep(600)",
        mark,
        tmp_path,
    )
    numbers_in(tmp_path / "child.log", 1)

    assert stop([child.id], mark, grace_s=0.2) == []
    assert child.id.find() is None


def test_stopping_leaves_strangers_alone(tmp_path: Path, mark: str, stranger: subprocess.Popen[bytes]) -> None:
    child = launch(NAP, mark, tmp_path)

    assert stop([child.id], mark, grace_s=2) == []

    assert stranger.poll() is None


def test_a_number_that_was_given_to_another_process_is_not_taken_for_ours(
    mark: str, stranger: subprocess.Popen[bytes]
) -> None:
    made = psutil.Process(stranger.pid).create_time()
    stale = ProcessId(pid=stranger.pid, created=made - 3600)

    assert stale.find() is None
    assert family([stale], mark) == []
    assert stop([stale], mark, grace_s=0) == []
    assert stranger.poll() is None


def test_the_mark_alone_finds_processes_of_a_stack_without_state(tmp_path: Path, mark: str) -> None:
    child = launch(NAP, mark, tmp_path)

    assert [one.pid for one in family([], mark)] == [child.id.pid]
    assert stop([], mark, grace_s=0) == []
    assert child.id.find() is None


def test_the_caller_is_spared_though_it_carries_the_mark(tmp_path: Path, mark: str) -> None:
    code = (
        "from cluster.processes import family, stop\n"
        f"assert family([], {mark!r}) == [] and stop([], {mark!r}, grace_s=0) == []\n"
        "print('spared')"
    )
    env = {**os.environ, MARK: mark}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "spared"


def test_output_and_errors_are_in_the_log(tmp_path: Path, mark: str) -> None:
    child = launch("import sys; print('one'); sys.exit('two')", mark, tmp_path)

    assert child.popen.wait(DEADLINE_S) == 1
    assert tail(tmp_path / "child.log") == ["one", "two"]
    assert tail(tmp_path / "child.log", lines=1) == ["two"]
    assert tail(tmp_path / "no.log") == []
