"""`cftray preview`: what is learned can be told apart, with and without colour, and data stay harmless."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from cftray.cli import app as cli
from cftray.cli import own_previews, session
from cftray.cli.previews import looked_at, row_text, show, visible
from cftray.client import Client


def token(text: str, supervised: bool = False, kind: str = "text") -> dict[str, Any]:
    return {"text": text, "supervised": supervised, "kind": kind}


TOKENS = [token("<s>", kind="special"), token("Say  it: "), token("Hello", True), token("</s>", True, "special")]
SEEN = {
    "rows": [{"id": "d:1", "language": "en", "length": 90, "tokens": TOKENS}],
    "looked_at": 1000, "out_of": 52002, "choice": "drawn", "empty": 28, "max_length": 64,
    "lengths": {"median": 40, "p95": 120, "longest": 1300}, "truncated": 139, "truncated_share": 0.139,
    "without_supervised_tokens": 3, "border_tokens": 0, "unknown_tokens": 0,
    "languages": {
        "de": {"rows": 100, "tokens": 900, "supervised": 250}, "en": {"rows": 897, "tokens": 8000, "supervised": 750},
    },
}  # fmt: skip
PHASE = {"phase": 1, "data": "alpaca.json", "template": "alpaca", "model": "mini:base", "seen": SEEN}


def test_the_command_asks_for_rows_and_prints_each_phase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json={"preview": [PHASE]})

    client = Client("http://service", transport=httpx.MockTransport(answer))
    monkeypatch.setattr(session.Session, "client", lambda _self: client)
    spec = tmp_path / "spec.yaml"
    spec.write_text("recipe: mini\npair: similar\n")
    outputs = []
    for extra in ([], ["--json"]):
        monkeypatch.setattr(sys, "argv", ["cftray", "preview", str(spec), "--rows", "2", *extra])
        with pytest.raises(SystemExit) as end:
            cli.run()
        assert end.value.code in (0, None)
        outputs.append(capsys.readouterr().out)
    assert dict(requests[0].url.params) == {"preview": "2"}
    assert "Phase 1 · alpaca.json · template alpaca · tokenizer of mini:base" in outputs[0]
    assert json.loads(outputs[1]) == [PHASE]


UNSEEN = PHASE | {"phase": 2, "data": "d.parquet", "seen": None, "unseen": "d.parquet is Parquet; install it"}


def test_what_the_service_can_not_show_is_said_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(own_previews, "find_spec", lambda _name: None)
    assert own_previews.completed([PHASE, UNSEEN], tmp_path / "spec.yaml", 1) == [PHASE, UNSEEN]
    text = shown(UNSEEN)
    assert text.splitlines() == [
        "Phase 2 · d.parquet · template alpaca · tokenizer of mini:base",
        "not shown: d.parquet is Parquet; install it", "",
    ]  # fmt: skip


def test_what_the_service_can_not_show_is_read_here_where_the_worker_is_installed(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    for needed in own_previews.NEEDED:
        pytest.importorskip(needed)
    from pyarrow import parquet

    records = [{"instruction": f"Where is {n}?", "input": None, "output": f"Here: {n}"} for n in range(5)]
    parquet.write_table(pyarrow.Table.from_pylist(records), tmp_path / "d.parquet")
    training = "{learning_rate: 0.001, epochs: 1, global_batch: 4, max_length: 128}"
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "name: own\nbase: mini:base\nphase1: {adopt: mini:base}\n"
        f"phase2: {{data: {{path: d.parquet}}, hyperparameters: {training}}}\n"
    )
    first, second = own_previews.completed([PHASE, UNSEEN], spec, 2)
    assert first == PHASE
    assert (second["seen"]["looked_at"], second["unseen"]) == (5, None)
    learned = [token["text"] for token in second["seen"]["rows"][1]["tokens"] if token["supervised"]]
    assert "".join(learned) == "Here: 1</s>"
    (tmp_path / "d.parquet").write_bytes(b"PAR1 and nothing more")
    first, second = own_previews.completed([PHASE, UNSEEN], spec, 2)
    assert (first, second["seen"]) == (PHASE, None)
    assert "the service does not read it, and here: d.parquet, after row 0: damaged Parquet" in second["unseen"]


def test_rows_that_an_experiment_has_read_bear_its_name() -> None:
    assert shown(PHASE | {"recorded_by": "exp_a"}).startswith(
        "Phase 1 · alpaca.json · template alpaca · tokenizer of mini:base · as exp_a read it"
    )


def shown(phase: dict[str, Any] = PHASE, **options: Any) -> str:
    made = session.Session("http://service")
    made.console = Console(record=True, width=120, file=io.StringIO(), **options)
    show(made, phase)
    return made.console.export_text(styles=bool(options))


def test_without_colour_what_is_learned_stands_between_marks() -> None:
    text = shown()
    assert "<s>Say··it:·«Hello</s>»" in text


def test_in_colour_tokens_learned_are_lit_and_prompts_dim() -> None:
    text = shown(force_terminal=True, color_system="truecolor")
    assert "\x1b[30;48;2;135;215;135mHello" in text
    assert "\x1b[2mSay··it:·" in text
    assert "«" not in text


def test_the_figures_say_which_rows_they_are_of_and_what_is_lost() -> None:
    lines = [" ".join(line.split()) for line in shown().splitlines()]
    assert "d:1 · en · 90 tokens, cut at 64" in lines
    assert "rows looked at 1,000 of 52,002, drawn evenly" in lines
    assert "tokens of a row median 40, 95 % 120, longest 1,300" in lines
    assert "cut at 64 tokens 139 rows, 13.9%" in lines
    assert "nothing to learn in 3 of 1,000 rows: left out of training" in lines
    assert "records left out 28 without instruction or response" in lines
    assert lines.index("en 897 8,000 750 75.0%") < lines.index("de 100 900 250 25.0%")


@pytest.mark.parametrize(
    ("choice", "out_of", "words"),
    [
        ("all", 1000, "all 1,000"),
        ("first", 2500, "the first 1,000 of 2,500"),
        ("first", None, "the first 1,000 of files too large to count them in"),
    ],
)
def test_which_rows_were_looked_at(choice: str, out_of: int | None, words: str) -> None:
    assert looked_at(SEEN | {"choice": choice, "out_of": out_of}) == words


def test_the_middle_of_a_long_row_is_left_out_and_counted() -> None:
    text = row_text([token(f"{n} ", n > 100) for n in range(1000)], coloured=False).plain
    assert "239 ⋯ 600 tokens ⋯ 840" in text.replace("  ", " ")
    assert text.endswith("999·»")


def test_space_that_is_easily_missed_is_shown() -> None:
    assert visible("a b", last=True) == "a b"
    assert visible("a  b \nc\td ", last=True) == "a··b·↵\nc→\td·"
    assert visible("word ", last=False) == "word "


def test_data_can_not_speak_to_the_terminal() -> None:
    text = row_text([token("\x1b[2J\x07[red]x[/red]\x9b31m", True)], coloured=True).plain
    assert text == "␛[2J␇[red]x[/red]\ufffd31m"
