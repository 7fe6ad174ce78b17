"""Why a stage has another fingerprint here than there: the first part of its identity that differs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cftray.bundle.document import Bundle, Input, Stage

LONGEST = 40


def why_other(there: Stage | None, here: Stage | None) -> str:
    """In words; of several differences the first, a stage's own before what it takes from others."""
    if there is None:
        return "there was no such stage"
    if here is None:
        return "no such stage here"
    if there.kind != here.kind:
        return f"it is a {here.kind} stage, was {there.kind}"
    return next(_differences(there, here), "the fingerprint is not known yet: an input is still to be hashed")


def other_leaves(there: Bundle, here: Bundle) -> list[tuple[str, str, str, str]]:
    """(stage, location there, digest there, digest here) of data and models whose content is not the same."""
    ours = {stage.name: stage for stage in here.stages}
    found = {}
    for stage in there.stages:
        for name, source in stage.inputs.items():
            other = ours[stage.name].inputs.get(name) if stage.name in ours else None
            if source.location is None or other is None or not source.digest or not other.digest:
                continue
            if source.digest != other.digest:
                found[source.location] = (stage.name, source.location, source.digest, other.digest)
    return list(found.values())


def _differences(there: Stage, here: Stage) -> Iterator[str]:
    if there.code_version != here.code_version:
        now, before = (one.code_version or "another" for one in (here, there))
        yield f"the code of {here.kind} stages is version {now}, was {before}"
    for path, one, other in _config(there.config, here.config, ""):
        yield f"{path} is {_short(other)}, was {_short(one)}"
    for name in dict.fromkeys([*there.inputs, *here.inputs]):
        yield from _input(name, there.inputs.get(name), here.inputs.get(name))


def _input(name: str, there: Input | None, here: Input | None) -> Iterator[str]:
    if there is None or here is None:
        yield f"{name} is {'new to it' if there is None else 'not part of it any more'}"
    elif there.digest is None or here.digest is None:
        return
    elif there.digest != here.digest and here.stage is not None:
        yield f"{name} comes from {here.stage}, which differs"
    elif there.digest != here.digest:
        yield f"{name} has digest {here.digest[:12]}…, was {there.digest[:12]}… ({there.location})"


def _config(there: Any, here: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(there, dict) and isinstance(here, dict):
        for key in dict.fromkeys([*there, *here]):
            yield from _config(there.get(key), here.get(key), f"{path}.{key}".lstrip("."))
    elif there != here:
        yield path, there, here


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
