"""The stage in which the P1 model answers the prompts of a replay (generative replay, paper section 5.1).

Imports no torch. The first `needed` usable answers in the prompts' order become rows; the others are
the surplus that stands in for answers set aside.
"""

from __future__ import annotations

import collections
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

from cftray.data.adapters import read_rows, write_rows
from cftray.data.ends import end_tokens
from cftray.data.replay import META, ROWS
from cftray.data.rows import Row
from cftray.data.templates import load_template
from cftray.data.tokenize import load_tokenizer
from cftray.errors import DataError, ModelError
from cftray.generation.batches import FOLDER, Prompt, batch_file, compose, read_answers, take_over
from cftray.generation.entry import answerer
from cftray.generation.usable import fault_of
from cftray.plan.stages import GenerateConfig
from cftray.stage import Artifact, Progress, StageContext

FAULTS = ("empty", "cut", "looping", "repetitive", "too_long")
LEAST_ROOM = 2
"""Tokens that a prompt must leave of the context: one and the end; an answer with less could not be used."""
LOOK_EVERY_S = 0.5
EXAMPLES = 3


def run(config: GenerateConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Inputs: `prompts` of a replay, `model` that answers, `tokenizer` whose tokenizer and template ask it.

    Outputs: `rows`, usable answers as rows, and `set_aside`, the others with the reason. Batches that an
    earlier attempt finished are not answered again. Raises ModelError where model and tokenizer do not
    fit, Cancelled once asked to stop.
    """
    context.raise_if_stopped()
    rows = read_rows(inputs["prompts"] / ROWS)
    if len({row.id for row in rows}) < len(rows):
        raise DataError(f"{len(rows)} prompts have {len({row.id for row in rows})} ids; each needs one of its own")
    needed = int(json.loads((inputs["prompts"] / META).read_text(encoding="utf-8"))["needed"])
    prompts, too_long = _prompts(config, rows, inputs)
    batches = compose(prompts, config.decoding.batch_size)
    left = take_over(context.folder, context.earlier, batches)
    if context.earlier and len(left) < len(batches):
        context.note(f"{len(batches) - len(left)} of {len(batches)} batches were answered before")
    actors = max(1, min(_actors(context), len(left)))
    started = time.monotonic()
    with _Watch(context.folder, len(prompts), context.report) as watch:
        if left:
            context.workers.map(
                answerer,
                _request(config, inputs, context),
                [_item(number, batches[number]) for number in left],
                actors=actors,
                accelerator=context.execution.accelerator,
                name=f"generate.s{config.seed}",
            )
    seconds = time.monotonic() - started
    answers = {
        one["id"]: one for number in range(len(batches)) for one in read_answers(batch_file(context.folder, number))
    }
    return _artifact(context.folder, rows, needed, answers, too_long, config, seconds, watch.tokens)


def _prompts(
    config: GenerateConfig, rows: Sequence[Row], inputs: Mapping[str, Path]
) -> tuple[list[Prompt], set[str]]:
    """Rendered and tokenised as in training; the ids of those that leave no room for an answer apart."""
    template = load_template(config.template, inputs["tokenizer"])
    tokenizer = load_tokenizer(inputs["tokenizer"])
    length = _context_length(inputs["model"]) or 1 << 30
    encodings = tokenizer.encode_batch([template.render(row).prompt for row in rows], add_special_tokens=False)
    prompts = [
        Prompt(place=place, id=row.id, tokens=one.ids, most=min(config.max_new_tokens, length - len(one.ids)))
        for place, (row, one) in enumerate(zip(rows, encodings, strict=True))
    ]
    fitting = [one for one in prompts if length - len(one.tokens) >= LEAST_ROOM]
    if not fitting:
        raise ModelError(
            f"none of {len(rows)} prompts leaves room for {LEAST_ROOM} tokens in the model's context of "
            f"{length}; give shorter English rows or a model with a longer context"
        )
    return fitting, {one.id for one in prompts} - {one.id for one in fitting}


def _request(config: GenerateConfig, inputs: Mapping[str, Path], context: StageContext) -> dict[str, Any]:
    return {
        "folder": str(context.folder.absolute()),
        "stop": str(context.stop.absolute()),
        "model": str(inputs["model"].absolute()),
        "tokenizer": str(inputs["tokenizer"].absolute()),
        "decoding": config.decoding.model_dump(mode="json"),
        "context_length": _context_length(inputs["model"]),
        "precision": str(config.precision),
        "seed": config.seed,
        "ends": end_tokens(inputs["tokenizer"], config.template),
    }


def _item(number: int, batch: Sequence[Prompt]) -> dict[str, Any]:
    return {
        "number": number,
        "ids": [one.id for one in batch],
        "tokens": [one.tokens for one in batch],
        "most": [one.most for one in batch],
    }


def _context_length(folder: Path) -> int | None:
    """Positions that the model knows, null where its config names none."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    length: int | None = config.get("max_position_embeddings", config.get("n_positions"))
    return length


def _actors(context: StageContext) -> int:
    execution = context.execution
    if execution.workers is not None:
        return execution.workers
    free = context.workers.available(execution.accelerator)
    return free if execution.accelerator else min(2, free)


def _artifact(
    folder: Path,
    rows: Sequence[Row],
    needed: int,
    answers: Mapping[str, Mapping[str, Any]],
    too_long: set[str],
    config: GenerateConfig,
    seconds: float,
    fresh_tokens: int,
) -> Artifact:
    usable: list[Row] = []
    aside: list[dict[str, str]] = []
    for row in rows:
        answer = answers.get(row.id, {"text": "", "ended": False})
        fault = "too_long" if row.id in too_long else fault_of(answer["text"], ended=answer["ended"])
        if fault is None:
            usable.append(replace(row, output=answer["text"]))
        else:
            aside.append({"id": row.id, "reason": fault, "text": answer["text"]})
    path, rest = folder / ROWS, folder / "set_aside.jsonl"
    write_rows(path, usable[:needed])
    rest.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in aside), encoding="utf-8")
    counts = collections.Counter(one["reason"] for one in aside)
    tokens = sum(int(one["tokens"]) for one in answers.values())
    metrics: dict[str, float] = {
        "answered": len(rows),
        "needed": needed,
        "usable": len(usable),
        "used": min(needed, len(usable)),
        **{name: counts[name] for name in FAULTS},
        "tokens": tokens,
        "seconds_answering": seconds,
    }
    if fresh_tokens:
        metrics["tokens_per_s"] = fresh_tokens / seconds
    details = {
        "decoding": config.decoding.model_dump(mode="json") | {"max_new_tokens": config.max_new_tokens},
        "engine": f"transformers {version('transformers')}",
        "batches": "composed once from all prompts, longest first; answers do not depend on actors or interruptions",
        "examples": [
            {"id": row.id, "prompt": f"{row.instruction}\n{row.input}".strip(), "answer": row.output}
            for row in usable[:EXAMPLES]
        ],
    }
    return Artifact(outputs={"rows": path, "set_aside": rest}, metrics=metrics, details=details)


class _Watch:
    """While open, reports finished batches from a thread of its own; `tokens` counts those of this attempt."""

    def __init__(self, folder: Path, total: int, report: Callable[[Progress], None]) -> None:
        self.tokens = 0
        self._folder = folder / FOLDER
        self._total = total
        self._report = report
        self._rows = 0
        self._seen: set[str] = set()
        self._started = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="generation-progress", daemon=True)

    def __enter__(self) -> _Watch:
        for path in self._new():
            self._rows += len(read_answers(path))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._done.wait(LOOK_EVERY_S):
            self._look()
        self._look()

    def _look(self) -> None:
        new = self._new()
        if not new:
            return
        for path in new:
            answers = read_answers(path)
            self._rows += len(answers)
            self.tokens += sum(int(one["tokens"]) for one in answers)
        figures = {"tokens_per_s": self.tokens / (time.monotonic() - self._started)}
        self._report(Progress(step=self._rows, total=self._total, unit="rows", figures=figures))

    def _new(self) -> list[Path]:
        found = [path for path in sorted(self._folder.glob("*.json")) if path.name not in self._seen]
        self._seen |= {path.name for path in found}
        return found
