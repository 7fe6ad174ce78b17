"""Mean hidden activations of prompts: tokens, batches, and the passes of a model over them in a pool of workers.

A batch's composition follows from the prompts and the batch size alone, and each is passed by one process that
holds the whole model, so a vector depends neither on how many processes there are nor on who had which batch.
Imports no torch.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Encoding, Tokenizer

from cftray.analysis.watch import FileWatch
from cftray.data.rows import Row
from cftray.data.templates import load_template
from cftray.data.tokenize import load_tokenizer
from cftray.errors import DataError, InternalError, ModelError
from cftray.spec.analysis import ForwardSettings
from cftray.stage import StageContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt's place and its tokens; `counted` is 1 for those that count in its mean, else 0."""

    place: int
    tokens: list[int]
    counted: list[int]
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What two models must share: decoder `layers` and `width`; `context` positions, null where not bounded."""

    layers: int
    width: int
    context: int | None

    def __str__(self) -> str:
        return f"{self.layers} layers of width {self.width}"


def shape_of(folder: Path) -> Shape:
    """From config.json. Raises ModelError where it can't be read, or names no depth or width."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder} is no model folder, its config.json can't be read ({error})") from error
    config = config.get("text_config", config)
    layers, width = (config.get(new, config.get(old)) for new, old in
                     (("num_hidden_layers", "n_layer"), ("hidden_size", "n_embd")))  # fmt: skip
    if not isinstance(layers, int) or not isinstance(width, int):
        raise ModelError(f"{folder}: its config.json gives no num_hidden_layers and hidden_size")
    return Shape(layers=layers, width=width, context=config.get("max_position_embeddings", config.get("n_positions")))


def shared_shape(first: Path, second: Path | None) -> Shape:
    """The pair's shape, its shorter context. Raises ModelError where depth or width differ."""
    one = shape_of(first)
    if second is None:
        return one
    other = shape_of(second)
    if (one.layers, one.width) != (other.layers, other.width):
        raise ModelError(
            f"the first model has {one}, the second {other}; they are compared layer by layer, so give two "
            "models of one architecture"
        )
    bounds = [length for length in (one.context, other.context) if length is not None]
    return Shape(layers=one.layers, width=one.width, context=min(bounds, default=None))


def tokenised(
    rows: Sequence[Row], settings: ForwardSettings, tokenizer_folder: Path, context: int | None
) -> list[Prompt]:
    """The rows as the model reads them, cut at `max_tokens` and at the model's `context`.

    Raises DataError where a row leaves nothing to average, ModelError where the tokenizer does not load.
    """
    tokenizer = load_tokenizer(tokenizer_folder)
    texts = _texts(rows, settings, tokenizer_folder)
    special = _special(tokenizer) if settings.positions == "text" else frozenset()
    most = min(settings.max_tokens, context or settings.max_tokens)
    encodings = tokenizer.encode_batch(texts, add_special_tokens=settings.template is None)
    prompts = [_prompt(place, one, special, most) for place, one in enumerate(encodings)]
    for row, prompt in zip(rows, prompts, strict=True):
        if not any(prompt.counted):
            raise DataError(f"prompt {row.id}: has no token to average over; leave it out, or count all positions")
    return prompts


def compose(prompts: Sequence[Prompt], size: int) -> list[list[Prompt]]:
    """Batches of `size`, alike in length within, the longest first."""
    ordered = sorted(prompts, key=lambda one: (-len(one.tokens), one.place))
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def passing(request: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], None]:
    """See `cftray.analysis.forward.Forward`; torch is loaded when it is called."""
    from cftray.analysis.forward import Forward

    return Forward(request)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """`vectors` are float32 [prompts, layers + 1, width] on disk; `seconds` with loading the model."""

    vectors: np.ndarray
    seconds: float


def passed(model: Path, prompts: Sequence[Prompt], settings: ForwardSettings, shape: Shape, context: StageContext,
           name: str) -> Passed:  # fmt: skip
    """One pass of `model` over every prompt. `name` tells passes of one attempt apart.

    Raises ModelError where the model does not load or gives values that are not finite, Cancelled once asked to stop.
    """
    context.raise_if_stopped()
    folder = context.folder.absolute() / f"passes.{name}"
    folder.mkdir()
    batches = compose(prompts, settings.batch_size)
    request = {
        "model": str(model.absolute()),
        "folder": str(folder),
        "stop": str(context.stop.absolute()),
        "precision": str(settings.precision),
        "last_layer": settings.last_layer,
    }
    started = time.monotonic()
    with FileWatch({part_file(folder, number): len(of) for number, of in enumerate(batches)}, context.report):
        context.workers.map(
            passing,
            request,
            [_item(number, of) for number, of in enumerate(batches)],
            actors=max(1, min(_actors(context), len(batches))),
            accelerator=context.execution.accelerator,
            name=f"activations.{name}",
        )
    seconds = time.monotonic() - started
    vectors = _gathered(folder, batches, (len(prompts), shape.layers + 1, shape.width))
    if not all(np.isfinite(one).all() for one in vectors):
        raise ModelError(f"{model}: some activations are not finite; does it answer at all, in {settings.precision}?")
    return Passed(vectors=vectors, seconds=seconds)


def part_file(folder: Path, number: int) -> Path:
    """Where a pass keeps a batch's vectors."""
    return folder / f"{number:06d}.npy"


def _texts(rows: Sequence[Row], settings: ForwardSettings, tokenizer_folder: Path) -> list[str]:
    if settings.template is None:
        return [f"{row.instruction}\n{row.input}" if row.input else row.instruction for row in rows]
    template = load_template(settings.template, tokenizer_folder)
    return [template.render(row).prompt for row in rows]


def _special(tokenizer: Tokenizer) -> frozenset[int]:
    return frozenset(number for number, one in tokenizer.get_added_tokens_decoder().items() if one.special)


def _prompt(place: int, encoding: Encoding, special: frozenset[int], most: int) -> Prompt:
    tokens = encoding.ids[:most]
    counted = [int(token not in special) for token in tokens]
    return Prompt(place=place, tokens=tokens, counted=counted, cut=len(encoding.ids) > most)


def _item(number: int, batch: Sequence[Prompt]) -> dict[str, Any]:
    return {
        "number": number,
        "tokens": [one.tokens for one in batch],
        "counted": [one.counted for one in batch],
    }


def _actors(context: StageContext) -> int:
    execution = context.execution
    if execution.workers is not None:
        return execution.workers
    free = context.workers.available(execution.accelerator)
    return free if execution.accelerator else min(2, free)


def _gathered(folder: Path, batches: Sequence[Sequence[Prompt]], shape: tuple[int, int, int]) -> np.ndarray:
    """The batches' vectors by their prompts' places, in one file; the batches' own are removed."""
    path = folder.with_suffix(folder.suffix + ".npy")
    whole = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    for number, batch in enumerate(batches):
        part = np.load(part_file(folder, number))
        if part.shape[1:] != shape[1:]:
            raise InternalError(f"a pass gave {part.shape[1:]} where config.json says {shape[1:]} (layers + 1, width)")
        whole[[one.place for one in batch]] = part
    whole.flush()
    shutil.rmtree(folder)
    return np.load(path, mmap_mode="r")
