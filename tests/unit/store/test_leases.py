"""At most one live holder; a number that only grows; a dead holder is replaced at once or in time."""

import subprocess
import sys

import psutil
import pytest

from cftray.errors import FailureClass, LeaseLost
from cftray.store import Failure, FileLeases, Holder

ELSEWHERE = Holder(experiment="exp_a", attempt=1, host="another-host", process=1, process_started=0.0)


def here(experiment="exp_b"):
    return Holder.here(experiment, 1)


def test_a_held_lease_is_given_to_nobody_else(tmp_path):
    leases = FileLeases(tmp_path)
    lease = leases.acquire(here("exp_a"))
    assert lease is not None
    assert lease.token == 1
    assert leases.acquire(here("exp_b")) is None
    lease.release()


def test_a_released_lease_is_followed_by_a_higher_token(tmp_path):
    leases = FileLeases(tmp_path)
    first = leases.acquire(here())
    first.release()
    second = leases.acquire(here())
    assert second.token == 2
    second.release()


def test_a_holder_whose_process_ended_is_replaced_at_once(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    dead = Holder(
        experiment="exp_a",
        attempt=1,
        host=here().host,
        process=child.pid,
        process_started=psutil.Process(child.pid).create_time(),
    )
    leases = FileLeases(tmp_path)
    assert leases.acquire(dead) is not None
    assert leases.acquire(here()) is None
    child.communicate()
    taken = leases.acquire(here())
    assert taken is not None
    assert taken.token == 2
    taken.release()


def test_a_silent_holder_elsewhere_is_replaced_after_its_time_on_the_waiters_clock(tmp_path):
    now = [0.0]
    held = FileLeases(tmp_path).acquire(ELSEWHERE)
    held._ended.set()
    waiter = FileLeases(tmp_path, ttl=20, clock=lambda: now[0])
    assert waiter.acquire(here()) is None
    now[0] = 19.9
    assert waiter.acquire(here()) is None
    now[0] = 20.1
    assert waiter.acquire(here()).token == 2


def test_a_heartbeat_keeps_a_holder_alive(tmp_path):
    now = [0.0]
    held = FileLeases(tmp_path).acquire(ELSEWHERE)
    held._ended.set()
    waiter = FileLeases(tmp_path, ttl=20, clock=lambda: now[0])
    assert waiter.acquire(here()) is None
    now[0] = 19.0
    path = tmp_path / "1.json"
    beat = path.stat().st_mtime_ns + 10_000_000
    import os

    os.utime(path, ns=(beat, beat))
    assert waiter.acquire(here()) is None
    now[0] = 38.0
    assert waiter.acquire(here()) is None


def test_a_holder_that_was_replaced_learns_it(tmp_path):
    first = FileLeases(tmp_path).acquire(ELSEWHERE)
    first._ended.set()
    now = [0.0]
    waiter = FileLeases(tmp_path, ttl=1, clock=lambda: now[0])
    waiter.acquire(here())
    now[0] = 2.0
    waiter.acquire(here()).check()
    with pytest.raises(LeaseLost):
        first.check()


def test_how_a_lease_ended_is_told_to_who_waited(tmp_path):
    leases = FileLeases(tmp_path)
    lease = leases.acquire(here())
    assert leases.end(1) is None
    failure = Failure(failure=FailureClass.DATA, code="bad-data", message="no rows", retryable=False)
    lease.release(failure)
    assert leases.end(1).failure == failure


def test_of_many_that_start_at_the_same_moment_one_gets_it(tmp_path):
    program = (
        "import sys; from pathlib import Path; from cftray.store import FileLeases, Holder\n"
        "input(); lease = FileLeases(Path(sys.argv[1])).acquire(Holder.here('e', 1))\n"
        "print(bool(lease), flush=True); input()"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(6)
    ]
    for racer in racers:
        racer.stdin.write("\n")
        racer.stdin.flush()
    answers = [racer.stdout.readline().strip() for racer in racers]
    for racer in racers:
        racer.communicate("\n")
    assert sorted(answers) == ["False"] * 5 + ["True"]
