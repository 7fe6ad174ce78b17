"""A batch of rows through a translator and the gate; what fails is tried once more.

The second try asks for another decoding; where something that must stay was lost, it also cuts the texts around
all of that, integers too, so that nothing of it is given to the translator.
Everything follows from the batch alone: its translation depends on no other batch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from cftray.data.rows import Row
from cftray.plan.data_stages import TranslateConfig
from cftray.translation.gate import Encode, Identify, fault_of
from cftray.translation.sentences import Cutting, Piece, Unit, pieces
from cftray.translation.spans import Protected, protect, quotations, restore
from cftray.translation.translatable import untranslatable
from cftray.translation.translator import Translator

PROMPT: Final = ("system", "instruction", "input")
Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fault:
    """In the place of a text: why there is none."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a row: the translation, or why there is none; `tried` counts the translator's attempts.

    A row set aside by the gate keeps what was made of it in `row`, for people to look at.
    """

    id: str
    reason: str | None
    tried: int
    row: Row | None

    def line(self) -> str:
        """As a line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """How the results of a batch are judged; `identify` and `encode` are null where nobody asked for them."""

    config: TranslateConfig
    identify: Identify | None
    encode: Encode | None

    def faults(self, rows: Sequence[Row], results: Sequence[Texts | Fault]) -> list[str | None]:
        """The reason against each result; a fault in a result's place gives its own."""
        found = [
            one.reason if isinstance(one, Fault) else self._fault(row, one)
            for row, one in zip(rows, results, strict=True)
        ]
        left = [place for place, fault in enumerate(found) if fault is None]
        if self.encode is not None and left:
            unlike = self._unlike([rows[place] for place in left], [results[place] for place in left], self.encode)
            for place, one in zip(left, unlike, strict=True):
                found[place] = "similarity" if one else None
        return found

    def _fault(self, row: Row, result: Texts) -> str | None:
        faults = (
            fault_of(getattr(row, name), text, self.config.into, self.config.gate, self.identify)
            for name, text in result.items()
        )
        return next((fault for fault in faults if fault is not None), None)

    def _unlike(self, rows: Sequence[Row], results: Sequence[Texts | Fault], encode: Encode) -> Iterator[bool]:
        """Whether each result, none of them a fault, says something else than its row."""
        made = [result for result in results if not isinstance(result, Fault)]
        sources = ["\n".join(getattr(row, name) for name in one) for row, one in zip(rows, made, strict=True)]
        targets = ["\n".join(one.values()) for one in made]
        for cosine in (encode(sources) * encode(targets)).sum(axis=1):
            yield bool(cosine < (self.config.min_similarity or 0))


def translate_rows(rows: Sequence[Row], translator: Translator, gate: Gate) -> list[Outcome]:
    """One outcome a row, in order."""
    reasons = [untranslatable(row) for row in rows]
    outcomes = [Outcome(id=row.id, reason=reason, tried=0, row=None) for row, reason in zip(rows, reasons, strict=True)]
    places = [place for place, reason in enumerate(reasons) if reason is None]
    for tried in (1, 2):
        asked = [rows[place] for place in places]
        around = [outcomes[place].reason == "protected" for place in places]
        results = _attempt(asked, around, translator, gate.config, again=tried == 2)
        faults = gate.faults(asked, results)
        for place, row, result, fault in zip(places, asked, results, faults, strict=True):
            made = None if isinstance(result, Fault) else _row(row, result, gate.config)
            outcomes[place] = Outcome(id=row.id, reason=fault, tried=tried, row=made)
        places = [place for place, fault in zip(places, faults, strict=True) if fault is not None]
    return outcomes


def _row(row: Row, texts: Texts, config: TranslateConfig) -> Row:
    changed = {"output": ""} | dict(texts)
    return replace(row, id=f"{row.id}@{config.into}", language=config.into, english_id=row.id, **changed)


def _attempt(
    rows: Sequence[Row], around: Sequence[bool], translator: Translator, config: TranslateConfig, *, again: bool
) -> list[Texts | Fault]:
    """Each row's fields translated, or the reason why not; `around`: cut its texts around what must stay."""
    names = PROMPT if config.prompts_only else (*PROMPT, "output")
    unit = Unit.LINE if again and translator.unit is Unit.TEXT else translator.unit
    cut: list[dict[str, list[Piece]]] = []
    asked: list[tuple[str, Protected]] = []
    for row, apart in zip(rows, around, strict=True):
        named = quotations(row.instruction)
        cutting = Cutting(unit=unit, fits=translator.fits, around=apart, named=named)
        cut.append({name: pieces(getattr(row, name), cutting) for name in names})
        for piece in (piece for found in cut[-1].values() for piece in found if piece.translate):
            whole = Protected(text=piece.text, spans=()) if apart else protect(piece.text, named)
            asked.append((row.language, whole))
    answers = iter(_answers(asked, translator, config.into, again=again))
    return [_assemble(fields, answers, config.into) for fields in cut]


def _answers(
    asked: Sequence[tuple[str, Protected]], translator: Translator, into: str, *, again: bool
) -> list[str | Fault]:
    """What each text became, or a `Fault`. Texts of one language go to the translator together."""
    answers: list[str | Fault] = [""] * len(asked)
    for language in dict.fromkeys(language for language, _ in asked):
        places = [place for place, (own, _) in enumerate(asked) if own == language]
        texts = [asked[place][1].text for place in places]
        for place, answer in zip(places, translator.translate(texts, language, into, again=again), strict=True):
            answers[place] = _restored(answer, asked[place][1])
    return answers


def _restored(answer: str | None, protected: Protected) -> str | Fault:
    if answer is None or not answer.strip():
        return Fault("unanswered")
    if not protected.spans:
        return answer.strip()
    whole = restore(answer.strip(), protected)
    return Fault("protected") if whole is None else whole


def _assemble(fields: Mapping[str, Sequence[Piece]], answers: Iterator[str | Fault], into: str) -> Texts | Fault:
    """The fields with `answers` in the place of their pieces, or the first fault among those.

    Takes as many answers as there are pieces to translate, whatever is found.
    """
    texts: dict[str, str] = {}
    faults: list[Fault] = []
    for name, found in fields.items():
        parts = []
        for piece in found:
            told = next(answers) if piece.translate else piece.text
            if isinstance(told, Fault):
                faults.append(told)
            else:
                parts.append(json.dumps(told, ensure_ascii=False)[1:-1] if piece.escaped else told)
        texts[name] = _spaced("".join(parts), into)
    return faults[0] if faults else texts


def _spaced(text: str, into: str) -> str:
    """Chinese and Japanese write no space after a sentence."""
    if into not in ("zh", "ja", "yue"):
        return text
    for sign in "。！？":
        text = text.replace(f"{sign} ", sign)
    return text

