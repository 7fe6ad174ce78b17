"""DES of vectors whose similarity can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cftray.analysis.des import similarities
from cftray.analysis.embedding import Embedded
from cftray.errors import DataError

EAST, NORTH, UP = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]


def embedded(vectors, languages=None, digest=None, truncated=0):
    vectors = np.asarray(vectors, np.float32)
    return Embedded(
        digest=digest or str(vectors.tobytes()), rows=10 * len(vectors), vectors=vectors, truncated=truncated,
        languages=tuple(languages or ["en"] * len(vectors)),
    )  # fmt: skip


def scattered(seed, n=60, centre=(1.0, 0.5, 0.0)):
    drawn = np.random.default_rng(seed).normal(centre, 0.3, size=(n, 3))
    return embedded(drawn, digest=f"scattered {seed}")


def alike(one, other, seed=1):
    return similarities({"one": one, "other": other}, seed=seed).pairs[0].alike


def test_the_product_of_the_means_directions():
    one, other = embedded([EAST, EAST]), embedded([EAST, NORTH, EAST, NORTH])
    assert alike(one, other).des == pytest.approx(1 / math.sqrt(2))
    assert alike(embedded([EAST, EAST]), embedded([UP, NORTH])).des == pytest.approx(0.0)


def test_a_means_length_does_not_count():
    one, other = embedded([EAST, EAST]), embedded([EAST, NORTH])
    longer = embedded(5 * other.vectors)
    assert alike(one, longer).des == pytest.approx(alike(one, other).des)


def test_scatter_is_taken_out_of_the_corrected_figure():
    """‖m‖² of two rows each way is 1/2; two different rows have a mean product of 1/3."""
    found = alike(embedded([EAST, EAST]), embedded([EAST, EAST, NORTH, NORTH]))
    assert found.corrected == pytest.approx(0.5 / math.sqrt(1 / 3))


def test_rows_without_scatter_leave_no_doubt():
    found = alike(embedded([EAST, EAST]), embedded([[3.0, 4.0, 0.0]] * 2))
    assert (found.low, found.des, found.high) == pytest.approx((0.6, 0.6, 0.6))


def test_the_interval_is_the_same_each_time_and_holds_the_figure():
    one, other = scattered(1), scattered(2, centre=(0.5, 1.0, 0.0))
    found = alike(one, other)
    assert found == alike(one, other)
    assert found.low < found.des < found.high
    again = alike(one, other, seed=2)
    assert (again.des, again.corrected) == (found.des, found.corrected)
    assert again.low != found.low


def test_what_a_set_is_compared_with_does_not_change_how_it_is_resampled():
    sets = {"one": scattered(1), "other": scattered(2), "third": scattered(3)}
    together = {(pair.first, pair.second): pair.alike for pair in similarities(sets, seed=1).pairs}
    assert together["one", "other"] == alike(sets["one"], sets["other"])


def test_more_rows_narrow_the_interval():
    few = alike(scattered(1, n=30), scattered(2, n=30))
    many = alike(scattered(1, n=480), scattered(2, n=480))
    assert many.high - many.low < 0.5 * (few.high - few.low)


def test_the_interval_holds_what_other_samples_give():
    """As a 95 % interval should, in 60 tries of samples of 40 rows each."""
    far = (0.6, 0.8, 0.3)
    pairs = [alike(scattered(2 * seed, 40), scattered(2 * seed + 1, 40, far)) for seed in range(60)]
    typical = np.mean([one.des for one in pairs])
    assert sum(one.low <= typical <= one.high for one in pairs) >= 52


def test_the_corrected_figure_is_that_of_all_rows():
    centres = (1.0, 0.5, 0.0), (0.6, 0.8, 0.3)
    whole = np.dot(*centres) / math.prod(float(np.linalg.norm(one)) for one in centres)
    pairs = [alike(scattered(2 * seed, 8, centres[0]), scattered(2 * seed + 1, 8, centres[1])) for seed in range(60)]
    plain = np.mean([one.des for one in pairs]) - whole
    corrected = np.mean([one.corrected for one in pairs]) - whole
    assert plain < 0
    assert abs(corrected) < abs(plain)


def test_languages_each_with_each():
    one = embedded([EAST, EAST, NORTH], ["en", "en", "de"])
    other = embedded([NORTH, NORTH, UP, UP], ["de", "de", "fr", "fr"])
    pair = similarities({"one": one, "other": other}, seed=1).pairs[0]
    found = {(of.first, of.second): (of.alike.des, of.rows) for of in pair.languages}
    assert found == {
        ("de", "de"): (1.0, (1, 2)), ("de", "fr"): (0.0, (1, 2)),
        ("en", "de"): (0.0, (2, 2)), ("en", "fr"): (0.0, (2, 2)),
    }  # fmt: skip


def test_a_single_row_has_no_interval():
    pair = similarities({"one": embedded([EAST]), "other": embedded([EAST, NORTH])}, seed=1).pairs[0]
    assert (pair.alike.low, pair.alike.high, pair.alike.corrected) == (None, None, None)
    assert pair.alike.des == pytest.approx(1 / math.sqrt(2))


def test_the_matrix_is_symmetric_with_ones_on_its_diagonal():
    sets = {"one": scattered(1), "other": scattered(2, centre=(0, 1, 0)), "third": scattered(3, centre=(0, 0, 1))}
    matrix = np.array(similarities(sets, seed=1).matrix())
    assert (matrix == matrix.T).all()
    assert np.diag(matrix).tolist() == [1, 1, 1]
    assert matrix[0, 1] == alike(sets["one"], sets["other"]).des


def test_a_set_is_wholly_like_itself():
    rows = embedded([EAST, NORTH, EAST, UP], ["en", "en", "de", "de"], digest="the same rows")
    pair = similarities({"one": rows, "copy": rows}, seed=1).pairs[0]
    assert (pair.alike.des, pair.alike.low, pair.alike.high) == (1, 1, 1)
    across = {(of.first, of.second): of.alike.des for of in pair.languages}
    assert across["en", "en"] == across["de", "de"] == 1
    assert across["en", "de"] == across["de", "en"] == pytest.approx(0.5)


def test_facts_of_the_sets():
    rows = embedded([EAST, NORTH, EAST, UP], ["en", "en", "de", "en"], truncated=1)
    found = similarities({"one": rows, "other": embedded([EAST], truncated=None)}, seed=1).as_json()
    assert found["sets"]["one"]["languages"] == {"de": 1, "en": 3}
    assert (found["sets"]["one"]["truncated_share"], found["sets"]["other"]["truncated_share"]) == (0.25, None)
    assert (found["sets"]["one"]["rows"], found["sets"]["one"]["samples"]) == (40, 4)


def test_embeddings_that_cancel_out_are_refused():
    with pytest.raises(DataError, match="other: the embeddings average to nothing"):
        alike(embedded([EAST]), embedded([EAST, [-1.0, 0.0, 0.0]]))


def test_embeddings_of_two_encoders_are_refused():
    with pytest.raises(DataError, match=r"different widths can't be compared \(one 3, other 2\)"):
        alike(embedded([EAST]), embedded([[1.0, 0.0]]))
