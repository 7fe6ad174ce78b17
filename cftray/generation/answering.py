"""A model that answers batches of prompts, in a process of its own.

Prompts are padded on the left, keys and values cached. Each row ends by itself, or with the last token that
it has room for; the batch goes on without it until all have ended. At temperature 0 the likeliest token is
taken; above, see `cftray.generation.sampling`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
    TopPLogitsWarper,
)
from transformers.utils import logging as transformers_logging

from cftray.errors import Cancelled, ModelError
from cftray.generation.batches import answer_of, write_answers
from cftray.generation.sampling import InverseTransform, Temperature
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
            do_sample=False, eos_token_id=self.ends, pad_token_id=self.ends[0]
        )
        if request["context_length"] is not None:
            self.last_position = int(request["context_length"]) - 1
            self.model.register_forward_pre_hook(self._within_context, with_kwargs=True)

    def __call__(self, batch: Mapping[str, Any]) -> None:
        """Answer `batch`: `number`, `ids` of its rows, their `tokens` and the `most` of their answers'."""
        if self.stop.exists():
            raise Cancelled("stopped because it was asked to")
        write_answers(self.folder, batch["number"], self.answers(batch["ids"], batch["tokens"], batch["most"]))

    def answers(
        self, ids: Sequence[str], prompts: Sequence[Sequence[int]], most: Sequence[int]
    ) -> list[dict[str, Any]]:
        """One answer a row: `id`, `text`, `tokens` (how many, up to the row's `most`) and whether it `ended`."""
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
                max_new_tokens=max(most),
                logits_processor=self._processors(ids),
                stopping_criteria=StoppingCriteriaList([stopping, _Used(longest, most)]),
            )
        if stopping.asked:
            raise Cancelled("stopped because it was asked to")
        # What stands behind a row's last token is padding, and padding looks like an end.
        made = [tokens[:room] for tokens, room in zip(whole[:, longest:].tolist(), most, strict=True)]
        return [answer_of(one, tokens, self.ends, self.tokenizer) for one, tokens in zip(ids, made, strict=True)]

    def _within_context(
        self, _: Any, positional: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The padding of rows that are done stays at the context's last position: no model knows a later one."""
        if named.get("position_ids") is not None:
            named["position_ids"] = named["position_ids"].clamp(max=self.last_position)
        return positional, named

    def _processors(self, ids: Sequence[str]) -> LogitsProcessorList:
        if self.decoding.temperature == 0:
            return LogitsProcessorList()
        processors = [Temperature(self.decoding.temperature)]
        if self.decoding.top_p < 1:
            processors.append(TopPLogitsWarper(self.decoding.top_p))
        return LogitsProcessorList([*processors, InverseTransform(ids, self.seed)])


class _Stopping(StoppingCriteria):  # type: ignore[misc,unused-ignore]
    """Ends every row at once when the stop file appears; looks at each token."""

    def __init__(self, stop: Path) -> None:
        self.stop = stop
        self.asked = False

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:  # noqa: ARG002
        self.asked = self.asked or self.stop.exists()
        return torch.full((input_ids.shape[0],), self.asked, dtype=torch.bool, device=input_ids.device)


class _Used(StoppingCriteria):  # type: ignore[misc,unused-ignore]
    """Ends each row once its answer has as many tokens as it has room for."""

    def __init__(self, prompt: int, most: Sequence[int]) -> None:
        self.prompt = prompt
        self.most = torch.tensor(most)

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:  # noqa: ARG002
        return (self.most <= input_ids.shape[1] - self.prompt).to(input_ids.device)
