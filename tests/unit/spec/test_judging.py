"""A judge is asked with a prompt that there is."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cftray.spec import JudgeSpec


def test_a_prompt_that_is_not_known_is_refused_with_the_nearest() -> None:
    assert JudgeSpec(endpoint="judge", model="gpt-4").prompt == "pairwise-1"
    with pytest.raises(ValidationError, match="did you mean pairwise-1"):
        JudgeSpec(endpoint="judge", model="gpt-4", prompt="pairwise-2")
