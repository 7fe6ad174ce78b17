"""IFEval: which of a prompt's instructions an answer follows (Zhou et al., 2023), by lm-eval's own checkers.

Two of the 25 kinds need NLTK's sentence model `punkt_tab`, which NLTK does not come with. Without it nobody can say
whether such an item is right; it stays without a score, and is never counted as wrong. lm-eval would fetch the
model while it is imported: here nothing is fetched.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import random
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from cftray.errors import DataError

PUNKT_KINDS: Final = frozenset({"length_constraints:number_sentences", "change_case:capital_word_frequency"})
PUNKT: Final = "nltk:punkt_tab"
PUNKT_CURE: Final = "python -m nltk.downloader punkt_tab"
NO_PUNKT: Final = f"needs NLTK's punkt_tab, which is not there: {PUNKT_CURE}"
LACKED: Final[Mapping[str, str]] = {NO_PUNKT: PUNKT}
"""Reasons why an item has no score, of those that can be mended, and the name of what was not there."""
SEED: Final = 0

Checkers = Callable[[Mapping[str, Any], list[str]], dict[str, Any]]


def needs_punkt(item: Mapping[str, Any]) -> bool:
    """Whether one of the item's instructions can be checked only with `punkt_tab`."""
    return not PUNKT_KINDS.isdisjoint(item["instruction_id_list"])


def has_punkt() -> bool:
    """Whether NLTK finds its English sentence model on this machine."""
    import nltk

    try:
        nltk.data.find("tokenizers/punkt_tab/english")
    except LookupError:
        return False
    return True


def followed(item: Mapping[str, Any], answer: str) -> dict[str, float | list[bool]]:
    """Strict and loose, of the prompt (0 or 1) and of each of its instructions.

    The same answer always gets the same score: language detection is seeded, and so is what a checker draws.
    Raises DataError where the item asks for something that the checkers don't know.
    """
    check, state, depth = _checkers(), random.getstate(), sys.getrecursionlimit()
    random.seed(SEED)
    sys.setrecursionlimit(depth + len(answer))  # the JSON checker: a model that loops writes thousands of [
    try:
        found = check({**item, "kwargs": json.loads(item["kwargs"])}, [answer])
    except (KeyError, TypeError) as error:
        kinds = ", ".join(item["instruction_id_list"])
        raise DataError(
            f"ifeval, item {item['key']}: lm-eval's checkers can't check {kinds} with {item['kwargs']} ({error!r}); "
            "expected IFEval's own instructions; mend the file"
        ) from error
    finally:
        random.setstate(state)
        sys.setrecursionlimit(depth)
    return {
        name: [bool(one) for one in value] if isinstance(value, list) else float(value) for name, value in found.items()
    }


@functools.cache
def _checkers() -> Checkers:
    import langdetect
    import nltk

    download = nltk.download
    nltk.download = lambda *_, **__: False
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it says that it has downloaded, whatever came of it
            from lm_eval.tasks.ifeval.utils import process_results
    finally:
        nltk.download = download
    langdetect.DetectorFactory.seed = SEED
    return process_results
