"""What a score is, stands in the guide by the name that results give it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cftray.recipes import find_pack

GUIDE = Path(__file__).parents[3] / "docs" / "evaluation.md"


@pytest.mark.parametrize("pack", ["mini", "paper"])
def test_every_metric_that_a_pack_can_give_is_in_the_guide(pack: str) -> None:
    tasks = find_pack(pack).tasks
    metrics = {name for task in tasks for name in (task.metric, task.paper_metric, *task.metrics) if name is not None}
    text = GUIDE.read_text(encoding="utf-8")
    assert len(metrics) > 3
    assert sorted(name for name in metrics if f"`{name}`" not in text) == []
