"""Looking again and again while a block runs."""

from __future__ import annotations

import threading

import pytest

from cftray.watching import Watching


class Looks(Watching):
    """Counts its looks; `enough` is set at the third."""

    thread_name = "looks"

    def __init__(self, every_s: float) -> None:
        self.every_s = every_s
        self.threads: list[threading.Thread] = []
        self.enough = threading.Event()

    def look(self) -> None:
        self.threads.append(threading.current_thread())
        if len(self.threads) == 3:
            self.enough.set()


def test_it_looks_again_and_again_from_a_thread_of_its_own_that_ends_with_the_block() -> None:
    with Looks(every_s=0.001) as looks:
        assert looks.enough.wait(timeout=30)
    assert {one.name for one in looks.threads[:3]} == {"looks"}
    assert not any(one.is_alive() for one in looks.threads[:3])


def test_what_came_since_the_last_look_is_seen_at_the_end_whatever_ended_the_block() -> None:
    looks = Looks(every_s=3600)
    with pytest.raises(KeyError), looks:
        raise KeyError
    assert looks.threads == [threading.current_thread()]
