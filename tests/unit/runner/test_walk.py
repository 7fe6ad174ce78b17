"""The walk of a plan: what is recorded is skipped, the rest is leased, run and recorded."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from cftray.errors import Cancelled, DataError
from cftray.plan import (
    GateConfig,
    Leaf,
    LeafInput,
    LeafKind,
    MiniRowsConfig,
    Plan,
    StageInput,
    StageNode,
    TokenizeConfig,
)
from cftray.runner import walk as walking
from cftray.runner.walk import Walk
from cftray.spec import ExecutionSpec
from cftray.stage import Artifact
from cftray.store import Holder, LeafDigests, Store
from cftray.store.events import EventKind

ROWS = "aa" + "0" * 62
TOKENS = "bb" + "0" * 62


def plan():
    rows = StageNode(
        name="rows.p1",
        title="rows",
        config=MiniRowsConfig(dataset="alpaca-mini", samples=3, sample_seed=0),
        inputs={},
        fingerprint=ROWS,
    )
    leaf = LeafInput(leaf=Leaf(kind=LeafKind.MODEL, location="team/tiny"), digest="d")
    tokens = StageNode(
        name="tokens.p1",
        title="tokens",
        config=TokenizeConfig(template="chat", max_length=8),
        inputs={"rows": StageInput(stage="rows.p1"), "model": leaf},
        fingerprint=TOKENS,
    )
    return Plan(stages=(rows, tokens), outcomes=())


class World:
    """A store, and stage functions that a test can replace."""

    def __init__(self, root, monkeypatch):
        self.store = Store(root)
        self.ran = []
        self.functions = {"mini_rows": self.rows, "tokenize": self.tokens}
        monkeypatch.setattr(walking, "stage_function", lambda kind: self.functions[kind])
        monkeypatch.setattr(walking, "locate_model", lambda location, commit: root)

    def rows(self, config, inputs, context):
        self.ran.append("rows")
        path = context.folder / "rows.jsonl"
        path.write_text("1\n2\n3\n")
        return Artifact(outputs={"rows": path}, metrics={"rows": 3})

    def tokens(self, config, inputs, context):
        self.ran.append("tokens")
        folder = context.folder / "tokens"
        folder.mkdir()
        (folder / "all").write_text(inputs["rows"].read_text())
        return Artifact(outputs={"tokens": folder})

    def walk(self, experiment="exp_a", attempt=1, **changes):
        job = self.store.job(experiment, attempt)
        settings = {"plan": plan(), "execution": ExecutionSpec(), "workers": None} | changes
        return Walk(
            store=self.store,
            events=job.writer(),
            stop=job.stop,
            experiment=experiment,
            attempt=attempt,
            **settings,
        )

    def kinds(self, experiment="exp_a", attempt=1):
        return [event.kind for event in self.store.job(experiment, attempt).events().after(0)]


@pytest.fixture
def world(tmp_path, monkeypatch):
    return World(tmp_path, monkeypatch)


def test_every_stage_is_run_once_and_recorded(world):
    assert world.walk().run() is None
    record = world.store.record(TOKENS)
    assert record.inputs == {"rows": ROWS, "model": "d"}
    assert (world.store.output(record, "tokens") / "all").read_text() == "1\n2\n3\n"
    assert world.kinds() == [EventKind.STAGE_STARTED, EventKind.STAGE_RECORDED] * 2


def test_a_file_that_changed_since_the_plan_is_refused(world, tmp_path):
    own = tmp_path / "own.jsonl"
    own.write_text("planned with this")
    leaf = Leaf(kind=LeafKind.FILES, location=str(own))
    digest = LeafDigests(world.store.root / "leaves").known(leaf)
    tokens = plan().stages[1].model_copy(update={"inputs": {"rows": LeafInput(leaf=leaf, digest=digest)}})
    own.write_text("and then there was this")
    failure = world.walk(plan=Plan(stages=(tokens,), outcomes=())).run()
    assert failure.failure == "data"
    assert "has changed since the experiment was planned" in failure.message
    assert world.ran == []


def test_what_is_recorded_is_not_run_again(world):
    world.walk().run()
    assert world.walk("exp_b").run() is None
    assert world.ran == ["rows", "tokens"]
    assert world.kinds("exp_b") == [EventKind.STAGE_CACHED] * 2


def test_what_lacked_something_is_run_again_once_it_is_there(world, monkeypatch):
    there = []
    monkeypatch.setattr(walking.lacking, "THERE", {"toy:book": lambda: bool(there)})

    def tokens(config, inputs, context):
        folder = world.tokens(config, inputs, context).outputs["tokens"]
        return Artifact(outputs={"tokens": folder}, lacking=() if there else ("toy:book", "forgotten:thing"))

    world.functions["tokenize"] = tokens
    world.walk().run()
    assert world.store.record(TOKENS).lacking == ("toy:book", "forgotten:thing")
    world.walk("exp_b").run()
    assert world.ran == ["rows", "tokens"]
    there.append("book")
    assert world.walk("exp_c").run() is None
    assert world.kinds("exp_c") == [EventKind.STAGE_CACHED, EventKind.STAGE_STARTED, EventKind.STAGE_RECORDED]
    assert world.store.record(TOKENS).lacking == ()
    assert world.walk("exp_d").run() is None
    assert world.ran == ["rows", "tokens", "tokens"]


def test_a_record_that_lacked_something_stays_while_another_walk_is_at_it(world, monkeypatch):
    """Put aside by who holds the lease, and nobody else: it could be the other's new record by then."""
    monkeypatch.setattr(walking.lacking, "THERE", {"toy:book": lambda: True})

    def tokens(config, inputs, context):
        folder = world.tokens(config, inputs, context).outputs["tokens"]
        return Artifact(outputs={"tokens": folder}, lacking=("toy:book",))

    world.functions["tokenize"] = tokens
    world.walk().run()
    other = world.store.leases(TOKENS).acquire(Holder.here("exp_other", 1))
    seen = []

    def wait(seconds):
        seen.append(world.store.record(TOKENS))
        world.functions["tokenize"] = world.tokens
        other.release()

    assert world.walk("exp_b", wait=wait).run() is None
    assert [one.lacking for one in seen] == [("toy:book",)], "there as long as the other holds the lease"
    assert world.store.record(TOKENS).lacking == ()
    assert world.ran == ["rows", "tokens", "tokens"]


def test_a_failure_leaves_no_record_and_is_told(world):
    def broken(config, inputs, context):
        raise DataError("rows.jsonl: nothing in it")

    world.functions["tokenize"] = broken
    failure = world.walk().run()
    assert (failure.failure, failure.stage, failure.retryable) == ("data", "tokens.p1", False)
    assert world.store.record(TOKENS) is None
    assert world.kinds()[-1] is EventKind.STAGE_FAILED


def test_an_optional_stage_that_fails_costs_itself_and_what_needs_it(world):
    def broken(config, inputs, context):
        raise DataError("rows.jsonl: nothing in it")

    whole = plan()
    optional = whole.model_copy(
        update={"stages": tuple(node.model_copy(update={"optional": True}) for node in whole.stages)}
    )
    world.functions["mini_rows"] = broken
    assert world.walk(plan=optional).run() is None
    assert world.ran == []
    assert world.kinds() == [EventKind.STAGE_STARTED, EventKind.STAGE_FAILED, EventKind.STAGE_SKIPPED]
    last = list(world.store.job("exp_a", 1).events().after(0))[-1]
    assert last.data["why"] == f"needs {whole.stages[0].name}, which failed"


def test_a_stop_ends_an_optional_stage_too(world):
    def stopped(config, inputs, context):
        raise Cancelled("stopped because it was asked to")

    optional = Plan(stages=(plan().stages[0].model_copy(update={"optional": True}),), outcomes=())
    world.functions["mini_rows"] = stopped
    assert world.walk(plan=optional).run().code == Cancelled.code


def test_a_fault_of_our_own_is_internal_and_carries_its_traceback(world):
    def broken(config, inputs, context):
        raise KeyError("surprise")

    world.functions["tokenize"] = broken
    failure = world.walk().run()
    assert failure.failure == "internal"
    assert "surprise" in failure.log_tail


def test_the_next_attempt_gets_the_folder_of_the_one_before(world):
    seen = []

    def interrupted(config, inputs, context):
        (context.folder / "checkpoint").write_text("half")
        raise OSError("disk went away")

    def resumed(config, inputs, context):
        seen.extend((one / "checkpoint").read_text() for one in context.earlier)
        return world.tokens(config, inputs, context)

    world.functions["tokenize"] = interrupted
    assert world.walk().run().retryable
    world.functions["tokenize"] = resumed
    assert world.walk(attempt=2).run() is None
    assert seen == ["half"]
    attempts = world.store.stage_folder(TOKENS) / "attempts"
    assert [path.name for path in attempts.iterdir()] == ["2"]


def test_a_stop_ends_the_walk_as_cancelled_and_hands_over(world):
    def stopped(config, inputs, context):
        world.store.job("exp_a", 1).ask_to_stop("asked")
        context.raise_if_stopped()

    world.functions["tokenize"] = stopped
    assert world.walk().run().code == Cancelled.code
    world.functions["tokenize"] = world.tokens
    assert world.walk("exp_b").run() is None


def test_who_waits_is_told_of_it_and_inherits_a_data_failure(world):
    holder = world.store.leases(ROWS).acquire(walking.Holder.here("exp_other", 1))
    from cftray.store import Failure

    def wait(seconds):
        holder.release(Failure(failure="data", code="bad-data", message="no rows at all", retryable=False))

    failure = world.walk(wait=wait).run()
    assert failure.failure == "data"
    assert "no rows at all" in failure.message
    assert "exp_other" in failure.message
    assert world.kinds()[0] is EventKind.STAGE_WAITING
    assert world.ran == []


def test_who_waits_runs_the_stage_itself_when_the_holder_was_cancelled(world):
    holder = world.store.leases(ROWS).acquire(walking.Holder.here("exp_other", 1))
    assert world.walk(wait=lambda seconds: holder.release()).run() is None
    assert world.ran == ["rows", "tokens"]


def test_a_failure_before_the_wait_is_not_inherited(world):
    def broken(config, inputs, context):
        raise DataError("bad once")

    world.functions["mini_rows"] = broken
    world.walk().run()
    world.functions["mini_rows"] = world.rows
    assert world.walk("exp_b").run() is None


def test_who_waits_can_be_stopped(world):
    world.store.leases(ROWS).acquire(walking.Holder.here("exp_other", 1))
    failure = world.walk(wait=lambda seconds: world.store.job("exp_a", 1).ask_to_stop("asked")).run()
    assert failure.code == Cancelled.code


def test_a_holder_that_is_killed_is_followed_at_once(world, tmp_path):
    program = textwrap.dedent(
        f"""
        from pathlib import Path
        from cftray.store import Holder, Store
        lease = Store(Path({str(tmp_path)!r})).leases({ROWS!r}).acquire(
            Holder.here("exp_killed", 1))
        print(lease.token, flush=True)
        input()
        """
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"1\n"

    def wait(seconds):
        os.kill(child.pid, signal.SIGKILL)
        child.wait()

    assert world.walk(wait=wait).run() is None
    assert world.ran == ["rows", "tokens"]


GATES = {name: name[-1] * 2 + "1" * 62 for name in ("gate.a", "gate.b")}


def gated_plan(*behind):
    """Two gates between the rows and their tokens, which stand behind `behind`."""
    rows, tokens = plan().stages
    gates = [
        StageNode(
            name=name,
            title=name,
            config=GateConfig(conditions=({"score": "ta", "at_least": 0.5},)),
            inputs={"scores": StageInput(stage="rows.p1")},
            fingerprint=fingerprint,
        )
        for name, fingerprint in GATES.items()
    ]
    return Plan(stages=(rows, *gates, tokens.model_copy(update={"gated_by": behind})), outcomes=())


def gates(world, **opened):
    """Gates that find what is said of them, in the plan's order."""
    found = iter(opened.items())

    def gate(config, inputs, context):
        name, is_open = next(found)
        details = {"open": is_open, "told": f"{name} is 0.300 (at least 0.5 wanted)"}
        return Artifact(outputs={}, metrics={"open": float(is_open)}, details=details)

    world.functions["gate"] = gate


def skipped(world, experiment="exp_a"):
    events = world.store.job(experiment, 1).events().after(0)
    return [event for event in events if event.kind is EventKind.STAGE_SKIPPED]


def test_what_stands_behind_a_closed_gate_is_left_out_and_the_walk_succeeds(world):
    gates(world, a=False, b=True)
    assert world.walk(plan=gated_plan("gate.a")).run() is None
    assert world.ran == ["rows"]
    assert world.store.record(TOKENS) is None
    [event] = skipped(world)
    assert (event.stage, event.data["gates"]) == ("tokens.p1", ["gate.a"])
    assert event.data["why"] == "a is 0.300 (at least 0.5 wanted)"


def test_a_stage_that_some_open_gate_leads_to_is_run(world):
    gates(world, a=False, b=True)
    assert world.walk(plan=gated_plan("gate.a", "gate.b")).run() is None
    assert world.ran == ["rows", "tokens"]
    assert skipped(world) == []


def test_a_stage_whose_gates_are_all_closed_is_left_out_with_every_reason(world):
    gates(world, a=False, b=False)
    assert world.walk(plan=gated_plan("gate.a", "gate.b")).run() is None
    [event] = skipped(world)
    assert event.data["why"] == "a is 0.300 (at least 0.5 wanted); b is 0.300 (at least 0.5 wanted)"


def test_a_gate_that_was_found_closed_before_stays_closed(world):
    gates(world, a=False, b=True)
    world.walk(plan=gated_plan("gate.a")).run()
    assert world.walk("exp_b", plan=gated_plan("gate.a")).run() is None
    assert [event.stage for event in skipped(world, "exp_b")] == ["tokens.p1"]
