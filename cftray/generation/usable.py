"""Which answers may be trained on.

An answer is `empty` without a visible character; `cut` where it had not ended when its tokens were
used up; `looping` where it ends in the same passage over and over; `too_long` where its prompt
leaves it no room in the model's context. All but usable ones are counted and set aside.
"""

from __future__ import annotations

LOOP_WORDS = 64
"""Passages of up to so many words are looked for."""
REPEATS = 4
"""So often a passage of several words stands at the end of a looping answer."""
WORD_REPEATS = 16
"""And so often a single word, since a task may well ask for one word several times."""


def fault_of(text: str, *, ended: bool) -> str | None:
    """`empty`, `looping` or `cut`; None for a usable answer."""
    if not text.strip():
        return "empty"
    if is_looping(text):
        return "looping"
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
