"""An observer hears of every change, later where it was away, and is never waited for."""

from __future__ import annotations

from api.reconciler.tracking import Tracking
from tests.unit.api.conftest import World


class Listener:
    """Remembers what it was told; `away`: it can't be reached; `refused`: it does not want to hear of that."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.away = False
        self.refused = ""

    def observe(self, experiment_id: str) -> None:
        if self.away:
            raise ConnectionError("away")
        if experiment_id == self.refused:
            raise ValueError("somebody deleted that run")
        self.heard.append(experiment_id)


def tracking(world: World, listener: Listener) -> Tracking:
    return Tracking(world.app.state.backstage.database, listener, world.clock)


def test_a_change_is_told_once(world: World) -> None:
    listener = Listener()
    tracker = tracking(world, listener)
    identifier = world.post()["id"]
    tracker.step()
    tracker.step()
    assert listener.heard == [identifier]
    world.step()
    tracker.step()
    assert listener.heard == [identifier, identifier]


def test_what_an_absent_observer_missed_is_told_when_it_is_back(world: World) -> None:
    listener = Listener()
    listener.away = True
    tracker = tracking(world, listener)
    identifier = world.post()["id"]
    tracker.step()
    listener.away = False
    tracker.step()
    assert listener.heard == [], "it is left alone for a while"
    world.clock.move(60)
    tracker.step()
    assert listener.heard == [identifier]


def test_a_service_that_starts_again_tells_what_was_not_told(world: World) -> None:
    first, second = Listener(), Listener()
    told = world.post()["id"]
    tracking(world, first).step()
    untold = world.post()["id"]
    tracking(world, second).step()
    assert (first.heard, second.heard) == ([told], [untold])


def test_an_experiment_that_is_refused_does_not_hold_up_the_others(world: World) -> None:
    listener = Listener()
    tracker = tracking(world, listener)
    listener.refused = world.post()["id"]
    other = world.post()["id"]
    tracker.step()
    assert listener.heard == [other]
    refused, listener.refused = listener.refused, ""
    world.clock.move(60)
    tracker.step()
    assert listener.heard == [other, refused]
