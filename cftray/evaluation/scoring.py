"""One process that scores answers: lm-eval's filters and scorers, no model. Needs no torch.

Scores every task that has no part yet, then lays the parts of all tasks together.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cftray.data.scores import ItemScores, TaskScores
from cftray.errors import Cancelled, InternalError
from cftray.evaluation import packs
from cftray.evaluation.answers import read_answers
from cftray.evaluation.harness import opened
from cftray.evaluation.items import (
    Item,
    all_metrics,
    join_items,
    part_of,
    task_figures,
    task_scores,
    valued,
    write_items,
)
from cftray.evaluation.paper.metrics.following import LACKED
from cftray.evaluation.parts import ITEMS, NewPart, is_there, read_facts
from cftray.evaluation.requests import Manifest, Request, read_requests, task_file
from cftray.evaluation.requests_stage import benchmark_files
from cftray.plan.packs import Pack, PackTask
from cftray.plan.stages import EvaluateConfig

ITEMS_FILE = "items.parquet"
SCORES_FILE = "scores.json.gz"
FILTER = "none"
"""lm-eval's name for answers as they came."""


def score(request: Mapping[str, Any]) -> dict[str, Any]:
    """Entry of a worker; see `stage.Evaluation` for the request's fields.

    Writes parts, `items.parquet` and `scores.json.gz`, and returns tables of tasks and metrics, timings, and what was
    lacking.
    """
    config = EvaluateConfig.model_validate(request["config"])
    pack = packs.find_planned(config.pack, config.pack_digest)
    wanted = pack.asked(config.suites, config.benchmarks, config.languages)
    places = {name: Path(path) for name, path in request["parts"].items()}
    scoring = _Scoring(pack, request)
    missing = [entry for entry in wanted if not is_there(places[entry.task])]
    if missing:
        scoring.score(missing, places)
    facts = [read_facts(places[entry.task]) for entry in wanted]
    folder = Path(request["folder"])
    join_items([places[entry.task] / ITEMS for entry in wanted], folder / ITEMS_FILE)
    scores = [TaskScores.model_validate(one["scores"]) for one in facts if one["scores"] is not None]
    expected = tuple(part_of(entry) for entry in pack.of_suites(config.suites))
    ItemScores(tasks=tuple(scores), expected=expected).write(folder / SCORES_FILE)
    return {
        "tasks": [one["figures"] for one in facts],
        "metrics": {entry.task: one["metrics"] for entry, one in zip(wanted, facts, strict=True)},
        "seconds": scoring.seconds,
        "lacking": sorted({LACKED[why] for one in scores for why in one.unscored.values() if why in LACKED}),
    }


class _Scoring:
    """The tasks of one evaluation that have no part yet."""

    def __init__(self, pack: Pack, request: Mapping[str, Any]) -> None:
        self.pack = pack
        self.folder, self.stop = Path(request["folder"]), Path(request["stop"])
        inputs = {name: Path(path) for name, path in request["inputs"].items()}
        self.requests, self.files = inputs["requests"], benchmark_files(inputs)
        self.manifest = Manifest.read(self.requests)
        self.seconds: dict[str, float] = {}

    def score(self, wanted: Sequence[PackTask], places: dict[str, Path]) -> None:
        """Write the parts of `wanted` tasks, and in `places` where they lie."""
        started = time.monotonic()
        length = self.manifest.context_length
        with opened(self.pack, wanted, self.files, length, self.folder / "cache") as tasks:
            loaded = time.monotonic()
            for entry in wanted:
                if self.stop.exists():
                    raise Cancelled("stopped because it was asked to")
                places[entry.task] = self._part(entry, tasks[entry.task], places[entry.task])
        self.seconds = {
            "score_start": round(loaded - started, 3),
            "scoring": round(time.monotonic() - loaded, 3),
        }

    def _part(self, entry: PackTask, task: Any, place: Path) -> Path:
        """Where the part lies. One with items that could not be scored here, for want of something that can be had,
        is this attempt's alone: others shall not find it."""
        asked = self.manifest.task(entry.task)
        answers, seconds = read_answers(self.folder, asked)
        items = items_of(entry, task, read_requests(task_file(self.requests, entry.task)), answers)
        if len(items) != asked.items:
            raise InternalError(f"{entry.task}: {len(items)} items scored of {asked.items}")
        if any(one.unscored is not None for one in items):
            place = self.folder / "parts" / place.name
        part = NewPart(place)
        write_items(entry, items, part.folder / ITEMS)
        figures = {**task_figures(entry, items, asked.cut_prompts), "seconds": round(seconds, 3)}
        scores = None if entry.judged else task_scores(entry, items).model_dump(mode="json")
        part.keep({"figures": figures, "metrics": all_metrics(items), "scores": scores, "requests": asked.sha256})
        return place


def items_of(
    entry: PackTask, task: Any, requests: Sequence[Request], answers: Mapping[int, Mapping[str, Any]]
) -> list[Item]:
    """A task's items in its documents' order, answers filtered and scored as lm-eval's evaluator does."""
    from cftray.evaluation.tasks import seed

    seed()
    last = max(one.doc for one in requests) + 1
    docs = dict(task.doc_iterator(rank=0, limit=last, world_size=1))
    instances = [_instance(entry, one, docs[one.doc], answers[one.place]) for one in requests]
    task._instances = instances  # where lm-eval's filters find them
    task.apply_filters()
    name = _filter_of(entry, instances[0].filtered_resps)
    grouped: dict[int, list[tuple[Request, Any]]] = defaultdict(list)
    for one, instance in zip(requests, instances, strict=True):
        grouped[one.doc].append((one, instance))
    return [_item(entry, task, docs[doc], sorted(group, key=_index), name, answers) for doc, group in grouped.items()]


def _item(
    entry: PackTask,
    task: Any,
    doc: Mapping[str, Any],
    group: Sequence[tuple[Request, Any]],
    name: str,
    answers: Mapping[int, Mapping[str, Any]],
) -> Item:
    results = [instance.filtered_resps[name] for _, instance in group]
    first = group[0][0]
    worth = {} if entry.judged else valued(entry, first.item, task.process_results(doc, results))
    return Item(
        item=first.item,
        prompt_sha256=first.prompt_sha256,
        output=_output(entry, task, doc, results),
        truncated=any(answers[one.place].get("cut", False) for one, _ in group),
        **worth,
    )


def _instance(entry: PackTask, request: Request, doc: Mapping[str, Any], answer: Mapping[str, Any]) -> Any:
    """The request as lm-eval holds it once it is answered."""
    from lm_eval.api.instance import Instance

    generated = "text" in answer
    return Instance(
        request_type="generate_until" if generated else "loglikelihood",
        doc=dict(doc),
        arguments=(request.prompt,),
        idx=request.index,
        metadata=(entry.task, request.doc, 1),
        resps=[answer["text"] if generated else (answer["logprob"], answer["greedy"])],
    )


def _filter_of(entry: PackTask, filters: Mapping[str, Any]) -> str:
    """The filter under which the task's metric is taken: `none`, or its only one."""
    if FILTER not in filters and len(filters) != 1:
        raise InternalError(f"{entry.task}: filters {sorted(filters)}; expected one, or one of them named {FILTER}")
    return FILTER if FILTER in filters else next(iter(filters))


def _output(entry: PackTask, task: Any, doc: Mapping[str, Any], results: Sequence[Any]) -> str:
    """What was generated, or the choice that the metric takes for the answer."""
    if task.OUTPUT_TYPE != "multiple_choice":
        return str(results[0])
    choices = [str(one) for one in task.doc_to_choice(doc)]
    lengths = [len(one) if entry.metric == "acc_norm" else 1 for one in choices]
    weights = [float(answer[0]) / length for answer, length in zip(results, lengths, strict=False)]
    return choices[weights.index(max(weights))]


def _index(one: tuple[Request, Any]) -> int:
    return one[0].index
