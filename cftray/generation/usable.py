"""Which answers may be trained on.

An answer is `empty` without a visible character; `cut` where it had not ended when its tokens were
used up; `looping` where it ends in the same passage over and over; `repetitive` where more than half of
it has been said in it before, at whatever place; `too_long` where its prompt leaves it no room in the
model's context. All but usable ones are counted and set aside.
"""

from __future__ import annotations

import re

LOOP_WORDS = 64
"""Passages of up to so many words are looked for."""
REPEATS = 4
"""So often a passage of several words stands at the end of a looping answer."""
WORD_REPEATS = 16
"""And so often a single word, since a task may well ask for one word several times."""

GRAM = 4
"""Words of the passages by which repetition is measured."""
DISTINCT = 0.5
"""The least share of passages that differ. Of Alpaca's 52,002 responses 8 have less (0.015 %): tunes of two
notes, empty tables, a vector, a timetable. At 0.6 there would be 21, at 0.7 62, most of them songs. Of the
AlpacaEval answers of text-davinci-003 and alpaca-7b, 1,610, 10 have less, all of them run astray; `looping`
finds none of these, since they were cut within a passage or vary a word."""
LONG_ENOUGH = 24
"""Shorter answers may well repeat themselves ("7 + 7 + 7 + …")."""
MARKER = re.compile(r"(?:^|(?<=\s))\(?\d+[.):](?=\s)")
"""The number of a list's entry, without which copies of one entry are alike."""


def fault_of(text: str, *, ended: bool) -> str | None:
    """`empty`, `looping`, `repetitive` or `cut`; None for a usable answer."""
    if not text.strip():
        return "empty"
    if is_looping(text):
        return "looping"
    if is_repetitive(text):
        return "repetitive"
    return None if ended else "cut"


def is_looping(text: str) -> bool:
    """Whether the text ends in one passage repeated, whatever stands before it."""
    words = text.split()
    for length in range(1, min(LOOP_WORDS, len(words) // REPEATS) + 1):
        passage = words[-length:]
        times = REPEATS if len(set(passage)) > 1 else -(-WORD_REPEATS // length)
        if len(words) >= times * length and words[-times * length :] == passage * times:
            return True
    return False


def is_repetitive(text: str) -> bool:
    """Whether a long text says most of what it says a second time, the numbers of lists left out."""
    words = MARKER.sub(" ", text.lower()).split()
    if len(words) < LONG_ENOUGH:
        return False
    passages = [tuple(words[start : start + GRAM]) for start in range(len(words) - GRAM + 1)]
    return len(set(passages)) < DISTINCT * len(passages)
