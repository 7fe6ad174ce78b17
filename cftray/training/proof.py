"""Is an exported model whole? Asked before a stage counts as done.

Final saves that were empty, cut short or of partitions have passed unseen elsewhere
(DeepSpeed#3841): every tensor is read back, one at a time, and the folder is loaded as a user would.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM

from cftray.data.tokenized import TokenizedData
from cftray.errors import InternalError, ModelError
from cftray.spec.hyperparameters import Precision
from cftray.spec.mitigation import LowRank
from cftray.training.frozen import Selection, is_target
from cftray.training.model import DTYPES, tied_names
from cftray.training.weights import Headers, headers, read_stored

TRIED_SAMPLES = 2
TRIED_TOKENS = 256


def prove(
    model_dir: Path,
    reference_dir: Path,
    data: TokenizedData,
    precision: Precision,
    *,
    changed: bool,
    selection: Selection | None = None,
    lora: LowRank | None = None,
) -> None:
    """Raises InternalError naming the first thing that does not hold, ModelError for values not finite.

    Each tensor of the reference is there with its shape and the precision's type, non-empty and
    finite; at least one differs from the reference where `changed`, and what `selection` freezes or
    `lora` does not target is the reference's, bit for bit; the folder loads without a missing key, and
    its loss on the first samples is finite.
    """
    wanted = headers(reference_dir)
    try:
        found = headers(model_dir)
        _prove_shapes(found, wanted)
        model, report = AutoModelForCausalLM.from_pretrained(
            model_dir, dtype="auto", use_safetensors=True, local_files_only=True, output_loading_info=True
        )
    except (ModelError, OSError, ValueError, RuntimeError) as error:
        raise InternalError(f"the exported model does not load: {error}") from error
    lacking = [*report["missing_keys"], *map(str, report["mismatched_keys"])]
    lacking += set(wanted) - set(found) - tied_names(model)
    if lacking:
        raise InternalError(f"the exported model lacks {len(lacking)} weights, {sorted(lacking)[0]} first")
    _prove_values(found, wanted, DTYPES[precision], changed)
    if selection is not None:
        _prove_frozen(found, wanted, selection.rows)
    if lora is not None:
        _prove_frozen(found, wanted, lambda name: [] if is_target(name, lora.targets) else None)
    _prove_loss(model, data)


def _prove_shapes(found: Headers, wanted: Headers) -> None:
    for name, (_, shape) in found.items():
        if name in wanted and shape != wanted[name][1]:
            raise InternalError(f"the exported model has {name} as {shape}, it should be {wanted[name][1]}")


def _prove_values(found: Headers, wanted: Headers, dtype: torch.dtype, changed: bool) -> None:
    """Both folders tensor by tensor: at most two tensors are in memory."""
    differs = False
    for name, (file, _) in found.items():
        tensor = read_stored(file, name)
        if tensor.is_floating_point() and tensor.dtype != dtype:
            raise InternalError(f"the exported {name} is {tensor.dtype}, it should be {dtype}")
        if tensor.numel() == 0:
            raise InternalError(f"the exported {name} is empty")
        if not bool(torch.isfinite(tensor).all()):
            raise ModelError(
                f"the trained {name} holds values that are not finite: training diverged; lower the learning rate"
            )
        if not differs and name in wanted:
            differs = not torch.equal(tensor, read_stored(wanted[name][0], name).to(tensor.dtype))
    if changed and not differs:
        raise InternalError("the exported model is the one the phase started from: no tensor has changed")


def _prove_frozen(found: Headers, wanted: Headers, rows_of: Callable[[str], list[int] | None]) -> None:
    """`rows_of` a tensor's name: its frozen rows, None where it is frozen whole."""
    for name, (file, _) in found.items():
        rows = rows_of(name)
        if rows is not None and not rows:
            continue
        now = read_stored(file, name)
        before = read_stored(wanted[name][0], name).to(now.dtype)
        if not torch.equal(now if rows is None else now[rows], before if rows is None else before[rows]):
            raise InternalError(f"the exported {name} has changed where it was to stay frozen")


def _prove_loss(model: Any, data: TokenizedData) -> None:
    device = torch.device("cuda") if torch.cuda.is_available() else torch.device("cpu")
    model = model.to(device).eval()
    for sample in range(min(TRIED_SAMPLES, len(data))):
        ids = torch.from_numpy(data.tokens(sample)[:TRIED_TOKENS].astype("int64")).to(device)
        if len(ids) < 2:
            continue
        with torch.no_grad():
            logits = model(input_ids=ids[None], use_cache=False).logits[0, :-1].float()
        loss = float(functional.cross_entropy(logits, ids[1:]))
        if not torch.isfinite(torch.tensor(loss)):
            raise ModelError(f"the trained model's loss on sample {sample} is {loss}; lower the learning rate")
