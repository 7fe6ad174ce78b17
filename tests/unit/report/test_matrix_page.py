"""A matrix's page: what was asked and found, from made-up records; escaped, and nothing from elsewhere."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from cftray.report.matrix_cells import gathered
from cftray.report.matrix_figures import matrix_figures
from cftray.report.matrix_page import matrix_report
from cftray.store import Store

from .matrices import GR, MATRIX, made_matrix
from .pages import Page, in_browser

EVIL = '<script>alert(1)</script>"><img src=x onerror=alert(2)> $\\frac{'


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def report(store: Store, document: dict[str, Any] = MATRIX, **how: Any) -> str:
    cells = made_matrix(store, document, **how)
    return matrix_report(document["name"], document, cells, store, matrix="mat_1")


def text_of(page: str) -> str:
    return " ".join(" ".join(Page(page).text).split())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    return report(Store(tmp_path_factory.mktemp("whole")))


def test_what_was_asked_and_found_stands_at_the_head(whole: str) -> None:
    head = whole.partition("</header>")[0]
    for told in (
        "P2, after phase 1 on instruct-mini: Task ability falls",
        "GR_10 against plain phase 2: helps task ability (+",
        "LF_H1 against plain phase 2: task ability",
        "hurts language ability",
    ):
        assert told in head
    assert "ot finished" not in whole
    text = text_of(whole)
    assert "none · generative_replay (ratio 0.1) · lf_h1" in text
    assert "alpaca-mini, 2,500 samples · instruct-mini, 2,500 samples" in text


@pytest.mark.parametrize(
    ("mitigations", "texts"),
    [
        ([{"kind": "none"}, GR], [">similar<", ">dissimilar<", ">P2<", ">GR_10<"]),
        ([{"kind": "none"}], [">similar · P2<", ">dissimilar · P2<"]),
    ],
)
def test_pairs_with_several_rows_have_a_panel_each_in_the_figure_of_covariances(
    store: Store, mitigations: list[dict[str, Any]], texts: list[str]
) -> None:
    axes = {"pair": ["similar", "dissimilar"], "mitigation": mitigations, "seed": [1]}
    found = gathered("pairs", made_matrix(store, MATRIX | {"axes": axes, "cells": []}), store)
    svg = matrix_figures(found, store)["covariance"].content("svg").decode()
    assert [text for text in texts if text not in svg] == []


def test_every_figure_is_drawn_in_line_with_ids_of_its_own(whole: str) -> None:
    page = Page(whole)
    titles = [value for name, value in page.attributes if name == "aria-label"]
    assert titles == [
        "What phase 2 changed", "What phase 2 changed in each language", "Forgetting and similarity: DES",
        "Forgetting and similarity: MPD", "How far the activations' covariance moved, layer by layer",
        "Layers of P1 and P2 by t-SNE", "Loss",
    ]  # fmt: skip
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids)) > 100
    used = {link[1:] for link in page.links if link.startswith("#")}
    assert used <= set(ids)
    assert "change of TA, points, in phase 2" in "".join(page.text)


def test_similarity_is_told_of_each_pair_once(whole: str) -> None:
    text = text_of(whole)
    assert text.count("0.310 (95 %: 0.270 to 0.350)") == 1
    assert text.count("0.820 (95 %: 0.780 to 0.860)") == 1
    assert "(sd of 2 seeds)" in text


def test_mitigated_rows_are_no_points_of_the_correlation_s_interval(whole: str) -> None:
    text = text_of(whole)
    assert "Plain phase 2: n = 2: too few points, or all alike, for a correlation." in text
    assert "All 4 rows, mitigations among them: r = +" in text


def test_an_analysis_that_a_finished_cell_lacks_is_named_with_the_reason(store: Store) -> None:
    document = MATRIX | {"spec": MATRIX["spec"] | {"analysis": ["crosslingual"]}}
    cells = made_matrix(store, document, skip={"crosslingual"})
    text = text_of(matrix_report("x", MATRIX, cells, store))
    assert "Languages side by side not recorded (all rows)" in text


def test_a_stage_that_cells_share_costs_once(whole: str) -> None:
    text = text_of(whole)
    assert "train phase 1 4 8 40:00 min 1:20:00" in text
    assert "train phase 2 8 8 1:20:00 1:20:00" in text


def test_the_page_needs_nothing_from_elsewhere(whole: str) -> None:
    page = Page(whole)
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.tags)
    assert all(link.startswith(("data:", "#")) for link in page.links)
    assert "@import" not in whole
    assert "http:" not in whole
    assert "https:" not in whole


def test_the_matrix_and_the_scores_are_carried(whole: str) -> None:
    links = [link for link in Page(whole).links if link.startswith("data:")]
    csv, document = (base64.b64decode(link.partition(",")[2]).decode() for link in links)
    assert csv.startswith("phase1,row,seeds")
    assert yaml.safe_load(document) == MATRIX


@pytest.mark.parametrize("width", [420, 1280])
def test_in_a_browser_nothing_overflows_and_nothing_is_fetched(whole: str, width: int, tmp_path: Path) -> None:
    seen = in_browser(whole, width, tmp_path)
    assert (seen.window, seen.beyond, seen.loaded) == (width, 0, 0)


def test_an_unfinished_matrix_tells_what_there_is_and_names_what_failed(store: Store) -> None:
    page = report(store, states={("GR_10", 2): "failed", ("LF_H1", 2): "running"})
    text = text_of(page)
    assert "Not finished: 6 of 8 cells are evaluated; 1 failed, 1 running." in text
    assert "GR_10 2 exp_5 failed out of memory" in text
    assert "8 cells, 1 not over" in text
    assert "LF_H1 (seed 1)" in text
    assert "not recorded" not in text
    assert "GR_10 against plain phase 2: helps task ability" in text


def test_a_persons_strings_are_text_in_tables_and_figures(store: Store) -> None:
    axis = [{"label": EVIL, "mitigation": GR}, {"label": f"{EVIL} again", "mitigation": {"kind": "lf_h1"}}]
    document = MATRIX | {"name": EVIL[:60], "axes": {"what": axis, "seed": [1]}, "cells": []}
    cells = made_matrix(store, document | {"name": "x"}, states={}, message=EVIL)
    page = Page(matrix_report(EVIL, document, cells, store))
    assert not {"script", "img"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert EVIL in "".join(page.text)


def test_many_rows_are_counted_at_the_head_and_told_one_by_one_below(store: Store) -> None:
    ratios = [{"kind": "generative_replay", "ratio": ratio / 100} for ratio in range(5, 12)]
    document = MATRIX | {"axes": {"mitigation": [{"kind": "none"}, *ratios], "seed": [1]}, "cells": []}
    document["spec"] = {"recipe": "mini", "pair": "dissimilar"}
    rates = {f"GR_{number}": {"ta": 0.7, "la": 0.7} for number in range(5, 12)}
    page = report(store, document, rates=rates)
    head, _, rest = page.partition("</header>")
    assert "Against plain phase 2, 7 of 7 rows help task ability, 0 hurt it, 0 are inside the noise." in head
    assert "GR_7 against plain phase 2: helps task ability" not in head
    assert "GR_7 against plain phase 2: helps task ability" in rest
    assert "One seed" in head


def test_a_matrix_without_analyses_has_no_section_on_them(store: Store) -> None:
    page = report(store, MATRIX | {"spec": {"recipe": "mini", "pair": "dissimilar"}, "cells": []})
    assert "How alike" not in page
    assert "Forgetting and similarity" not in page


def test_before_anything_is_recorded_the_page_says_so(store: Store) -> None:
    states = {(row, seed): "queued" for row in ("similar", "P2", "GR_10", "LF_H1") for seed in (1, 2)}
    text = text_of(report(store, states=states))
    assert "Not finished: 0 of 8 cells are evaluated; 8 queued." in text
