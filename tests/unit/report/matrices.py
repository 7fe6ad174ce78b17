"""A matrix of the miniature with made-up records, as its cells' jobs would leave them."""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from cftray.data.scores import ItemScores, TaskScores
from cftray.evaluation.aggregate import metrics_of
from cftray.plan import Plan, StageNode, build_plan
from cftray.recipes import cells_of, matrix_from_document
from cftray.report.matrix import CellPlan
from cftray.spec import ExperimentSpec, label_of
from cftray.store import Record, Store
from tests.unit.plan.fakes import toy_pack

GR = {"kind": "generative_replay", "ratio": 0.1}
MATRIX: dict[str, Any] = {
    "name": "forgetting",
    "spec": {"recipe": "mini", "pair": "dissimilar", "analysis": ["des", "mpd", "representations"]},
    "axes": {"mitigation": [{"kind": "none"}, GR, {"kind": "lf_h1"}], "seed": [1, 2]},
    "cells": [{"pair": "similar"}],
}
TASKS = [("ta", "ifeval", "en"), ("ta", "mmlu", "en"), *(("la", "xquad", code) for code in ("de", "fr", "hi", "ru"))]
Rates = Mapping[str, Mapping[str, float]]
P1 = {"ta": 0.8, "la": 0.2}
P2: Rates = {"none": {"ta": 0.4, "la": 0.7}, "GR_10": {"ta": 0.7, "la": 0.7}, "LF_H1": {"ta": 0.4, "la": 0.4}}
SIMILAR = {"ta": 0.8, "la": 0.6}
DES = {"similar": 0.82, "dissimilar": 0.31}


def made_matrix(
    store: Store,
    document: Mapping[str, Any] = MATRIX,
    *,
    states: Mapping[tuple[str, int], str] | None = None,
    message: str = "out of memory",
    rates: Rates | None = None,
    skip: Collection[str] = (),
) -> list[CellPlan]:
    """The cells, all stages of those that succeeded recorded. `states` are of (row, seed) that did not,
    `rates` what items are passed at after a mitigation that is not among `P2`; stages
    of a name in `skip` are not recorded."""
    cells = []
    for number, cell in enumerate(cells_of(matrix_from_document(dict(document)))):
        plan = build_plan(cell.spec, lambda leaf: "0" * 64, toy_pack)
        state = (states or {}).get((cell.row, cell.spec.seeds[0]), "succeeded")
        experiment = f"exp_{number}"
        if state == "succeeded":
            record_all(store, cell.spec, plan, experiment, {**P2, **(rates or {})}, skip)
        cells.append(
            CellPlan(
                row=cell.row, experiment=experiment, spec=cell.spec, plan=plan, state=state,
                failed=state in ("failed", "cancelled"), message=message if state == "failed" else "",
            )
        )  # fmt: skip
    return cells


def record_all(
    store: Store, spec: ExperimentSpec, plan: Plan, experiment: str, rates: Rates = P2, skip: Collection[str] = ()
) -> None:
    """Record every stage that is not recorded yet."""
    for node in plan.stages:
        assert node.fingerprint is not None
        if node.name in skip or store.record(node.fingerprint) is not None:
            continue
        folder = store.attempt_folder(node.fingerprint, 1)
        folder.mkdir(parents=True)
        made = _made(node, spec, folder, rates)
        outputs = {name: store.describe(node.fingerprint, path) for name, path in made.pop("outputs", {}).items()}
        record = {
            "fingerprint": node.fingerprint, "kind": str(node.kind), "title": node.title, "config": {}, "inputs": {},
            "outputs": outputs, "metrics": {}, "details": {}, "execution": {}, "experiment": experiment, "attempt": 1,
            "provenance": {"python": "3.11", "packages": {"torch": "2.13"}}, "seconds": 60.0,
            "started_at": "2026-01-02T03:04:05+00:00", "finished_at": "2026-01-02T03:05:05+00:00",
        }  # fmt: skip
        store.write_record(Record.model_validate(record | made))


def _made(node: StageNode, spec: ExperimentSpec, folder: Path, rates: Rates) -> dict[str, Any]:
    assert spec.phase1.train is not None
    pair = "similar" if "alpaca" in spec.phase1.train.data.source else "dissimilar"
    made: dict[str, Any]
    match node.kind.value:
        case "evaluate":
            second = SIMILAR if pair == "similar" else rates[label_of(spec.phase2.mitigation)]
            scores = _scores(P1 if ".p1" in node.name else second, spec.seeds[0])
            scores.write(folder / "scores.json.gz")
            made = {"outputs": {"scores": folder / "scores.json.gz"}, "metrics": metrics_of([scores])}
        case "train":
            chance = random.Random(node.fingerprint)
            lines = [{"step": n, "loss": 0.4 + 3 / (1 + n / 20) + chance.gauss(0, 0.05)} for n in range(1, 301)]
            (folder / "curve.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n")
            (folder / "model").mkdir()
            (folder / "model" / "config.json").write_text("{}")
            made = {"outputs": {"curve": folder / "curve.jsonl", "model": folder / "model"}, "seconds": 600.0}
        case "tokenize":
            codes = ["en"] if ".p1" in node.name else ["de", "es", "fr", "id", "ru"]
            part = {"samples": 600, "tokens": 21_000, "supervised_tokens": 5_400}
            made = {"details": {"composition": dict.fromkeys(codes, part)}}
        case "des":
            value = DES[pair]
            metrics = {"des": value, "des/low": value - 0.04, "des/high": value + 0.04, "truncated/d1": 0.0}
            made = {"metrics": metrics, "details": {"samples": 500, "pairs": []}}
        case "mpd":
            value = 1.3 if pair == "similar" else 1.6
            chance = random.Random(node.fingerprint)
            made = {"metrics": {"mpd": value + chance.gauss(0, 0.01), "tensors": 20.0}}
        case "representations":
            (folder / "result.json").write_text(json.dumps(_representations(node.fingerprint)))
            metrics = {"covariance_difference": 3.2, "layer_difference_relative_mean": 0.4, "prompts": 80.0}
            made = {"outputs": {"result": folder / "result.json"}, "metrics": metrics}
        case "mix":
            part = {"samples": 600, "tokens": 21_000, "supervised_tokens": 5_400}
            share = dict.fromkeys(
                ("replay_share_of_samples", "replay_share_of_tokens", "replay_share_of_supervised_tokens"), 0.1
            )
            made = {
                "details": {"composition": {"de": part}, "replay": {"en": part}},
                "metrics": {"replay_samples": 240.0, "replay_needed": 240.0} | share,
            }
        case _:
            made = {"seconds": 0.6}
    return made


def _scores(rates: Mapping[str, float], seed: int, n: int = 80) -> ItemScores:
    tasks = []
    for suite, benchmark, language in TASKS:
        task = benchmark if suite == "ta" else f"{benchmark}_{language}"
        luck = [random.Random(f"{task}/{item}").random() for item in range(n)]
        shift = random.Random(f"{seed}/{rates[suite]}/{task}").uniform(-0.03, 0.03)
        tasks.append(
            TaskScores(
                task=task, suite=suite, benchmark=benchmark, language=language, metric="acc",
                items=tuple(f"i{item}" for item in range(n)),
                scores=tuple(float(one < rates[suite] + shift) for one in luck),
            )
        )  # fmt: skip
    return ItemScores(tasks=tuple(tasks))


def _representations(name: str | None) -> dict[str, Any]:
    chance = random.Random(name)
    layers = [
        {
            "layer": layer, "variance": (1.0, 1.1),
            "difference": {"norm": layer * size, "low": 0.8 * layer * size, "high": 1.2 * layer * size,
                           "relative": 0.1 * layer, "spectral": 1.0, "drift": 0.2},
        }
        for layer in range(1, 5)
        for size in [chance.uniform(0.5, 2)]
    ]  # fmt: skip
    return {
        "labels": ("P1", "P2"), "prompts": 80, "tokens": 900, "cut": 0, "layers": 4, "width": 8, "perplexity": 1.0,
        "points": [[(chance.random(), chance.random()) for _ in range(4)] for _ in range(2)],
        "whole": {"frobenius": 3.2, "spectral": 2.0, "relative": 0.3},
        "by_layer": [{"layer": 0, "variance": (1.0, 1.0), "difference": None}, *layers],
    }  # fmt: skip
