"""The stage end to end, its worker in this process, in front of a server that judges by a rule and misbehaves."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from cftray.data.scores import ItemScores
from cftray.errors import (
    BudgetExceeded,
    Cancelled,
    CFTRayError,
    DataError,
    EndpointRefused,
    EndpointUnavailable,
    InternalError,
)
from cftray.evaluation.judging.prompt import PAIRWISE_1
from cftray.evaluation.judging.stage import run
from cftray.evaluation.packs import find_pack
from cftray.plan import JudgeConfig
from cftray.runner.failures import failure_of
from cftray.spec import ExecutionSpec
from cftray.stage import Artifact, Entry, Progress, StageContext
from tests.unit.endpoint.conftest import KEY, HandClock
from tests.unit.endpoint.server import (
    Handler,
    Play,
    Server,
    completion,
    echo,
    echo_as_answer,
    half,
    nothing,
    says,
    status,
)
from tests.unit.evaluation.judging.conftest import by_rule, judges

OUTPUTS = ["good", "plain", "bad", "good good", "worse", "fine"]
"""Won, equal to the reference, drawn, won, lost, drawn; see `REFERENCE`."""
REFERENCE = ["plain", "plain", "plain", "plain", "good", "other"]


class Here:
    """A worker in this process, which is sent JSON."""

    def call(self, entry: Entry, request: Mapping[str, Any], *, accelerator: str | None, name: str) -> Any:
        return json.loads(json.dumps(entry(json.loads(json.dumps(dict(request))))))


class Runs:
    """Attempts at the stage; each finds those before it."""

    def __init__(self, folder: Path, items: Path, reference: Path) -> None:
        self.folder = folder
        self.inputs = {"items": items, "reference": reference}
        self.attempts: list[Path] = []
        self.told: list[Progress] = []

    def __call__(self, *, budget: Mapping[str, int] | None = None, **changes: Any) -> Artifact:
        attempt = self.folder / f"attempt{len(list(self.folder.glob('attempt*')))}"
        attempt.mkdir()
        context = StageContext(
            folder=attempt, execution=ExecutionSpec.model_validate({"endpoint_budget": budget or {}}),
            workers=Here(), stop=self.folder / "stop", earlier=tuple(self.attempts[::-1]), report=self.told.append,
            parts=self.folder / "parts",
        )  # fmt: skip
        self.attempts.append(attempt)
        return run(config(**changes), self.inputs, context)


def config(**changes: Any) -> JudgeConfig:
    values = {
        "judge": {"endpoint": "local", "model": "small"}, "prompt": "pairwise-1", "prompt_sha256": PAIRWISE_1.sha256,
        "max_tokens": 16, "pack": "mini", "pack_digest": find_pack("mini").digest, "limit": None,
    }  # fmt: skip
    return JudgeConfig.model_validate(values | changes)


@pytest.fixture
def runs(
    server: Server, tmp_path: Path, items: Callable[..., Path], written: Callable[[str, Any], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Runs]:  # fmt: skip
    """The stage over answers and reference answers, behind an endpoint whose waits are free."""
    settings = {"local": {"url": server.url, "key_env": "TEST_KEY", "concurrency": 1, "timeout_s": 3600}}
    monkeypatch.setenv("CFTRAY_ENDPOINTS", json.dumps(settings))
    monkeypatch.setenv("TEST_KEY", KEY)
    monkeypatch.setattr("cftray.endpoint.endpoint.SystemClock", HandClock)
    server.always = judges

    def make(outputs: Sequence[str] = OUTPUTS, reference: Sequence[str] = REFERENCE) -> Runs:
        rows = [
            {"instruction": f"Do thing {number}.", "output": text, "generator": "davinci"}
            for number, text in enumerate(reference)
        ]
        return Runs(tmp_path, items(outputs), written("text_davinci_003.json", rows))

    return make


def questions(server: Server) -> list[str]:
    return [one["body"]["messages"][-1]["content"] for one in server.sent]


def lines(artifact: Artifact) -> list[dict[str, Any]]:
    return [json.loads(line) for line in artifact.outputs["annotations"].read_text().splitlines()]


def first(play: Play, times: int, then: Play = judges) -> Play:
    """One thing the first times, another afterwards."""
    left = [play] * times

    def one(handler: Handler, body: dict[str, Any]) -> None:
        with handler.server.lock:
            now = left.pop() if left else then
        now(handler, body)

    return one


def about(text: str, play: Play) -> Play:
    """Misbehaves for questions that hold `text`."""

    def one(handler: Handler, body: dict[str, Any]) -> None:
        (play if text in body["messages"][-1]["content"] else judges)(handler, body)

    return one


def test_a_model_is_judged_on_all_instructions(runs: Callable[..., Runs]) -> None:
    attempts = runs()
    artifact = attempts()
    assert artifact.metrics == pytest.approx(
        {"win_rate": (2 + 3 / 2) / 6, "win_rate/n": 6, "win_rate/stderr": artifact.metrics["win_rate/stderr"],
         "draws": 3, "position_consistency": 1.0}
    )  # fmt: skip
    [scores] = ItemScores.read(artifact.outputs["scores"]).tasks
    assert (scores.task, scores.suite, scores.benchmark, scores.metric) == (
        "alpaca_eval", "ta", "alpaca_eval", "win_rate",
    )  # fmt: skip
    assert dict(zip(scores.items, scores.scores, strict=True)) == {
        "0": 1.0, "1": 0.5, "2": 0.5, "3": 1.0, "4": 0.0, "5": 0.5,
    }  # fmt: skip
    details = artifact.details
    assert (details["wins"], details["losses"], details["identical"], details["asked_again"]) == (2, 1, 1, 0)
    assert details["judge"] == {"endpoint": "local", "model": "small"}
    assert details["reference"] == ["davinci"]
    assert (attempts.told[-1].step, attempts.told[-1].total) == (6, 6)


def test_an_annotation_says_who_said_what_of_which_lengths(runs: Callable[..., Runs]) -> None:
    won, equal, *_ = lines(runs()())
    assert won == {
        "item": "0", "preferences": [2.0, 2.0], "preference": 2.0, "score": 1.0, "asked_again": 0,
        "reference_characters": 5, "output_characters": 4, "judge": {"endpoint": "local", "model": "small"},
        "prompt": "pairwise-1", "prompt_sha256": PAIRWISE_1.sha256,
    }  # fmt: skip
    assert (equal["preferences"], equal["preference"]) == ([], 1.5)


def test_a_judge_that_prefers_a_position_is_found_out(runs: Callable[..., Runs], server: Server) -> None:
    server.always = says(completion("1"))
    metrics = runs()().metrics
    assert (metrics["win_rate"], metrics["draws"], metrics["position_consistency"]) == (0.5, 6, 0.0)


@pytest.mark.parametrize(
    "play",
    [status(429, Retry_After="20"), status(500), says(b"<html>"), half, nothing, says(completion("I like both."))],
    ids=["429", "500", "garbage", "half", "nothing", "nonsense"],
)
def test_a_judge_that_misbehaves_now_and_then_gives_the_same_rate(
    play: Play, runs: Callable[..., Runs], server: Server
) -> None:
    server.always = first(play, times=3)
    artifact = runs()()
    assert artifact.metrics["win_rate"] == pytest.approx((2 + 3 / 2) / 6)
    assert artifact.details["requests"] == len(server.sent)


def test_a_judge_that_stops_half_way_fails_the_stage_and_a_retry_asks_only_for_the_rest(
    runs: Callable[..., Runs], server: Server
) -> None:
    attempts = runs(["good"] * 60, ["plain"] * 60)
    server.always = first(judges, 40, then=status(503, "overloaded"))
    with pytest.raises(EndpointUnavailable, match=r"judge small of local: 40 of 60 answers .* 20 have and are kept"):
        attempts()
    before = set(questions(server)[:40])
    server.sent.clear()
    server.always = judges
    assert attempts().metrics["win_rate"] == 1.0
    asked = questions(server)
    assert not before & set(asked)
    assert len(before | set(asked)) == len(before) + len(asked) == 120


def test_answers_that_name_no_one_fail_the_stage_and_a_retry_asks_only_for_them(
    runs: Callable[..., Runs], server: Server
) -> None:
    attempts = runs()
    server.always = about("Do thing 3.", says(completion("Both are fine.")))
    with pytest.raises(EndpointRefused, match=r"1 of 6 answers have no judgement \(1 nonsense\).* item 3: answered"):
        attempts()
    server.sent.clear()
    server.always = judges
    assert attempts().metrics["win_rate"] == pytest.approx((2 + 3 / 2) / 6)
    assert questions(server)
    assert all("Do thing 3." in one for one in questions(server))


def test_another_stage_is_not_charged_for_pairs_that_were_judged(runs: Callable[..., Runs], server: Server) -> None:
    before = runs()()
    server.sent.clear()
    again = runs()()
    assert not server.sent
    assert again.details["requests"] == 0
    assert (again.metrics, lines(again)) == (before.metrics, lines(before))
    runs([*OUTPUTS[:-1], "good fine"])()
    assert len(server.sent) == 2
    assert all("good fine" in one for one in questions(server))
    server.sent.clear()
    runs()(judge={"endpoint": "local", "model": "other"})
    assert len(server.sent) == 10


def test_an_answer_that_had_to_be_asked_for_again_is_not_shared(runs: Callable[..., Runs], server: Server) -> None:
    server.always = first(says(completion("Both are fine.")), 1)
    assert runs()().details["asked_again"] == 1
    server.sent.clear()
    server.always = judges
    assert runs()().details["asked_again"] == 0
    assert len(server.sent) == 2


def test_a_question_that_the_judge_refuses_fails_the_stage_by_name(runs: Callable[..., Runs], server: Server) -> None:
    server.always = about("Do thing 5.", status(400, "too long"))
    with pytest.raises(EndpointRefused, match=r"\(1 refused\), so there is no win rate; item 5: 400: too long"):
        runs()()


def test_an_answer_that_was_cut_names_the_setting(runs: Callable[..., Runs], server: Server) -> None:
    server.always = about("Do thing 5.", says(completion("Let me think", "length")))
    with pytest.raises(EndpointRefused, match=r"1 cut.*raise max_tokens"):
        runs()()


def test_a_budget_ends_the_asking_and_a_raised_one_goes_on(runs: Callable[..., Runs], server: Server) -> None:
    attempts = runs()
    with pytest.raises(BudgetExceeded, match=r"answers have no judgement yet.*endpoint_budget allows 4 requests"):
        attempts(budget={"requests": 4})
    assert attempts(budget={"requests": 10}).details["requests"] == len(server.sent) == 10


def test_items_that_do_not_fit_the_instructions_are_refused_before_anybody_is_asked(
    runs: Callable[..., Runs], server: Server
) -> None:
    with pytest.raises(DataError, match=r"1 instructions without an answer \('5'\)"):
        runs(OUTPUTS[:5])()
    with pytest.raises(DataError, match=r"1 answers to no instruction of the reference \('6'\)"):
        runs([*OUTPUTS, "more"])()
    assert not server.sent


def test_a_limit_is_the_evaluation_s(runs: Callable[..., Runs]) -> None:
    assert runs(OUTPUTS[:2])(limit=2).metrics["win_rate/n"] == 2


def test_an_evaluation_without_the_task_is_refused(runs: Callable[..., Runs]) -> None:
    with pytest.raises(DataError, match="no items of the task alpaca_eval"):
        runs([])()


def test_a_missing_key_is_named_by_its_variable(runs: Callable[..., Runs], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_KEY")
    with pytest.raises(EndpointRefused, match="TEST_KEY is not set"):
        runs()()


@pytest.mark.parametrize(
    ("play", "fails"),
    [(judges, False), (first(status(500), 2), False), (echo, True), (echo_as_answer, True), (status(401), True)],
)
def test_the_key_is_in_no_file_log_or_message(
    play: Play, fails: bool, runs: Callable[..., Runs], server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.always = play
    attempts, told = runs(), ""
    try:
        attempts()
    except CFTRayError as error:
        told = repr(error) + failure_of(error, "judge").model_dump_json()
    assert fails == bool(told)
    assert server.sent[0]["headers"]["Authorization"] == f"Bearer {KEY}"
    written = [path.read_bytes().decode(errors="replace") for path in attempts.folder.rglob("*") if path.is_file()]
    everything = "\n".join([told, *written, *(record.getMessage() for record in caplog.records)])
    assert KEY not in everything
    assert "0123456789" not in everything


def test_another_pack_or_prompt_than_planned_is_refused(runs: Callable[..., Runs]) -> None:
    with pytest.raises(InternalError, match="plan the experiment anew"):
        runs()(pack_digest="0")
    with pytest.raises(InternalError, match="plan the experiment anew"):
        runs()(prompt_sha256="0")


def test_a_stop_is_heard(runs: Callable[..., Runs], server: Server, tmp_path: Path) -> None:
    def stops(handler: Handler, body: dict[str, Any]) -> None:
        (tmp_path / "stop").touch()
        handler.reply(200, completion(by_rule(body["messages"][-1]["content"])))

    server.always = stops
    attempts = runs()
    with pytest.raises(Cancelled):
        attempts()


def test_the_stage_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'transformers', 'lm_eval', 'datasets', 'pyarrow', 'ray'} & set(sys.modules)"
    code = f"import sys, cftray.evaluation.judging.stage; sys.exit(bool({heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
