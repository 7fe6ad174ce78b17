"""The published files themselves, where a folder with them is named by CFTRAY_REAL_DATA."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest

from cftray.evaluation.packs import find_pack
from cftray.evaluation.paper.metrics.following import PUNKT_KINDS
from cftray.evaluation.paper.metrics.normalisation import squad_words
from cftray.evaluation.paper.metrics.overlap import best_agreement
from cftray.evaluation.paper.pack import TASKS
from cftray.evaluation.paper.scoring import ifeval, mlqa, xlsum, xquad
from cftray.evaluation.paper.sources import Documents, read
from cftray.evaluation.tasks import load_tasks

REAL = os.environ.get("CFTRAY_REAL_DATA")
pytestmark = pytest.mark.skipif(REAL is None, reason="CFTRAY_REAL_DATA names no folder with the published files")

WHOLE = [
    ("ifeval", "en", "all", 541),
    ("alpaca_eval", "en", "eval", 805),
    ("mmlu", "en", "validation", 1531),
    ("hellaswag", "en", "validation", 1000),
    *(("xquad", language, "validation", 1190) for language in ("ar", "de", "en", "es", "vi")),
    *(
        ("mlqa", language, "dev", n)
        for language, n in (("ar", 157), ("de", 105), ("en", 182), ("es", 125), ("vi", 160))
    ),
    *(("xlsum", language, "test", 5) for language in ("ar", "en", "es", "fr", "hi", "ja", "zh")),
]
QA = [(name, language) for name, language, _, _ in WHOLE if name in ("mlqa", "xquad")]


def real(benchmark: str, language: str) -> Documents:
    return read(benchmark, language, Path(str(REAL)) / benchmark)


@pytest.mark.parametrize(("benchmark", "language", "split", "n"), WHOLE)
def test_all_items_are_read(benchmark: str, language: str, split: str, n: int) -> None:
    found = real(benchmark, language)
    assert (found.split, len(found.items)) == (split, n)


@pytest.mark.parametrize(("benchmark", "language"), QA)
def test_right_answers_score_one_and_others_less(benchmark: str, language: str) -> None:
    items, score = real(benchmark, language).items, {"mlqa": mlqa, "xquad": xquad}[benchmark]
    assert all(set(score(item, [item["answers"][0]]).values()) == {1.0} for item in items)
    swapped = [score(item, [other["answers"][0]])["f1"] for item, other in zip(items, reversed(items), strict=True)]
    assert sum(swapped) / len(swapped) < 0.15
    assert all(set(score(item, [""]).values()) == {0.0} for item in items)


@pytest.mark.parametrize("benchmark", ["mlqa", "xquad"])
def test_in_english_they_are_squads_definition_on_real_answers(benchmark: str) -> None:
    items, score = real(benchmark, "en").items, {"mlqa": mlqa, "xquad": xquad}[benchmark]
    for item, other in zip(items, reversed(items), strict=True):
        answer = f"the {other['answers'][0]} and {item['answers'][0]}"
        squad = best_agreement(answer, item["answers"], squad_words)
        found = score(item, [answer])
        typographic = any(ord(char) > 127 for char in answer)
        if not typographic:
            assert (found["f1"], found["exact_match"]) == pytest.approx(tuple(squad))


@pytest.mark.parametrize("language", ["ar", "en", "es", "fr", "hi", "ja", "zh"])
def test_right_summaries_score_one_and_swapped_ones_less(language: str) -> None:
    items = real("xlsum", language).items
    for item, other in itertools.pairwise(items):
        assert xlsum(item, [item["summary"]])["rouge_l"] == 1.0
        assert xlsum(item, [other["summary"]])["rouge_l"] < 0.35


def test_ifevals_834_checks_run_on_any_answer() -> None:
    items = [item for item in real("ifeval", "en").items if PUNKT_KINDS.isdisjoint(item["instruction_id_list"])]
    for answer in ("", "Sure, here it is.\n\n* one\n* two\n\nP.S. done", "***\n\n\n***"):
        scores = [ifeval(item, [answer]) for item in items]
        assert all("unscored" not in one for one in scores)
    assert sum(len(item["instruction_id_list"]) for item in real("ifeval", "en").items) == 834


@pytest.mark.usefixtures("without_punkt")
def test_77_checks_of_ifeval_stay_without_a_score() -> None:
    items = real("ifeval", "en").items
    unscored = [item for item in items if "unscored" in ifeval(item, ["An answer."])]
    kinds: list[str] = [kind for item in unscored for kind in item["instruction_id_list"]]
    assert (len(unscored), sum(kind in PUNKT_KINDS for kind in kinds)) == (64, 77)


def test_all_load_through_lm_eval() -> None:
    there = {(benchmark, language) for benchmark, language, _, _ in WHOLE}
    wanted = [task for task in TASKS if (task.benchmark, task.language) in there]
    places = {name: Path(str(REAL)) / name for name in {task.benchmark for task in wanted}}
    tasks: dict[str, Any] = load_tasks(find_pack("paper"), wanted, 4096, places)
    sizes = {(benchmark, language): n for benchmark, language, _, n in WHOLE}
    assert {name: len(task.eval_docs) for name, task in tasks.items()} == {
        task.task: sizes[task.benchmark, task.language] for task in wanted
    }
