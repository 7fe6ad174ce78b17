"""A causal language model from a folder, and the module whose forward pass is the loss.

Weights are read from safetensors only. Under ZeRO 3 the module is built in partitions and filled
tensor by tensor from rank 0, so no process ever holds a whole copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.initialization import no_init_weights
from transformers.utils import logging as transformers_logging

from cftray.data.packing import MicroBatch
from cftray.errors import ModelError
from cftray.spec.hyperparameters import Precision
from cftray.training.attention import arguments, implementation
from cftray.training.freezing import is_adapter, rows_of, split, stored_name, update_of
from cftray.training.frozen import Selection
from cftray.training.weights import headers, read_stored

DTYPES = {Precision.FP32: torch.float32, Precision.BF16: torch.bfloat16}


class SummedLoss(torch.nn.Module):
    """Wraps a causal language model: micro-batch → sum of its token losses, fp32 scalar.

    Logits are computed only where a token is supervised, and the cross entropy in fp32.
    """

    def __init__(self, model: Any, attention: str) -> None:
        super().__init__()
        self.model = model
        self.attention = attention

    def forward(self, batch: MicroBatch) -> torch.Tensor:
        """A micro-batch without a supervised token still runs, so that every rank takes part; it gives 0."""
        device = next(self.model.parameters()).device
        counts = len(batch.targets) > 0 and not batch.empty
        positions = torch.from_numpy(batch.positions).to(device) if counts else torch.zeros(1, dtype=torch.long)
        output = self.model(
            input_ids=torch.from_numpy(batch.input_ids).to(device)[None],
            position_ids=torch.from_numpy(batch.position_ids).to(device)[None],
            use_cache=False,
            logits_to_keep=positions.to(device),
            **arguments(self.attention, batch.boundaries, device),
        )
        logits = output.logits[0].float()
        if not counts:
            return logits.sum() * 0.0
        return functional.cross_entropy(logits, torch.from_numpy(batch.targets).to(device), reduction="sum")


@dataclass(frozen=True, slots=True)
class Part:
    """A parameter that holds `rows` of a stored tensor, all of them where that is None.

    With an `update` (A, B, scale) the stored tensor is `tensor` + scale · B A.
    """

    tensor: Any
    rows: list[int] | None = None
    update: tuple[Any, Any, float] | None = None


def load(
    folder: Path,
    precision: Precision,
    device: torch.device,
    partition: dict[str, Any] | None,
    selection: Selection | None = None,
) -> SummedLoss:
    """The model of `folder` in `precision`, on `device`, with packed attention and without dropout.

    `partition` is the DeepSpeed configuration under ZeRO 3, else None; what `selection` names is frozen.
    Raises ModelError in words where the folder holds no such model. Dropout is off because its pattern
    would depend on how samples are split and laid.
    """
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    attention = implementation(device)
    stored = headers(folder)
    try:
        if partition is None:
            model = _whole(folder, DTYPES[precision], attention, device, selection)
        else:
            model = _partitioned(folder, DTYPES[precision], attention, partition, selection)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"{folder} does not load as a causal language model: {_first_line(error)}") from error
    if not getattr(model, "_supports_attention_backend", False):
        raise ModelError(
            f"{type(model).__name__} does not let its attention be replaced, which packed training needs; "
            "choose a model such as Llama, Mistral or Qwen"
        )
    _check_names(folder, model, set(stored))
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "attention_dropout"):
            module.attention_dropout = 0.0
    return SummedLoss(model, attention)


def _whole(folder: Path, dtype: torch.dtype, attention: str, device: torch.device, selection: Selection | None) -> Any:
    model, report = AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, attn_implementation=attention, use_safetensors=True,
        local_files_only=True, output_loading_info=True,
    )  # fmt: skip
    missing = sorted(report["missing_keys"]) + [str(item) for item in report["mismatched_keys"]]
    if missing:
        raise ValueError(f"{len(missing)} weights are missing or of another shape, {missing[0]} first")
    if selection is not None:
        split(model, selection)
        parts = stored_tensors(model)
        for name, (file, _) in headers(folder).items():
            if any(part.rows is not None for part in parts.get(name, ())):
                _fill(parts[name], file, name)
    return model.to(device)


def _partitioned(
    folder: Path, dtype: torch.dtype, attention: str, partition: dict[str, Any], selection: Selection | None
) -> Any:
    import deepspeed

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    with deepspeed.zero.Init(config_dict_or_path=partition), no_init_weights():
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation=attention)
        model.tie_weights()
        if selection is not None:
            split(model, selection)
    left = stored_tensors(model)
    leads = torch.distributed.get_rank() == 0
    for name, (file, _) in headers(folder).items():
        parts = left.pop(name, None)
        if parts is None:
            continue
        with deepspeed.zero.GatheredParameters([part.tensor for part in parts], modifier_rank=0):
            if leads:
                _fill(parts, file, name)
    absent = sorted(name for name, parts in left.items() if isinstance(parts[0].tensor, torch.nn.Parameter))
    if absent:
        raise ValueError(f"{len(absent)} weights are missing, {absent[0]} first")
    return model


def _fill(parts: list[Part], file: Path, name: str) -> None:
    whole = read_stored(file, name)
    for part in parts:
        part.tensor.data.copy_(whole if part.rows is None else whole[part.rows])


def own_tensors(model: Any) -> dict[str, Any]:
    """Parameters and stored buffers by the names they are saved under, tied ones once."""
    seen: set[int] = set()
    own = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            own[name] = tensor
    return own


def stored_tensors(model: Any) -> dict[str, list[Part]]:
    """Every tensor of a model by the name it is stored under, in the parts that hold it.

    Low-rank updates belong to the weight that they change.
    """
    found: dict[str, list[Part]] = {}
    for name, tensor in own_tensors(model).items():
        if not is_adapter(name):
            part = Part(tensor, rows_of(model, name), update_of(model, name))
            found.setdefault(stored_name(name), []).append(part)
    return found


def tied_names(model: Any) -> set[str]:
    """Names that are another tensor's second name and need not be stored."""
    return set(model.state_dict(keep_vars=True)) - set(own_tensors(model))


def _check_names(folder: Path, model: Any, stored: set[str]) -> None:
    """The export writes the model's own names, so the folder has to use them too."""
    own = set(stored_tensors(model))
    absent = sorted(own - stored)
    if absent:
        raise ModelError(
            f"{folder} stores its weights under other names than {type(model).__name__} has "
            f"({len(absent)} differ, {absent[0]} first); save it again with save_pretrained"
        )


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
