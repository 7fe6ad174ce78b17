"""What a record of DES says, in the order in which the sets were asked for.

A record's own order is whatever the first to ask had, or the alphabet's: it is no part of a stage's identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from cftray.plan.plan import Plan
from cftray.plan.similarity import DES
from cftray.spec.analysis import DesText
from cftray.store import Store


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True)


class Alike(_Told):
    """DES with its 95 % interval; `low`, `high` and `corrected` are null where a side has too few rows for them."""

    first: str
    second: str
    des: float
    low: float | None
    high: float | None
    corrected: Annotated[float | None, Field(description="about what DES would be with all rows")]


class LanguagesAlike(Alike):
    """DES of one language's rows of the first set and one's of the second; `rows` of each."""

    rows: tuple[int, int]


class SetsAlike(Alike):
    """DES of two sets, and of each language of one with each of the other."""

    languages: tuple[LanguagesAlike, ...]

    def turned(self) -> SetsAlike:
        """The same with the second set first."""
        languages = (
            one.model_copy(update={"first": one.second, "second": one.first, "rows": (one.rows[1], one.rows[0])})
            for one in self.languages
        )
        turned = {"first": self.second, "second": self.first, "languages": tuple(languages)}
        return self.model_copy(update=turned)


class SetTold(_Told):
    """What was embedded of a set: `samples` of its `rows`, so many of each language.

    `truncated` of them were longer than the encoder reads; null where it can't tell.
    """

    rows: int
    samples: int
    languages: dict[str, int]
    truncated: int | None
    truncated_share: float | None


class SimilarityResult(_Told):
    """Every two of the sets. `matrix` has a row and a column for each of `sets`, in their order; 1 on the diagonal."""

    sets: dict[str, SetTold]
    matrix: tuple[tuple[float, ...], ...]
    pairs: tuple[SetsAlike, ...]
    samples: int
    seed: int
    text: DesText
    encoder: Annotated[str, Field(description="its digest")]

    def ordered(self, names: Sequence[str]) -> SimilarityResult:
        """The same with the sets in the order of `names`, which are theirs."""
        places = [list(self.sets).index(name) for name in names]
        turned = [
            one if names.index(one.first) < names.index(one.second) else one.turned() for one in self.pairs
        ]
        changes = {
            "sets": {name: self.sets[name] for name in names},
            "matrix": tuple(tuple(self.matrix[row][column] for column in places) for row in places),
            "pairs": tuple(sorted(turned, key=lambda one: (names.index(one.first), names.index(one.second)))),
        }
        return self.model_copy(update=changes)

    def pair(self, first: str, second: str) -> SetsAlike | None:
        """The two sets in either order; None for a set and itself."""
        return next((one for one in self.pairs if {one.first, one.second} == {first, second}), None)


def similarity_result(plan: Plan, store: Store, names: Sequence[str]) -> SimilarityResult | None:
    """What the plan's comparison has found of the sets `names`; None until it is recorded."""
    fingerprint = plan.stage(DES).fingerprint
    record = store.record(fingerprint) if fingerprint is not None else None
    return None if record is None else SimilarityResult.model_validate(record.details).ordered(names)
