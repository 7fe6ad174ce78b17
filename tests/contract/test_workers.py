"""One suite over both implementations of `Workers`: plain processes and Ray."""

import os
import signal
import threading
from pathlib import Path

import psutil
import pytest

from cftray.errors import Cancelled, DataError, InfraError
from cftray.stage import Workers

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(params=["local", "ray"])
def workers(request, tmp_path) -> Workers:
    if request.param == "local":
        from cftray.training.local_workers import LocalWorkers

        return LocalWorkers()
    from cftray.runner.ray_workers import RayWorkers

    return RayWorkers(tmp_path / "scratch", address=request.getfixturevalue("ray_head").address)


def write_rank(request):
    import torch
    import torch.distributed as dist

    total = torch.tensor([dist.get_rank() + 1])
    dist.all_reduce(total)
    (Path(request["folder"]) / f"rank{dist.get_rank()}").write_text(f"{dist.get_world_size()} {int(total)}")


def double(request):
    return {"doubled": request["value"] * 2}


def refuse(request):
    raise DataError("rows.jsonl: nothing in it; add rows")


def die(request):
    os.kill(os.getpid(), signal.SIGKILL)


def stumble(request):
    raise ZeroDivisionError("a fault in our code")


def leave_when_stopped(request):
    import time

    for _ in range(600):
        if Path(request["stop"]).exists():
            raise Cancelled("stopped because it was asked to")
        time.sleep(0.05)


def pool(request):
    """Handles items by writing who made what of them."""
    if request.get("faulty"):
        raise ZeroDivisionError("a fault in our code")
    if request.get("broken"):
        raise DataError("model: does not load; give another")

    def handle(item):
        if item["number"] == request.get("deadly"):
            os.kill(os.getpid(), signal.SIGKILL)
        if Path(request["stop"]).exists():
            raise Cancelled("stopped because it was asked to")
        (Path(request["folder"]) / f"item{item['number']}").write_text(str(os.getpid()))

    return handle


def uneven(request):
    """One item fails once another is at work, which would not end by itself."""
    folder = Path(request["folder"])

    def handle(item):
        (folder / f"item{item['number']}").write_text(str(os.getpid()))
        busy = folder / "item1"
        while not (item["number"] == 0 and busy.exists() and busy.read_text()):
            threading.Event().wait(0.05)
        raise DataError("rows.jsonl: nothing in it; add rows")

    return handle


def asked(tmp_path, **more):
    return {"folder": str(tmp_path), "stop": str(tmp_path / "stop")} | more


def test_a_group_is_joined_in_one_process_group(workers, tmp_path):
    workers.group(write_rank, asked(tmp_path), size=2, accelerator=None, name="group")
    assert {path.name: path.read_text() for path in tmp_path.glob("rank*")} == {"rank0": "2 3", "rank1": "2 3"}


def test_a_call_returns_its_result(workers, tmp_path):
    assert workers.call(double, asked(tmp_path, value=4), accelerator=None, name="call") == {"doubled": 8}


@pytest.mark.parametrize("how", ["group", "call"])
def test_an_error_of_ours_comes_back_as_itself(workers, tmp_path, how):
    size = {"size": 2} if how == "group" else {}
    with pytest.raises(DataError, match="nothing in it; add rows"):
        getattr(workers, how)(refuse, asked(tmp_path), accelerator=None, name="refuse", **size)


@pytest.mark.parametrize("how", ["group", "call"])
def test_a_process_that_dies_is_an_infrastructure_failure(workers, tmp_path, how):
    size = {"size": 2} if how == "group" else {}
    with pytest.raises(InfraError):
        getattr(workers, how)(die, asked(tmp_path), accelerator=None, name="die", **size)


def test_a_group_that_died_gives_its_room_back(workers, tmp_path):
    with pytest.raises(InfraError):
        workers.group(die, asked(tmp_path), size=2, accelerator=None, name="die")
    workers.group(write_rank, asked(tmp_path), size=2, accelerator=None, name="next")
    assert len(list(tmp_path.glob("rank*"))) == 2


def test_a_fault_of_our_own_is_not_dressed_up(workers, tmp_path):
    with pytest.raises(Exception, match="a fault in our code") as caught:
        workers.call(stumble, asked(tmp_path), accelerator=None, name="stumble")
    assert not isinstance(caught.value, InfraError | DataError)


def test_a_stop_reaches_work_that_runs(workers, tmp_path):
    (tmp_path / "stop").touch()
    with pytest.raises(Cancelled):
        workers.call(leave_when_stopped, asked(tmp_path), accelerator=None, name="stoppable")


def test_there_is_room_for_at_least_one_worker_on_a_cpu(workers):
    assert workers.available(None) >= 1
    assert workers.available("GPU") == 0


@pytest.mark.parametrize("actors", [1, 2])
def test_a_pool_handles_each_item_once(workers, tmp_path, actors):
    items = [{"number": number} for number in range(6)]
    workers.map(pool, asked(tmp_path), items, actors=actors, accelerator=None, name="pool")
    done = {path.name: path.read_text() for path in tmp_path.glob("item*")}
    assert set(done) == {f"item{number}" for number in range(6)}
    assert 1 <= len(set(done.values())) <= actors


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"broken": True}, DataError), ({"deadly": 1}, InfraError)],
)
def test_a_pool_that_fails_says_why(workers, tmp_path, changes, error):
    items = [{"number": number} for number in range(3)]
    with pytest.raises(error):
        workers.map(pool, asked(tmp_path, **changes), items, actors=1, accelerator=None, name="pool")


def test_a_fault_of_our_own_in_a_pool_is_no_death(workers, tmp_path):
    with pytest.raises(Exception, match="a fault in our code") as caught:
        workers.map(pool, asked(tmp_path, faulty=True), [{"number": 0}], actors=1, accelerator=None, name="pool")
    assert not isinstance(caught.value, InfraError | DataError)


def test_no_process_of_a_pool_outlives_its_failure(workers, tmp_path):
    with pytest.raises(DataError):
        workers.map(
            uneven, asked(tmp_path), [{"number": 0}, {"number": 1}], actors=2, accelerator=None, name="pool"
        )
    numbers = [int(path.read_text()) for path in tmp_path.glob("item*")]
    assert len(numbers) == 2
    there = [psutil.Process(number) for number in numbers if psutil.pid_exists(number)]
    _, alive = psutil.wait_procs(there, timeout=30)
    assert [process.status() for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def test_a_stop_reaches_a_pool(workers, tmp_path):
    (tmp_path / "stop").touch()
    with pytest.raises(Cancelled):
        workers.map(pool, asked(tmp_path), [{"number": 0}], actors=1, accelerator=None, name="pool")
