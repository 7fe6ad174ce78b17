"""How alike the phases are, as the report tells it from records."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from cftray.report.analysed import NOT_RECORDED, analysed
from cftray.report.facts import stages_of
from cftray.report.html import html_report
from cftray.report.likeness import Likeness, likeness

from .conftest import World

Make = Callable[..., World]
PAIR = {"first": "en", "second": "de", "rows": [30, 6], "des": 0.7, "low": 0.6, "high": 0.8, "corrected": 0.72}
DES: dict[str, Any] = {
    "metrics": {"des": 0.612, "des/low": 0.55, "des/high": 0.68, "truncated/d1": 0.0, "truncated/d2": 0.25},
    "details": {"samples": 500, "pairs": [{"languages": [PAIR, PAIR | {"second": "fr", "low": None, "high": None}]}]},
}
PICTURE = b"\x89PNG but small"


def shown(world: World) -> Likeness | None:
    analyses = analysed(world.spec, world.plan, world.store)
    return likeness(world.spec, stages_of(world.plan, world.store), world.store, analyses)


def told(world: World) -> dict[str, str]:
    found = shown(world)
    assert found is not None
    return dict(found.facts)


def test_nothing_is_said_where_nothing_was_asked_for(world: Make) -> None:
    assert shown(world()) is None


def test_the_similarity_of_the_data_comes_with_its_interval_and_what_was_cut(world: Make) -> None:
    asked = world(analysis=["des"])
    asked.write("des", DES)
    assert (
        told(asked)["DES of the phases' data"]
        == "0.612 (95 %: 0.550 to 0.680), 500 rows a side, at most 25.0% of a side's rows cut"
    )
    page = html_report(asked.spec, asked.plan, asked.store)
    assert "DES language by language" in page
    assert "en, fr" in page


def test_an_analysis_without_a_record_is_named(world: Make) -> None:
    assert NOT_RECORDED in told(world(analysis=["des"])).values()


def test_there_is_no_similarity_to_data_that_are_not_known(world: Make) -> None:
    adopted = world(analysis=["des"], phase1={"adopt": "some/instruct"})
    assert told(adopted)["DES of the phases' data"].startswith("undefined: phase 1 was adopted")


def test_the_page_holds_the_figures(world: Make) -> None:
    asked = world(analysis=["representations"])
    name = next(node.name for node in asked.plan.stages if node.name.startswith("representations"))
    fingerprint = asked.plan.stage(name).fingerprint
    assert fingerprint is not None
    folder = asked.store.attempt_folder(fingerprint, 1) / "figures"
    folder.mkdir(parents=True)
    (folder / "layers.png").write_bytes(PICTURE)
    (folder / "covariance.png").write_bytes(b"\x89PNG, then twelve".ljust(16) + bytes((0, 0, 3, 0, 0, 0, 1, 0)))
    metrics = {"covariance_difference": 1.5, "layer_difference_relative_mean": 0.25, "prompts": 80}
    asked.write(name, {"outputs": {"figures": asked.store.describe(fingerprint, folder)}, "metrics": metrics})
    page = html_report(asked.spec, asked.plan, asked.store)
    assert f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}" in page
    assert "the paper&#39;s Figure 1" in page
    assert "Figures 2 and D4" in page
    assert page.count('<figure class="picture wide">') == 1
    assert "25.0% of its size" in page
