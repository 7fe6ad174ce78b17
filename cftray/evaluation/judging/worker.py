"""The process that judges: reads both sides' answers, asks, and writes annotations and scores.

It alone knows the endpoint's key. Answers lie in the attempt's folder, those of attempts before it are found there;
what judged a pair is shared with every other stage, of whichever experiment.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cftray.data.scores import ItemScores, TaskScores
from cftray.endpoint import EndpointChat, open_chat
from cftray.errors import Cancelled, DataError
from cftray.evaluation.judging.endpoint_judge import EndpointJudge
from cftray.evaluation.judging.gaps import HALTS, all_judged, halted
from cftray.evaluation.judging.pairs import Judgement, Outcome, Pair
from cftray.evaluation.judging.progress import tell
from cftray.evaluation.judging.prompt import find_prompt
from cftray.evaluation.judging.rates import length_fit, rates_of
from cftray.evaluation.judging.reference import Answered, Reference, pairs_of, read_reference
from cftray.plan.stages import JudgeConfig
from cftray.spec.execution import EndpointBudget
from cftray.store.atomic import write_atomic

TASK: Final = "alpaca_eval"
"""The task whose items are judged, the benchmark it stands for, and the task of the scores."""
ANNOTATIONS_FILE, SCORES_FILE = "annotations.jsonl", "scores.json.gz"
CHUNK: Final = 64
"""Pairs asked about before progress is told: many times the requests under way."""


def judge(request: Mapping[str, Any]) -> dict[str, Any]:
    """Entry of a worker; see `stage.request_of` for the request's fields. Gives metrics and details.

    Raises DataError where answers and instructions don't fit each other; EndpointRefused, EndpointUnavailable and
    BudgetExceeded where judgements are missing, with their number; Cancelled once the stop file exists.
    """
    config, folder = JudgeConfig.model_validate(request["config"]), Path(request["folder"])
    prompt = find_prompt(config.prompt, config.prompt_sha256)
    reference = read_reference(Path(request["reference"])).first(config.limit)
    pairs = pairs_of(reference, read_answers(Path(request["items"])))
    identity = f"{config.judge.model} of {config.judge.endpoint}"
    with _chat(config, request) as chat:
        asking = EndpointJudge(chat, prompt, identity, attempts=1 + len(request["earlier"]))
        judgements = all_judged(pairs, _asked(asking, pairs, folder), identity)
        spent, cost = chat.budget.spent, chat.budget.cost
    _write(config, pairs, judgements, folder)
    asked = {"requests": spent.requests, "tokens": spent.tokens} | ({} if cost is None else {"cost": cost})
    return {"metrics": rates_of(pairs, judgements), "details": _details(config, reference, pairs, judgements) | asked}


def read_answers(items: Path) -> list[Answered]:
    """The model's answers in an evaluation's table of items. Raises DataError where it holds none."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(items)
    columns = [name for name in ("task", "item", "output", "instruction") if name in file.schema_arrow.names]
    rows = [row for row in file.read(columns=columns).to_pylist() if row.pop("task") == TASK]
    if not rows:
        raise DataError(f"{items.name}: holds no items of the task {TASK}; evaluate the model on it first")
    return [Answered(**row) for row in rows]


def _asked(asking: EndpointJudge, pairs: Sequence[Pair], folder: Path) -> list[Outcome]:
    outcomes: list[Outcome] = []
    tell(folder, 0, len(pairs))
    for begin in range(0, len(pairs), CHUNK):
        try:
            found = asking.compare(pairs[begin : begin + CHUNK])
        except HALTS as error:
            raise halted(error, asking.identity, asking.settled(pairs), len(pairs)) from None
        asking.share(pairs[begin : begin + CHUNK], found)
        outcomes += found
        tell(folder, len(outcomes), len(pairs))
    return outcomes


def _chat(config: JudgeConfig, request: Mapping[str, Any]) -> EndpointChat:
    return open_chat(
        config.judge,
        os.environ,
        Path(request["folder"]),
        earlier=[Path(one) for one in request["earlier"]],
        shared=None if request["parts"] is None else Path(request["parts"]),
        limits=EndpointBudget.model_validate(request["budget"]),
        stop=_stop(Path(request["stop"])),
        max_tokens=config.max_tokens,
    )


def _stop(path: Path) -> Callable[[], None]:
    def raise_if_stopped() -> None:
        if path.exists():
            raise Cancelled("stopped because it was asked to")

    return raise_if_stopped


def _write(config: JudgeConfig, pairs: Sequence[Pair], judgements: Sequence[Judgement], folder: Path) -> None:
    """The annotations, a line an item, and the items' scores."""
    lines = [_annotation(config, pair, one) for pair, one in zip(pairs, judgements, strict=True)]
    write_atomic(folder / ANNOTATIONS_FILE, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    scores = TaskScores(
        task=TASK,
        suite="ta",
        benchmark=TASK,
        language="en",
        metric="win_rate",
        items=tuple(pair.item for pair in pairs),
        scores=tuple(one.preference.score for one in judgements),
    )
    ItemScores(tasks=(scores,)).write(folder / SCORES_FILE)


def _annotation(config: JudgeConfig, pair: Pair, judgement: Judgement) -> dict[str, Any]:
    """`preferences` as they were given: the reference's answer first, then the model's; none for identical answers."""
    return {
        "item": pair.item,
        "preferences": [one.value for one in judgement.preferences],
        "preference": judgement.preference.value,
        "score": judgement.preference.score,
        "asked_again": judgement.again,
        "reference_characters": len(pair.reference),
        "output_characters": len(pair.output),
        "judge": config.judge.model_dump(),
        "prompt": config.prompt,
        "prompt_sha256": config.prompt_sha256,
    }


def _details(
    config: JudgeConfig, reference: Reference, pairs: Sequence[Pair], judgements: Sequence[Judgement]
) -> dict[str, Any]:
    fit = length_fit(pairs, judgements)
    return {
        "judge": config.judge.model_dump(),
        "prompt": {"name": config.prompt, "sha256": config.prompt_sha256},
        "reference": list(reference.generators),
        "wins": sum(one.preference.score == 1 for one in judgements),
        "losses": sum(one.preference.score == 0 for one in judgements),
        "identical": sum(pair.identical for pair in pairs),
        "empty": sum(not pair.output.strip() for pair in pairs),
        "asked_again": sum(one.again for one in judgements),
        "length": None if fit is None else {"slope": fit.slope, "standard_deviation": fit.scale},
    }
