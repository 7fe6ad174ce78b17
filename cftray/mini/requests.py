"""Requests and sentences of the miniature world for looking into models: nothing is trained on them, nothing scored.

Requests are drawn among the tasks reserved for evaluation, so no data set holds one of them.
"""

from __future__ import annotations

from random import Random

from cftray.data.rows import Row
from cftray.mini.datasets import family_a, family_b, sentence
from cftray.mini.lexicon import LANGUAGES
from cftray.mini.samples import is_reserved


def requests(*, count: int, seed: int) -> list[Row]:
    """`count` different English requests, of the two families in turn; `output` stays empty.

    Longer lists begin with the shorter ones.
    """
    found: dict[str, Row] = {}
    attempt = 0
    while len(found) < count:
        family = (family_a, family_b)[len(found) % 2]
        draft = family(Random(f"requests-mini/{seed}/{attempt}"), "en")
        attempt += 1
        text = f"{draft.instruction}\n{draft.input}"
        if is_reserved(text) and text not in found:
            found[text] = Row(
                id=f"requests-mini-{len(found):04d}", instruction=draft.instruction, input=draft.input, output=""
            )
    return list(found.values())


def parallel_sentences(*, count: int, seed: int) -> dict[str, list[str]]:
    """By language, English first: `count` different sentences, those at one place saying the same."""
    streams: dict[str, str] = {}
    attempt = 0
    while len(streams) < count:
        source = f"sentences-mini/{seed}/{attempt}"
        streams.setdefault(sentence(Random(source), "en"), source)
        attempt += 1
    return {language: [sentence(Random(one), language) for one in streams.values()] for language in LANGUAGES}
