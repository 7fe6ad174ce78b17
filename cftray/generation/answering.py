"""A model that answers batches of prompts, in a process of its own.

Prompts are padded on the left, keys and values cached. At temperature 0 the likeliest token is taken;
above, each row draws by the Gumbel-max trick (the largest of log-probability plus Gumbel noise is a sample
of the distribution) from a generator of its own, so that no row's draws depend on its neighbours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
    TopPLogitsWarper,
)
from transformers.utils import logging as transformers_logging

from cftray.errors import Cancelled, ModelError
from cftray.generation.batches import write_answers
from cftray.spec.hyperparameters import Precision
from cftray.spec.mitigation import Decoding
from cftray.training.model import DTYPES


class Answerer:
    """Loads `model` once; each call answers one batch and writes it into the request's `folder`.

    Raises ModelError where the model does not load, Cancelled within a batch once the stop file exists.
    """

    def __init__(self, request: Mapping[str, Any]) -> None:
        transformers_logging.disable_progress_bar()
        transformers_logging.set_verbosity_error()
        self.folder = Path(request["folder"])
        self.stop = Path(request["stop"])
        self.decoding = Decoding.model_validate(request["decoding"])
        self.seed = int(request["seed"])
        self.ends: list[int] = list(request["ends"])
        self.tokenizer = Tokenizer.from_file(str(Path(request["tokenizer"]) / "tokenizer.json"))
        device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            model, report = AutoModelForCausalLM.from_pretrained(
                request["model"], dtype=DTYPES[Precision(request["precision"])], use_safetensors=True,
                local_files_only=True, output_loading_info=True,
            )  # fmt: skip
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ModelError(f"{request['model']}: does not load as a causal language model: {error}") from error
        absent = sorted(report["missing_keys"]) + [str(one) for one in report["mismatched_keys"]]
        if absent:
            raise ModelError(
                f"{request['model']}: {len(absent)} weights are missing or of another shape, {absent[0]} first"
            )
        rows, known = model.get_input_embeddings().weight.shape[0], self.tokenizer.get_vocab_size()
        if known > rows:
            raise ModelError(f"{request['tokenizer']}: {known} tokens, and the model has embeddings for {rows}")
        self.model = model.to(device).eval()
        self.model.generation_config = GenerationConfig(
            do_sample=False,
            max_new_tokens=int(request["max_new_tokens"]),
            eos_token_id=self.ends,
            pad_token_id=self.ends[0],
        )

    def __call__(self, batch: Mapping[str, Any]) -> None:
        """Answer `batch`: `number`, `ids` of its rows and their `tokens`."""
        if self.stop.exists():
            raise Cancelled("stopped because it was asked to")
        write_answers(self.folder, batch["number"], self.answers(batch["ids"], batch["tokens"]))

    def answers(self, ids: Sequence[str], prompts: Sequence[Sequence[int]]) -> list[dict[str, Any]]:
        """One answer a row: `id`, `text`, `tokens` (how many) and whether it `ended` by itself."""
        longest = max(map(len, prompts))
        padded = torch.full((len(prompts), longest), self.ends[0])
        mask = torch.zeros_like(padded)
        for row, tokens in enumerate(prompts):
            padded[row, longest - len(tokens) :] = torch.tensor(tokens)
            mask[row, longest - len(tokens) :] = 1
        stopping = _Stopping(self.stop)
        with torch.no_grad():
            whole = self.model.generate(
                input_ids=padded.to(self.model.device),
                attention_mask=mask.to(self.model.device),
                logits_processor=self._processors(ids),
                stopping_criteria=StoppingCriteriaList([stopping]),
            )
        if stopping.asked:
            raise Cancelled("stopped because it was asked to")
        return [self._answer(one, row) for one, row in zip(ids, whole[:, longest:].tolist(), strict=True)]

    def _answer(self, identifier: str, tokens: list[int]) -> dict[str, Any]:
        end = next((place for place, token in enumerate(tokens) if token in self.ends), None)
        kept = tokens[:end]
        text = self.tokenizer.decode(kept, skip_special_tokens=True).strip()
        used = len(kept) + (end is not None)
        return {"id": identifier, "text": text, "tokens": used, "ended": end is not None}

    def _processors(self, ids: Sequence[str]) -> LogitsProcessorList:
        if self.decoding.temperature == 0:
            return LogitsProcessorList()
        processors = [_Temperature(self.decoding.temperature)]
        if self.decoding.top_p < 1:
            processors.append(TopPLogitsWarper(self.decoding.top_p))
        return LogitsProcessorList([*processors, GumbelNoise(ids, self.seed)])


class _Temperature(LogitsProcessor):  # type: ignore[misc,unused-ignore]
    def __init__(self, temperature: float) -> None:
        self.temperature = temperature

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """(rows, vocabulary) logits, divided."""
        return scores.float() / self.temperature


class GumbelNoise(LogitsProcessor):  # type: ignore[misc,unused-ignore]
    """Adds Gumbel noise to logits, so that the largest is a sample of their softmax."""

    def __init__(self, ids: Sequence[str], seed: int) -> None:
        self.sources = [torch.Generator().manual_seed(row_seed(seed, one)) for one in ids]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """(rows, vocabulary) logits with noise; -log(-log(u)), u uniform."""
        drawn = [torch.rand(scores.shape[1], generator=one, dtype=torch.float64) for one in self.sources]
        uniform = torch.stack(drawn).clamp_(1e-300, 1 - 1e-16)
        return scores.double() - torch.log(-torch.log(uniform)).to(scores.device)


class _Stopping(StoppingCriteria):  # type: ignore[misc,unused-ignore]
    """Ends every row at once when the stop file appears; looks at each token."""

    def __init__(self, stop: Path) -> None:
        self.stop = stop
        self.asked = False

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:  # noqa: ARG002
        self.asked = self.asked or self.stop.exists()
        return torch.full((input_ids.shape[0],), self.asked, dtype=torch.bool, device=input_ids.device)


def row_seed(seed: int, identifier: str) -> int:
    """The seed of one row's source: 63 bits of a hash over both."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{identifier}".encode()).digest()[:8], "big") >> 1
