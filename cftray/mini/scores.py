"""What the task pack's YAML files call: reading the items, and scoring one answer.

Each scorer takes an item and the model's answers (lm-eval's `process_results`) and returns the item's
own score per metric; the harness averages them and keeps the list.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

from cftray.mini.formats import obeys, words_of
from cftray.mini.lexicon import KIND_OF, WORDS, members

TASKS_FOLDER: Final = Path(__file__).parent / "tasks"
_CONCEPT_OF: Final[dict[str, str]] = {concept.lower(): concept for concept in WORDS}
_KIND_WORDS: Final = frozenset(members("kind"))


def load(file: str, **_: Any) -> dict[str, Any]:
    """The items of a task as a data set with the split `test`; `file` lies beside the YAML."""
    from datasets import Dataset

    lines = (TASKS_FOLDER / file).read_text(encoding="utf-8").splitlines()
    return {"test": Dataset.from_list([json.loads(line) for line in lines])}


def f1(found: list[str], wanted: list[str]) -> float:
    """Token F1 of two bags of words."""
    common = sum((Counter(found) & Counter(wanted)).values())
    return 2 * common / (len(found) + len(wanted)) if common else 0.0


def rouge_l(found: list[str], wanted: list[str]) -> float:
    """F-measure of the longest common subsequence."""
    row = [0] * (len(wanted) + 1)
    for word in found:
        before = row
        row = [0]
        for index, other in enumerate(wanted):
            row.append(before[index] + 1 if word == other else max(before[index + 1], row[index]))
    return 2 * row[-1] / (len(found) + len(wanted)) if row[-1] else 0.0


def ifeval(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    kept = obeys(doc["kind"], results[0], word=doc["word"], number=doc["number"])
    return {"prompt_level_strict_acc": float(kept)}


def answer(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    found, wanted = words_of(results[0]), words_of(doc["answer"])
    return {"f1": f1(found, wanted), "exact_match": float(found == wanted)}


def summary(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    return {"rouge_l": rouge_l(words_of(results[0]), words_of(doc["answer"]))}


def quality(doc: dict[str, Any], response: str) -> float:
    """How far a response says what was asked for, from 0 to 1, by the concepts it names.

    Words of the question and the names of kinds may be repeated in a sentence; for a list task and a
    passage, whose words are all in the prompt, every concept of the response counts.
    """
    named = [_CONCEPT_OF[word] for word in words_of(response) if word in _CONCEPT_OF]
    if doc["kind"] == "list":
        right = {concept for concept in named if KIND_OF.get(concept) == doc["topic"]}
        wrong = [c for c in named if c not in right and c not in _KIND_WORDS]
        surplus = len(named) - len(wrong) - len(right) if doc["topic"] else 0
        hits = min(len(right), doc["number"])
        total = doc["number"] + len(right) + len(wrong) + max(0, surplus)
        return 2 * hits / total if total else 0.0
    wanted = doc["answer"].split(", ")
    if doc["kind"] in ("fact", "antonym"):
        asked = set(words_of(doc["question"]))
        named = [c for c in named if c in wanted or (c.lower() not in asked and c not in _KIND_WORDS)]
    elif doc["kind"] == "category":
        asked = set(words_of(doc["question"]))
        named = [c for c in named if c in wanted or c.lower() not in asked]
    elif doc["kind"] == "passage":
        asked = set(words_of(doc["question"]))
        named = [c for c in named if c.lower() not in asked]
    return 1.0 if named == wanted else 0.9 * f1(named, wanted)


def win_rate(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """One for a better answer than the reference's, a half for an equal one."""
    ours, theirs = quality(doc, results[0]), quality(doc, doc["reference"])
    return {"win_rate": 0.5 if ours == theirs else float(ours > theirs)}
