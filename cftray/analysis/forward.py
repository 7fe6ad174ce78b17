"""A model that passes batches of prompts and keeps the mean of each layer's hidden states, in a process of its own.

Prompts are padded on the right, where causal attention can't see the padding, and padding counts in no mean. A
layer's states are averaged as soon as it gives them, so that a batch never holds those of all layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging as transformers_logging

from cftray.analysis.activations import part_file
from cftray.errors import Cancelled, ModelError

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
LISTS = ("layers", "h")
"""What model families call the list of their decoder layers."""


class Forward:
    """Loads `model` once; each call passes one batch and writes its vectors into the request's `folder`.

    Raises ModelError where the model does not load whole or has no list of decoder layers, Cancelled before a
    batch once the stop file exists.
    """

    def __init__(self, request: Mapping[str, Any]) -> None:
        transformers_logging.disable_progress_bar()
        transformers_logging.set_verbosity_error()
        self.folder = Path(request["folder"])
        self.stop = Path(request["stop"])
        self.normed = request["last_layer"] == "normed"
        self.name = str(request["model"])
        self.body = _load(self.name, DTYPES[request["precision"]])
        self.layers = _decoder_layers(self.body, self.name)
        self.known = self.body.get_input_embeddings().weight.shape[0]

    def __call__(self, batch: Mapping[str, Any]) -> None:
        """Pass `batch`: its `number`, the `tokens` of its prompts, and 1 for each that is `counted`, else 0."""
        if self.stop.exists():
            raise Cancelled("stopped because it was asked to")
        path = part_file(self.folder, batch["number"])
        part = path.with_suffix(".part")
        with open(part, "wb") as file:
            np.save(file, self.vectors(batch["tokens"], batch["counted"]))
        part.rename(path)

    def vectors(self, tokens: Sequence[Sequence[int]], counted: Sequence[Sequence[int]]) -> np.ndarray:
        """float32 [prompts, layers + 1, width]: what the first layer gets, then what each layer gives."""
        largest = max(map(max, tokens))
        if largest >= self.known:
            raise ModelError(
                f"{self.name}: the tokenizer gives token {largest}, and the model has embeddings for {self.known}; "
                "give the tokenizer that belongs to it"
            )
        device = self.body.device
        ids, seen, counts = (_padded(rows).to(device) for rows in (tokens, [[1] * len(one) for one in tokens], counted))
        means = _Means(counts)
        hooks = [
            self.layers[0].register_forward_pre_hook(means.before, with_kwargs=True),
            *(layer.register_forward_hook(means.behind) for layer in self.layers),
        ]
        try:
            with torch.inference_mode():
                output = self.body(input_ids=ids, attention_mask=seen, use_cache=False)
                if self.normed:
                    means.found[-1] = means.of(output.last_hidden_state)
        finally:
            for hook in hooks:
                hook.remove()
        return torch.stack(means.found, dim=1).cpu().numpy()


class _Means:
    """Averages hidden states [prompts, positions, width] over counted positions, in fp32, as they come."""

    def __init__(self, counts: torch.Tensor) -> None:
        self._left_out = counts[..., None] == 0
        self._number = counts.sum(dim=1, keepdim=True).float()
        self.found: list[torch.Tensor] = []

    def of(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden.float().masked_fill(self._left_out, 0.0).sum(dim=1) / self._number

    def before(self, _: Any, positional: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        self.found.append(self.of(positional[0] if positional else named["hidden_states"]))

    def behind(self, _: Any, __: Any, output: Any) -> None:
        self.found.append(self.of(output[0] if isinstance(output, tuple) else output))


def _padded(rows: Sequence[Sequence[int]]) -> torch.Tensor:
    """int64 [rows, longest], zeros behind each row's end."""
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(list(row)) for row in rows], batch_first=True)


def _load(name: str, dtype: torch.dtype) -> Any:
    """The model without its head, on the accelerator where there is one, dropout off."""
    try:
        model, report = AutoModelForCausalLM.from_pretrained(
            name, dtype=dtype, use_safetensors=True, local_files_only=True, output_loading_info=True
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"{name}: does not load as a causal language model: {error}") from error
    absent = sorted(report["missing_keys"]) + [str(one) for one in report["mismatched_keys"]]
    if absent:
        raise ModelError(f"{name}: {len(absent)} weights are missing or of another shape, {absent[0]} first")
    return model.base_model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def _decoder_layers(body: Any, name: str) -> list[Any]:
    depth = body.config.get_text_config().num_hidden_layers
    for path, module in body.named_modules():
        if isinstance(module, torch.nn.ModuleList) and path.split(".")[-1] in LISTS and len(module) == depth:
            return list(module)
    raise ModelError(
        f"{name}: no list of {depth} decoder layers was found in {type(body).__name__}; choose a model such as Llama, "
        "Mistral, Qwen or GPT-2"
    )
