"""The HTML page: self-contained, escaped, and telling what there is."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cftray.errors import InternalError
from cftray.report.curves import Curve, line_plot, read_curve, ticks
from cftray.report.facts import duration
from cftray.report.html import html_report

from .conftest import DOCUMENT, World

Make = Callable[..., World]
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"
VOID = {"meta", "br", "img", "link", "input", "line", "polyline"}


class Page(HTMLParser):
    """Collects tags and attributes, and holds that tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


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
    assert not [one for one in found.attributes if one[0] in ("src", "href", "srcset", "data", "xlink:href")]
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
