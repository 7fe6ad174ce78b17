"""The main job over REST with real parts: the embedded stack, Ray Train, DeepSpeed, lm-eval, MLflow."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading

import httpx
import psutil
import pytest

from cftray.bundle import read_bundle
from cftray.client import Client
from cftray.errors import SpecRefused
from cftray.recipes import mini
from cftray.spec import ExperimentSpec, experiment_from_document
from cftray.store import Store

PATIENCE_S = 840.0

pytestmark = pytest.mark.timeout(900)


def spec(name: str, *, data: str = "instruct-mini", seed: int = 1, samples: int = 64, **changes) -> ExperimentSpec:
    """Two short phases over the miniature's base: what takes time is the engines' start."""
    phase = {"learning_rate": 1e-3, "epochs": 1, "global_batch": 16, "max_length": 128, "warmup_steps": 2}
    document = {
        "name": name,
        "project": "tests",
        "base": "mini:base",
        "phase1": {"train": {"data": {"mini": data, "samples": samples}, "hyperparameters": phase}},
        "phase2": {"data": {"mini": "multialpaca-mini", "samples": samples}, "hyperparameters": phase},
        "evaluation": {"limit": 4},
        "seeds": [seed],
    }
    return experiment_from_document(document | changes)


@pytest.fixture(scope="module")
def client(stack):
    whole = Client(stack.state.url("api"))
    yield whole
    whole.close()


@pytest.fixture(scope="module")
def done(client):
    """One experiment that ran from POST to its end."""
    run = client.submit(spec("whole"))
    run.wait(timeout=PATIENCE_S)
    return run


def stages(run):
    return {stage["name"]: stage for stage in run.refresh().view["plan"]["stages"]}


def until(run, wanted):
    """The first event for which `wanted` holds, as the service tells it."""
    for event in run.follow():
        if wanted(event):
            return event
    raise AssertionError("the experiment ended before it happened")


def trains(event, stage):
    return event["kind"] == "stage.progress" and event["stage"] == stage


def test_an_experiment_ends_with_two_models_and_their_scores(done, stack):
    view = done.refresh().view
    assert view["state"] == "succeeded"
    assert view["terminal"]
    assert {stage["state"] for stage in stages(done).values()} == {"recorded"}
    rows = {row["key"]: row for row in done.results().document["rows"]}
    for key in ("ta", "la", "ta/ifeval", "la/xquad", "la/xquad/de"):
        assert rows[key]["p1"]["n"] == rows[key]["p2"]["n"] > 0
        assert rows[key]["change"]["low"] <= rows[key]["change"]["difference"] <= rows[key]["change"]["high"]
    store = Store(stack.store)
    record = store.record(stages(done)["train.p2.s1"]["fingerprint"])
    assert record.inputs["model"] == stages(done)["train.p1.s1"]["fingerprint"]
    assert record.metrics["steps"] == 4


def test_a_trained_model_loads_with_transformers_and_keeps_its_template(done, stack):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    store = Store(stack.store)
    folder = store.output(store.record(stages(done)["train.p2.s1"]["fingerprint"]), "model")
    model, loading = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not loading["missing_keys"]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.chat_template
    assert "| phase | 2 |" in (folder / "README.md").read_text()
    assert sum(one.numel() for one in model.parameters()) > 1_000_000


def test_events_are_numbered_without_gap_and_go_on_after_any_of_them(done):
    events = list(done.events())
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    kinds = [event["kind"] for event in events]
    assert kinds[-1] == "experiment.succeeded"
    assert "stage.progress" in kinds


def test_the_job_has_a_log_and_the_report_is_one_page(done, client):
    assert f"{len(stages(done))} stages" in done.logs()
    page = client.response("GET", f"/v1/experiments/{done.id}/report").text
    assert page.lower().startswith("<!doctype html>")
    assert not re.findall(r'(?:src|href)="https?://', page)
    assert "whole" in page


def test_the_same_experiment_again_finds_everything_recorded(done, client):
    plan = client.plan(spec("again"))
    assert {stage["state"] for stage in plan["stages"]} == {"cached"}
    again = client.submit(spec("again"))
    again.wait(timeout=120)
    assert {stage["state"] for stage in stages(again).values()} == {"cached"}
    assert again.results().rows == done.results().rows


def test_a_bundle_from_the_report_runs_again_and_says_that_it_was_all_reused(done, client, tmp_path):
    there = read_bundle(done.report(tmp_path / "whole.html"))
    assert there.experiment == done.id
    assert there.complete
    look = client.reproduction(there)
    assert (look.same, look.versions, look.leaves) == (True, {}, [])
    run = look.submit().wait(timeout=120)
    assert f"reproduces-{done.id}" in run.view["labels"]
    found = look.compare(run)
    assert found.outcome == "identical"
    assert found.reused == found.recorded == len(there.stages)
    assert any(one.name.endswith("loss") for one in found.figures)


def test_a_plan_says_why_a_stage_is_new(client, done):
    changed = spec("other-data", samples=52)  # no other test reads so many
    why = {stage["name"]: stage["why"] for stage in client.plan(changed)["stages"]}
    assert "samples" in why["rows.p1"]


def test_mlflow_shows_both_models_with_equal_metric_names(done, stack):
    from mlflow import MlflowClient

    tracking = MlflowClient(stack.state.url("mlflow"))
    experiment = wait_for(lambda: tracking.get_experiment_by_name("tests"))
    found = wait_for(lambda: both_models(tracking, experiment.experiment_id, done.id))
    names = [{metric.key for metric in model.metrics} for model in found]
    assert names[0] == names[1] >= {"ta", "la", "ta/ifeval", "la/xquad/de"}


def both_models(tracking, experiment_id, identifier):
    models = [model for model in tracking.search_logged_models([experiment_id]) if model.metrics]
    phases = {model.tags.get("cftray.phase"): model for model in models}
    return [phases["1"], phases["2"]] if {"1", "2"} <= set(phases) else None


def wait_for(look, seconds=60.0):
    """What `look` gives once it gives something: the writer works behind the service's back."""
    waiting = threading.Event()
    for _ in range(int(seconds / 0.5)):
        found = look()
        if found:
            return found
        waiting.wait(0.5)
    raise AssertionError("did not come in time")


def test_two_experiments_that_start_together_train_their_phase_1_once(client, stack):
    one, two = (client.submit(spec(name, seed=2, **changes)) for name, changes in TWINS.items())
    one.wait(timeout=PATIENCE_S)
    two.wait(timeout=PATIENCE_S)
    first, second = stages(one)["train.p1.s2"], stages(two)["train.p1.s2"]
    assert first["fingerprint"] == second["fingerprint"]
    assert sorted([first["state"], second["state"]]) == ["cached", "recorded"]
    assert Store(stack.store).leases(first["fingerprint"]).tokens() == [1]


TWINS = {"twin-a": {}, "twin-b": {"evaluation": {"limit": 3}}}


def test_a_cancelled_phase_1_is_handed_to_who_waits_for_it(client, stack):
    long = {"samples": 2000, "seed": 3}
    one = client.submit(spec("cancelled", **long))
    until(one, lambda event: trains(event, "train.p1.s3"))
    two = client.submit(spec("heir", execution={"checkpoint": {"every_steps": 50}}, **long))
    until(two, lambda event: event["kind"] == "stage.waiting")
    one.cancel()
    assert one.wait(timeout=90, check=False).state == "cancelled"
    resumed = until(two, lambda event: event["kind"] == "stage.started" and event["stage"] == "train.p1.s3")
    assert resumed["data"]["resumes"]
    two.wait(timeout=PATIENCE_S)
    assert stages(two)["train.p1.s3"]["state"] == "recorded"


def test_the_service_started_again_while_a_job_runs_loses_and_repeats_nothing(client, stack):
    run = client.submit(spec("restart", seed=4, samples=400))
    until(run, lambda event: trains(event, "train.p1.s4"))
    part = next(one for one in stack.state.parts if one.name == "api")
    old = psutil.Process(part.process.pid)
    command, environment, folder = old.cmdline(), old.environ(), old.cwd()
    old.send_signal(signal.SIGKILL)
    old.wait(30)
    again = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: healthy(client))
        run.wait(timeout=PATIENCE_S)
        view = run.refresh().view
        assert view["state"] == "succeeded"
        assert [attempt["number"] for attempt in view["attempts"]] == [1]
        events = list(run.events())
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        numbers = [event["number"] for event in events if event["number"] is not None]
        assert numbers == list(range(1, len(numbers) + 1))
    finally:
        again.send_signal(signal.SIGTERM)
        again.wait(30)
        subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: healthy(client))


def healthy(client):
    try:
        return httpx.get(f"{client.url}/healthz", timeout=2).is_success
    except httpx.TransportError:
        return False


def test_a_job_that_is_killed_is_tried_again_from_its_checkpoint(client, stack):
    run = client.submit(
        spec("killed", seed=5, samples=1200, execution={"workers": 2, "checkpoint": {"every_steps": 5}})
    )
    until(run, lambda event: trains(event, "train.p1.s5") and event["data"]["step"] >= 12)
    job = next(
        one for one in psutil.process_iter(["cmdline"])
        if "jobs.run_experiment" in " ".join(one.info["cmdline"] or []) and run.id in (one.info["cmdline"] or [])
        and "python" in (one.info["cmdline"] or [""])[0]
    )  # fmt: skip
    os.kill(job.pid, signal.SIGKILL)
    run.wait(timeout=PATIENCE_S)
    attempts = run.refresh().view["attempts"]
    assert [attempt["outcome"] for attempt in attempts] == ["crashed", "succeeded"]
    notes = [event["data"]["message"] for event in run.events() if event["kind"] == "stage.note"]
    assert any("goes on from step" in note for note in notes)


def test_a_spec_that_can_not_run_is_refused_with_every_fault(client):
    wrong = spec("wrong").model_dump(mode="json")
    wrong["base"]["model"] = "no/such-model-here"
    wrong["phase2"]["data"] = {"path": "/nowhere/at-all.json", "adapter": "alpaca"}
    wrong["execution"]["workers"] = 64
    before = [run.id for run in client.list()]
    with pytest.raises(SpecRefused) as refused:
        client.submit(wrong)
    assert {fault.path for fault in refused.value.faults} >= {"phase2.data.path", "execution.workers"}
    assert [run.id for run in client.list()] == before


def test_a_file_with_a_broken_line_is_refused_at_once(client, tmp_path):
    own = tmp_path / "mine.jsonl"
    own.write_text('{"instruction": "a", "output": "b"}\n{"instruction": "c"\n')
    document = spec("bad-line").model_dump(mode="json")
    document["phase1"]["train"]["data"] = {"path": str(own), "adapter": "alpaca"}
    with pytest.raises(SpecRefused, match=r"mine\.jsonl, line 2"):
        client.submit(document)


def test_data_that_turn_out_unusable_fail_their_stage_in_words(client):
    document = spec("too-short").model_dump(mode="json")
    document["phase1"]["train"]["hyperparameters"]["max_length"] = 8
    view = client.submit(document).wait(timeout=120, check=False).view
    assert view["state"] == "failed"
    assert view["failure"]["class"] == "data"
    assert view["failure"]["stage"] == "tokens.p1"
    assert "raise max_length or choose another template" in view["failure"]["message"]
    assert len(view["attempts"]) == 1


def test_the_recipes_of_the_demo_can_be_planned(client):
    for pair in ("similar", "dissimilar"):
        planned = [stage["name"] for stage in client.plan(mini(pair))["stages"]]
        assert planned.count("requests") == 1  # both models are asked the same
        assert len(planned) == 11


def test_a_matrix_of_mitigations_trains_phase_1_once_and_ends_in_one_table(client, stack):
    document = spec("cells", seed=1).model_dump(mode="json")
    chosen = [
        {"kind": "none"},
        {"kind": "combined", "parts": [{"kind": "generative_replay", "ratio": 0.1}, {"kind": "lf_h2"}]},
        {"kind": "english_replay", "ratio": 0.1, "max_overlap": 0.0},
        {"kind": "lora", "rank": 4},
    ]
    for part in (chosen[1]["parts"][0], chosen[2]):
        part |= {"surplus": 1.0, "shortfall": "accept"}
    matrix = client.matrix({"name": "cells", "spec": document, "axes": {"mitigation": chosen}})
    matrix.wait(timeout=PATIENCE_S)
    assert matrix.view["counts"] == {"succeeded": 4}, [cell["failure"] for cell in matrix.cells]
    runs = {cell["row"]: client.get(cell["experiment"]) for cell in matrix.cells}
    assert set(runs) == {"P2", "GR_10 + LF_H2", "ER_10", "LoRA (rank 4)"}
    prints = {row: {name: one["fingerprint"] for name, one in stages(run).items()} for row, run in runs.items()}
    assert len({found["train.p1.s1"] for found in prints.values()}) == 1
    assert len({found["train.p2.s1"] for found in prints.values()}) == 4
    store = Store(stack.store)
    mixed = store.record(prints["ER_10"]["mix.p2.s1"])
    assert mixed.metrics["replay_samples"] == mixed.metrics["replay_needed"] == 6
    assert mixed.details["replay"]["en"]["samples"] == 6
    answered = store.record(prints["GR_10 + LF_H2"]["generate.p2.s1"])
    assert answered.metrics["answered"] == 12
    assert answered.metrics["tokens"] > 0
    trained = store.record(prints["LoRA (rank 4)"]["train.p2.s1"])
    assert (store.output(trained, "adapter") / "adapter_config.json").is_file()
    (group,) = matrix.table()["groups"]
    assert [row["label"] for row in group["rows"]] == ["P2", "GR_10 + LF_H2", "ER_10", "LoRA (rank 4)"]
    assert set(group["rows"][1]["effects"]) == {"ta", "la"}
    page = client.response("GET", f"/v1/experiments/{runs['GR_10 + LF_H2'].id}/report").text
    assert "What the mitigation came to" in page
    assert "data:image/png;base64," in page
