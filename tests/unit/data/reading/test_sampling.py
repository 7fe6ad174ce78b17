"""Which rows are drawn."""

import collections

import pytest

from cftray.data.reading.sampling import drawn, split
from cftray.errors import DataError
from cftray.plan import RowsSource
from cftray.spec.rows import LanguageShare

LANGUAGES = ["es", "ja"] * 50


def draw(languages=LANGUAGES, **source):
    shares = tuple(LanguageShare(language=one, share=share) for one, share in source.pop("shares", {}).items())
    return drawn(RowsSource(proportions=shares, **source), languages)


def counts(places):
    return dict(collections.Counter(LANGUAGES[place] for place in places))


def test_without_a_wish_all_rows_are_used():
    assert draw() == list(range(100))


def test_a_sample_is_seeded_in_order_and_without_repetition():
    one = draw(samples=30, sample_seed=1)
    assert one == draw(samples=30, sample_seed=1)
    assert one != draw(samples=30, sample_seed=2)
    assert one == sorted(set(one))
    assert len(one) == 30
    with pytest.raises(DataError, match="101 samples asked for, 100 rows"):
        draw(samples=101)


def test_proportions_are_kept_to_the_row():
    one = draw(samples=31, shares={"es": 7, "ja": 3})
    assert counts(one) == {"es": 22, "ja": 9}
    assert one == sorted(set(one)) == draw(samples=31, shares={"es": 0.7, "ja": 0.3})


def test_without_samples_as_many_rows_as_the_proportions_allow():
    assert counts(draw(shares={"es": 0.75, "ja": 0.25})) == {"es": 50, "ja": 16}
    assert counts(draw(shares={"es": 1})) == {"es": 50}


def test_more_than_there_is_of_a_language_is_refused():
    with pytest.raises(DataError, match=r"63 rows of es asked for, 50 are there; .* at most 55 samples"):
        draw(samples=70, shares={"es": 0.9, "ja": 0.1})
    with pytest.raises(DataError, match=r"proportions ask for fr, .* \(there are: es, ja\)"):
        draw(shares={"fr": 1})


def test_a_total_is_split_without_loss():
    for total in range(50):
        assert sum(split(total, {"a": 1, "b": 1, "c": 1}).values()) == total
