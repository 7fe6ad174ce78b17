"""What the task pack `paper` holds, without any heavy import.

    TA = mean of IFEval, AlpacaEval, MMLU, HellaSwag
    LA = mean of MLQA, XQuAD, XL-Sum, each the mean over its languages (section 3.2 and Appendix B of the paper)

English XL-Sum is evaluated and shown, and counts in no mean: the paper's LA is over the other six. MMLU's accuracy is
over questions, not over subjects, as in lm-eval; a question's subject is the first part of its id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Final

from cftray.errors import InternalError
from cftray.evaluation.paper.metrics.segmentation import PYTHAINLP
from cftray.plan.packs import PackTask

PACK_VERSION: Final = 1
PACKAGE: Final = Path(__file__).parent
TASKS_FOLDER: Final = PACKAGE / "tasks"

MLQA_LANGUAGES: Final = ("ar", "de", "es", "hi", "vi", "zh")
XQUAD_LANGUAGES: Final = ("ar", "de", "el", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh")
XLSUM_LANGUAGES: Final = ("ar", "zh", "fr", "hi", "ja", "es")
XLSUM_UNCOUNTED: Final = ("en",)

LIBRARIES: Final[Mapping[str, str]] = {
    "lm-eval": "0.4.13",
    "langdetect": "1.0.9",
    "nltk": "3.10.4",
    "rouge-score": "0.1.2",
    "pythainlp": PYTHAINLP,
}
"""Packages whose code decides scores; another version makes another score, so they are part of the digest."""

_READING: Final = ("sources.py", "layouts.py", "scoring.py", "reading/rows.py")
_ANSWERS: Final = (
    "reading/squad.py",
    "metrics/overlap.py",
    "metrics/normalisation.py",
    "metrics/segmentation.py",
)
CODE: Final[Mapping[str, tuple[str, ...]]] = {
    "ifeval": ("reading/instructions.py", "metrics/following.py"),
    "alpaca_eval": ("reading/instructions.py",),
    "mmlu": ("reading/choices.py",),
    "hellaswag": ("reading/choices.py",),
    "mlqa": _ANSWERS,
    "xquad": _ANSWERS,
    "xlsum": ("reading/articles.py", "metrics/rouge.py", "metrics/normalisation.py", "metrics/segmentation.py"),
}
"""The files that decide a benchmark's items and scores, beside those that decide all."""
_USES: Final[Mapping[str, tuple[str, ...]]] = {
    "ifeval": ("lm-eval", "langdetect", "nltk"),
    "mmlu": ("lm-eval",),
    "hellaswag": ("lm-eval",),
    "xquad": ("pythainlp",),
    "xlsum": ("rouge-score",),
}

IFEVAL_METRICS: Final = (
    "prompt_level_strict_acc",
    "prompt_level_loose_acc",
    "inst_level_strict_acc",
    "inst_level_loose_acc",
)


def _ta(
    benchmark: str,
    metric: str,
    *,
    chat: bool,
    paper_metric: str | None = None,
    metrics: tuple[str, ...] = (),
    judged: bool = False,
) -> PackTask:
    return PackTask(
        task=benchmark,
        suite="ta",
        benchmark=benchmark,
        language="en",
        metric=metric,
        chat=chat,
        paper_metric=paper_metric,
        metrics=metrics,
        source=benchmark,
        judged=judged,
    )


def _la(
    benchmark: str,
    languages: Iterable[str],
    metric: str,
    *,
    paper_metric: str | None = None,
    metrics: tuple[str, ...] = (),
    counted: bool = True,
) -> tuple[PackTask, ...]:
    return tuple(
        PackTask(
            task=f"{benchmark}_{language}",
            suite="la",
            benchmark=benchmark,
            language=language,
            metric=metric,
            chat=True,
            paper_metric=paper_metric,
            metrics=metrics,
            source=benchmark,
            counted=counted,
        )
        for language in languages
    )


_ROUGE: Final = ("rouge_1", "rouge_2")

TASKS: Final[tuple[PackTask, ...]] = (
    _ta("ifeval", IFEVAL_METRICS[0], chat=True, metrics=IFEVAL_METRICS[1:]),
    _ta("alpaca_eval", "win_rate", chat=True, judged=True),
    _ta("mmlu", "acc", chat=False),
    _ta("hellaswag", "acc_norm", chat=False, paper_metric="acc"),
    *_la("mlqa", MLQA_LANGUAGES, "f1", metrics=("exact_match",)),
    *_la(
        "xquad",
        XQUAD_LANGUAGES,
        "f1",
        paper_metric="f1_plain",
        metrics=("exact_match", "exact_match_plain"),
    ),
    *_la("xlsum", XLSUM_LANGUAGES, "rouge_l", paper_metric="rouge_l_plain", metrics=_ROUGE),
    *_la("xlsum", XLSUM_UNCOUNTED, "rouge_l", paper_metric="rouge_l_plain", metrics=_ROUGE, counted=False),
)


def by_taught(taught: Collection[str]) -> tuple[tuple[PackTask, ...], tuple[PackTask, ...]]:
    """LA's tasks in the languages that phase 2 taught, and its others."""
    counted = [task for task in TASKS if task.suite == "la" and task.counted]
    return tuple(one for one in counted if one.language in taught), tuple(
        one for one in counted if one.language not in taught
    )


def libraries_of(task: PackTask) -> dict[str, str]:
    """The packages whose code decides a task's scores, with the version that does."""
    needed = _USES.get(task.benchmark, ())
    return {name: LIBRARIES[name] for name in needed if name != "pythainlp" or task.language == "th"}


def task_digest(task: str) -> str:
    """sha256 over all that decides a task's items, prompts and scores but its data: YAML, code, packages.

    Raises InternalError where the pack has no such task.
    """
    entry = next((one for one in TASKS if one.task == task), None)
    if entry is None:
        raise InternalError(f"{task}: the task pack paper has no such task")
    return _digest([f"tasks/{task}.yaml", *_READING, *CODE[entry.benchmark]], libraries_of(entry))


def digest() -> str:
    """sha256 over all task files, all code that reads and scores, and the packages that score."""
    code = {name for names in CODE.values() for name in names}
    return _digest([*(f"tasks/{one.task}.yaml" for one in TASKS), *_READING, *code], LIBRARIES)


def _digest(names: Iterable[str], libraries: Iterable[str]) -> str:
    found = hashlib.sha256(json.dumps({name: LIBRARIES[name] for name in sorted(libraries)}).encode())
    for name in sorted(set(names)):
        found.update(name.encode() + b"\0")
        found.update(hashlib.sha256((PACKAGE / name).read_bytes()).digest())
    return found.hexdigest()
