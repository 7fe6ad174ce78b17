"""What a scorer gives, as an item's values and a task's figures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from cftray.errors import InternalError
from cftray.evaluation.items import Item, all_metrics, task_figures, task_scores, valued
from cftray.plan.packs import PackTask

ENTRY = PackTask(
    task="t", suite="ta", benchmark="ifeval", language="en", metric="strict", metrics=("loose",), chat=True
)


def item(name: str, **found: Any) -> Item:
    return Item(item=name, prompt_sha256="", output="x", truncated=False, **valued(ENTRY, name, found))


def test_numbers_and_lists_are_kept_and_words_are_not() -> None:
    one = item("a", strict=np.bool_(True), loose=[True, False, False], other=np.float64(0.5), told="w1")
    assert one.metrics == {"loose": pytest.approx(1 / 3), "strict": 1.0, "other": 0.5}


@pytest.mark.parametrize("found", [{}, {"strict": True}, {"strict": math.nan, "loose": 1}, {"strict": 1, "loose": []}])
def test_a_kept_metric_that_is_no_number_is_our_mistake(found: dict[str, Any]) -> None:
    with pytest.raises(InternalError, match="no finite number"):
        valued(ENTRY, "a", found)


def test_lists_are_pooled_over_all_items() -> None:
    items = [item("a", strict=1, loose=[True]), item("b", strict=0, loose=[True, False, False])]
    assert all_metrics(items)["loose"] == {"value": 0.5, "stderr": None, "n": 4}
    assert all_metrics(items)["strict"] == {"value": 0.5, "stderr": 0.5, "n": 2}


def test_an_unscored_item_keeps_its_reason_and_the_task_no_score() -> None:
    items = [item("a", strict=1, loose=1), item("b", unscored="no checker", strict=1)]
    figures = task_figures(ENTRY, items, 0)
    assert (figures["score"], figures["score_of_scored"], figures["unscored"]) == (None, 1.0, 1)
    scores = task_scores(ENTRY, items)
    assert (scores.items, scores.unscored, scores.others) == (("a",), {"b": "no checker"}, {"loose": (1.0,)})
    assert list(all_metrics(items)) == ["strict/of_scored", "loose/of_scored"]


def test_a_task_of_which_nothing_is_scored_has_figures_all_the_same() -> None:
    items = [item("a", unscored="no checker")]
    assert task_figures(ENTRY, items, 0)["score"] is None
    assert all_metrics(items) == {}
    assert task_scores(ENTRY, items).items == ()
