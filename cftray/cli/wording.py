"""Numbers, times and progress as people read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

Json = Mapping[str, Any]

STATES: dict[str, str] = {
    "cached": "recorded before",
    "skipped": "skipped",
    "waiting": "waits for an experiment that runs it",
}


GATE_CLOSED = "gate closed: "
"""How the service begins to say why a stage is left out whose gate is closed."""

TRIAL_OVER = "trial over: "
"""How the service begins to say why a stage is left out that only a trial needed that was stopped or failed."""

NEEDS = "needs "
"""How the runner begins to say why a stage is left out that needs a failed one."""


def gate_closed(view: Json) -> str | None:
    """What an experiment's gate has found, where it is closed: `gate closed: ta is 0.412 (at least 0.5 wanted)`."""
    told = (str(stage["why"] or "") for stage in view["plan"]["stages"] if stage["state"] == "skipped")
    return next((why for why in told if why.startswith(GATE_CLOSED)), None)


def duration(seconds: float) -> str:
    """`0:19`, `1:42:07`."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def rate(per_second: float) -> str:
    """`870`, `1.4k`, `31k`, `2.1M`."""
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if per_second >= limit:
            scaled = per_second / limit
            return f"{scaled:.1f}{unit}" if scaled < 9.95 else f"{scaled:,.0f}{unit}"
    return f"{per_second:.0f}"


def when(text: str) -> datetime:
    """A time of the service."""
    return datetime.fromisoformat(text)


def took(stage: Json) -> str:
    """How long a stage has run, or ran; empty before it starts."""
    if not stage["started_at"]:
        return ""
    end = when(stage["ended_at"]) if stage["ended_at"] else datetime.now(UTC)
    return duration((end - when(stage["started_at"])).total_seconds())


def progress(found: Json) -> str:
    """`step 96 of 235  loss 1.61  1.4k tok/s  2:04 left`."""
    return "  ".join(_progress_parts(found))


def describe(stage: Json, titles: Mapping[str, str], done: frozenset[str]) -> str:
    """What is to be said of a stage, whatever its state."""
    state, found = stage["state"], stage["progress"]
    if state in ("running", "failed"):
        words = progress(found) if found else ""
        why = str(stage["why"] or "").partition("\n")[0] if state == "failed" else ""
        head = (f"failed: {why}" if why else "failed") if state == "failed" else ""
        return "  ".join(part for part in (head, words, _elapsed(stage)) if part)
    if state == "recorded":
        return "  ".join(part for part in (_whole(found), took(stage)) if part)
    if state == "cached":
        return str(stage["why"] or STATES[state])
    if state == "skipped" and str(stage["why"] or "").startswith((GATE_CLOSED, TRIAL_OVER, NEEDS)):
        return f"left out: {stage['why']}"
    if state == "new":
        missing = [titles[name] for name in stage["needs"] if name not in done]
        return f"waits for {' and '.join(missing)}" if missing else ""
    return STATES.get(state, str(state))


def _elapsed(stage: Json) -> str:
    """Shown until the first step gives a better idea of the time."""
    return took(stage) if not stage["progress"] or stage["state"] == "failed" else ""


def _whole(found: Json | None) -> str:
    if not found:
        return ""
    loss = found["figures"].get("loss")
    return f"{found['total']:,} {found['unit']}" + (f"  loss {loss:.2f}" if loss is not None else "")


def _progress_parts(found: Json) -> Iterator[str]:
    if found["unit"] == "steps":
        yield f"step {found['step']:,} of {found['total']:,}"
    else:
        yield f"{found['step']:,} of {found['total']:,} {found['unit']}"
    loss = found["figures"].get("loss")
    if loss is not None:
        yield f"loss {loss:.2f}"
    if found.get("tokens_per_s"):
        yield f"{rate(found['tokens_per_s'])} tok/s"
    if found.get("eta_seconds") is not None:
        yield f"{duration(found['eta_seconds'])} left"
