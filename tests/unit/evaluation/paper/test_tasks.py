"""The pack's tasks as lm-eval loads them: prompts, answers that are chosen, scores of answers that are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from cftray.errors import DataError, InternalError, ModelError
from cftray.evaluation.packs import find_pack
from cftray.evaluation.paper.pack import TASKS
from cftray.evaluation.tasks import load_tasks

from .published import QUESTIONS, SUMMARIES, write_json

CONTEXT = 4096


@pytest.fixture(scope="module")
def tasks(originals: dict[str, Path]) -> dict[str, Any]:
    return load_tasks(find_pack("paper"), TASKS, CONTEXT, originals)


def prompt(task: Any, number: int = 0) -> str:
    """What a model sees without a chat template."""
    return task.fewshot_context(task.eval_docs[number], num_fewshot=0)


def chosen(task: Any, number: int, weights: Sequence[float]) -> Mapping[str, float]:
    """The scores of an item whose choices are as likely as `weights`."""
    return task.process_results(task.eval_docs[number], [(one, False) for one in weights])


def test_every_task_loads_from_local_files(tasks: dict[str, Any]) -> None:
    assert set(tasks) == {task.task for task in TASKS}
    assert {name: len(task.eval_docs) for name, task in tasks.items()} == {
        task.task: {"ifeval": 4, "mmlu": 3}.get(task.task, 2) for task in TASKS
    }


def test_prompts_are_the_harnesss_own(tasks: dict[str, Any]) -> None:
    assert prompt(tasks["mmlu"]) == (
        "The following are multiple choice questions (with answers) about anatomy.\n\n"
        "Which bone is in the leg?\nA. ulna\nB. femur\nC. rib\nD. jaw\nAnswer:"
    )
    assert prompt(tasks["hellaswag"]) == "Washing dishes: A man is in a kitchen. He"
    context, question, _ = QUESTIONS["de"]
    assert prompt(tasks["mlqa_de"]) == f"Context: {context}\n\nQuestion: {question}\n\nAnswer:"
    assert prompt(tasks["xquad_de"]) == f"Kontext: {context}\n\nFrage: {question}\n\nAntwort:"
    assert prompt(tasks["ifeval"]) == "Write without commas, with a title."
    assert prompt(tasks["alpaca_eval"]) == "Name a river."


@pytest.mark.parametrize("language", sorted(SUMMARIES))
def test_an_article_stands_before_what_to_do_with_it(tasks: dict[str, Any], language: str) -> None:
    article, _, asked = prompt(tasks[f"xlsum_{language}"]).partition("\n\n")
    assert article == SUMMARIES[language][0]
    assert asked


def test_prompts_of_different_languages_differ(tasks: dict[str, Any]) -> None:
    texts = [prompt(task).replace(QUESTIONS[name[-2:]][0], "") for name, task in tasks.items() if "xquad" in name]
    assert len(set(texts)) == 11


@pytest.mark.parametrize(("weights", "right"), [((-3, -1, -2, -4), 1.0), ((-1, -3, -2, -4), 0.0)])
def test_accuracy_of_mmlu(tasks: dict[str, Any], weights: Sequence[float], right: float) -> None:
    assert chosen(tasks["mmlu"], 0, weights)["acc"] == right


def test_accuracy_of_hellaswag_with_and_without_length(tasks: dict[str, Any]) -> None:
    # by the character -0.6, -0.28, -0.67 and -0.71
    assert [len(one) for one in tasks["hellaswag"].eval_docs[0]["choices"]] == [5, 36, 6, 7]
    found = chosen(tasks["hellaswag"], 0, (-3.0, -10.2, -4.0, -5.0))
    assert (found["acc"], found["acc_norm"]) == (0.0, 1.0)


@pytest.mark.usefixtures("without_punkt")
def test_scores_of_each_task_are_those_the_pack_names(tasks: dict[str, Any]) -> None:
    for entry in TASKS:
        task = tasks[entry.task]
        if task.OUTPUT_TYPE == "generate_until" and not entry.judged:
            found = task.process_results(task.eval_docs[0], ["an answer"])
            assert set(found) == set(entry.kept), entry.task
    assert set(tasks["alpaca_eval"].process_results({}, ["an answer"])) == {"unscored"}
    kinds = [set(tasks["ifeval"].process_results(doc, ["a b"])) == {"unscored"} for doc in tasks["ifeval"].eval_docs]
    assert kinds == [False, False, True, False]


def test_right_answers_score_one_in_every_language(tasks: dict[str, Any]) -> None:
    for entry in TASKS:
        if entry.suite == "la":
            doc = tasks[entry.task].eval_docs[0]
            right = doc["summary"] if entry.benchmark == "xlsum" else doc["answers"][0]
            assert tasks[entry.task].process_results(doc, [right])[entry.metric] == 1.0


def test_a_task_whose_files_are_not_bound_is_refused() -> None:
    wanted = [task for task in TASKS if task.task == "mmlu"]
    with pytest.raises(InternalError, match="mmlu: a task wants its files"):
        load_tasks(find_pack("paper"), wanted, CONTEXT)


def test_files_that_are_wrong_are_told_through_the_harness(tmp_path: Path) -> None:
    write_json(tmp_path / "xquad.de.json", {"data": [{"paragraphs": 3}]})
    wanted = [task for task in TASKS if task.task == "xquad_de"]
    with pytest.raises(DataError, match=r"xquad\.de\.json, data\[0\], field paragraphs: 3; expected a list"):
        load_tasks(find_pack("paper"), wanted, CONTEXT, {"xquad": tmp_path})


def test_a_context_shorter_than_the_longest_answer_is_refused(originals: dict[str, Path]) -> None:
    wanted = [task for task in TASKS if task.task == "ifeval"]
    with pytest.raises(ModelError, match="ifeval allows answers of 1280 tokens"):
        load_tasks(find_pack("paper"), wanted, 1024, originals)
