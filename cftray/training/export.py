"""The trained model as a folder that anything can load, and the proof that it is whole.

Weights are written in shards, tensor by tensor: under ZeRO 3 each is gathered, copied by rank 0 and
let go, so the most any process holds beyond its own part is one shard. Everything else is copied from
the model the phase started from, with its type and chat template brought up to date.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from cftray.spec.hyperparameters import Precision
from cftray.spec.mitigation import LowRank
from cftray.training.freezing import is_adapter
from cftray.training.model import DTYPES, Part, own_tensors, stored_tensors
from cftray.training.request import TrainRequest

SHARD_BYTES = 2 << 30
TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json",
    "added_tokens.json", "vocab.json", "merges.txt",
)  # fmt: skip


def export(model: Any, reference: Path, target: Path, request: TrainRequest, template_text: str | None) -> None:
    """Write `model` to `target`; every rank takes part, rank 0 writes.

    `reference` is the folder the phase started from; `template_text` becomes the chat template.
    """
    leads = torch.distributed.get_rank() == 0
    if leads:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
    _write_weights(model, target, DTYPES[request.hyperparameters.precision], leads)
    if leads:
        _write_config(reference, target, request.hyperparameters.precision)
        _copy_tokenizer(reference, target, template_text)
        (target / "README.md").write_text(_card(request), encoding="utf-8")


def _write_weights(model: Any, target: Path, dtype: torch.dtype, leads: bool) -> None:
    tensors = stored_tensors(model)
    shards = _shards({name: _elements(parts) * dtype.itemsize for name, parts in tensors.items()})
    index: dict[str, str] = {}
    for number, names in enumerate(shards, start=1):
        file = "model.safetensors" if len(shards) == 1 else f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        held = {}
        for name in names:
            with _gathered(tensors[name]):
                if leads:
                    held[name] = _for_saving(tensors[name], dtype)
        if leads:
            save_file(held, target / file, metadata={"format": "pt"})
            index.update(dict.fromkeys(names, file))
    if leads and len(shards) > 1:
        size = sum(map(_elements, tensors.values())) * dtype.itemsize
        text = json.dumps({"metadata": {"total_size": size}, "weight_map": index}, indent=1)
        (target / "model.safetensors.index.json").write_text(text, encoding="utf-8")


def export_adapter(model: Any, target: Path, lora: LowRank, base: Path) -> None:
    """The low-rank updates alone, in peft's layout; every rank takes part, rank 0 writes."""
    import peft

    leads = torch.distributed.get_rank() == 0
    held: dict[str, torch.Tensor] = {}
    for name, tensor in own_tensors(model).items():
        if is_adapter(name):
            with _gathered([Part(tensor)]):
                if leads:
                    held[f"base_model.model.{name.replace('.default', '')}"] = tensor.detach().to("cpu", copy=True)
    if not leads:
        return
    target.mkdir()
    save_file(held, target / "adapter_model.safetensors", metadata={"format": "pt"})
    config = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        target_modules=list(lora.targets),
        lora_dropout=0.0,
        task_type="CAUSAL_LM",
        base_model_name_or_path=str(base),
        inference_mode=True,
    )
    config.save_pretrained(str(target))


def _shards(sizes: Mapping[str, int]) -> list[list[str]]:
    """Names in order, cut wherever a shard would pass SHARD_BYTES."""
    shards: list[list[str]] = [[]]
    held = 0
    for name, size in sizes.items():
        if shards[-1] and held + size > SHARD_BYTES:
            shards.append([])
            held = 0
        shards[-1].append(name)
        held += size
    return shards


def _gathered(parts: Sequence[Part]) -> Any:
    involved = [one for part in parts for one in (part.tensor, *(part.update or ())[:2])]
    partitioned = [one for one in involved if hasattr(one, "ds_id")]
    if not partitioned:
        return contextlib.nullcontext()
    import deepspeed

    return deepspeed.zero.GatheredParameters(partitioned)


def _elements(parts: Sequence[Part]) -> int:
    return sum(int(getattr(part.tensor, "ds_numel", part.tensor.numel())) for part in parts)


def _for_saving(parts: Sequence[Part], dtype: torch.dtype) -> torch.Tensor:
    """The stored tensor, put together again; a low-rank update is added in fp32."""
    first = parts[0].tensor.detach()
    if not first.is_floating_point():
        return first.to("cpu", copy=True).contiguous()
    if parts[0].rows is None:
        return _updated(parts[0]).to("cpu", dtype, copy=True).contiguous()
    rows = sum(len(part.rows or ()) for part in parts)
    whole = torch.empty((rows, *first.shape[1:]), dtype=dtype)
    for part in parts:
        whole[part.rows] = part.tensor.detach().to("cpu", dtype)
    return whole


def _updated(part: Part) -> torch.Tensor:
    weight: torch.Tensor = part.tensor.detach()
    if part.update is None:
        return weight
    down, up, scale = part.update
    return weight.float() + scale * (up.detach().float() @ down.detach().float())


def _write_config(reference: Path, target: Path, precision: Precision) -> None:
    config = json.loads((reference / "config.json").read_text(encoding="utf-8"))
    config.pop("torch_dtype", None)
    config.pop("_name_or_path", None)
    config["dtype"] = str(DTYPES[precision]).removeprefix("torch.")
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    if (reference / "generation_config.json").exists():
        shutil.copyfile(reference / "generation_config.json", target / "generation_config.json")


def _copy_tokenizer(reference: Path, target: Path, template_text: str | None) -> None:
    """The template lies in a file of its own, which transformers prefers to the one in the tokenizer's config."""
    for name in TOKENIZER_FILES:
        if (reference / name).exists():
            shutil.copyfile(reference / name, target / name)
    if template_text is None:
        if (reference / "chat_template.jinja").exists():
            shutil.copyfile(reference / "chat_template.jinja", target / "chat_template.jinja")
        return
    (target / "chat_template.jinja").write_text(template_text, encoding="utf-8")
    path = target / "tokenizer_config.json"
    if path.exists():
        config = json.loads(path.read_text(encoding="utf-8"))
        config.pop("chat_template", None)
        path.write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _card(request: TrainRequest) -> str:
    facts = {**request.card, "seed": request.seed, **request.hyperparameters.model_dump(mode="json")}
    rows = "".join(f"| {name.replace('_', ' ')} | {value} |\n" for name, value in facts.items())
    return (
        "---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags: [cftray]\n---\n"
        "# A phase of continual fine-tuning\n\n"
        f"{_what(request)} by CFTRay. The loss is taken on response tokens only, its mean over a step's.\n\n"
        f"| | |\n|---|---|\n{rows}"
    )


def _what(request: TrainRequest) -> str:
    if request.lora is not None:
        return f"Low-rank fine-tuning (LoRA, rank {request.lora.rank}, merged)"
    return "Full fine-tuning" if request.frozen is None else "Fine-tuning with a part of the weights frozen"
