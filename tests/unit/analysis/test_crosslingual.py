"""The number that tells aligned sentences from shuffled ones."""

from __future__ import annotations

import numpy as np
import pytest

from cftray.analysis.crosslingual import alignment, figures_of, headline, unit_rows
from cftray.errors import DataError
from cftray.spec.analysis import TsneSettings

QUICK = TsneSettings(iterations=250)


def sentences(n=9, d=6, noise=0.3):
    drawn = np.random.default_rng(8)
    english = drawn.normal(size=(n, d))
    return unit_rows(english), unit_rows(english + noise * drawn.normal(size=(n, d)))


def test_the_difference_is_that_of_all_pairs():
    one, other = sentences()
    cosines = one @ other.T
    off = ~np.eye(9, dtype=bool)
    found = alignment(one, other, layer=3)
    assert found.aligned == pytest.approx(np.diag(cosines).mean())
    assert found.shuffled == pytest.approx(cosines[off].mean())
    assert found.difference == pytest.approx(np.diag(cosines).mean() - cosines[off].mean())
    assert found.low < found.difference < found.high
    assert found.layer == 3


def test_shuffled_is_the_mean_over_shufflings():
    one, other = sentences()
    shift = np.mean([(one * np.roll(other, by, axis=0)).sum(axis=1).mean() for by in range(1, 9)])
    assert alignment(one, other, layer=0).shuffled == pytest.approx(shift)


def test_what_says_nothing_in_common_is_near_zero_and_what_is_the_same_is_found():
    drawn = np.random.default_rng(0)
    noise = alignment(unit_rows(drawn.normal(size=(60, 40))), unit_rows(drawn.normal(size=(60, 40))), layer=0)
    assert noise.low < 0 < noise.high
    one, _ = sentences()
    assert alignment(one, one, layer=0).found == 1.0


def test_figures_of_languages():
    drawn = np.random.default_rng(1)
    english = drawn.normal(size=(8, 4, 5))
    vectors = {
        "en": english,
        "de": english + 0.1 * drawn.normal(size=english.shape),
        "ru": drawn.normal(size=english.shape),
    }
    found = figures_of(vectors, "base", None, QUICK, tokens=100, cut=0)
    assert (found.layers, found.drawn_layer, found.sentences) == (3, 2, 8)
    assert len(found.layer_points[0]) == 3
    assert {name: len(points) for name, points in found.sentence_points.items()} == {"en": 8, "de": 8, "ru": 8}
    told = headline(found)
    assert told["alignment/de"] > told["alignment/ru"]
    assert found.mean[1] == pytest.approx(np.mean([found.by_language[one][1].difference for one in ("de", "ru")]))


def test_a_layer_that_is_not_there_is_refused():
    vectors = {"en": np.ones((3, 4, 2)), "de": np.ones((3, 4, 2))}
    with pytest.raises(DataError, match=r"layer is 9; the model has layers 0 \(embeddings\) to 3"):
        figures_of(vectors, "base", 9, QUICK, tokens=1, cut=0)
