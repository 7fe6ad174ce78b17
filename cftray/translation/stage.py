"""The stage that translates rows into one language.

Rows are never held: an index of them is, batches of places are translated in a pool of workers, a file each,
and the files are laid out by the rows' ids. A row is in `rows` once, or in `set_aside` with the reason.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cftray.data.rows import Row
from cftray.data.sources import ROWS
from cftray.errors import DataError
from cftray.plan.data_stages import TranslateConfig
from cftray.spec.translation import EndpointTranslator, Seq2SeqSettings
from cftray.stage import Artifact, StageContext
from cftray.translation.batches import batch_file, read_batch, take_over
from cftray.translation.entry import translating
from cftray.translation.gate import REASONS
from cftray.translation.index import Index, Spool, read_at
from cftray.translation.watch import Watch

EXAMPLES = 3


@dataclasses.dataclass(slots=True)
class Tally:
    """What became of the rows."""

    translated: int = 0
    again: int = 0
    reasons: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    seconds: float = 0.0
    translator_seconds: float = 0.0


def run(config: TranslateConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Inputs: `rows`; `model` of the translator and `similarity`, where they are used.

    Outputs: `rows`, a folder with the translated rows by their sources' ids, and `set_aside`. Batches that an
    earlier attempt finished are not translated again. Raises DataError where no row is left, Cancelled once
    asked to stop.
    """
    context.raise_if_stopped()
    source = inputs["rows"] / ROWS if inputs["rows"].is_dir() else inputs["rows"]
    index = Index.of(source)
    batches = index.batches(config.translator.batch_size)
    left = take_over(context.folder, context.earlier, index, batches)
    if context.earlier and len(left) < len(batches):
        context.note(f"{len(batches) - len(left)} of {len(batches)} batches were translated before")
    started = time.monotonic()
    if left:
        with Watch(context.folder, [len(batch) for batch in batches], context.report):
            context.workers.map(
                translating,
                _request(config, inputs, source, context),
                [{"number": number, "places": index.item(batches[number])} for number in left],
                actors=max(1, min(_actors(config, context), len(left))),
                accelerator=_accelerator(config, context),
                name=f"translate.{config.into}",
            )
    seconds = time.monotonic() - started
    tally = _lay_out(context.folder, len(batches))
    if not tally.translated:
        told = ", ".join(f"{count} {reason}" for reason, count in sorted(tally.reasons.items()))
        raise DataError(f"none of {len(index.ids)} rows could be translated into {config.into} ({told}); see the gate")
    return _artifact(config, context.folder, index, tally, seconds)


def _request(
    config: TranslateConfig, inputs: Mapping[str, Path], source: Path, context: StageContext
) -> dict[str, Any]:
    models = {name: str(inputs[name].absolute()) if name in inputs else None for name in ("model", "similarity")}
    return {
        "folder": str(context.folder.absolute()),
        "stop": str(context.stop.absolute()),
        "earlier": [str(one.absolute()) for one in context.earlier],
        "rows": str(source.absolute()),
        "config": config.model_dump(mode="json"),
        "budget": context.execution.endpoint_budget.model_dump(mode="json"),
        **models,
    }


def _accelerator(config: TranslateConfig, context: StageContext) -> str | None:
    uses_one = isinstance(config.translator, Seq2SeqSettings) or config.min_similarity is not None
    return context.execution.accelerator if uses_one else None


def _actors(config: TranslateConfig, context: StageContext) -> int:
    """One for an endpoint, whose limits hold for a process and whose requests are concurrent anyway."""
    if isinstance(config.translator, EndpointTranslator):
        return 1
    if context.execution.workers is not None:
        return context.execution.workers
    accelerator = _accelerator(config, context)
    free = context.workers.available(accelerator)
    return free if accelerator else min(2, free)


def _lay_out(folder: Path, batches: int) -> Tally:
    """Every batch's outcomes into the two outputs, by id."""
    tally = Tally()
    (folder / "rows").mkdir(exist_ok=True)
    used, aside = Spool(folder / "rows.spool"), Spool(folder / "aside.spool")
    for number in range(batches):
        figures, outcomes = read_batch(batch_file(folder, number))
        tally.seconds += figures.seconds
        tally.translator_seconds += figures.translator_seconds
        for one in outcomes:
            tally.again += one["tried"] > 1
            if one["reason"] is None:
                tally.translated += 1
                used.add(one["id"], json.dumps(one["row"], ensure_ascii=False))
            else:
                tally.reasons[one["reason"]] += 1
                aside.add(one["id"], json.dumps(one, ensure_ascii=False))
    used.lay_out(folder / "rows" / ROWS)
    aside.lay_out(folder / "set_aside.jsonl")
    return tally


def _artifact(config: TranslateConfig, folder: Path, index: Index, tally: Tally, seconds: float) -> Artifact:
    rejected = sum(tally.reasons[reason] for reason in REASONS)
    rows = len(index.ids)
    metrics: dict[str, float] = {
        "rows": rows,
        "translated": tally.translated,
        "not_translatable": tally.reasons.total() - rejected,
        "set_aside": rejected,
        "tried_again": tally.again,
        "seconds_translating": seconds,
        "seconds_in_translator": tally.translator_seconds,
        "overhead_ms_per_row": 1000 * (tally.seconds - tally.translator_seconds) / rows,
    }
    details = {
        "into": config.into,
        "reasons": dict(sorted(tally.reasons.items())),
        "translator": config.translator.model_dump(mode="json"),
        "gate": config.gate.model_dump(mode="json") | {"min_similarity": config.min_similarity},
        "reproducible": _promise(config),
        "examples": _examples(folder / "rows" / ROWS, index),
    }
    return Artifact(outputs={"rows": folder / "rows", "set_aside": folder / "set_aside.jsonl"}, metrics=metrics,
                    details=details)  # fmt: skip


def _promise(config: TranslateConfig) -> str:
    if isinstance(config.translator, EndpointTranslator):
        return "answers are kept with the attempt; the endpoint promises no equal ones to another"
    return "batches are composed once from all rows, longest first; rows do not depend on workers or interruptions"


def _examples(path: Path, index: Index) -> list[dict[str, str]]:
    """The first rows beside their sources."""
    with open(path, encoding="utf-8") as file:
        rows = [Row(**json.loads(line)) for line in itertools.islice(file, EXAMPLES)]
    places = [index.ids.index(row.english_id or "") for row in rows]
    sources: Sequence[Row] = read_at(index.path, index.item(places))
    return [
        {"id": row.id, "source": _shown(source), "translation": _shown(row)}
        for row, source in zip(rows, sources, strict=True)
    ]


def _shown(row: Row) -> str:
    return f"{row.instruction}\n{row.output}".strip()
