"""Items of benchmarks are found in training rows by the words that both share, and not otherwise."""

import pytest

from cftray.data.contamination import Contamination, Item, words_of
from cftray.data.rows import Row

NUMBERS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
SHORT = "Where does the judge work?"


def row(text, name="r", **fields):
    return Row(id=name, instruction=text, output="x", **fields)


def overlap(item, *rows, n=13):
    contamination = Contamination([Item(benchmark="b", id="i", text=item)], n)
    contamination.see(rows)
    return contamination.found()["b"]


def words(first, last):
    return " ".join(NUMBERS.split()[first:last])


def test_thirteen_words_in_a_row_are_enough_and_twelve_are_not():
    assert overlap(NUMBERS, row(f"said {words(1, 14)} again")).contaminated == 1
    assert overlap(NUMBERS, row(f"said {words(1, 13)} again")).contaminated == 0


def test_words_in_another_order_are_no_run():
    assert overlap(NUMBERS, row(" ".join(reversed(NUMBERS.split())))).contaminated == 0


def test_case_and_punctuation_do_not_hide_a_run():
    assert overlap(NUMBERS, row(NUMBERS.upper().replace(" ", ", "))).contaminated == 1


def test_an_item_of_fewer_words_counts_whole():
    found = overlap(SHORT, row("Tell me: where does the judge work? In the court."))
    assert (found.items, found.short, found.contaminated) == (1, 1, 1)
    assert overlap(SHORT, row("Where does the judge live? Work!")).contaminated == 0


def test_a_run_may_span_the_fields_of_a_row_but_not_two_rows():
    assert overlap(SHORT, row("where does", input="the judge work")).contaminated == 1
    halves = [Row(id="a", instruction="x", output="where does the"), row("judge work")]
    assert overlap(SHORT, *halves).contaminated == 0


def test_an_item_found_in_many_rows_counts_once_and_names_the_first():
    contamination = Contamination([Item(benchmark="b", id="i", text=SHORT)])
    for name in ("first", "second"):
        contamination.see([row("nothing here", f"before {name}"), row(SHORT, name)])
    found = contamination.found()["b"]
    assert found.contaminated == 1
    assert [(one.item, one.row, one.words) for one in found.examples] == [("i", "first", "where does the judge work")]


def test_items_with_one_text_are_all_found_and_benchmarks_kept_apart():
    items = [Item(benchmark=name, id=str(n), text=SHORT) for n, name in enumerate(["a", "a", "b"])]
    items.append(Item(benchmark="b", id="other", text="Nobody asks this."))
    contamination = Contamination(items)
    contamination.see([row(SHORT)])
    assert {name: one.share for name, one in contamination.found().items()} == {"a": 1.0, "b": 0.5}


def test_batches_do_not_matter():
    rows = [row(f"{n} {words(n % 3, n % 3 + 12 + n % 2)} {n}", str(n)) for n in range(7)]
    whole, single = (Contamination([Item(benchmark="b", id="i", text=NUMBERS)]) for _ in range(2))
    whole.see(rows)
    for one in rows:
        single.see([one])
    assert whole.found() == single.found()
    assert whole.found()["b"].examples[0].row == "1"


def test_an_item_without_words_and_a_batch_without_rows_are_nothing():
    found = overlap("?!", row("?!"))
    assert (found.items, found.contaminated) == (1, 0)
    assert overlap(SHORT).contaminated == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't STOP, x_1!", ["don", "t", "stop", "x", "1"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("漢字 kanaかな", ["漢", "字", "kana", "か", "な"]),
        ("e\u0301cole", ["école"]),
        ("قُرْآن", ["قُرْآن"]),
    ],
)
def test_words_of_many_scripts(text, expected):
    assert words_of(text) == expected
