"""The engine `vllm`: rows answered in whatever order, each kept as it comes.

vLLM composes its batches from the requests that it has at the moment, so a row has no batch to be answered
again with: after a kill only the rows without an answer are asked again.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cftray.data.tokenize import load_tokenizer
from cftray.generation.batches import Engine, Prompt, answer_of, keep_earlier, write_answers
from cftray.generation.seeds import row_seed
from cftray.plan.stages import GenerateConfig
from cftray.stage import StageContext


def prepare(
    config: GenerateConfig, prompts: Sequence[Prompt], settings: Mapping[str, Any], context: StageContext
) -> Engine:
    """Takes over the rows that earlier attempts answered; the engine answers the others."""
    left = keep_earlier(context.folder, context.earlier, prompts)
    if len(left) < len(prompts):
        context.note(f"{len(prompts) - len(left)} of {len(prompts)} rows were answered before")
    tokenizer = load_tokenizer(Path(settings["tokenizer"]))
    numbers = itertools.count(1)

    def keep(made: Sequence[tuple[str, Sequence[int]]]) -> None:
        answers = [answer_of(one, tokens, settings["ends"], tokenizer) for one, tokens in made]
        write_answers(context.folder, next(numbers), answers)

    def answer() -> str:
        if not left:
            return "vllm"
        return context.workers.infer(
            settings,
            [_item(one, config.seed) for one in sorted(left, key=lambda one: -len(one.tokens))],
            keep,
            actors=_actors(context, len(left), config.decoding.batch_size),
            accelerator=context.execution.accelerator,
            name=f"generate.s{config.seed}",
        )

    return Engine(
        answer=answer,
        promise="vLLM composes batches as requests come and promises no equal bits: another run, another number of "
        "workers or an interruption may change single tokens, at temperature 0 too",
    )


def _item(prompt: Prompt, seed: int) -> dict[str, Any]:
    return {"id": prompt.id, "tokens": prompt.tokens, "most": prompt.most, "seed": row_seed(seed, prompt.id)}


def _actors(context: StageContext, rows: int, batch_size: int) -> int:
    """One engine a worker, but none without a batch of its own."""
    execution = context.execution
    wanted = execution.workers or context.workers.available(execution.accelerator)
    return max(1, min(wanted, -(-rows // batch_size)))
