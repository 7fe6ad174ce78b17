"""One process that answers batches of requests with one model, loaded once.

Nothing here touches the network. Answers are greedy and end where the requests say: a model's own generation
config may sample or penalise, and P1's and P2's may differ.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cftray.errors import Cancelled, ModelError
from cftray.evaluation.answers import write_answers, write_start
from cftray.evaluation.requests import AskedTask, Manifest, Request, read_batch, task_file
from cftray.evaluation.sealed import sealed

PACKAGES = ("lm-eval", "transformers", "torch", "tokenizers")
DTYPES = {"fp32": "float32", "bf16": "bfloat16"}


def answerer(request: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], None]:
    """Entry of an actor; see `Answerer`."""
    folder = Path(request["folder"])
    with sealed(folder / f"cache-{os.getpid()}"):
        return Answerer(request)


class Answerer:
    """Loads `model_dir` once; each call answers one batch and writes it into the request's `folder`.

    Raises ModelError where model and requests do not fit, Cancelled before a batch once the stop file exists.
    """

    def __init__(self, request: Mapping[str, Any]) -> None:
        started = time.monotonic()
        self.folder, self.stop = Path(request["folder"]), Path(request["stop"])
        self.requests = Path(request["requests"])
        self.manifest = Manifest.read(self.requests)
        self._raise_if_stopped()
        import torch

        from cftray.evaluation.lm import BatchLM

        imported = time.monotonic()
        model, tokenizer = _loaded(request, self.manifest)
        self.lm = BatchLM(model, tokenizer, self.manifest.context_length)
        self.file = functools.lru_cache(maxsize=64)(self._file)
        facts = {
            "device": str(self.lm.device),
            "threads": torch.get_num_threads(),
            "versions": {name: version(name) for name in PACKAGES},
            "seconds": {"imports": imported - started, "model": time.monotonic() - imported},
        }
        write_start(self.folder, f"{os.getpid()}", facts)

    def __call__(self, item: Mapping[str, Any]) -> None:
        """Answer the batch `number` of `task`."""
        self._raise_if_stopped()
        started = time.monotonic()
        asked = self.manifest.task(item["task"])
        batch = read_batch(self.file(asked.task), item["number"])
        answers = self._chosen(batch) if asked.kind == "loglikelihood" else self._made(asked, batch)
        write_answers(self.folder, asked, item["number"], answers, time.monotonic() - started)

    def _chosen(self, batch: list[Request]) -> list[dict[str, Any]]:
        found = self.lm.likelihoods([(one.context, one.continuation) for one in batch])
        return [
            {"place": one.place, "logprob": logprob, "greedy": greedy}
            for one, (logprob, greedy) in zip(batch, found, strict=True)
        ]

    def _made(self, asked: AskedTask, batch: list[Request]) -> list[dict[str, Any]]:
        found = self.lm.answers([one.context for one in batch], asked.settings)
        return [
            {"place": one.place, "text": text, "cut": cut} for one, (text, cut) in zip(batch, found, strict=True)
        ]

    def _file(self, task: str) -> Any:
        import pyarrow.parquet as pq

        return pq.ParquetFile(task_file(self.requests, task))

    def _raise_if_stopped(self) -> None:
        if self.stop.exists():
            raise Cancelled("stopped because it was asked to")


def _loaded(request: Mapping[str, Any], manifest: Manifest) -> tuple[Any, Any]:
    """(model, tokenizer), answering greedily."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    folder, asking = request["model_dir"], request["tokenizer_dir"]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        tokenizer = AutoTokenizer.from_pretrained(asking, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{asking}: its tokenizer does not load: {error}") from error
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, DTYPES[request["precision"]]), local_files_only=True
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"{folder}: does not load as a causal language model: {error}") from error
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise ModelError(f"{asking}: {len(tokenizer)} tokens, and the model has embeddings for {rows}")
    known = getattr(model.config, "max_position_embeddings", manifest.context_length)
    if known < manifest.context_length:
        raise ModelError(
            f"{folder}: its context is {known} tokens, and it is asked as a model of {manifest.context_length}; "
            "evaluate it with its own tokenizer's folder"
        )
    model.generation_config = GenerationConfig(
        do_sample=False,
        eos_token_id=list(manifest.ends),
        bos_token_id=tokenizer.bos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return model.to(device).eval(), tokenizer
