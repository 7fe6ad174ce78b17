"""Who judges, and with which words, is identity; a judge's words are those of the code."""

from __future__ import annotations

from pathlib import Path

from cftray.evaluation.judging.prompt import find_prompt
from cftray.plan import JudgeConfig, Pack, build_plan
from cftray.plan.packs import PackTask
from cftray.spec import experiment_from_document
from tests.unit.plan.test_graph import document

TASK = PackTask(
    task="alpaca_eval", suite="ta", benchmark="alpaca_eval", language="en", metric="win_rate", chat=True,
    source="alpaca_eval", judged=True,
)  # fmt: skip
PACK = Pack(name="paper", version=1, digest="d", tasks=(TASK,), include_path=Path())


def judged(**judge):
    evaluation = {
        "pack": "paper", "suites": ["ta"], "data": {"alpaca_eval": "/data/alpaca_eval"},
        "judge": {"endpoint": "judge", "model": "gpt"} | judge,
    }  # fmt: skip
    plan = build_plan(experiment_from_document(document(evaluation=evaluation)), lambda _: "d", lambda _: PACK)
    return {node.name: node for node in plan.stages if isinstance(node.config, JudgeConfig)}


def test_both_phases_are_judged_with_a_prompt_that_the_code_has():
    found = judged()
    assert set(found) == {"judge.p1.s17", "judge.p2.s17"}
    for node in found.values():
        assert find_prompt(node.config.prompt, node.config.prompt_sha256).name == "pairwise-1"
        assert set(node.inputs) == {"items", "reference"}


def test_another_judge_or_limit_is_another_result():
    prints = {judged(**change)["judge.p1.s17"].fingerprint for change in ({}, {"model": "other"}, {"max_tokens": 9})}
    assert len(prints) == 3
