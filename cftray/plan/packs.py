"""Task packs as a plan sees them: which tasks there are, what they read, and the digest of it all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cftray.plan.stages import Leaf
from cftray.spec.evaluation import EvaluationSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class PackTask:
    """One lm-eval task.

    - `metric` stands in the tables; `paper_metric` is the one that the paper's printed figures fit, where that is
      another, and `metrics` are further ones that are kept for each item
    - `chat` tasks are prompted through the template, the others scored raw
    - `source` is the benchmark whose files it reads (a field of the spec's `evaluation.data`); null: a file beside
      its YAML
    - a `judged` task only gives outputs: a judge scores them in a stage of its own
    - a task that is not `counted` has a score of its own and is no part of any mean
    """

    task: str
    suite: Literal["ta", "la"]
    benchmark: str
    language: str
    metric: str
    chat: bool
    paper_metric: str | None = None
    metrics: tuple[str, ...] = ()
    source: str | None = None
    judged: bool = False
    counted: bool = True

    @property
    def kept(self) -> tuple[str, ...]:
        """Every metric that is kept for an item, each once, `metric` first."""
        more = () if self.paper_metric is None else (self.paper_metric,)
        return tuple(dict.fromkeys((self.metric, *more, *self.metrics)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """lm-eval tasks and what they stand for. `digest` covers task files, the data beside them, and what scores them.

    `hub` has the set of the hub that a benchmark is read from where no files are given. `include_path` is the folder
    of the tasks' YAML files. `task_digests` cover a single task, where the pack tells its tasks' code apart.
    """

    name: str
    version: int
    digest: str
    tasks: tuple[PackTask, ...]
    include_path: Path
    hub: Mapping[str, Leaf] = field(default_factory=dict)
    task_digests: Mapping[str, str] = field(default_factory=dict)

    def task_digest(self, task: str) -> str:
        """The digest of what decides a task's items and scores, the whole pack's where it has none of its own."""
        return self.task_digests.get(task, self.digest)

    def of_suites(self, suites: Collection[str]) -> tuple[PackTask, ...]:
        """The pack's tasks that belong to one of `suites`, in the pack's order."""
        return tuple(task for task in self.tasks if task.suite in suites)

    def asked(
        self,
        suites: Collection[str],
        benchmarks: Collection[str] | None = None,
        languages: Collection[str] | None = None,
    ) -> tuple[PackTask, ...]:
        """Its tasks of `suites`, of `benchmarks` where given; of `la` those in `languages` where given."""
        return tuple(
            task
            for task in self.of_suites(suites)
            if (benchmarks is None or task.benchmark in benchmarks)
            and (languages is None or task.suite != "la" or task.language in languages)
        )

    def asked_by(self, evaluation: EvaluationSpec) -> tuple[PackTask, ...]:
        """The tasks that a spec asks for."""
        return self.asked(evaluation.suites, evaluation.benchmarks, evaluation.languages)
