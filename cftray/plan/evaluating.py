"""The stages that score models, and those that look at benchmarks before.

    tokenizer, benchmarks' files ── requests ─┬─ evaluate P1 ─┬─ judge P1 ── gate
                                              │               └─ noise floor
                                              └─ evaluate P2 ─── judge P2

Requests are made once for all models that are prompted alike. The noise floor scores P1 again in smaller batches. A
gate reads P1's scores; what stands behind it is left out where it is closed.

A judge is somebody else's service: where no gate waits for it, it is asked after everything else, so that its failure
costs nothing but its own scores.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from cftray.errors import InternalError
from cftray.plan.data_stages import ContaminationConfig
from cftray.plan.nodes import Nodes, Source
from cftray.plan.packs import Pack, PackTask
from cftray.plan.stages import (
    EvaluateConfig,
    GateConfig,
    JudgeConfig,
    Leaf,
    LeafInput,
    LeafKind,
    RequestsConfig,
    StageInput,
)
from cftray.spec.endpoint import EndpointModel
from cftray.spec.evaluation import Condition, EvaluationSpec
from cftray.spec.hyperparameters import Precision
from cftray.spec.judging import PROMPT_DIGESTS
from cftray.spec.template import Template

Packs = Callable[[str], Pack]
"""A task pack by its name."""


NOISE = 8
"""How many times smaller the batches of the noise floor are: batches of short sequences hold four times their size, and
half of that would leave many a task in one batch as before."""


class Scored(NamedTuple):
    """Names of the stages that scored one model; those that it did not need are null."""

    scores: str
    judged: str | None
    noise: str | None


class Evaluations:
    """Adds the stages of one evaluation spec to `nodes`."""

    def __init__(self, nodes: Nodes, evaluation: EvaluationSpec, template: Template, packs: Packs) -> None:
        self.nodes = nodes
        self.asked = evaluation
        self.template = template
        self.pack = packs(str(evaluation.pack))
        self.tasks: tuple[PackTask, ...] = self.pack.asked_by(evaluation)
        self._later: list[Callable[[], None]] = []

    def add(
        self,
        key: str,
        title: str,
        model: Source,
        tokenizer: LeafInput,
        precision: Precision,
        *,
        noise: bool = False,
        judge_now: bool = False,
    ) -> Scored:
        """Score `model`. `key` names the stages: `evaluate.{key}`. A judge is asked at the end unless `judge_now`."""
        files = self._files()
        name = f"evaluate.{key}"
        scores = self._evaluate(name, title, model, tokenizer, precision, self.asked.batch_size, files)
        again: str | None = None
        if noise and self.asked.noise_floor:
            smaller = max(1, self.asked.batch_size // NOISE)
            again = self._evaluate(
                f"{name}.noise", f"noise floor: {title} again", model, tokenizer, precision, smaller, files
            )
        judged = self._judge(key, title, scores, files)
        if judged is not None and judge_now:
            judged()
        elif judged is not None:
            self._later.append(judged)
        return Scored(scores, None if judged is None else f"judge.{key}", again)

    def finish(self) -> None:
        """Add what comes after everything else."""
        for judged in self._later:
            judged()
        self._later.clear()

    def gate(self, seed: int, conditions: tuple[Condition, ...], scored: Scored) -> str:
        """The decision on P1's scores."""
        inputs: dict[str, Source] = {"scores": StageInput(stage=scored.scores, output="scores")}
        if scored.judged is not None:
            inputs["judged"] = StageInput(stage=scored.judged, output="scores")
        title = self.nodes.title("gate: P1 good enough for phase 2", seed)
        return self.nodes.add(f"gate.s{seed}", title, GateConfig(conditions=conditions), inputs)

    def contamination(self, phase: Literal[1, 2], rows: Source) -> None:
        """Told before the phase is trained; refuses nothing."""
        if not self.asked.contamination:
            return
        config = ContaminationConfig(
            suites=self.asked.suites,
            benchmarks=self.asked.benchmarks,
            languages=self.asked.languages,
            pack=self.asked.pack,
            pack_digest=self.pack.digest,
            limit=self.asked.limit,
        )
        title = f"benchmarks' items in the data of phase {phase}"
        self.nodes.add(f"contamination.p{phase}", title, config, {"rows": rows, **self._files()})

    def _evaluate(
        self,
        name: str,
        title: str,
        model: Source,
        tokenizer: LeafInput,
        precision: Precision,
        batch_size: int,
        files: dict[str, Source],
    ) -> str:
        requests = self._requests(tokenizer, batch_size, files)
        config = EvaluateConfig(
            suites=self.asked.suites,
            benchmarks=self.asked.benchmarks,
            languages=self.asked.languages,
            pack=self.asked.pack,
            pack_digest=self.pack.digest,
            limit=self.asked.limit,
            template=self.template,
            precision=precision,
        )
        inputs = {"model": model, "tokenizer": tokenizer, "requests": StageInput(stage=requests), **files}
        return self.nodes.add(name, title, config, inputs)

    def _requests(self, tokenizer: LeafInput, batch_size: int, files: dict[str, Source]) -> str:
        config = RequestsConfig(
            suites=self.asked.suites,
            benchmarks=self.asked.benchmarks,
            languages=self.asked.languages,
            pack=self.asked.pack,
            pack_digest=self.pack.digest,
            batch_size=batch_size,
            limit=self.asked.limit,
            template=self.template,
        )
        smaller = batch_size != self.asked.batch_size
        name, title = ("requests.noise", "benchmarks' prompts in smaller batches") if smaller else (
            "requests",
            "benchmarks' prompts",
        )
        return self.nodes.add(name, title, config, {"tokenizer": tokenizer, **files})

    def _judge(self, key: str, title: str, scores: str, files: dict[str, Source]) -> Callable[[], None] | None:
        """What adds the stage of the judge, where there is one and something to judge."""
        judge, gate = self.asked.judge, self.nodes.gate
        judged = [task for task in self.tasks if task.judged]
        if judge is None or not judged:
            return None
        source = judged[0].source
        if source is None:
            raise InternalError(f"{judged[0].task}: a judged task without files has no reference to be judged against")
        config = JudgeConfig(
            judge=EndpointModel(endpoint=judge.endpoint, model=judge.model),
            prompt=judge.prompt,
            prompt_sha256=PROMPT_DIGESTS[judge.prompt],
            max_tokens=judge.max_tokens,
            pack=self.asked.pack,
            pack_digest=self.pack.digest,
            limit=self.asked.limit,
        )
        inputs: dict[str, Source] = {"items": StageInput(stage=scores), "reference": files[source]}

        def add() -> None:
            before, self.nodes.gate = self.nodes.gate, gate
            self.nodes.add(f"judge.{key}", f"{title}: judged", config, inputs)
            self.nodes.gate = before

        return add

    def _files(self) -> dict[str, Source]:
        """The files of each benchmark that is asked for and does not come with the pack."""
        sources = dict.fromkeys(task.source for task in self.tasks if task.source is not None)
        return {source: self.nodes.leaf(benchmark_leaf(self.pack, self.asked, source)) for source in sources}


def benchmark_leaf(pack: Pack, evaluation: EvaluationSpec, benchmark: str) -> Leaf:
    """Where a benchmark is read from: the files that the spec gives, or the pack's set of the hub. Names of files
    count, since they tell languages and splits."""
    location = evaluation.data.of(benchmark)
    if location is not None:
        return Leaf(kind=LeafKind.FILES, location=location, named=True)
    if benchmark not in pack.hub:
        raise InternalError(f"task pack {pack.name} has no set of the hub for {benchmark}")
    return pack.hub[benchmark]
