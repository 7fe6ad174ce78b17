"""The stage that scores a model: requests, made before, are answered by a pool of actors, and the answers scored.

A task of the same model that was scored before, for whichever experiment, is taken from the parts. Batches of all
other tasks are pooled, the largest first. Answers depend neither on the number of actors nor on interruptions:
batches are the requests', and a batch is answered whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cftray.data.scores import ItemScores
from cftray.errors import InternalError, OutOfMemory
from cftray.evaluation import packs
from cftray.evaluation.aggregate import metrics_of
from cftray.evaluation.answering import answerer
from cftray.evaluation.answers import pooled, read_starts, take_over
from cftray.evaluation.parts import is_there, key_of, part_folder
from cftray.evaluation.progress import Watch
from cftray.evaluation.requests import AskedTask, Manifest
from cftray.evaluation.scoring import ITEMS_FILE, SCORES_FILE, score
from cftray.plan.packs import Pack, PackTask
from cftray.plan.stages import EvaluateConfig
from cftray.stage import Artifact, StageContext

ON_CPU = 2
"""Actors at most where there is no accelerator and nobody says how many."""


def run(config: EvaluateConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Inputs: `model`, the folder to score; `requests`; `tokenizer` and benchmarks' files, with which they were made.

    Outputs: `items`, a Parquet file of every item (see `items`), and `scores`, the main metric of each in brief.
    Raises ModelError where model and requests don't fit, Cancelled when asked to stop, InternalError where the
    pack is not the one that was planned.
    """
    context.raise_if_stopped()
    pack = packs.find_planned(config.pack, config.pack_digest)
    return Evaluation(pack, config, inputs, context).artifact()


class Evaluation:
    """One attempt at scoring one model."""

    def __init__(
        self, pack: Pack, config: EvaluateConfig, inputs: Mapping[str, Path], context: StageContext
    ) -> None:
        self.pack, self.config, self.context = pack, config, context
        self.folder = context.folder.absolute()
        self.inputs = {name: str(path.absolute()) for name, path in inputs.items()}
        self.manifest = Manifest.read(inputs["requests"])
        self.wanted = pack.asked(config.suites, config.benchmarks, config.languages)
        if [one.task for one in self.manifest.tasks] != [one.task for one in self.wanted]:
            raise InternalError("the requests are not those of the tasks to be scored; plan the experiment anew")
        self.parts = self._parts()

    def artifact(self) -> Artifact:
        """Answer what is not answered, score what is not scored."""
        missing = [one for one in self.manifest.tasks if not is_there(self.parts[one.task])]
        known = len(self.manifest.tasks) - len(missing)
        if known:
            self.context.note(f"{known} of {len(self.manifest.tasks)} tasks evaluated before")
        actors = self._answer(missing)
        self.context.raise_if_stopped()
        found: dict[str, Any] = self.context.workers.call(
            score, self._request({"parts": {name: str(path) for name, path in self.parts.items()}}),
            accelerator=None, name="score",
        )  # fmt: skip
        scores = ItemScores.read(self.folder / SCORES_FILE)
        return Artifact(
            outputs={"items": self.context.folder / ITEMS_FILE, "scores": self.context.folder / SCORES_FILE},
            metrics=metrics_of([scores]),
            details=self._details(found, known, actors),
            lacking=tuple(found["lacking"]),
        )

    def _parts(self) -> dict[str, Path]:
        """Where each task's part lies, or will: in this attempt's folder where nobody says which model it is."""
        model = self.context.digests.get("model")
        kept = self.context.parts if model and self.context.parts else self.folder / "parts"
        return {
            entry.task: part_folder(kept.absolute(), self._key(entry, asked, model or ""))
            for entry, asked in zip(self.wanted, self.manifest.tasks, strict=True)
        }

    def _key(self, entry: PackTask, asked: AskedTask, model: str) -> str:
        return key_of(self.pack, entry, asked, model=model, precision=str(self.config.precision))

    def _answer(self, missing: Sequence[AskedTask]) -> int:
        """Have all batches of `missing` tasks answered; gives the number of actors."""
        batches = pooled(missing)
        left = take_over(self.folder, self.context.earlier, batches)
        if len(left) < len(batches):
            self.context.note(f"{len(batches) - len(left)} of {len(batches)} batches were answered before")
        if not left:
            return 0
        actors = max(1, min(self._actors(), len(left)))
        with Watch(self.folder, batches, self.context.report), self._out_of_memory_in_words():
            self.context.workers.map(
                answerer,
                self._request(
                    {
                        "model_dir": self.inputs["model"],
                        "tokenizer_dir": self.inputs["tokenizer"],
                        "requests": self.inputs["requests"],
                        "precision": str(self.config.precision),
                    }
                ),
                [{"task": one.asked.task, "number": one.number} for one in left],
                actors=actors,
                accelerator=self.context.execution.accelerator,
                name="evaluate",
            )
        return actors

    @contextmanager
    def _out_of_memory_in_words(self) -> Iterator[None]:
        try:
            yield
        except OutOfMemory as error:
            size = self.manifest.batch_size
            raise OutOfMemory(
                f"an actor ran out of memory over batches of {size} sequences; lower evaluation.batch_size (it is part "
                f"of what scores are compared by), or take larger workers. {error.message}"
            ) from error

    def _actors(self) -> int:
        execution = self.context.execution
        if execution.workers is not None:
            return execution.workers
        free = self.context.workers.available(execution.accelerator)
        return free if execution.accelerator else min(ON_CPU, free)

    def _request(self, more: Mapping[str, Any]) -> dict[str, Any]:
        """What a worker is told; paths are on the file system that all nodes share."""
        return {
            "config": self.config.model_dump(mode="json"),
            "inputs": self.inputs,
            "folder": str(self.folder),
            "stop": str(self.context.stop.absolute()),
            **more,
        }

    def _details(self, found: Mapping[str, Any], known: int, actors: int) -> dict[str, Any]:
        starts = read_starts(self.folder)
        facts = {name: starts[0][name] for name in ("device", "threads", "versions")} if starts else {}
        start = {f"actor_{name}": max(one["seconds"][name] for one in starts) for name in ("imports", "model")} if (
            starts
        ) else {}
        return {
            "tasks": found["tasks"],
            "metrics": found["metrics"],
            "seconds": {name: round(value, 3) for name, value in {**start, **found["seconds"]}.items()},
            **facts,
            "actors": actors,
            "tasks_before": known,
            "batch_size": self.manifest.batch_size,
            "precision": str(self.config.precision),
            "template_sha256": self.manifest.template_sha256,
            "pack": {"name": self.pack.name, "version": self.pack.version, "digest": self.pack.digest},
        }
