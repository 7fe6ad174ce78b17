"""The stage in which the P1 model answers the prompts of a replay (generative replay, paper section 5.1).

Imports no torch. The first `needed` usable answers in the prompts' order become rows; the others are
the surplus that stands in for answers set aside.
"""

from __future__ import annotations

import collections
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from cftray.data.adapters import read_rows, write_rows
from cftray.data.ends import end_tokens
from cftray.data.rows import Row
from cftray.data.sources import META, ROWS
from cftray.data.templates import load_template
from cftray.data.tokenize import load_tokenizer
from cftray.errors import DataError, InternalError, ModelError
from cftray.generation import pooled, streamed
from cftray.generation.batches import FOLDER, Prompt, answers_in, read_answers
from cftray.generation.usable import fault_of
from cftray.plan.stages import GenerateConfig
from cftray.stage import Artifact, Progress, StageContext
from cftray.watching import Watching

FAULTS = ("empty", "cut", "looping", "repetitive", "too_long")
LEAST_ROOM = 2
"""Tokens that a prompt must leave of the context: one and the end; an answer with less could not be used."""
EXAMPLES = 3


def run(config: GenerateConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Inputs: `prompts` of a replay, `model` that answers, `tokenizer` whose tokenizer and template ask it.

    Outputs: `rows`, usable answers as rows, and `set_aside`, the others with the reason. What an earlier
    attempt finished is not answered again: batches, or with vLLM rows. Raises ModelError where model and
    tokenizer do not fit, Cancelled once asked to stop.
    """
    context.raise_if_stopped()
    rows = read_rows(inputs["prompts"] / ROWS)
    if len({row.id for row in rows}) < len(rows):
        raise DataError(f"{len(rows)} prompts have {len({row.id for row in rows})} ids; each needs one of its own")
    needed = int(json.loads((inputs["prompts"] / META).read_text(encoding="utf-8"))["needed"])
    prompts, too_long = _prompts(config, rows, inputs)
    engine = (streamed if config.decoding.engine == "vllm" else pooled).prepare(
        config, prompts, _settings(config, inputs, context), context
    )
    started = time.monotonic()
    with _Watch(context.folder, len(prompts), context.report) as watch:
        name = engine.answer()
    seconds = time.monotonic() - started
    answers = answers_in(context.folder)
    unanswered = {one.id for one in prompts} - answers.keys()
    if unanswered:
        raise InternalError(f"{len(unanswered)} of {len(prompts)} prompts came back without an answer")
    artifact = _artifact(context.folder, rows, needed, answers, too_long, config)
    metrics: dict[str, float] = {**artifact.metrics, "seconds_answering": seconds}
    if watch.tokens:
        metrics["tokens_per_s"] = watch.tokens / seconds
    return replace(artifact, metrics=metrics, details={**artifact.details, "engine": name, "batches": engine.promise})


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


def _settings(config: GenerateConfig, inputs: Mapping[str, Path], context: StageContext) -> dict[str, Any]:
    """What every process that answers is told."""
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


def _context_length(folder: Path) -> int | None:
    """Positions that the model knows, null where its config names none."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    length: int | None = config.get("max_position_embeddings", config.get("n_positions"))
    return length


def _artifact(
    folder: Path,
    rows: Sequence[Row],
    needed: int,
    answers: Mapping[str, Mapping[str, Any]],
    too_long: set[str],
    config: GenerateConfig,
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
    }
    details = {
        "decoding": config.decoding.model_dump(mode="json") | {"max_new_tokens": config.max_new_tokens},
        "examples": [
            {"id": row.id, "prompt": f"{row.instruction}\n{row.input}".strip(), "answer": row.output}
            for row in usable[:EXAMPLES]
        ],
    }
    return Artifact(outputs={"rows": path, "set_aside": rest}, metrics=metrics, details=details)


class _Watch(Watching):
    """While open, reports finished batches; `tokens` counts those of this attempt."""

    thread_name = "generation-progress"

    def __init__(self, folder: Path, total: int, report: Callable[[Progress], None]) -> None:
        self.tokens = 0
        self._folder = folder / FOLDER
        self._total = total
        self._report = report
        self._rows = 0
        self._seen: set[str] = set()
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        for path in self._new():
            self._rows += len(read_answers(path))
        return super().__enter__()

    def look(self) -> None:
        """Report where batches were finished."""
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
