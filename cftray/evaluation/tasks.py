"""A pack's tasks as lm-eval loads them, refused where they would not be zero-shot and repeatable."""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lm_eval.utils
import numpy as np
from lm_eval.tasks import TaskManager

from cftray.errors import InternalError, ModelError
from cftray.evaluation.paper.sources import bound
from cftray.plan.packs import Pack, PackTask

SEED = 0
KINDS = ("generate_until", "multiple_choice", "loglikelihood")


def load_tasks(
    pack: Pack, wanted: Sequence[PackTask], context_length: int, files: Mapping[str, Path] | None = None
) -> dict[str, Any]:
    """lm-eval's task objects by name. `context_length` in tokens; `files` of the benchmarks that tasks read.

    Raises InternalError for a task that breaks the pack's rules, ModelError where an answer of the
    length that a task allows leaves no room for a prompt, DataError where a benchmark's files are not what they
    should be.
    """
    _compile_templates_once()
    manager = TaskManager(include_path=str(pack.include_path), include_defaults=False)
    unknown = sorted({task.task for task in wanted} - set(manager.all_tasks))
    if unknown:
        raise InternalError(f"task pack {pack.name} has no file for {', '.join(unknown)}")
    with bound(files or {}):
        tasks: dict[str, Any] = manager.load([task.task for task in wanted])["tasks"]
    for name, task in tasks.items():
        if task.config.num_fewshot:
            raise InternalError(f"{name}: num_fewshot is {task.config.num_fewshot}; the method is zero-shot")
        if task.OUTPUT_TYPE not in KINDS or (task.config.repeats or 1) != 1:
            raise InternalError(f"{name}: {task.OUTPUT_TYPE}, repeats {task.config.repeats}; expected {KINDS}, once")
        if task.OUTPUT_TYPE == "generate_until":
            _check_generation(name, dict(task.config.generation_kwargs or {}), context_length)
    return tasks


def seed() -> None:
    """The same for each task, whichever ran before it."""
    random.seed(SEED)
    np.random.seed(SEED)


def _compile_templates_once() -> None:
    """lm-eval compiles a task's Jinja anew for each item: a quarter of the time of a small model."""
    environment = lm_eval.utils.env
    if not hasattr(environment.from_string, "cache_info"):
        environment.from_string = functools.lru_cache(maxsize=1024)(environment.from_string)


def _check_generation(name: str, settings: dict[str, Any], context_length: int) -> None:
    until = settings.get("until", [])
    stops = [until] if isinstance(until, str) else list(until)
    if not all(isinstance(one, str) and one for one in stops):
        raise InternalError(f"{name}: until is {until!r}; expected stop strings of at least one character")
    if settings.get("do_sample") or settings.get("temperature"):
        raise InternalError(f"{name}: samples its answers; expected do_sample: false and no temperature")
    longest = settings.get("max_gen_toks")
    if not isinstance(longest, int):
        raise InternalError(f"{name}: max_gen_toks is {longest!r}; expected the most tokens of an answer")
    if longest >= context_length:
        raise ModelError(
            f"{name} allows answers of {longest} tokens, and the model's whole context is {context_length}; "
            "evaluate a model with a longer max_position_embeddings"
        )
