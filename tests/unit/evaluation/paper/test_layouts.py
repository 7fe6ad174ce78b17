"""Which file is read: the split that is wanted, by the names under which sets are published."""

from __future__ import annotations

from pathlib import Path

import pytest

from cftray.errors import DataError
from cftray.evaluation.paper.layouts import AS_GIVEN, find, layouts_of


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


@pytest.mark.parametrize(
    ("benchmark", "language", "names", "split", "chosen"),
    [
        (
            "mlqa",
            "de",
            ["MLQA_V1/dev/dev-context-de-question-de.json", "MLQA_V1/test/test-context-de-question-de.json"],
            "test",
            ["test-context-de-question-de.json"],
        ),
        (
            "mlqa",
            "de",
            ["dev-context-de-question-de.json", "test-context-en-question-de.json"],
            "dev",
            ["dev-context-de-question-de.json"],
        ),
        (
            "mlqa",
            "de",
            ["mlqa.de.de/validation/0000.parquet", "mlqa.de.de/test/0000.parquet", "mlqa.de.en/test/0000.parquet"],
            "test",
            ["0000.parquet"],
        ),
        ("xquad", "zh", ["xquad.zh.json", "xquad.en.json"], "validation", ["xquad.zh.json"]),
        (
            "xquad",
            "zh",
            ["xquad.zh/validation-00000-of-00002.parquet", "xquad.zh/validation-00001-of-00002.parquet"],
            "validation",
            ["validation-00000-of-00002.parquet", "validation-00001-of-00002.parquet"],
        ),
        (
            "xlsum",
            "zh",
            ["chinese_simplified_test.jsonl", "chinese_simplified_val.jsonl", "chinese_traditional_test.jsonl"],
            "test",
            ["chinese_simplified_test.jsonl"],
        ),
        ("xlsum", "hi", ["hindi/train/0000.parquet", "hindi/test/0000.parquet"], "test", ["0000.parquet"]),
        ("mmlu", "en", ["validation.jsonl", "test.jsonl", "dev.jsonl"], "test", ["test.jsonl"]),
        ("mmlu", "en", ["validation.jsonl", "dev.jsonl"], "validation", ["validation.jsonl"]),
        (
            "mmlu",
            "en",
            ["all/test-00000-of-00001.parquet", "anatomy/test-00000-of-00001.parquet"],
            "test",
            ["test-00000-of-00001.parquet"],
        ),
        (
            "hellaswag",
            "en",
            ["hellaswag_val_1000.jsonl", "hellaswag_train.jsonl"],
            "validation",
            ["hellaswag_val_1000.jsonl"],
        ),
        ("ifeval", "en", ["ifeval_input_data.jsonl"], "all", ["ifeval_input_data.jsonl"]),
        ("ifeval", "en", ["input_data.jsonl.gz"], "all", ["input_data.jsonl.gz"]),
        (
            "alpaca_eval",
            "en",
            ["alpaca-7b__model_outputs.json", "text_davinci_003__model_outputs.json"],
            "eval",
            ["text_davinci_003__model_outputs.json"],
        ),
        ("alpaca_eval", "en", ["alpaca_eval.json", "alpaca_eval_gpt4_baseline.json"], "eval", ["alpaca_eval.json"]),
    ],
)
def test_the_wanted_split_is_found(
    tmp_path: Path, benchmark: str, language: str, names: list[str], split: str, chosen: list[str]
) -> None:
    found = find(benchmark, language, touch(tmp_path, *names))
    assert (found.split, [path.name for path in found.files]) == (split, chosen)


def test_files_that_were_fetched_from_a_url_are_found_in_their_numbered_folders(tmp_path: Path) -> None:
    touch(tmp_path, "000000/xquad/xquad.de.json", "000001/xquad/xquad.el.json")
    assert find("xquad", "el", tmp_path).files == (tmp_path / "000001/xquad/xquad.el.json",)


def test_a_file_that_was_named_is_taken_whatever_its_name(tmp_path: Path) -> None:
    touch(tmp_path, "questions.jsonl", "xquad.de.json", "notes.json")
    assert find("mmlu", "en", tmp_path / "questions.jsonl").split == AS_GIVEN
    assert find("xquad", "de", tmp_path / "xquad.de.json").split == "validation"
    with pytest.raises(DataError, match=r"no file of xquad in de; expected xquad\.de\.json"):
        find("xquad", "de", tmp_path / "notes.json")


def test_a_pattern_is_a_place_too(tmp_path: Path) -> None:
    touch(tmp_path, "a/xquad.de.json", "b/xquad.de.json")
    assert find("xquad", "de", tmp_path / "b" / "*.json").files == (tmp_path / "b/xquad.de.json",)


def test_two_files_that_could_be_meant_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "old/xquad.de.json", "new/xquad.de.json")
    with pytest.raises(DataError, match=r"xquad: .*new/xquad\.de\.json.* could all be meant"):
        find("xquad", "de", tmp_path)


def test_a_missing_language_names_what_is_wanted_what_is_there_and_the_cure(tmp_path: Path) -> None:
    touch(tmp_path, "xquad.de.json", "xquad.en.json")
    with pytest.raises(DataError) as refused:
        find("xquad", "th", tmp_path)
    told = refused.value.message
    assert "no file of xquad in th" in told
    assert "expected xquad.th.json or xquad.th/validation-*.parquet" in told
    assert "found xquad.de.json, xquad.en.json" in told
    assert told.endswith("leave the language out (evaluation.languages)")


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        find("mmlu", "en", tmp_path / "nowhere")


def test_examples_in_messages_fit_their_own_patterns(tmp_path: Path) -> None:
    for benchmark, language in (
        ("mlqa", "de"),
        ("xquad", "de"),
        ("xlsum", "zh"),
        ("mmlu", "en"),
        ("hellaswag", "en"),
        ("ifeval", "en"),
        ("alpaca_eval", "en"),
    ):
        for number, layout in enumerate(layouts_of(benchmark, language)):
            folder = touch(tmp_path / benchmark / str(number), layout.example.replace("*", "00000-of-00001"))
            assert find(benchmark, language, folder).split == layout.split
