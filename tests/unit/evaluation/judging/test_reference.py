"""Each instruction has one answer of each side, or the file is refused by what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cftray.errors import DataError
from cftray.evaluation.judging.reference import Answered, Reference, pairs_of, read_reference

ROWS = [{"instruction": f"Do {n}.", "output": f"done {n}", "generator": "davinci", "dataset": "d"} for n in range(3)]
Written = Callable[[str, Any], Path]


def answered(*ids: str, **texts: str) -> list[Answered]:
    return [Answered(item=one, output=f"mine {one}", instruction=texts.get(f"t{one}")) for one in ids]


@pytest.fixture
def reference(written: Written) -> Reference:
    return read_reference(written("text_davinci_003__model_outputs.json", ROWS))


def test_a_file_and_a_folder_with_it_say_the_same(written: Written, reference: Reference, tmp_path: Path) -> None:
    written("annotations.json", [])
    assert read_reference(tmp_path) == reference
    assert reference.generators == ("davinci",)


def test_the_hub_s_own_name_is_understood(written: Written, tmp_path: Path) -> None:
    written("set/alpaca_eval.json", ROWS)
    assert read_reference(tmp_path / "set").instructions == ("Do 0.", "Do 1.", "Do 2.")


def test_parquet_says_what_json_says(reference: Reference, tmp_path: Path) -> None:
    place = tmp_path / "alpaca_eval" / "eval"
    place.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(ROWS), place / "0000.parquet")
    assert read_reference(tmp_path / "alpaca_eval") == reference
    (place / "0000.parquet").write_text("[]")
    with pytest.raises(DataError, match=r"0000.parquet: is no Parquet .*expected rows with instruction, output"):
        read_reference(place / "0000.parquet")


def test_a_position_is_an_instruction_s_id(reference: Reference) -> None:
    pairs = pairs_of(reference, answered("2", "0", "1"))
    assert [(one.item, one.instruction, one.reference, one.output) for one in pairs] == [
        (str(n), f"Do {n}.", f"done {n}", f"mine {n}") for n in range(3)
    ]


def test_an_answer_that_carries_its_instruction_goes_by_that(reference: Reference) -> None:
    pairs = pairs_of(reference, answered("a", "b", "c", ta="Do 1.", tb="Do 2.", tc="Do 0."))
    assert [one.output for one in pairs] == ["mine c", "mine a", "mine b"]


def test_a_limit_takes_the_first_instructions(reference: Reference) -> None:
    assert [one.item for one in pairs_of(reference.first(2), answered("0", "1"))] == ["0", "1"]
    assert reference.first(None) == reference


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (answered("0", "2"), r"1 instructions without an answer \('1'\)"),
        (answered("0", "1", "2", "1"), r"1 answers that are there more than once \('1'\)"),
        (answered("0", "1", "2", "3"), r"1 answers to no instruction of the reference \('3'\)"),
        (answered("0", "1", "2", t2="Do 9."), r"1 answers to no instruction of the reference \('2'\)"),
        ([], r"0 answers to 3 instructions: 3 instructions without an answer \('0', '1', '2'\)"),
    ],
)
def test_answers_that_are_missing_doubled_or_foreign_are_named(
    reference: Reference, given: list[Answered], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        pairs_of(reference, given)


def test_of_many_a_message_names_some(reference: Reference) -> None:
    with pytest.raises(DataError, match="'13', '14' and 2 more"):
        pairs_of(reference, answered(*(str(n) for n in (0, 1, 2, 10, 11, 12, 13, 14, 15, 16))))


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("no json", "is no JSON"),
        ({"instruction": "a", "output": "b"}, "holds a dict"),
        ([], "holds an empty list"),
        ([ROWS[0], {"instruction": "a"}], "element 1 has no text output"),
        ([ROWS[0], "row"], "element 1 has no text instruction"),
        ([{"instruction": "a", "output": None}], "element 0 has no text output"),
        ([*ROWS, ROWS[1]], r"1 instructions that are there more than once \('Do 1.'\)"),
    ],
)
def test_a_file_of_another_shape_is_refused(written: Written, document: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_reference(written("text_davinci_003.json", document))


def test_a_folder_needs_one_reference(written: Written, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file text_davinci_003\*.json or alpaca_eval.json"):
        read_reference(tmp_path)
    written("text_davinci_003_a.json", ROWS)
    written("text_davinci_003_b.json", ROWS)
    with pytest.raises(DataError, match=r"text_davinci_003_a.json, text_davinci_003_b.json match"):
        read_reference(tmp_path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="can't be read"):
        read_reference(tmp_path / "nowhere.json")
