"""What the pack's YAML files call to score one answer.

Each takes an item and the model's answers (lm-eval's `process_results`) and gives the item's score by metric: a
number, a list of booleans that is pooled over all items, or `unscored` with the reason where nobody here can tell.
Multiple choice is scored by lm-eval itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from cftray.evaluation.paper.metrics.following import NO_PUNKT, followed, has_punkt, needs_punkt
from cftray.evaluation.paper.metrics.normalisation import mlqa_words, squad_words, xquad_words
from cftray.evaluation.paper.metrics.overlap import best_agreement
from cftray.evaluation.paper.metrics.rouge import plain_rouge_l, rouge

Item = Mapping[str, Any]
Scores = dict[str, float | list[bool] | str]

UNSCORED = "unscored"
NO_JUDGE = "a judge compares it with the reference's answer in a stage of its own"


def ifeval(item: Item, results: Sequence[str]) -> Scores:
    """The four scores of IFEval; the instruction-level ones are lists."""
    if needs_punkt(item) and not has_punkt():
        return {UNSCORED: NO_PUNKT}
    return {**followed(item, results[0])}


def alpaca_eval(item: Item, results: Sequence[str]) -> Scores:  # noqa: ARG001
    """Nothing: the answer is all that is wanted here."""
    return {UNSCORED: NO_JUDGE}


def mlqa(item: Item, results: Sequence[str]) -> Scores:
    """F1 and exact match by MLQA's official rules."""
    found = best_agreement(results[0], item["answers"], partial(mlqa_words, language=item["language"]))
    return {"f1": found.f1, "exact_match": found.exact_match}


def xquad(item: Item, results: Sequence[str]) -> Scores:
    """F1 and exact match by the language's rules and, as `_plain`, by SQuAD's for English."""
    found = best_agreement(results[0], item["answers"], partial(xquad_words, language=item["language"]))
    plain = best_agreement(results[0], item["answers"], squad_words)
    return {
        "f1": found.f1,
        "exact_match": found.exact_match,
        "f1_plain": plain.f1,
        "exact_match_plain": plain.exact_match,
    }


def xlsum(item: Item, results: Sequence[str]) -> Scores:
    """ROUGE-1, -2 and -L over the language's words and, as `_plain`, ROUGE-L over those of rouge-score."""
    scores = rouge(results[0], item["summary"], item["language"])
    return {**scores, "rouge_l_plain": plain_rouge_l(results[0], item["summary"])}


def pooled(lists: Iterable[Sequence[bool]]) -> float:
    """lm-eval's aggregation of lists: the mean over all instructions of all prompts."""
    flat = list(itertools.chain.from_iterable(lists))
    return sum(flat) / len(flat)
