"""The beginning of a phase, and the whole that goes on from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cftray.training.checkpoint import complete
from tests.unit.training.test_phase import curve


@pytest.fixture
def train():
    from cftray.training.worker import train_phase

    def run(request):
        train_phase(request.model_dump(mode="json"))
        return Path(request.folder) / "model"

    return run


def test_the_whole_that_goes_on_from_its_parts_ends_in_the_same_bytes_as_in_one_go(train, request_for):
    whole = request_for("whole")
    straight = train(whole)
    quarter = request_for("quarter", until=2)
    early = train(quarter)
    half = request_for("half", until=4, resume_from=(quarter.folder,))
    train(half)
    rest = request_for("rest", resume_from=(half.folder, quarter.folder))
    resumed = train(rest)
    assert [line["step"] for line in curve(quarter)] == [1, 2]
    assert [line["step"] for line in curve(half)] == [1, 2, 3, 4]
    assert [state.step for state, _ in complete([Path(half.folder)])] == [4], "what the whole goes on from"
    assert (resumed / "model.safetensors").read_bytes() == (straight / "model.safetensors").read_bytes()
    assert (early / "model.safetensors").read_bytes() != (straight / "model.safetensors").read_bytes()
    for ours, theirs in zip(curve(rest), curve(whole), strict=True):
        assert {**ours, "seconds": 0} == {**theirs, "seconds": 0}, "the part follows the whole's schedule"


def test_a_part_as_long_as_the_phase_is_the_phase(train, request_for):
    whole = train(request_for("whole"))
    part = train(request_for("part", until=99))
    assert (part / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_a_part_whose_attempt_died_behind_its_checkpoint_needs_no_step_more(train, request_for):
    first = request_for("first", until=3)
    train(first)
    again = request_for("again", until=3, resume_from=(first.folder,))
    model = train(again)
    assert model.is_dir()
    assert [line["step"] for line in curve(again)] == [1, 2, 3]
