"""What became of an experiment's analyses, from the store."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from cftray.errors import FailureClass
from cftray.report.analysed import Analysed, AnalysisState, analysed
from cftray.report.analysis_text import analysis_lines
from cftray.report.html import html_report
from cftray.report.results import results
from cftray.store import Failure, Holder

from .conftest import World

Make = Callable[..., World]
DES: dict[str, Any] = {
    "metrics": {"des": 0.612, "des/low": 0.55, "des/high": 0.68, "truncated/d1": 0.0},
    "details": {"samples": 9, "pairs": [{"languages": [
        {"first": "en", "second": "de", "rows": [30, 6], "des": 0.7, "low": 0.6, "high": 0.8},
        {"first": "en", "second": "fr", "rows": [30, 1], "des": 0.5, "low": None, "high": None}]}]},
}  # fmt: skip
MPD: dict[str, Any] = {
    "metrics": {"mpd": 0.0123456, "tensors": 40.0}, "details": {"modules": {"q": {"mpd": 0.02}, "o": {"mpd": 0.005}}},
}  # fmt: skip


def fails(world: World, name: str, message: str = "no CUDA <b>device</b>\nsecond line") -> None:
    """Leave what an attempt leaves that failed."""
    lease = world.store.leases(str(world.plan.stage(name).fingerprint)).acquire(Holder.here("exp_1", 1))
    assert lease is not None
    lease.release(
        Failure(failure=FailureClass.USER, code="model", message=message, retryable=False, stage=name, log_tail="")
    )


def found(world: World) -> dict[str, Analysed]:
    return {one.kind.value: one for one in analysed(world.spec, world.plan, world.store)}


def words(world: World) -> dict[str, str]:
    return dict(analysis_lines(analysed(world.spec, world.plan, world.store)))


def test_figures_have_the_names_of_the_field_and_their_intervals(world: Make) -> None:
    asked = world(analysis=["des", "mpd"])
    asked.write("des", DES)
    asked.write("mpd.s17", MPD)
    des, mpd = found(asked)["des"], found(asked)["mpd"]
    assert [(one.name, one.value, one.low) for one in des.measures] == [
        ("similarity/des", 0.612, 0.55), ("similarity/des/de", 0.7, 0.6), ("similarity/des/fr", 0.5, None),
    ]  # fmt: skip
    assert [one.name for one in mpd.measures] == ["similarity/mpd", "similarity/mpd/q", "similarity/mpd/o"]
    assert (des.seed, mpd.seed) == (None, 17)
    told = words(asked)
    assert told["DES of the phases' data"] == "0.612 (95 %: 0.550 to 0.680)"
    assert told[mpd.title] == "0.01235"
    assert "en, de 0.700 (95 %: 0.600 to 0.800); en, fr 0.500" in told.values()


def test_languages_of_two_mixed_sets_are_named_by_both(world: Make) -> None:
    asked = world(analysis=["des"])
    pairs = [{"languages": [{"first": one, "second": "de", "des": 0.5, "low": None, "high": None} for one in "ab"]}]
    asked.write("des", DES | {"details": {"pairs": pairs}})
    names = [one.name for one in found(asked)["des"].measures]
    assert names == ["similarity/des", "similarity/des/a/de", "similarity/des/b/de"]


def test_a_failed_analysis_tells_its_message_and_leaves_the_scores_complete(world: Make) -> None:
    asked = world(analysis=["des"])
    for node in asked.plan.stages:
        if node.name != "des":
            asked.record(node.name)
    fails(asked, "des")
    told = results(asked.plan, asked.store, asked.spec)
    assert told.complete
    assert [(one.state, one.reason) for one in told.analyses] == [
        (AnalysisState.FAILED, "no CUDA <b>device</b>\nsecond line")
    ]
    assert words(asked) == {"DES of the phases' data": "failed: no CUDA <b>device</b> second line"}
    page = html_report(asked.spec, asked.plan, asked.store)
    assert "failed: no CUDA &lt;b&gt;device&lt;/b&gt; second line" in page


def test_what_needs_a_failed_stage_says_which(world: Make) -> None:
    asked = world(analysis=["mpd"])
    fails(asked, "train.d2.s17", "the loss is not finite")
    mpd = found(asked)["mpd"]
    assert mpd.state is AnalysisState.LEFT_OUT
    assert mpd.reason is not None
    assert mpd.reason.startswith("needs “for MPD: the base on phase 2's data alone”")
    assert mpd.reason.endswith("which failed: the loss is not finite")
    page = html_report(asked.spec, asked.plan, asked.store)
    states = dict(re.findall(r'<th scope="row">([^<]*)</th><td class="text">(\w[^<]*)', page))
    assert states["for MPD: the base on phase 2&#39;s data alone"] == "failed"
    assert states[mpd.title.replace("'", "&#39;")] == "left out"


def test_a_new_attempt_takes_the_failure_back(world: Make) -> None:
    asked = world(analysis=["des"])
    fails(asked, "des")
    lease = asked.store.leases(str(asked.plan.stage("des").fingerprint)).acquire(Holder.here("exp_1", 2))
    assert lease is not None
    assert found(asked)["des"].state is AnalysisState.AWAITED
    lease.release()
    assert found(asked)["des"].state is AnalysisState.AWAITED
    asked.write("des", DES)
    assert found(asked)["des"].state is AnalysisState.FOUND


def test_there_is_no_similarity_to_the_data_of_an_adopted_model(world: Make) -> None:
    adopted = world(analysis=["des", "representations"], phase1={"adopt": "some/instruct"})
    told = found(adopted)
    assert told["des"].state is AnalysisState.UNDEFINED
    assert "adopted" in words(adopted)["DES of the phases' data"]
    assert told["representations"].state is AnalysisState.AWAITED


def test_mpd_of_several_seeds_has_a_mean_and_a_deviation(world: Make) -> None:
    asked = world(analysis=["mpd"], seeds=[1, 2])
    for seed, value in ((1, 0.01), (2, 0.03)):
        asked.write(f"mpd.s{seed}", {"metrics": {"mpd": value}})
    assert words(asked)["MPD, mean over 2 seeds"] == "0.02 (standard deviation 0.014)"


@pytest.mark.parametrize("asked", [[], ["des"]])
def test_without_the_spec_nothing_is_said(world: Make, asked: list[str]) -> None:
    made = world(analysis=asked)
    assert results(made.plan, made.store).analyses == ()
