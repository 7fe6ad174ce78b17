"""The engine `transformers`: a pool of actors, each of which answers whole batches.

A batch is answered again from its beginning where an attempt was cut within it: what it is padded to would
be another otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from cftray.generation.batches import Engine, Prompt, compose, take_over
from cftray.generation.entry import answerer
from cftray.plan.stages import GenerateConfig
from cftray.stage import StageContext


def prepare(
    config: GenerateConfig, prompts: Sequence[Prompt], settings: Mapping[str, Any], context: StageContext
) -> Engine:
    """Takes over the batches that earlier attempts finished; the engine answers the others."""
    batches = compose(prompts, config.decoding.batch_size)
    left = take_over(context.folder, context.earlier, batches)
    if context.earlier and len(left) < len(batches):
        context.note(f"{len(batches) - len(left)} of {len(batches)} batches were answered before")

    def answer() -> str:
        if left:
            context.workers.map(
                answerer,
                settings,
                [_item(number, batches[number]) for number in left],
                actors=max(1, min(_actors(context), len(left))),
                accelerator=context.execution.accelerator,
                name=f"generate.s{config.seed}",
            )
        return f"transformers {version('transformers')}"

    return Engine(
        answer=answer,
        promise="batches are composed once from all prompts, longest first; answers depend neither on the number of "
        "actors nor on interruptions",
    )


def _item(number: int, batch: Sequence[Prompt]) -> dict[str, Any]:
    return {
        "number": number,
        "ids": [one.id for one in batch],
        "tokens": [one.tokens for one in batch],
        "most": [one.most for one in batch],
    }


def _actors(context: StageContext) -> int:
    execution = context.execution
    if execution.workers is not None:
        return execution.workers
    free = context.workers.available(execution.accelerator)
    return free if execution.accelerator else min(2, free)
