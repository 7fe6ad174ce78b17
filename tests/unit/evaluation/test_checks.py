"""What is refused of an evaluation and of a gate before anything is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cftray.errors import InternalError
from cftray.evaluation.checks import evaluation_faults
from cftray.evaluation.packs import find_pack
from cftray.plan import Leaf, LeafKind, Pack, PackTask
from cftray.spec import evaluation_from_document, experiment_from_document

HYPERPARAMETERS = {"learning_rate": 1e-3, "epochs": 1, "global_batch": 4, "max_length": 64}


def task(suite: str, benchmark: str, language: str = "en", **more: Any) -> PackTask:
    return PackTask(
        task=f"{benchmark}_{language}", suite=suite, benchmark=benchmark, language=language, metric="m", chat=True,
        **more,
    )  # fmt: skip


TASKS = (
    task("ta", "alpaca_eval", judged=True, source="alpaca_eval"),
    task("ta", "mmlu", source="mmlu", paper_metric="n"),
    task("la", "mlqa", "de", source="mlqa"),
    task("la", "mlqa", "es", source="mlqa"),
    task("la", "xquad", "fr", source="xquad"),
)
HUB = {name: Leaf(kind=LeafKind.HUB_SET, location=f"team/{name}") for name in ("alpaca_eval", "mmlu", "mlqa")}
JUDGE = {"endpoint": "judge", "model": "any"}


def pack(name: str) -> Pack:
    """A pack that reads files and needs a judge, in the place of `paper`; the miniature's is the real one."""
    if name == "mini":
        return find_pack(name)
    return Pack(name=name, version=1, digest="d", tasks=TASKS, include_path=Path(), hub=HUB)


def told(evaluation: dict[str, Any], *scores: str) -> dict[str, str]:
    data = {"mini": "alpaca-mini", "samples": 100}
    spec = experiment_from_document(
        {
            "name": "gated",
            "base": "mini:base",
            "phase1": {"train": {"data": data, "hyperparameters": HYPERPARAMETERS}},
            "phase2": {"data": data, "hyperparameters": HYPERPARAMETERS},
            "evaluation": evaluation,
            "gate": [{"score": score, "at_least": 0.5} for score in scores],
        }
    )
    return {f"{fault.path}: {fault.given}": fault.expected for fault in evaluation_faults(spec, pack)}


FILES = {"xquad": "/data/xquad/*.json"}


def paper(**changes: Any) -> dict[str, Any]:
    return {"pack": "paper", "data": FILES} | changes


@pytest.mark.parametrize(
    ("evaluation", "scores"),
    [
        ({}, ("ta", "ta/alpaca_eval", "la/xquad/de")),
        ({"languages": ["de", "fr"]}, ("la/asked", "la/mlqa/asked", "la/xquad/fr")),
        ({"suites": ["la"], "benchmarks": ["mlqa"], "languages": ["es"]}, ("la/mlqa/es",)),
        (paper(), ("ta/mmlu", "paper/ta/mmlu", "la", "la/mlqa/es")),
        (paper(judge=JUDGE), ("ta", "paper/ta", "ta/alpaca_eval")),
        (paper(data={}, benchmarks=["mmlu", "mlqa"]), ("ta/mmlu",)),
    ],
)
def test_what_can_be_evaluated_is_accepted(evaluation: dict[str, Any], scores: tuple[str, ...]) -> None:
    assert told(evaluation, *scores) == {}


@pytest.mark.parametrize(
    ("evaluation", "scores", "place", "said"),
    [
        ({"suites": ["la"]}, ["ta"], "gate[0].score: ta", "a suite that is evaluated (la)"),
        ({}, ["ta", "la/xquat"], "gate[1].score: la/xquat", "did you mean la/xquad?"),
        ({"languages": ["de"]}, ["la"], "gate[0].score: la", "la/asked"),
        ({"benchmarks": ["mmlu", "xquad"]}, ["ta"], "gate[0].score: ta", "ta/mmlu"),
        (paper(), ["ta"], "gate[0].score: ta", "evaluation.judge, which it needs"),
        (paper(), ["ta/alpaca_eval"], "gate[0].score: ta/alpaca_eval", "evaluation.judge"),
        ({"benchmarks": ["mmlu"]}, [], "evaluation.benchmarks: mmlu", "one of the suite la too (mlqa, xquad, xlsum)"),
        ({"suites": ["la"], "benchmarks": ["mmlu", "mlqa"]}, [], "evaluation.benchmarks: mmlu", "a benchmark of la"),
        (paper(benchmarks=["mmlu", "xlsum"]), [], "evaluation.benchmarks: xlsum", "in the pack paper"),
        ({"languages": ["ja"]}, [], "evaluation.languages: ja", "(de, es, fr, id, ru)"),
        ({"suites": ["ta"], "languages": ["de"]}, [], "evaluation.languages: de", "null"),
        (paper(benchmarks=["mmlu", "mlqa", "xquad"], languages=["de"]), [], "evaluation.languages: de", "xquad's too"),
        ({"data": FILES}, [], "evaluation.data.xquad: /data/xquad/*.json", "come with the pack mini"),
        ({"pack": "paper"}, [], "evaluation.data.xquad: null", "knows no set of the hub"),
        ({"judge": JUDGE}, [], "evaluation.judge: judge", "scores every benchmark itself"),
        ({"noise_floor": True, "batch_size": 1}, [], "evaluation.noise_floor: true", "2 or more"),
    ],
)
def test_what_can_not_is_refused_with_what_can(
    evaluation: dict[str, Any], scores: list[str], place: str, said: str
) -> None:
    faults = told(evaluation, *scores)
    assert place in faults
    assert said in faults[place]


def test_all_faults_are_told_at_once() -> None:
    assert len(told({"languages": ["ja"], "data": FILES, "judge": JUDGE}, "la/ja", "ta/x")) == 5


def test_a_pack_that_is_not_there_is_a_fault_of_the_spec() -> None:
    def none(name: str) -> Pack:
        raise InternalError(f"task pack {name}: not known")

    [fault] = evaluation_faults(evaluation_from_document({"name": "e", "model": "mini:base"}), none)
    assert (fault.path, fault.given) == ("evaluation.pack", "mini")
