"""From a data set of a spec to what the reading stage is given: its leaf, and how its records become rows."""

from __future__ import annotations

from typing import Any

from cftray.plan.data_stages import RowsSource
from cftray.plan.stages import Leaf, LeafKind
from cftray.spec.data import Alignment, EnglishCounterpart, EnglishHubSet, FileData, HubData, TranslatedEnglish

Outside = FileData | HubData
EnglishSet = EnglishCounterpart | EnglishHubSet


def data_leaf(data: Outside | EnglishSet) -> Leaf:
    """The files or hub set that a data set lies in."""
    if isinstance(data, HubData | EnglishHubSet):
        return Leaf(kind=LeafKind.HUB_SET, location=data.hub.name, revision=data.hub.revision)
    languages = data.languages if isinstance(data, FileData) else None
    return Leaf(
        kind=LeafKind.FILES, location=data.path, named=languages is not None and languages.by == "file"
    )


def rows_source(data: Outside) -> RowsSource:
    """How its records become rows, whether or not it has an English counterpart."""
    return RowsSource(
        **_common(data),
        language=data.language,
        languages=data.languages,
        samples=data.samples,
        proportions=data.proportions,
        sample_seed=data.sample_seed,
    )


def aligned_source(data: Outside) -> RowsSource:
    """The same rows with what leads to their English counterparts, where there is such a thing."""
    source, english = rows_source(data), data.english
    if english is None or isinstance(english, TranslatedEnglish):
        return source
    return source.model_copy(update=_alignment(english))


def english_source(english: EnglishSet) -> RowsSource:
    """How the counterpart's records become rows."""
    source = RowsSource(**_common(english))
    if english.alignment is Alignment.NONE:
        return source
    return source.model_copy(update=_alignment(english) | {"english": True})


def _common(data: Outside | EnglishSet) -> dict[str, Any]:
    found: dict[str, Any] = {"adapter": data.adapter, "columns": data.columns, "rules": data.rules}
    if isinstance(data, HubData | EnglishHubSet):
        found |= {"config": data.hub.config, "split": data.hub.split}
    return found


def _alignment(english: EnglishSet) -> dict[str, Any]:
    key = english.key if english.alignment is Alignment.ID else None
    return {"align": english.alignment, "key": key}
