"""Which rows are drawn: seeded, without repetition, in the order they stood in."""

from __future__ import annotations

import collections
import random
from collections.abc import Mapping, Sequence

from cftray.errors import DataError
from cftray.plan.data_stages import RowsSource


def draws(source: RowsSource) -> bool:
    """Whether not simply all rows are used."""
    return source.samples is not None or bool(source.proportions)


def drawn(source: RowsSource, languages: Sequence[str]) -> list[int]:
    """Places of the rows that are used, given each row's language.

    Raises DataError where there are fewer than asked for: a smaller set would pass for the one that was.
    """
    if source.proportions:
        return _in_proportion(source, languages)
    count = len(languages)
    if source.samples is None:
        return list(range(count))
    if source.samples > count:
        raise DataError(f"{source.samples} samples asked for, {count} rows are there; ask for at most {count}")
    return sorted(random.Random(source.sample_seed).sample(range(count), source.samples))


def _in_proportion(source: RowsSource, languages: Sequence[str]) -> list[int]:
    shares = {one.language: one.share for one in source.proportions}
    places: dict[str, list[int]] = collections.defaultdict(list)
    for place, language in enumerate(languages):
        places[language].append(place)
    absent = [one for one in shares if one not in places]
    if absent:
        there = ", ".join(sorted(places))
        raise DataError(f"proportions ask for {', '.join(absent)}, of which there is no row (there are: {there})")
    whole = sum(shares.values())
    most = int(min(len(places[one]) * whole / share for one, share in shares.items()) + 1e-9)
    counts = split(most if source.samples is None else source.samples, shares)
    chosen: list[int] = []
    for language, count in counts.items():
        if count > len(places[language]):
            raise DataError(
                f"{count} rows of {language} asked for, {len(places[language])} are there; "
                f"with these proportions ask for at most {most} samples"
            )
        chosen += random.Random(f"{source.sample_seed}/{language}").sample(places[language], count)
    return sorted(chosen)


def split(total: int, shares: Mapping[str, float]) -> dict[str, int]:
    """`total` in whole parts, as near to the shares as can be: what is over goes to the largest remainders."""
    whole = sum(shares.values())
    exact = {name: total * share / whole for name, share in shares.items()}
    counts = {name: int(one) for name, one in exact.items()}
    behind = sorted(exact, key=lambda name: (counts[name] - exact[name], name))
    for name in behind[: total - sum(counts.values())]:
        counts[name] += 1
    return counts
