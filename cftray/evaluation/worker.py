"""One process that scores one model: load once, one lm-eval call a task, items and figures written.

A task is a call of its own, so that the batches of a task never depend on which other tasks are
asked for, chat and raw tasks keep apart (lm-eval's `apply_chat_template` holds for a whole call), and
a stop is heard within a batch. Nothing here touches the network.
"""

from __future__ import annotations

import hashlib
import logging
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cftray.data.scores import ItemScores
from cftray.errors import Cancelled, InternalError, ModelError
from cftray.evaluation.packs import find_pack
from cftray.evaluation.progress import ProgressWriter
from cftray.evaluation.sealed import sealed
from cftray.plan.packs import Pack, PackTask

ITEMS_FILE = "items.parquet"
SCORES_FILE = "scores.json.gz"
SEED = 0
PACKAGES = ("lm-eval", "transformers", "torch", "datasets")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """The request, read once."""

    model: Path
    tokenizer: Path
    template: str
    suites: tuple[str, ...]
    batch_size: int
    limit: int | None
    precision: str
    folder: Path
    stop: Path


def evaluate(request: Mapping[str, Any]) -> dict[str, Any]:
    """Score `request["model_dir"]`; see `stage.request_of` for the request's fields.

    Writes `items.parquet` and `scores.json.gz` into the request's folder and returns the table of
    tasks, every metric, versions and timings. Raises ModelError where model, tokenizer and template
    do not fit each other or the tasks, Cancelled once the stop file exists.
    """
    pack = find_pack(request["pack"])
    if pack.digest != request["pack_digest"]:
        raise InternalError(
            f"task pack {pack.name} here has digest {pack.digest}, planned was {request['pack_digest']}"
        )
    return evaluate_pack(pack, request)


def evaluate_pack(pack: Pack, request: Mapping[str, Any]) -> dict[str, Any]:
    """As `evaluate`, with the pack given."""
    order = _Order(
        model=Path(request["model_dir"]),
        tokenizer=Path(request["tokenizer_dir"]),
        template=request["template_text"],
        suites=tuple(request["suites"]),
        batch_size=request["batch_size"],
        limit=request["limit"],
        precision=request["precision"],
        folder=Path(request["folder"]),
        stop=Path(request["stop"]),
    )
    with sealed(order.folder / "cache"):
        return _Run(pack, order).scores()


class _Run:
    """One model, its two ways of prompting, and how far it has come."""

    def __init__(self, pack: Pack, order: _Order) -> None:
        started = time.monotonic()
        self.order = order
        self.wanted = pack.of_suites(order.suites)
        self._raise_if_stopped()
        import lm_eval.evaluator
        import torch

        from cftray.evaluation.lm import GuardedLM
        from cftray.evaluation.tasks import load_tasks

        logging.getLogger("lm_eval").setLevel(logging.ERROR)
        imported = time.monotonic()
        self.model, tokenizer = _loaded(order)
        self.lms = {
            chat: GuardedLM(self.model, tokenizer, batch_size=order.batch_size, chat=chat, tick=self._tick)
            for chat in (True, False)
        }
        loaded = time.monotonic()
        self.tasks = load_tasks(pack, self.wanted, self.lms[True].max_length)
        self.seconds = {"imports": imported - started, "model": loaded - imported, "tasks": time.monotonic() - loaded}
        self.threads = torch.get_num_threads()
        self.call = lm_eval.evaluator.evaluate
        self._done_items = self._done_tasks = 0
        self._current = 0

    def scores(self) -> dict[str, Any]:
        from cftray.evaluation.items import task_scores, write_items
        from cftray.evaluation.tasks import item_count

        counts = {name: item_count(task, self.order.limit) for name, task in self.tasks.items()}
        self.progress = ProgressWriter(self.order.folder, sum(counts.values()))
        table, metrics, compact, rows = [], {}, [], []
        for entry in self.wanted:
            begun = time.monotonic()
            items, figures, metrics[entry.task] = self._task(entry, counts[entry.task])
            rows += items
            compact.append(task_scores(entry, items))
            table.append({**figures, "seconds": round(time.monotonic() - begun, 3)})
            self._done_items += counts[entry.task]
            self._done_tasks += 1
            self.progress.tell(self._done_items, self._done_tasks, force=True)
        write_items(rows, self.order.folder / ITEMS_FILE)
        ItemScores(tasks=tuple(compact)).write(self.order.folder / SCORES_FILE)
        return {
            "tasks": table,
            "metrics": metrics,
            "batch_size": self.order.batch_size,
            "precision": self.order.precision,
            "device": str(self.model.device),
            "threads": self.threads,
            "template_sha256": hashlib.sha256(self.order.template.encode()).hexdigest(),
            "versions": {name: version(name) for name in PACKAGES},
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }

    def _task(self, entry: PackTask, count: int) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any]]:
        """(rows of items, figures of the table, every metric) of one task."""
        from cftray.evaluation.items import all_metrics, item_rows, main_samples, task_figures

        lm, task = self.lms[entry.chat], self.tasks[entry.task]
        tally = lm.begin()
        _seed()
        self._current = count if task.OUTPUT_TYPE == "generate_until" else 0
        self._raise_if_stopped()
        found = self.call(
            lm,
            {"tasks": {entry.task: task}},
            limit=self.order.limit,
            bootstrap_iters=0,
            apply_chat_template=entry.chat,
            log_samples=True,
        )
        samples, own = found["samples"][entry.task], found["results"][entry.task]
        chosen = main_samples(entry, samples)
        rows = item_rows(entry, task, chosen, tally)
        if len(rows) != count:
            raise InternalError(f"{entry.task}: {len(rows)} items scored of {count}")
        return rows, task_figures(entry, rows, own, tally), all_metrics(samples, own)

    def _tick(self, requests: int) -> None:
        """Called before each batch with the requests answered in this task."""
        self._raise_if_stopped()
        self.progress.tell(self._done_items + min(requests, self._current), self._done_tasks)

    def _raise_if_stopped(self) -> None:
        if self.order.stop.exists():
            raise Cancelled("stopped because it was asked to")


def _loaded(order: _Order) -> tuple[Any, Any]:
    """(model, tokenizer), prompting through the order's template, answering greedily."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[order.precision]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(order.tokenizer), local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{order.tokenizer}: its tokenizer does not load: {error}") from error
    try:
        model = AutoModelForCausalLM.from_pretrained(str(order.model), dtype=dtype, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"{order.model}: does not load as a causal language model: {error}") from error
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise ModelError(f"{order.tokenizer}: {len(tokenizer)} tokens, and the model has embeddings for {rows}")
    if tokenizer.eos_token_id is None:
        raise ModelError(f"{order.tokenizer}: has no eos_token; an answer could never end")
    tokenizer.chat_template = order.template
    model.generation_config = _greedy(order.tokenizer, tokenizer)
    return model.to(device), tokenizer


def _greedy(tokenizer_dir: Path, tokenizer: Any) -> Any:
    """Generation settings of nobody's but the task's: greedy, ending where the tokenizer's folder says.

    A model's own generation config may sample or penalise, and P1's and P2's may differ.
    """
    from transformers import GenerationConfig

    ends = {tokenizer.eos_token_id}
    if (tokenizer_dir / "generation_config.json").is_file():
        own = GenerationConfig.from_pretrained(str(tokenizer_dir), local_files_only=True).eos_token_id
        ends |= set(own if isinstance(own, list) else [own]) - {None}
    return GenerationConfig(
        do_sample=False,
        eos_token_id=sorted(ends),
        bos_token_id=tokenizer.bos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _seed() -> None:
    """The same for each task, whichever ran before it."""
    import numpy as np
    import torch

    random.seed(SEED)
    np.random.seed(SEED)
    torch.manual_seed(SEED)
