"""Streams that wake together are answered by one look."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

from api.experiments.lookout import Lookout
from api.experiments.repository import Standing
from api.experiments.states import State


class Service:
    """Its experiments have one event more at every look."""

    def __init__(self) -> None:
        self.looks = itertools.count(1)

    def standings(self, identifiers: Sequence[str]) -> dict[str, Standing]:
        event = next(self.looks)
        return {
            one: Standing(state=State.RUNNING, waiting_for=None, last_event=event)
            for one in identifiers
            if one != "exp_gone"
        }


async def seen(lookout: Lookout, identifier: str) -> int | None:
    with lookout.watching(identifier):
        standing = await lookout.standing(identifier)
    return None if standing is None else standing.last_event


def test_all_who_ask_at_once_see_the_same_look_and_who_asks_later_sees_a_newer_one() -> None:
    async def ask() -> tuple[list[int | None], int | None]:
        lookout = Lookout(Service())  # type: ignore[arg-type]
        first = await asyncio.gather(*(seen(lookout, f"exp_{number}") for number in range(40)))
        return first, await seen(lookout, "exp_0")

    first, later = asyncio.run(ask())
    assert set(first) == {1}
    assert later == 2


def test_an_experiment_that_is_not_there_stands_nowhere() -> None:
    assert asyncio.run(seen(Lookout(Service()), "exp_gone")) is None  # type: ignore[arg-type]
