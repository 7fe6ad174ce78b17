"""What the configs of the similarities refuse."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cftray.plan.analysis_stages import DesConfig, MpdConfig


def test_des_draws_as_many_rows_as_the_paper():
    assert (DesConfig(seed=1).samples, DesConfig(seed=1).text) == (500, "rendered")


@pytest.mark.parametrize("wrong", [{"samples": 1}, {"text": "response"}, {"template": "alpaca"}])
def test_what_des_can_not_mean_is_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        DesConfig.model_validate({"seed": 1} | wrong)


def test_a_seed_is_never_left_open():
    with pytest.raises(ValidationError, match="seed"):
        DesConfig.model_validate({})


def test_mpd_has_no_settings():
    with pytest.raises(ValidationError, match="threads"):
        MpdConfig.model_validate({"threads": 4})
