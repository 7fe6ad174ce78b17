"""What workers and their driver tell each other by files."""

import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from cftray.errors import DataError, OutOfMemory
from cftray.runner.telling import ended, telling, told

ACTOR = """\
import subprocess, sys
from pathlib import Path
from cftray.runner.telling import end_when_over

end_when_over(Path(sys.argv[1]))
child = subprocess.Popen(["sleep", "600"])
print(child.pid, flush=True)
child.wait()
"""


def test_a_failure_reaches_the_driver_as_what_it_was(tmp_path):
    with suppress(DataError), telling(tmp_path, 3):
        raise DataError("rows.jsonl: nothing in it; add rows")
    found = told(tmp_path)
    assert isinstance(found, DataError)
    assert found.message == "rows.jsonl: nothing in it; add rows"


def test_an_accelerator_that_is_full_is_told_and_a_fault_of_ours_is_not(tmp_path):
    class OutOfMemoryError(RuntimeError):
        pass

    with suppress(ZeroDivisionError), telling(tmp_path, 0):
        raise ZeroDivisionError
    assert told(tmp_path) is None
    with suppress(OutOfMemoryError), telling(tmp_path, 1):
        raise OutOfMemoryError("CUDA out of memory")
    assert isinstance(told(tmp_path), OutOfMemory)


@pytest.mark.parametrize("failing", [False, True])
def test_a_process_whose_pool_is_over_ends_with_its_children(tmp_path, failing):
    actor = subprocess.Popen([sys.executable, "-c", ACTOR, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    child = psutil.Process(int(actor.stdout.readline()))
    assert actor.poll() is None
    with suppress(DataError), ended(tmp_path):
        if failing:
            raise DataError("the pool failed")
    assert actor.wait(timeout=60) == 0
    _, alive = psutil.wait_procs([child], timeout=60)
    assert alive == [] or child.status() == psutil.STATUS_ZOMBIE
