"""Both stages without Ray, on the miniature's own encoder and rows."""

from __future__ import annotations

import json

import pytest

from cftray.analysis import des_stage, mpd_stage
from cftray.analysis.entry import compare_models
from cftray.data.adapters import write_rows
from cftray.data.sources import ROWS
from cftray.errors import Cancelled, DataError, InternalError, ModelError
from cftray.mini.datasets import rows
from cftray.mini.make_encoder import ENCODER
from cftray.plan.analysis_stages import DesConfig, MpdConfig
from tests.unit.analysis.conftest import Nobody

CONFIG = DesConfig(samples=120, seed=1)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Rows of the miniature as a stage leaves them, by the name of their set."""
    whole = tmp_path_factory.mktemp("sets")
    places = {"encoder": ENCODER}
    for name in ("alpaca-mini", "instruct-mini", "multialpaca-mini"):
        (whole / name).mkdir()
        write_rows(whole / name / ROWS, rows(name, samples=150, seed=5))
        places[name] = whole / name
    return places


def chosen(inputs, *names):
    return {name: inputs[name] for name in ("encoder", *names)}


def test_similar_sets_of_the_miniature_are_more_alike(inputs, attempt):
    context, _ = attempt()
    found = des_stage.run(CONFIG, inputs, context)
    metrics = found.metrics
    assert metrics["des/alpaca-mini/multialpaca-mini"] > metrics["des/instruct-mini/multialpaca-mini"]
    assert metrics["truncated/alpaca-mini"] == 0
    assert json.loads(found.outputs["des"].read_text()) == found.details
    assert list(found.details["sets"]) == ["alpaca-mini", "instruct-mini", "multialpaca-mini"]


def test_two_sets_have_one_headline_with_its_interval(inputs, attempt):
    context, reports = attempt()
    found = des_stage.run(CONFIG, chosen(inputs, "alpaca-mini", "multialpaca-mini"), context)
    assert -1 < found.metrics["des/low"] < found.metrics["des"] < found.metrics["des/high"] <= 1
    pair = found.details["pairs"][0]
    assert {"des": pair["des"], "des/low": pair["low"], "des/high": pair["high"]}.items() <= found.metrics.items()
    languages = {(one["first"], one["second"]) for one in pair["languages"]}
    assert languages == {("en", other) for other in ("de", "es", "fr", "id", "ru")}
    assert (found.details["samples"], found.details["text"], found.details["seed"]) == (120, "rendered", 1)
    assert (reports[-1].step, reports[-1].total, reports[-1].unit) == (240, 240, "rows")


def test_instructions_alone_are_another_text(inputs, attempt):
    two = chosen(inputs, "alpaca-mini", "instruct-mini")
    whole = des_stage.run(CONFIG, two, attempt("whole")[0])
    alone = des_stage.run(CONFIG.model_copy(update={"text": "instruction"}), two, attempt("alone")[0])
    assert whole.metrics["des"] != alone.metrics["des"]


def test_what_an_attempt_before_embedded_is_used(inputs, attempt):
    two = chosen(inputs, "alpaca-mini", "multialpaca-mini")
    before, _ = attempt("before")
    first = des_stage.run(CONFIG, two, before)
    after, _ = attempt("after", workers=Nobody(), earlier=[before.folder])
    assert des_stage.run(CONFIG, two, after).details == first.details


def test_too_few_rows_are_refused_before_a_worker_is_asked(inputs, attempt):
    context, _ = attempt(workers=Nobody())
    with pytest.raises(DataError, match="alpaca-mini: 500 samples asked for, 150 rows are there"):
        des_stage.run(DesConfig(seed=1), chosen(inputs, "alpaca-mini", "multialpaca-mini"), context)


def test_a_single_set_is_no_comparison(inputs, attempt):
    with pytest.raises(InternalError, match="DES compares two sets or more; planned were alpaca-mini"):
        des_stage.run(CONFIG, chosen(inputs, "alpaca-mini"), attempt()[0])


def test_two_models_are_compared(model, attempt):
    model("first", {"layers.0.up_proj.weight": [3.0, 4.0], "lm_head.weight": [[1.0]]})
    model("second", {"layers.0.up_proj.weight": [0.0, 0.0], "lm_head.weight": [[2.0]]}, dtype="BF16")
    context, reports = attempt()
    inputs = {"first": context.folder.parent / "first", "second": context.folder.parent / "second"}
    found = mpd_stage.run(MpdConfig(), inputs, context)
    assert (found.metrics["mpd"], found.metrics["tensors"], found.metrics["parameters"]) == (3.0, 2.0, 3.0)
    assert found.details["modules"]["up"] == {"mpd": 5.0, "tensors": 1, "size": 2}
    assert json.loads(found.outputs["mpd"].read_text()) == found.details
    assert (reports[-1].step, reports[-1].total, reports[-1].unit) == (1, 1, "MB")


def test_models_that_are_not_alike_end_the_stage(model, attempt):
    model("first", {"a.weight": [1.0]})
    model("second", {"a.weight": [1.0, 2.0]})
    context, _ = attempt()
    place = context.folder.parent
    with pytest.raises(ModelError, match="not of one architecture"):
        mpd_stage.run(MpdConfig(), {"first": place / "first", "second": place / "second"}, context)


def test_a_stage_that_was_asked_to_stop_stops(inputs, attempt, model):
    context, _ = attempt()
    context.stop.touch()
    with pytest.raises(Cancelled):
        des_stage.run(CONFIG, chosen(inputs, "alpaca-mini", "multialpaca-mini"), context)
    with pytest.raises(Cancelled):
        mpd_stage.run(MpdConfig(), {}, context)


def test_workers_see_that_they_are_to_stop(model, attempt):
    places = {name: model(name, {"a.weight": [1.0]}) for name in ("first", "second")}
    context, _ = attempt()
    context.stop.touch()
    with pytest.raises(Cancelled):
        compare_models(places | {"folder": str(context.folder), "stop": str(context.stop)})
