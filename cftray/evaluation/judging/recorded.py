"""Annotations that somebody has published, as a judge.

A published file is a JSON list of objects with `instruction`, `output_1` (the reference's), `output_2` (the
model's) and `preference`: 1 or 2, whichever is better, and 1.5 for neither, which older files write as 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cftray.errors import DataError
from cftray.evaluation.judging.pairs import (
    OTHER_OUTPUT,
    UNASKED,
    Judgement,
    NoJudgement,
    Outcome,
    Pair,
    Preference,
)
from cftray.evaluation.judging.reference import read_objects, refuse

PREFERENCES: Final[Mapping[float, Preference]] = {
    0.0: Preference.DRAW,
    1.0: Preference.REFERENCE,
    1.5: Preference.DRAW,
    2.0: Preference.MODEL,
}


class RecordedJudge:
    """See `Judge`. Knows an instruction by its text, and judges the one answer to it that was annotated.

    The reference's answer is not compared: AlpacaEval's released annotations and its released reference differ
    in most of theirs.
    """

    def __init__(self, pairs: Sequence[Pair], preferences: Sequence[Preference], identity: str) -> None:
        self.identity = identity
        self.pairs = tuple(pairs)
        """What was annotated, in the order of the instructions."""
        self._known = {
            pair.instruction: (pair.output, preference)
            for pair, preference in zip(pairs, preferences, strict=True)
        }

    def compare(self, pairs: Sequence[Pair]) -> list[Outcome]:
        """See `Judge`."""
        return [self._outcome(pair) for pair in pairs]

    def _outcome(self, pair: Pair) -> Outcome:
        found = self._known.get(pair.instruction)
        if found is None:
            return NoJudgement(reason=UNASKED, message="there is no annotation of it")
        output, preference = found
        if output != pair.output:
            return NoJudgement(reason=OTHER_OUTPUT, message="the annotation is of another answer than the model's")
        return Judgement(preferences=(preference,))


def read_annotations(path: Path, instructions: Sequence[str]) -> RecordedJudge:
    """The annotations at `path` of all `instructions`, whose positions are their ids.

    Raises DataError, naming them, where annotations are missing, are there twice, belong to no instruction, or
    hold no preference.
    """
    rows = read_objects(path, ("instruction", "output_1", "output_2"))
    by_text: dict[str, Mapping[str, Any]] = {}
    doubled = []
    for row in rows:
        if row["instruction"] in by_text:
            doubled.append(row["instruction"])
        by_text[row["instruction"]] = row
    what = f"{path.name}: {len(rows)} annotations of {len(instructions)} instructions"
    refuse(what, "annotations of instructions that are annotated already", doubled)
    refuse(what, "annotations of other instructions", sorted(by_text.keys() - set(instructions)))
    refuse(what, "instructions without an annotation", [one for one in instructions if one not in by_text])
    chosen = [by_text[one] for one in instructions]
    pairs = [
        Pair(item=str(place), instruction=row["instruction"], reference=row["output_1"], output=row["output_2"])
        for place, row in enumerate(chosen)
    ]
    preferences = [_preference(path.name, row) for row in chosen]
    return RecordedJudge(pairs, preferences, identity=_annotators(rows) or path.name)


def _preference(name: str, row: Mapping[str, Any]) -> Preference:
    given = row.get("preference")
    if isinstance(given, bool) or not isinstance(given, int | float) or given not in PREFERENCES:
        raise DataError(
            f"{name}: the preference of {row['instruction'][:60]!r} is {given!r}; expected 1, 2, for a draw 1.5 or 0 "
            "(weighted preferences between 1 and 2 are AlpacaEval 2's)"
        )
    return PREFERENCES[given]


def _annotators(rows: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(sorted({str(row["annotator"]) for row in rows if row.get("annotator")}))
