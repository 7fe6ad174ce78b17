"""The stage that draws the English rows of a replay (paper, section 5.1).

Rows aligned with phase 2's are drawn among the counterparts of its rows, each once however many
languages share it; unaligned ones among all of the English set.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cftray.data.adapters import write_rows
from cftray.data.rows import Row
from cftray.data.sources import META, ROWS, rows_of
from cftray.data.tokenized import TokenizedData
from cftray.errors import DataError
from cftray.plan.data_stages import ReplayPromptsConfig
from cftray.spec.data import Alignment
from cftray.stage import Artifact, StageContext
from cftray.store.atomic import write_atomic


def run(config: ReplayPromptsConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Output `prompts`: `rows.jsonl` in the order of use, and `meta.json` with how many are `needed`.

    Inputs: `data`, tokens of phase 2; `english`; and `rows`, those of phase 2, unless unaligned. Raises
    DataError where nothing is aligned; a set that is merely too small is left to the mix to judge.
    """
    samples = len(TokenizedData.open(inputs["data"]))
    needed = replay_size(config.ratio, samples)
    candidates = _candidates(config, inputs)
    wanted = min(len(candidates), needed + round(config.surplus * needed))
    drawn = random.Random(f"replay/{config.seed}").sample(candidates, wanted)
    folder = context.folder / "prompts"
    folder.mkdir()
    write_rows(folder / ROWS, drawn)
    facts = {"needed": needed, "drawn": wanted, "candidates": len(candidates), "samples": samples}
    write_atomic(folder / META, json.dumps(facts))
    return Artifact(
        outputs={"prompts": folder},
        metrics={name: float(value) for name, value in facts.items()},
        details={"alignment": str(config.alignment), "ratio": config.ratio},
    )


def replay_size(ratio: float, samples: int) -> int:
    """How many samples of replay a ratio of |D2| is: rounded, at least one."""
    return max(1, round(ratio * samples))


def _candidates(config: ReplayPromptsConfig, inputs: Mapping[str, Path]) -> list[Row]:
    """English rows with ids of their own, in the English set's order."""
    english = rows_of(inputs["english"])
    if config.alignment is Alignment.NONE:
        # Nothing promises that the ids of an unaligned set differ: the place among all rows tells them apart.
        return [replace(row, id=f"{place}:{row.id}") for place, row in enumerate(english)]
    if config.alignment is Alignment.LINE:
        _raise_if_uneven(inputs["rows"], inputs["english"])
    wanted = {row.english_id for row in rows_of(inputs["rows"])}
    found = list({row.id: row for row in english if row.id in wanted}.values())
    if not found:
        raise DataError(
            f"none of {len(wanted)} rows has its English counterpart among {len(english)}, aligned by "
            f"{config.alignment}; check that both carry the same ids, or set alignment: none"
        )
    return found


def _raise_if_uneven(rows: Path, english: Path) -> None:
    """Raises DataError where two sets aligned line by line have different numbers of records: some line is
    missing, and all that follow it would be paired wrongly."""
    own, other = (json.loads((place / META).read_text(encoding="utf-8"))["records"] for place in (rows, english))
    if own != other:
        raise DataError(
            f"the set has {own} records and its English counterpart {other}, aligned by line; "
            "give both the same lines, align them by id, or set alignment: none"
        )
