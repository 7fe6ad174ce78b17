"""Each figure is written twice, says what it shows in words, and is the same every time."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from cftray.analysis.crosslingual import Alignment, Crosslingual
from cftray.analysis.figures.changes import Languages, Means, Moved, language_changes, mean_changes
from cftray.analysis.figures.forgetting import Cell, forgetting
from cftray.analysis.figures.frozen import FrozenMap, frozen_map
from cftray.analysis.figures.languages import alignment_curves, language_maps
from cftray.analysis.figures.layers import LayerMap, layer_maps, named_layers
from cftray.analysis.figures.losses import LossCurve, LossPanel, loss_curves, smoothed
from cftray.analysis.figures.style import label, look, only
from cftray.analysis.figures.variance import Curve, Panel, difference_curves
from cftray.errors import DataError, InternalError


def texts_of(svg):
    root = ElementTree.parse(svg).getroot()
    return {"".join(one.itertext()).strip() for one in root.iter("{http://www.w3.org/2000/svg}text")}


def drawn(tmp_path, draw, *labels):
    """Draws twice; the bytes are the same, and every label is a text of the SVG."""
    files = [draw(tmp_path / name) for name in ("one", "two")]
    for first, second in zip(*files, strict=True):
        assert first.read_bytes() == second.read_bytes()
    png, svg = files[0]
    assert png.read_bytes().startswith(b"\x89PNG")
    assert "<dc:date>" not in svg.read_text()
    found = texts_of(svg)
    assert set(labels) <= found, sorted(set(labels) - found)


def line(*values):
    return [(float(place), float(value)) for place, value in enumerate(values)]


def test_layers_of_pairs(tmp_path):
    panels = [
        LayerMap(title="similar", labels=("P1", "P2"), points=(line(1, 2, 3), line(1, 2, 4))),
        LayerMap(title="dissimilar", labels=("P1", "P2"), points=(line(1, 2, 3), line(9, 2, 0))),
    ]
    drawn(tmp_path, lambda folder: layer_maps(panels, folder), "similar", "dissimilar", "P1", "P2", "3")


@pytest.mark.parametrize(("layers", "named"), [(3, [1, 2, 3]), (6, [1, 2, 3, 4, 5, 6]), (32, [1, 8, 16, 24, 32])])
def test_round_layers_are_named(layers, named):
    assert sorted(set(named_layers(layers))) == named


def test_covariance_differences(tmp_path):
    curves = [
        Curve(label=label, layers=[1, 2, 3], norms=[1.0, 2.0, scale], relative=[0.1, None, 0.3],
              bounds=[(0.5, 1.5), (1.0, 3.0), (2.0, 5.0)])
        for label, scale in (("P2", 90.0), ("GR_10", 3.0))
    ]  # fmt: skip
    panels = [Panel(title="Mistral", curves=curves)]
    drawn(
        tmp_path, lambda folder: difference_curves(panels, folder), "P2", "GR_10", "Mistral", "layer", "of ‖Σ(P1)‖, %"
    )


def test_curves_of_zeros_are_drawn_too(tmp_path):
    flat = Curve(label="itself", layers=[1, 2], norms=[0.0, 0.0])
    drawn(tmp_path, lambda folder: difference_curves([Panel(title="", curves=[flat])], folder), "itself")


def test_languages(tmp_path):
    one = Alignment(layer=0, aligned=0.9, shuffled=0.5, difference=0.4, low=0.3, high=0.5, found=1.0)
    result = Crosslingual(
        label="tiny", pivot="en", sentences=2, tokens=9, cut=0, layers=2, drawn_layer=1,
        by_language={"de": tuple(one.model_copy(update={"layer": n}) for n in range(3)), "ru": (one,) * 3},
        mean=(0.1, 0.2, 0.3), layer_perplexity=1.0, layer_points=(tuple(line(1, 2)), tuple(line(2, 1))),
        sentence_perplexity=1.0, sentence_points={name: tuple(line(1, 2)) for name in ("en", "de", "ru")},
    )  # fmt: skip
    drawn(
        tmp_path,
        lambda folder: language_maps([result], folder),
        "tiny: sentences at layer 1",
        "en",
        "de",
        "ru",
        "the others",
    )
    drawn(tmp_path, lambda folder: alignment_curves([result], folder), "tiny", "de", "ru", "layer (0: embeddings)")


@pytest.fixture
def selection(tmp_path):
    def write(**changes):
        path = tmp_path / "selection.json"
        told = {
            "method": "lf_h2",
            "k": 1,
            "depth": 2,
            "head_dim": 4,
            "layers": [],
            "heads": {},
            "changes": {},
        } | changes
        path.write_text(json.dumps(told))
        return FrozenMap.read(path)

    return write


def test_frozen_slices(tmp_path, selection):
    heads = {"q": [[0, 1], [2, 3]], "k": [[0], [1]], "v": [[], [0, 1]]}
    changes = {one: [[0.1] * count] * 2 for one, count in (("q", 4), ("k", 2), ("v", 2))}
    found = selection(heads=heads, changes=changes)
    assert [found.heads_of(one) for one in "qkv"] == [4, 2, 2]
    drawn(tmp_path, lambda folder: frozen_map(found, folder), "q_proj", "k_proj", "v_proj", "heads frozen",
          "dark: frozen, for each head the 1 of 2 layers that phase 1 changed most")  # fmt: skip


def test_frozen_layers(tmp_path, selection):
    found = selection(method="lf_h1", depth=6, k=2, layers=[1, 4])
    drawn(tmp_path, lambda folder: frozen_map(found, folder), "dark, hatched: frozen, 2 of 6 layers")


def test_a_selection_that_is_none_is_told(tmp_path):
    (tmp_path / "selection.json").write_text("[]")
    with pytest.raises(InternalError, match="can't be read"):
        FrozenMap.read(tmp_path / "selection.json")


def test_forgetting_states_correlation_interval_and_n(tmp_path):
    cells = [
        Cell(
            label=f"cell {n}",
            similarity=0.7 + 0.03 * n,
            change=-20 + 2 * n + (-1) ** n,
            group="AB"[n % 2],
            low=-21,
            high=-1,
        )
        for n in range(8)
    ]
    found, _ = forgetting(cells, tmp_path / "f", measure="DES")
    assert found.n == 8
    told = f"Pearson r = +{found.pearson.value:.2f} [+{found.pearson.low:.2f}, +{found.pearson.high:.2f}]"
    texts = "\n".join(texts_of(tmp_path / "f" / "forgetting.svg"))
    assert told in texts
    assert "n = 8; 95 % bootstrap over points" in texts
    drawn(tmp_path, lambda folder: forgetting(cells, folder, measure="DES")[1], "DES", "cell 0", "A", "B")


def test_cells_of_one_pair_are_one_point_of_the_correlation(tmp_path):
    cells = [
        Cell(label=f"{pair}{n}", similarity=0.3 * pair, change=-10 * pair + n, pair=f"pair {pair}")
        for pair in (1, 2, 3)
        for n in range(4)
    ]
    found, (_, svg) = forgetting(cells, tmp_path, measure="DES")
    assert (found.n, found.pearson.value, found.pearson.low) == (3, pytest.approx(-1), None)
    texts = texts_of(svg)
    assert "the mean of each pair:" in texts
    assert any("n = 3, too few for an interval" in text for text in texts)


def test_forgetting_of_few_cells_says_so(tmp_path):
    cells = [Cell(label=str(n), similarity=n, change=-n * n) for n in range(4)]
    _, (_, svg) = forgetting(cells, tmp_path, measure="MPD")
    assert any("n = 4, too few for an interval" in text for text in texts_of(svg))
    _, (_, svg) = forgetting(cells[:2], tmp_path, measure="MPD")
    assert any("n = 2: too few points" in text for text in texts_of(svg))


def test_losses_of_cells(tmp_path):
    def curve(label, steps, shift=0.0):
        return LossCurve(
            label=label, steps=range(1, steps + 1), losses=[2 / step + shift for step in range(1, steps + 1)]
        )

    panels = [
        LossPanel(title="phase 1", curves=[curve("alpaca", 30)]),
        LossPanel(
            title="phase 2", curves=[curve("P2", 30), curve("P2", 30, 0.1), curve("GR_10", 33), curve("GR_10", 31)]
        ),
    ]
    drawn(tmp_path, lambda folder: loss_curves(panels, folder), "phase 1", "phase 2", "alpaca", "P2", "GR_10", "step")


def test_losses_that_are_not_finite_are_left_out_or_refused(tmp_path):
    kept = LossCurve(label="a", steps=[1, 2, 3], losses=[1.0, float("nan"), 0.5])
    loss_curves([LossPanel(title="t", curves=[kept])], tmp_path)
    with pytest.raises(DataError, match="no finite loss"):
        loss_curves([LossPanel(title="t", curves=[LossCurve(label="a", steps=[1], losses=[float("inf")])])], tmp_path)


def test_smoothing_keeps_a_constant():
    assert smoothed([2.0] * 200) == pytest.approx([2.0] * 200)


def test_forty_nine_series_look_different():
    looks = {(one.colour, one.marker) for one in map(look, range(49))}
    assert len(looks) == 49


def test_changes_of_means_by_row(tmp_path):
    rows = [Moved(label=name, change=-3.0, low=-5.0, high=-1.0, beyond=True) for name in ("P2", "GR_10")]
    panels = [Means(title="Task ability", rows=rows), Means(title="Language ability", rows=rows[:1])]
    drawn(tmp_path, lambda folder: mean_changes(panels, folder), "P2", "GR_10", "Task ability", "Language ability")


def test_changes_by_language_are_written_into_their_squares(tmp_path):
    panel = Languages(
        title="XQuAD", rows=["P2", "GR_10"], columns=["de", "ru"], changes=[[-12.3, None], [0.04, 7.0]],
        beyond=[[True, False], [False, False]],
    )  # fmt: skip
    drawn(tmp_path, lambda folder: language_changes([panel], folder), "XQuAD", "de", "GR_10", "−12.3", "+7.0")


def test_without_a_change_there_is_nothing_to_draw(tmp_path):
    with pytest.raises(DataError, match="no change"):
        mean_changes([Means(title="", rows=[])], tmp_path)
    with pytest.raises(DataError, match="no change"):
        language_changes(
            [Languages(title="", rows=["P2"], columns=["de"], changes=[[None]], beyond=[[False]])], tmp_path
        )


def test_names_of_points_at_one_place_stand_above_each_other(tmp_path):
    cells = [Cell(label=f"cell {n}", similarity=0.5, change=change) for n, change in enumerate((0.0, 0.0, 10.0))]
    _, (_, svg) = forgetting(cells, tmp_path, measure="DES")
    root = ElementTree.parse(svg).getroot()
    heights = {
        "".join(one.itertext()).strip(): one.get("transform") or f"{one.get('x')} {one.get('y')}"
        for one in root.iter("{http://www.w3.org/2000/svg}text")
    }
    assert heights["cell 0"] != heights["cell 1"]


def test_a_label_is_a_text_and_no_formula_and_not_too_long(tmp_path):
    assert label("a" * 100, 10) == "aaaaaa…aaa"
    rows = [Moved(label=label("$\\frac{x$ and $y$"), change=1.0, low=0.0, high=2.0, beyond=False)]
    drawn(tmp_path, lambda folder: mean_changes([Means(title="", rows=rows)], folder), "$\\frac{x$ and $y$")


def test_one_kind_alone_is_written_where_no_other_is_wanted(tmp_path):
    rows = [Moved(label="P2", change=1.0, low=0.0, high=2.0, beyond=False)]
    with only("svg"):
        png, svg = mean_changes([Means(title="", rows=rows)], tmp_path / "one")
    assert (png.exists(), svg.exists()) == (False, True)
    assert all(one.exists() for one in mean_changes([Means(title="", rows=rows)], tmp_path / "both"))
