"""ROUGE of a summary (Lin, 2004), by the rouge-score package, over words of the language or over its own.

The package's own words are runs of a to z and 0 to 9: of a text in another script nothing is left but numbers and
foreign names. That is why the paper's printed figures for Arabic and Hindi are next to nothing.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from cftray.evaluation.paper.metrics.normalisation import summary_words

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer

NAMES = {"rouge1": "rouge_1", "rouge2": "rouge_2", "rougeL": "rouge_l"}


def rouge(summary: str, right: str, language: str) -> dict[str, float]:
    """F-measures `rouge_1`, `rouge_2`, `rouge_l` over the language's words, from 0 to 1."""
    found = _scorer(language).score(right, summary)
    return {name: float(found[key].fmeasure) for key, name in NAMES.items()}


def plain_rouge_l(summary: str, right: str) -> float:
    """ROUGE-L over the package's own words, without stemming, from 0 to 1."""
    return float(_plain().score(right, summary)["rougeL"].fmeasure)


class _Words:
    """A tokenizer as the package wants one."""

    def __init__(self, language: str) -> None:
        self.language = language

    def tokenize(self, text: str) -> list[str]:
        return summary_words(text, self.language)


@functools.cache
def _scorer(language: str) -> RougeScorer:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(NAMES), tokenizer=_Words(language))


@functools.cache
def _plain() -> RougeScorer:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"])
