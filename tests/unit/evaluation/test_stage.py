"""A toy model scored by the stage, its workers in this process."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cftray.data.scores import ItemScores
from cftray.errors import Cancelled, InternalError, ModelError
from cftray.evaluation.answers import FOLDER
from cftray.evaluation.paper.metrics.following import LACKED
from cftray.evaluation.requests import Manifest
from cftray.plan.packs import Pack
from cftray.stage import Artifact

from .conftest import OTHER_TEMPLATE, TEMPLATE, Bench, InProcess, save_model


def rows(artifact: Artifact) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(artifact.outputs["items"]).to_pylist()
    return found


def brief(artifact: Artifact) -> bytes:
    return artifact.outputs["scores"].read_bytes()


def figures(artifact: Artifact) -> dict[str, dict[str, Any]]:
    """The table of tasks without timings."""
    return {one["task"]: {k: v for k, v in one.items() if k != "seconds"} for one in artifact.details["tasks"]}


def test_every_item_of_every_task_has_a_row(first: Artifact) -> None:
    assert {name: one["n"] for name, one in figures(first).items()} == {
        "toy_follow": 11, "toy_choose": 9, "toy_read_de": 7, "toy_read_fr": 7,
    }  # fmt: skip
    for name, one in figures(first).items():
        mine = [row for row in rows(first) if row["task"] == name]
        assert len({row["item"] for row in mine}) == one["n"]
        assert sum(row["score"] for row in mine) / one["n"] == pytest.approx(one["score"])
        assert sum(row["truncated"] for row in mine) == one["truncated"]


def test_scores_are_those_of_lm_evals_own_evaluator(first: Artifact, pack: Pack, p1: Path) -> None:
    theirs = lm_evals_own(pack, p1)
    for name, own in first.details["metrics"].items():
        for metric, one in own.items():
            assert one["value"] == pytest.approx(theirs[name][f"{metric},none"]), (name, metric)
            assert one["stderr"] == pytest.approx(theirs[name][f"{metric}_stderr,none"]), (name, metric)
    assert set(first.details["metrics"]["toy_choose"]) == {"acc", "acc_norm"}


def lm_evals_own(pack: Pack, model: Path) -> Mapping[str, Mapping[str, float]]:
    """What `lm_eval.simple_evaluate` says of the same tasks, chat and raw tasks in calls of their own."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    found: dict[str, Mapping[str, float]] = {}
    for chat in (True, False):
        beginning = {"add_bos_token": False} if chat else {}
        result = lm_eval.simple_evaluate(
            model="hf", model_args={"pretrained": str(model), "dtype": "float32", **beginning},
            tasks=[task.task for task in pack.tasks if task.chat is chat], batch_size=4, device="cpu",
            task_manager=TaskManager(include_path=str(pack.include_path), include_defaults=False),
            apply_chat_template=chat, bootstrap_iters=10,
        )  # fmt: skip
        found |= result["results"]
    return found


def test_the_brief_form_agrees_with_the_items(first: Artifact) -> None:
    scores = ItemScores.read(first.outputs["scores"])
    flat = [(t.task, item, score) for t in scores.tasks for item, score in zip(t.items, t.scores, strict=True)]
    assert flat == [(row["task"], row["item"], row["score"]) for row in rows(first)]
    accuracy = [row["metric:acc"] for row in rows(first) if row["task"] == "toy_choose"]
    assert list(scores.tasks[1].others["acc"]) == accuracy
    assert [part.task for part in scores.expected] == [task.task for task in scores.tasks]


def test_means_with_the_papers_metric_beside_ours(bench: Bench, pack: Pack, p1: Path, asked: Path) -> None:
    tasks = tuple(replace(one, paper_metric="acc") if one.task == "toy_choose" else one for one in pack.tasks)
    found = bench.scores(replace(pack, tasks=tasks), p1, p1, asked)
    assert found.metrics["ta/mmlu"] == found.details["metrics"]["toy_choose"]["acc_norm"]["value"]
    assert found.metrics["paper/ta/mmlu"] == found.details["metrics"]["toy_choose"]["acc"]["value"]
    assert found.metrics["la/n"] == 14


def test_two_actors_score_as_one_does(first: Artifact, bench: Bench, pack: Pack, p1: Path, asked: Path) -> None:
    two = bench.scores(pack, p1, p1, asked, actors=2)
    assert two.details["actors"] == 2
    assert (brief(two), rows(two), figures(two)) == (brief(first), rows(first), figures(first))


def test_what_was_cut_goes_on_with_the_batches_that_are_left(
    first: Artifact, bench: Bench, pack: Pack, p1: Path, asked: Path
) -> None:
    with pytest.raises(RuntimeError, match="went away"):
        bench.scores(pack, p1, p1, asked, workers=InProcess(fails=5))
    workers = InProcess()
    again = bench.scores(pack, p1, p1, asked, workers=workers, earlier=[bench.root / "attempt0"])
    batches = sum(len(task.batches) for task in Manifest.read(asked).tasks)
    assert len(workers.handled) == batches - 5
    assert f"5 of {batches} batches were answered before" in bench.notes
    assert (brief(again), rows(again), figures(again)) == (brief(first), rows(first), figures(first))
    assert (bench.told[-1].step, bench.told[-1].total) == (52, 52)


def test_answers_to_other_requests_are_not_taken_over(bench: Bench, pack: Pack, p1: Path, asked: Path) -> None:
    bench.scores(pack, p1, p1, asked)
    other = bench.requests(pack, p1, batch_size=2).outputs["requests"]
    workers = InProcess()
    bench.scores(pack, p1, p1, other, workers=workers, earlier=[bench.root / "attempt0"])
    assert len(workers.handled) == sum(len(task.batches) for task in Manifest.read(other).tasks)


def test_the_largest_batches_come_first_whichever_task_they_are_of(
    bench: Bench, pack: Pack, p1: Path, asked: Path
) -> None:
    workers, manifest = InProcess(), Manifest.read(asked)
    bench.scores(pack, p1, p1, asked, workers=workers)
    tokens = [manifest.task(one["task"]).tokens(one["number"]) for one in workers.handled]
    assert tokens == sorted(tokens, reverse=True)


def test_a_task_of_the_same_model_is_never_scored_again(
    first: Artifact, bench: Bench, pack: Pack, p1: Path, asked: Path, tmp_path: Path
) -> None:
    parts = tmp_path / "parts"
    alone = bench.requests(pack, p1, suites=["la"], languages=["de"]).outputs["requests"]
    bench.scores(pack, p1, p1, alone, parts=parts, suites=["la"], languages=["de"])
    workers = InProcess()
    whole = bench.scores(pack, p1, p1, asked, parts=parts, workers=workers)
    assert {one["task"] for one in workers.handled} == {"toy_follow", "toy_choose", "toy_read_fr"}
    assert bench.notes == ["1 of 4 tasks evaluated before"]
    assert (brief(whole), rows(whole), figures(whole)) == (brief(first), rows(first), figures(first))
    none = InProcess()
    again = bench.scores(pack, p1, p1, asked, parts=parts, workers=none)
    assert (none.handled, brief(again)) == ([], brief(first))


def test_another_model_or_precision_is_scored_anew(
    bench: Bench, pack: Pack, p1: Path, asked: Path, tmp_path: Path
) -> None:
    parts = tmp_path / "parts"
    for changes in ({}, {"digest": "other"}, {"precision": "bf16"}):
        workers = InProcess()
        bench.scores(pack, p1, p1, asked, parts=parts, workers=workers, **changes)
        assert {one["task"] for one in workers.handled} == {task.task for task in pack.tasks}


def test_a_task_whose_own_code_stayed_is_not_scored_again_for_another_digest_of_the_pack(
    bench: Bench, pack: Pack, p1: Path, asked: Path, tmp_path: Path
) -> None:
    parts, own = tmp_path / "parts", {"toy_follow": "f", "toy_choose": "c"}
    bench.scores(replace(pack, task_digests=own), p1, p1, asked, parts=parts)
    workers, changed = InProcess(), replace(pack, digest="e", task_digests=own)
    bench.scores(changed, p1, p1, asked, parts=parts, workers=workers, pack_digest="e")
    assert {one["task"] for one in workers.handled} == {"toy_read_de", "toy_read_fr"}


def test_a_mean_over_some_languages_says_so(bench: Bench, pack: Pack, p1: Path) -> None:
    german = bench.requests(pack, p1, suites=["la"], languages=["de"]).outputs["requests"]
    metrics = bench.scores(pack, p1, p1, german, suites=["la"], languages=["de"]).metrics
    assert "la/xquad/asked" in metrics
    assert "la/xquad" not in metrics


def test_p2_is_asked_as_p1_is(first: Artifact, bench: Bench, pack: Pack, p1: Path, p2: Path, asked: Path) -> None:
    second = bench.scores(pack, p2, p1, asked, digest="p2")
    assert [row["prompt_sha256"] for row in rows(second)] == [row["prompt_sha256"] for row in rows(first)]
    assert figures(second) != figures(first)
    assert (p2 / "chat_template.jinja").read_text() == OTHER_TEMPLATE != TEMPLATE


def test_answers_that_only_length_ended_are_counted(first: Artifact) -> None:
    cut = [row for row in rows(first) if row["truncated"]]
    assert 0 < len(cut) < len(rows(first))
    assert all("w7" not in row["output"].split() for row in rows(first))


def test_items_that_cannot_be_scored_take_the_score_along(bench: Bench, odd_pack: Pack, p1: Path) -> None:
    requests = bench.requests(odd_pack, p1).outputs["requests"]
    odd = bench.scores(odd_pack, p1, p1, requests)
    by_item = {row["item"]: row for row in rows(odd) if row["task"] == "toy_rules"}
    assert (by_item["q3"]["score"], by_item["q3"]["unscored"]) == (None, "its checker is missing")
    assert by_item["q2"]["score"] is not None
    assert "ta/ifeval" not in odd.metrics
    assert odd.metrics["ta/ifeval/of_scored/n"] == 5
    assert figures(odd)["toy_rules"]["score"] is None
    assert figures(odd)["toy_rules"]["unscored"] == 1


def test_what_lacked_something_is_not_found_again(
    bench: Bench, odd_pack: Pack, p1: Path, tmp_path: Path
) -> None:
    requests, parts = bench.requests(odd_pack, p1).outputs["requests"], tmp_path / "parts"
    bench.scores(odd_pack, p1, p1, requests, parts=parts)
    again = InProcess()
    bench.scores(odd_pack, p1, p1, requests, parts=parts, workers=again)
    assert {one["task"] for one in again.handled} == {"toy_rules"}


def test_what_was_not_there_is_named_and_the_next_attempt_only_scores_again(
    bench: Bench, odd_pack: Pack, p1: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = bench.requests(odd_pack, p1).outputs["requests"]
    assert bench.scores(odd_pack, p1, p1, requests).lacking == ()
    monkeypatch.setitem(LACKED, "its checker is missing", "toy:checker")
    workers = InProcess()
    again = bench.scores(odd_pack, p1, p1, requests, workers=workers, earlier=sorted(bench.root.glob("attempt*"))[-1:])
    assert again.lacking == ("toy:checker",)
    assert not workers.handled, "answers are there"


def test_parts_of_items_are_pooled_in_the_tasks_figure(bench: Bench, odd_pack: Pack, p1: Path) -> None:
    requests = bench.requests(odd_pack, p1).outputs["requests"]
    odd = bench.scores(odd_pack, p1, p1, requests)
    mine = [row for row in rows(odd) if row["task"] == "toy_rules" and row["unscored"] is None]
    kept = [len(row["output"]) % (n + 2) == 0 for row in mine for n in range(1 + int(row["item"][1:]) % 3)]
    pooled = odd.details["metrics"]["toy_rules"]["loose/of_scored"]
    assert (pooled["value"], pooled["n"]) == (pytest.approx(sum(kept) / len(kept)), len(kept))
    two = next(row for row in mine if row["item"] == "q1")
    assert two["metric:loose"] == sum(len(two["output"]) % n == 0 for n in (2, 3)) / 2


def test_a_judged_task_has_answers_and_no_scores(bench: Bench, odd_pack: Pack, p1: Path) -> None:
    requests = bench.requests(odd_pack, p1).outputs["requests"]
    odd = bench.scores(odd_pack, p1, p1, requests)
    mine = [row for row in rows(odd) if row["task"] == "toy_judged"]
    assert [row["score"] for row in mine] == [None] * 5
    assert all(isinstance(row["output"], str) for row in mine)
    scores = ItemScores.read(odd.outputs["scores"])
    assert [task.task for task in scores.tasks] == ["toy_rules"]
    assert [part.task for part in scores.expected] == ["toy_rules", "toy_judged"]
    assert "ta" not in odd.metrics


def test_progress_ends_with_every_request(bench: Bench, pack: Pack, p1: Path, asked: Path) -> None:
    bench.scores(pack, p1, p1, asked)
    assert (bench.told[-1].step, bench.told[-1].total, bench.told[-1].unit) == (52, 52, "requests")


def test_a_stop_is_heard_before_the_next_batch(bench: Bench, pack: Pack, p1: Path, asked: Path) -> None:
    class Stopping(InProcess):
        def map(self, make: Any, request: Mapping[str, Any], items: Any, **more: Any) -> None:
            super().map(make, request, items[:2], **more)
            bench.stop.touch()
            super().map(make, request, items[2:], **more)

    with pytest.raises(Cancelled):
        bench.scores(pack, p1, p1, asked, workers=Stopping())
    attempt = bench.root / "attempt0"
    assert len(list((attempt / FOLDER).iterdir())) == 2
    assert not (attempt / "items.parquet").exists()


def test_a_folder_without_weights_is_the_users_to_mend(
    bench: Bench, pack: Pack, p1: Path, asked: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="does not load"):
        bench.scores(pack, tmp_path / "empty", p1, asked)


def test_a_model_of_a_shorter_context_is_refused(
    bench: Bench, pack: Pack, p1: Path, asked: Path, tmp_path: Path
) -> None:
    short = save_model(tmp_path / "short", seed=1, template=TEMPLATE, context=32)
    with pytest.raises(ModelError, match="its context is 32 tokens"):
        bench.scores(pack, short, p1, asked)


def test_requests_of_other_tasks_are_refused(bench: Bench, pack: Pack, p1: Path, asked: Path) -> None:
    with pytest.raises(InternalError, match="not those of the tasks"):
        bench.scores(pack, p1, p1, asked, suites=["la"])


def test_another_pack_than_planned_is_refused(bench: Bench, pack: Pack, p1: Path, asked: Path) -> None:
    with pytest.raises(InternalError, match="plan the experiment anew"):
        bench.scores(pack, p1, p1, asked, pack_digest="0")


def test_the_stages_and_the_packs_import_nothing_heavy() -> None:
    heavy = "{'torch', 'transformers', 'lm_eval', 'datasets', 'pyarrow', 'ray'} & set(sys.modules)"
    modules = "cftray.evaluation.stage, cftray.evaluation.requests_stage, cftray.evaluation.packs"
    code = f"import sys, {modules}; sys.exit(bool({heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_requests_and_scores_need_no_torch(asked: Path, pack: Pack, p1: Path, first: Artifact, tmp_path: Path) -> None:
    attempt = tmp_path / "attempt"
    shutil.copytree(first.outputs["items"].parent, attempt)
    shutil.rmtree(attempt / "parts")
    config = {"suites": ["ta", "la"], "pack": "mini", "pack_digest": "d", "limit": None, "template": "chat"}
    places = {"folder": str(attempt), "stop": str(tmp_path / "stop")}
    inputs = {"tokenizer": str(p1), "requests": str(asked), "model": str(p1)}
    code = f"""
import json, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from cftray.evaluation import packs
from cftray.evaluation.requests_stage import make_requests
from cftray.evaluation.scoring import score
from cftray.plan.packs import Pack, PackTask
tasks = tuple(PackTask(**one) for one in json.loads({json.dumps([asdict(task) for task in pack.tasks])!r}))
pack = Pack(name="mini", version=1, digest="d", tasks=tasks, include_path=Path({str(pack.include_path)!r}))
packs.find_pack = lambda name: pack
config, places = json.loads({json.dumps(config)!r}), json.loads({json.dumps(places)!r})
inputs = json.loads({json.dumps(inputs)!r})
make_requests({{"config": config | {{"batch_size": 1}}, "inputs": inputs, **places}})
parts = {{task.task: str(Path(places["folder"]) / "parts" / task.task) for task in tasks}}
score({{"config": config | {{"precision": "fp32"}}, "inputs": inputs, "parts": parts, **places}})
sys.exit(bool({{"torch", "transformers"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (attempt / "scores.json.gz").read_bytes() == brief(first)
