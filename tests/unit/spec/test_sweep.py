"""What a sweep may ask for, alone."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from cftray.spec.sweep import Bound, EarlyStopping, Range


@pytest.mark.parametrize(
    ("given", "rungs"),
    [
        ({}, (0.25, 0.5)),
        ({"grace": 0.1, "reduction_factor": 3}, (0.1, 0.30000000000000004, 0.9000000000000001)),
        ({"grace": 0.5}, (0.5,)),
        ({"grace": 0.2, "reduction_factor": 5}, (0.2,)),
    ],
)
def test_rungs_grow_by_the_factor_and_end_before_the_whole(given: dict[str, Any], rungs: tuple[float, ...]) -> None:
    assert EarlyStopping.model_validate(given).rungs == rungs


def test_a_range_goes_from_its_first_number_to_its_last() -> None:
    assert [Range(uniform=(1.0, 2.0)).at(place) for place in (0, 0.5)] == [1.0, 1.5]
    assert Range(loguniform=(1e-4, 1e-2)).at(0.5) == pytest.approx(1e-3)
    assert [Range(integers=(1, 3)).at(place) for place in (0.0, 0.34, 0.999)] == [1, 2, 3]
    assert Range(uniform=(0.0, 1.0)).at(1 / 3) == 0.3333, "four digits, to be written down"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"uniform": [2, 1]}, "low below high, not"),
        ({"loguniform": [0, 1]}, "low above 0"),
        ({}, "one of uniform, loguniform and integers"),
        ({"uniform": [0, 1], "integers": [1, 2]}, "one of uniform"),
    ],
)
def test_a_range_that_is_none_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Range.model_validate(given)


def test_a_bound_bounds_something() -> None:
    with pytest.raises(ValidationError, match="give at_least, at_most or decline_at_most"):
        Bound(score="ta")
    with pytest.raises(ValidationError, match="no score is both"):
        Bound(score="ta", at_least=0.6, at_most=0.5)
