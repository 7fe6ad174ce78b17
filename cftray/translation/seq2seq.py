"""A sequence-to-sequence model of the NLLB, M2M-100 or MADLAD class, in a process of its own.

Texts are passed through the model in batches of like length, longest first; the first try takes the likeliest
token or `beams` of them, the second twice as many beams and no passage of four tokens twice. A translation that
does not end within its room (twice the source and some) is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, GenerationConfig
from transformers.utils import logging as transformers_logging

from cftray.errors import Cancelled, ModelError
from cftray.spec.translation import Seq2SeqSettings
from cftray.training.model import DTYPES
from cftray.translation.codes import language_token
from cftray.translation.sentences import Unit

ROOM: Final = 32
"""Tokens that a translation may have beyond twice its source's."""


class Seq2Seq:
    """See `cftray.translation.translator.Translator`. Raises ModelError where the folder does not load."""

    unit = Unit.SENTENCE

    def __init__(self, folder: Path, settings: Seq2SeqSettings, stop: Path) -> None:
        transformers_logging.disable_progress_bar()
        transformers_logging.set_verbosity_error()
        self.settings = settings
        self.stop = stop
        self.identity = f"{settings.family}, transformers {version('transformers')}"
        self.tokenizer = _tokenizer(folder)
        self.model = _model(folder, settings).to("cuda" if torch.cuda.is_available() else "cpu").eval()
        config = self.model.config
        self.end = _first(config.eos_token_id, self.tokenizer.eos_token_id, folder)
        self.pad = _first(config.pad_token_id, self.tokenizer.pad_token_id, folder)
        self.start = _first(config.decoder_start_token_id, self.end, folder)
        self.longest = int(getattr(config, "max_position_embeddings", None) or 1 << 20)

    def fits(self, text: str) -> bool:
        """Whether a text is within the window; a token covers a byte at least."""
        return len(text.encode()) <= self.settings.window or len(self._tokens(text)) <= self.settings.window

    def translate(
        self, texts: Sequence[str], source: str, target: str, *, again: bool = False
    ) -> list[str | None]:
        """See `Translator`. Raises ModelError for a language without a token, Cancelled between two passes."""
        prefix, first = self._languages(source, target)
        encoded = [[*prefix, *self._tokens(text), self.end] for text in texts]
        order = sorted(range(len(texts)), key=lambda place: (-len(encoded[place]), place))
        found: list[str | None] = [None] * len(texts)
        for start in range(0, len(order), self.settings.sentences):
            if self.stop.exists():
                raise Cancelled("stopped because it was asked to")
            places = order[start : start + self.settings.sentences]
            for place, text in zip(places, self._pass([encoded[one] for one in places], first, again), strict=True):
                found[place] = text
        return found

    def _languages(self, source: str, target: str) -> tuple[list[int], int | None]:
        """Tokens before the source, and the one that the answer is to start with."""
        family = self.settings.family
        wanted = self._token(language_token(target, family))
        if family == "madlad":
            return [wanted], None
        return [self._token(language_token(source, family))], wanted

    def _token(self, name: str) -> int:
        found = self.tokenizer.convert_tokens_to_ids(name)
        if found is None or found == self.tokenizer.unk_token_id:
            raise ModelError(f"the translator's tokenizer has no {name}; is it of the {self.settings.family} family?")
        return int(found)

    def _tokens(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def _pass(self, batch: Sequence[Sequence[int]], first: int | None, again: bool) -> list[str | None]:
        """One run of the model over token sequences, padded on the right."""
        longest = max(map(len, batch))
        ids = torch.full((len(batch), longest), self.pad)
        mask = torch.zeros_like(ids)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            mask[row, : len(tokens)] = 1
        device = self.model.device
        with torch.no_grad():
            whole = self.model.generate(
                input_ids=ids.to(device),
                attention_mask=mask.to(device),
                generation_config=self._decoding(longest, first, again),
            )
        return [self._text(row) for row in whole[:, 1:].tolist()]

    def _decoding(self, longest: int, first: int | None, again: bool) -> GenerationConfig:
        beams = self.settings.beams
        return GenerationConfig(
            do_sample=False,
            num_beams=max(4, 2 * beams) if again else beams,
            no_repeat_ngram_size=4 if again else 0,
            max_new_tokens=min(2 * longest + ROOM, self.longest - 2),
            forced_bos_token_id=first,
            decoder_start_token_id=self.start,
            eos_token_id=self.end,
            pad_token_id=self.pad,
        )

    def _text(self, tokens: list[int]) -> str | None:
        if self.end not in tokens:
            return None
        kept = tokens[: tokens.index(self.end)]
        return str(self.tokenizer.decode(kept, skip_special_tokens=True)).strip()


def _tokenizer(folder: Path) -> Any:
    try:
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise ModelError(f"{folder.name}: its tokenizer does not load: {error}") from error


def _model(folder: Path, settings: Seq2SeqSettings) -> Any:
    try:
        model, report = AutoModelForSeq2SeqLM.from_pretrained(
            str(folder), dtype=DTYPES[settings.precision], use_safetensors=True, local_files_only=True,
            output_loading_info=True,
        )  # fmt: skip
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"{folder.name}: does not load as a sequence-to-sequence model: {error}") from error
    absent = sorted(report["missing_keys"]) + [str(one) for one in report["mismatched_keys"]]
    if absent:
        raise ModelError(f"{folder.name}: {len(absent)} weights are missing or of another shape, {absent[0]} first")
    return model


def _first(own: int | None, other: int | None, folder: Path) -> int:
    found = own if own is not None else other
    if found is None:
        raise ModelError(f"{folder.name}: neither its config nor its tokenizer names the tokens of end and padding")
    return int(found)
