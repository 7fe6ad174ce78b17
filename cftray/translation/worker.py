"""A process that translates batches: loads its translator once, reads the rows of a batch, writes its file."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cftray.endpoint import EndpointChat, open_chat
from cftray.errors import Cancelled
from cftray.plan.data_stages import TranslateConfig
from cftray.spec.execution import EndpointBudget
from cftray.spec.translation import DictionaryTranslator, EndpointTranslator
from cftray.translation.batches import Figures, write_batch
from cftray.translation.chat import ChatTranslator
from cftray.translation.dictionary import Dictionary
from cftray.translation.gate import in_phrase_book, in_the_wild, sentence_encoder
from cftray.translation.index import read_at
from cftray.translation.translator import Translator
from cftray.translation.work import Gate, translate_rows


class Worker:
    """Each call translates one batch and writes it into the request's `folder`."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self.folder = Path(request["folder"])
        self.stop = Path(request["stop"])
        self.rows = Path(request["rows"])
        config = TranslateConfig.model_validate(request["config"])
        self.translator = Timed(translator_of(config, request, self.stop))
        phrase_book = isinstance(config.translator, DictionaryTranslator)
        self.gate = Gate(
            config=config,
            identify=in_phrase_book if phrase_book else in_the_wild,
            encode=None if request["similarity"] is None else sentence_encoder(Path(request["similarity"])),
        )

    def __call__(self, item: Mapping[str, Any]) -> None:
        """Translate the rows at `places`, batch `number`."""
        if self.stop.exists():
            raise Cancelled("stopped because it was asked to")
        started, before = time.monotonic(), self.translator.seconds
        rows = read_at(self.rows, item["places"])
        outcomes = translate_rows(rows, self.translator, self.gate)
        figures = Figures(
            rows=len(rows),
            seconds=time.monotonic() - started,
            translator_seconds=self.translator.seconds - before,
        )
        write_batch(self.folder, item["number"], figures, outcomes)


class Timed:
    """A translator whose own time is counted."""

    def __init__(self, own: Translator) -> None:
        self.own = own
        self.seconds = 0.0
        self.unit = own.unit
        self.identity = own.identity
        self.fits = own.fits

    def translate(
        self, texts: Sequence[str], source: str, target: str, *, again: bool = False
    ) -> list[str | None]:
        """See `Translator`."""
        started = time.monotonic()
        try:
            return self.own.translate(texts, source, target, again=again)
        finally:
            self.seconds += time.monotonic() - started


def translator_of(config: TranslateConfig, request: Mapping[str, Any], stop: Path) -> Translator:
    """The translator that `config` names. Raises ModelError or EndpointRefused where there is none such."""
    match config.translator:
        case DictionaryTranslator():
            return Dictionary()
        case EndpointTranslator() as asked:
            return ChatTranslator(_chat(asked, request, stop), f"{asked.model} of {asked.endpoint}")
        case settings:
            from cftray.translation.seq2seq import Seq2Seq

            return Seq2Seq(Path(request["model"]), settings, stop)


def _chat(asked: EndpointTranslator, request: Mapping[str, Any], stop: Path) -> EndpointChat:
    """Answers and what they cost lie in the attempt's folder; those of attempts before it count too."""

    def raise_if_stopped() -> None:
        if stop.exists():
            raise Cancelled("stopped because it was asked to")

    return open_chat(
        asked,
        os.environ,
        Path(request["folder"]),
        earlier=[Path(one) for one in request["earlier"]],
        limits=EndpointBudget.model_validate(request["budget"]),
        stop=raise_if_stopped,
        max_tokens=asked.max_tokens,
    )
