"""The HTML page: self-contained, escaped, and telling what there is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cftray.data.scores import ItemScores
from cftray.errors import InternalError
from cftray.report.curves import Curve, line_plot, read_curve, ticks
from cftray.report.facts import duration
from cftray.report.html import html_report

from .conftest import DOCUMENT, JUDGED, World, item_scores, judged_pack, task
from .pages import Page

Make = Callable[..., World]
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def page(made: World, experiment: str | None = "exp_1") -> Page:
    return Page(html_report(made.spec, made.plan, made.store, experiment=experiment))


def test_the_whole_page(world: Make) -> None:
    toy = world(seeds=[1, 2])
    toy.record_all()
    found = page(toy)
    text = "".join(found.text)
    for expected in ("Task ability falls", "Language by language", "Seed by seed", "instruct-mini", "Data by language",
                     "Where the time went", "Answers to look at", "cftray submit", "24 GiB"):  # fmt: skip
        assert expected in text
    assert found.tags.count("svg") == 2
    assert "▼" in text


def test_the_page_needs_nothing_from_elsewhere(world: Make) -> None:
    toy = world()
    toy.record_all()
    found = page(toy)
    assert not {"script", "link", "img", "iframe"} & set(found.tags)
    assert not found.links
    html = html_report(toy.spec, toy.plan, toy.store)
    assert "http:" not in html
    assert "https:" not in html
    assert "@import" not in html
    assert "url(" not in html


def test_a_specs_strings_are_text_and_nothing_else(world: Make) -> None:
    phase2 = DOCUMENT["phase2"] | {"data": {"path": f"data/{EVIL}.json"}}
    toy = world(base=EVIL, template={"text": f"{{{{ messages }}}}{EVIL}"}, phase2=phase2)
    toy.record_all()
    found = page(toy, experiment=EVIL)
    assert not {"script", "img"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert EVIL in "".join(found.text)


def test_the_spec_on_the_page_is_the_spec(world: Make) -> None:
    import yaml

    toy = world()
    toy.record_all()
    text = "".join(page(toy).text)
    written = text[text.index("name: toy") :]
    assert yaml.safe_load(written) == json.loads(toy.spec.model_dump_json())


def test_a_page_before_anything_is_recorded(world: Make) -> None:
    text = "".join(page(world()).text)
    assert "Nothing is evaluated yet." in text
    assert "not recorded" in text


def test_a_page_with_p1_alone(world: Make) -> None:
    toy = world()
    toy.record("evaluate.p1.s17")
    text = "".join(page(toy).text)
    assert "P2 is not evaluated yet" in text
    assert "0 comparisons" not in text


def test_a_stage_of_another_experiment_says_whose(world: Make) -> None:
    toy = world()
    toy.record_all()
    assert "reused" in "".join(page(toy, experiment="exp_2").text)
    assert "reused" not in "".join(page(toy, experiment="exp_1").text)


def test_an_adopted_p1_has_no_curve_and_no_data(world: Make) -> None:
    toy = world(phase1={"adopt": "models/instruct"})
    toy.record_all()
    found = page(toy)
    assert "adopted: models/instruct" in "".join(found.text)
    assert found.tags.count("svg") == 1


def test_axes_have_round_values() -> None:
    assert ticks(0, 3.7) == [0, 1, 2, 3, 4]
    assert ticks(0, 0.9) == [0, 0.25, 0.5, 0.75, 1.0]
    assert ticks(0, 376) == [0, 100, 200, 300, 400]


def test_a_long_curve_becomes_few_points() -> None:
    steps = tuple(range(1, 100_001))
    plot = str(line_plot([Curve(label="a", steps=steps, losses=tuple(1.0 for _ in steps))], "loss"))
    assert len(plot) < 20_000


def test_an_empty_curve_is_no_plot() -> None:
    assert line_plot([Curve(label="a", steps=(), losses=())], "loss") == ""


def test_losses_that_are_not_finite_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "curve.jsonl").write_text('{"step": 1, "loss": NaN}\n{"step": 2, "loss": 1.5}\n')
    assert read_curve(tmp_path / "curve.jsonl", "a").losses == (1.5,)


def test_a_curve_that_can_not_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "curve.jsonl").write_text("{")
    with pytest.raises(InternalError, match="can't be read"):
        read_curve(tmp_path / "curve.jsonl", "a")


def test_durations() -> None:
    assert [duration(one) for one in (4.52, 123, 3723)] == ["4.5 s", "2:03 min", "1:02:03"]


def test_benchmarks_in_the_training_data_stand_by_phase_with_examples(world: Make) -> None:
    toy = world()
    toy.record("contamination.p1")
    found = " ".join(page(toy).text)
    assert "Benchmarks in the training data" in found
    assert "in phase 1" in found
    assert "in phase 2" not in found
    assert "2 (2.5%)" in found
    assert "where <b>does</b> the judge work" in found


def test_a_page_without_a_look_for_contamination_does_not_speak_of_it(world: Make) -> None:
    toy = world(evaluation={"contamination": False})
    toy.record_all()
    assert "Benchmarks in the training data" not in page(toy).text


ENGLISH = {"task": "ifeval", "suite": "ta", "benchmark": "ifeval", "language": "en", "metric": "strict", "n": 541}
GERMAN = {"task": "xquad_de", "suite": "la", "benchmark": "xquad", "language": "de", "metric": "f1", "n": 1190}
SPANISH = GERMAN | {"task": "xquad_es", "language": "es"}


def test_what_was_scored_and_how_is_told_by_benchmark(world: Make) -> None:
    toy = world(judged_pack, evaluation=JUDGED | {"limit": 3})
    tasks = [ENGLISH | {"chat": True, "truncated": 12}, GERMAN | {"chat": False}, SPANISH | {"chat": False}]
    pack = {"name": "paper", "version": 4, "digest": "a1b2c3d4e5f6a7"}
    lacking = task("ta/ifeval", [1.0, 0.0], unscored={"i7": "needs punkt_tab"})
    toy.scored("evaluate.p1.s17", ItemScores(tasks=(lacking,)), details={"tasks": tasks, "pack": pack})
    toy.scored(
        "judge.p1.s17",
        ItemScores(tasks=(task("ta/alpaca_eval", [1.0, 0.0]),)),
        details={
            "judge": {"endpoint": "judge", "model": "gpt-4"},
            "prompt": {"name": "pairwise-1", "sha256": "0" * 64},
            "wins": 300,
            "losses": 500,
        },
        metrics={"position_consistency": 0.871, "draws": 5.0, "win_rate_length_adjusted": 0.312},
    )
    text = " ".join("".join(page(toy).text).split())
    for expected in (
        "What was scored, and how",
        "XQuADf1raw, de es2,380",
        "IFEvalstrictthrough the template541121",
        "paper, version 4, a1b2c3d4e5f6",
        "the first 3 of each task",
        "of 32, composed once for all models",
        "gpt-4 of the endpoint judge",
        "300 won, 500 lost, 5 drawn; 87.1% judged alike in both orders; win rate adjusted for length 31.2",
        "1 of 3 items not scored",
    ):
        assert expected in text


def test_a_closed_gate_and_a_noise_floor_are_on_the_page(world: Make) -> None:
    toy = world(gate=[{"score": "ta", "at_least": 0.9}], evaluation={"noise_floor": True})
    toy.record("evaluate.p1.s17")
    toy.scored("evaluate.p1.s17.noise", item_scores(1, 18))
    condition = {"score": "ta", "value": 0.7, "at_least": 0.9, "at_most": None, "holds": False}
    toy.record("gate.s17", details={"open": False, "conditions": [condition]})
    text = "".join(page(toy).text)
    assert "Gate closed, phase 2 left out: ta of P1 is 70.0, at least 90.0 wanted." in text
    assert "noise floor" in text


def test_languages_stand_with_the_papers_metric_beside_the_other(world: Make) -> None:
    toy = world()
    for name in ("evaluate.p1.s17", "evaluate.p2.s17"):
        scores = [1.0, 0.0, 1.0]
        tasks = (task("la/xquad/de", scores, paper=scores), task("la/mlqa/de", scores))
        toy.scored(name, ItemScores(tasks=tasks))
    text = "".join(page(toy).text)
    assert text.count("XQuAD (acc)") == text.count("XQuAD (theirs, paper's)") == 2
    assert "MLQA (" not in text
