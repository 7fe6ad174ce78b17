"""The stage that tells how much of a replay phase 1 has seen already.

Phase 2 reads none of phase 1's data; the English counterparts of its own may overlap them all the same
(translated Alpaca after Alpaca), and then replay is partly a second look at phase 1's data.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from cftray.data.rows import Row
from cftray.data.sources import rows_of
from cftray.errors import DataError
from cftray.plan.data_stages import OverlapConfig
from cftray.stage import Artifact, StageContext
from cftray.store.atomic import write_atomic


def run(config: OverlapConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Inputs: `prompts` of a replay, `rows` of phase 1. Raises DataError above `max_overlap`."""
    prompts, first = rows_of(inputs["prompts"]), rows_of(inputs["rows"])
    seen_prompts, seen_pairs = set(map(_prompt, first)), set(map(_pair, first))
    facts: dict[str, float] = {
        "prompts": len(prompts),
        "prompt_overlap": _share(prompt in seen_prompts for prompt in map(_prompt, prompts)),
        "pair_overlap": _share(pair in seen_pairs for pair in map(_pair, prompts)),
    }
    share = facts["prompt_overlap"]
    if config.max_overlap is not None and share > config.max_overlap:
        raise DataError(
            f"{share:.1%} of the replay's prompts are in phase 1's data word for word, max_overlap allows "
            f"{config.max_overlap:.1%}; raise it, or replay from another English set"
        )
    path = context.folder / "overlap.json"
    write_atomic(path, json.dumps(facts))
    return Artifact(outputs={"overlap": path}, metrics=facts)


def _prompt(row: Row) -> str:
    """Instruction and input without regard to case and white space."""
    return " ".join(f"{row.instruction}\n{row.input}".casefold().split())


def _pair(row: Row) -> str:
    return f"{_prompt(row)}\n{' '.join(row.output.casefold().split())}"


def _share(hits: Iterable[bool]) -> float:
    found = list(hits)
    return sum(found) / len(found) if found else 0.0
