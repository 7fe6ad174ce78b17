"""`cftray items`: what a second model lost and gained, over Parquet files made here."""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cftray.cli import app as cli
from cftray.cli import session
from cftray.client import Client

COLUMNS = {
    "item": pa.string(), "task": pa.string(), "suite": pa.string(), "benchmark": pa.string(), "language": pa.string(),
    "prompt_sha256": pa.string(), "output": pa.string(), "score": pa.float64(), "truncated": pa.bool_(),
    "unscored": pa.string(),
}  # fmt: skip
Run = Callable[..., tuple[int, str, str]]


def row(item: str, score: float | None, output: str = "an answer", **more: Any) -> dict[str, Any]:
    plain = {
        "task": "mmlu", "suite": "ta", "benchmark": "mmlu", "language": "en", "prompt_sha256": f"prompt of {item}",
        "truncated": False, "unscored": None,
    }  # fmt: skip
    return {"item": item, "score": score, "output": output, **plain, **more}


def write(path: Path, *rows: dict[str, Any], columns: Mapping[str, pa.DataType] = COLUMNS) -> str:
    pq.write_table(pa.Table.from_pylist(list(rows), schema=pa.schema(list(columns.items()))), path)
    return str(path)


@pytest.fixture
def cftray(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str, answer: Callable[[httpx.Request], httpx.Response] | None = None) -> tuple[int, str, str]:
        transport = httpx.MockTransport(answer or (lambda _: httpx.Response(500)))
        client = Client("http://service", transport=transport)
        monkeypatch.setattr(session.Session, "client", lambda _self: client)
        monkeypatch.setattr(sys, "argv", ["cftray", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.run()
        seen = capsys.readouterr()
        return int(end.value.code or 0), seen.out, seen.err

    return run


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, str]:
    german = {"task": "xquad_de", "suite": "la", "benchmark": "xquad", "language": "de"}
    before = write(
        tmp_path / "p1.parquet",
        row("a", 1.0, "B"), row("b", 1.0), row("c", 0.0), row("d", 1.0), row("e", None, unscored="no key"),
        row("x", 0.5, "der Hund", **german), row("y", 0.2, **german),
    )  # fmt: skip
    after = write(
        tmp_path / "p2.parquet",
        row("a", 0.0, "C\x1b[2J\nlines"), row("b", 1.0), row("c", 1.0), row("d", 0.0), row("e", 1.0),
        row("x", 0.1, "the dog " * 40, **german), row("y", 0.9, **german),
    )  # fmt: skip
    return before, after


def test_each_benchmark_and_language_has_its_losses_and_gains(cftray: Run, pair: tuple[str, str]) -> None:
    code, out, _ = cftray("items", "diff", *pair, "--json")
    assert code == 0
    found = json.loads(out)
    assert found["tallies"] == [
        {"suite": "ta", "benchmark": "mmlu", "language": "en", "n": 5, "lost": 2, "gained": 1, "unchanged": 1,
         "unscored": 1, "net": -1, "before": 0.75, "after": 0.5},
        {"suite": "la", "benchmark": "xquad", "language": "de", "n": 2, "lost": 1, "gained": 1, "unchanged": 0,
         "unscored": 0, "net": 0, "before": 0.35, "after": 0.5},
    ]  # fmt: skip


def test_the_largest_falls_and_rises_come_first(cftray: Run, pair: tuple[str, str]) -> None:
    found = json.loads(cftray("items", "diff", *pair, "--json", "--top", "2")[1])
    assert [one["item"] for one in found["falls"]] == ["a", "d"]
    assert [one["item"] for one in found["rises"]] == ["c", "y"]
    assert found["falls"][0]["output_before"] == "B"


def test_outputs_are_one_line_cut_and_move_no_cursor(cftray: Run, pair: tuple[str, str]) -> None:
    code, out, _ = cftray("items", "diff", *pair)
    assert code == 0
    assert "\x1b" not in out
    assert "C␛[2J lines" in out
    lines = out.splitlines()
    assert next(line.split() for line in lines if line.startswith("mmlu"))[2:8] == ["5", "2", "1", "1", "1", "-1"]
    (dogs,) = [line for line in lines if "the dog" in line]
    assert dogs.rstrip().endswith("…")
    assert "1 → 0" in out


def test_a_task_and_a_language_are_chosen(cftray: Run, pair: tuple[str, str]) -> None:
    for option in (("--task", "xquad"), ("--task", "xquad_de"), ("--language", "de")):
        found = json.loads(cftray("items", "diff", *pair, "--json", *option)[1])
        assert [one["benchmark"] for one in found["tallies"]] == ["xquad"]
    code, _, err = cftray("items", "diff", *pair, "--task", "mmlux")
    assert code == 2
    assert "did you mean mmlu?" in err


def test_every_item_goes_into_a_csv_file(cftray: Run, pair: tuple[str, str], tmp_path: Path) -> None:
    target = tmp_path / "items.csv"
    assert cftray("items", "diff", *pair, "--csv", str(target))[0] == 0
    rows = list(csv.DictReader(target.open(encoding="utf-8", newline="")))
    assert [one["fate"] for one in rows] == ["lost", "unchanged", "gained", "lost", "unscored", "lost", "gained"]
    assert rows[0]["output_after"] == "C\x1b[2J\nlines"


def test_models_asked_by_other_prompts_are_not_compared(cftray: Run, tmp_path: Path) -> None:
    before = write(tmp_path / "p1.parquet", row("a", 1.0), row("b", 1.0))
    after = write(tmp_path / "p2.parquet", row("a", 1.0), row("b", 1.0, prompt_sha256="another"))
    code, _, err = cftray("items", "diff", before, after)
    assert code == 2
    assert "1 item was asked by different prompts (the first: b of mmlu)" in err


def test_items_of_one_side_alone_are_counted_and_none_in_common_is_refused(cftray: Run, tmp_path: Path) -> None:
    before = write(tmp_path / "p1.parquet", row("a", 1.0), row("b", 1.0))
    after = write(tmp_path / "p2.parquet", row("b", 1.0))
    code, _, err = cftray("items", "diff", before, after)
    assert code == 0
    assert "1 items in A alone, 0 in B alone" in err
    other = write(tmp_path / "p3.parquet", row("z", 1.0, task="ifeval"))
    code, _, err = cftray("items", "diff", before, other)
    assert code == 2
    assert "mmlu on the one side, ifeval on the other" in err


def test_further_columns_are_left_alone_and_lacking_ones_are_named(cftray: Run, tmp_path: Path) -> None:
    more = write(tmp_path / "p1.parquet", row("a", 1.0, acc=0.5), columns=COLUMNS | {"acc": pa.float64()})
    assert cftray("items", "diff", more, more)[0] == 0
    bare = {name: kind for name, kind in COLUMNS.items() if name != "score"}
    lacking = write(tmp_path / "p2.parquet", row("a", 1.0), columns=bare)
    code, _, err = cftray("items", "diff", more, lacking)
    assert code == 2
    assert "p2.parquet: has no column score" in err


@pytest.mark.parametrize(
    ("source", "said"),
    [("nowhere.parquet", "there is no such file"), ("exp_7k2q", "EXP:p1"), ("a b:p3", "EXP:p1")],
)
def test_what_is_no_source_is_refused_in_words(cftray: Run, source: str, said: str) -> None:
    code, _, err = cftray("items", "show", source)
    assert code == 2
    assert said in err


def test_a_file_that_is_no_parquet_is_refused_in_words(cftray: Run, tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("item,task\n")
    code, _, err = cftray("items", "show", str(tmp_path / "x.parquet"))
    assert code == 2
    assert "can't be read as Parquet" in err


def served(files: Mapping[str, bytes], asked: list[str]) -> Callable[[httpx.Request], httpx.Response]:
    """A service that has these files, by path and parameters."""

    def answer(request: httpx.Request) -> httpx.Response:
        key = str(request.url).removeprefix("http://service")
        asked.append(key)
        if key not in files:
            return httpx.Response(404, json={"code": "not-found", "detail": f"no {key}"})
        return httpx.Response(200, content=files[key], headers={"ETag": f'"{hashlib.sha256(files[key]).hexdigest()}"'})

    return answer


def test_an_experiments_models_and_an_evaluation_come_through_the_service(
    cftray: Run, pair: tuple[str, str]
) -> None:
    asked: list[str] = []
    before, after = (Path(one).read_bytes() for one in pair)
    files = {
        "/v1/experiments/exp_1/items?phase=p2&seed=17": before,
        "/v1/evaluations/ev_1/items": after,
    }
    code, out, _ = cftray("items", "diff", "exp_1:p2:17", "ev_1", "--json", answer=served(files, asked))
    assert code == 0
    assert json.loads(out)["tallies"][0]["lost"] == 2
    assert asked == list(files)


def test_a_judges_scores_are_asked_for_where_items_have_none(cftray: Run, tmp_path: Path) -> None:
    asked: list[str] = []
    path = "/v1/experiments/exp_1/items?phase=p1"
    items = Path(write(tmp_path / "p1.parquet", row("7", None, task="alpaca_eval"), row("8", 1.0))).read_bytes()
    files = {path: items, f"{path}&of=annotations": b'{"item": "7", "score": 0.5}\n'}
    found = json.loads(cftray("items", "show", "exp_1:p1", "--json", answer=served(files, asked))[1])
    assert [one["score"] for one in found] == [0.5, 1.0]
    found = json.loads(cftray("items", "show", "exp_1:p1", "--json", answer=served({path: items}, asked))[1])
    assert [one["score"] for one in found] == [None, 1.0]


def test_one_item_is_shown_whole_and_many_are_cut_to_a_limit(cftray: Run, pair: tuple[str, str]) -> None:
    _, out, _ = cftray("items", "show", pair[1], "--item", "x")
    assert " ".join(out.split()).count("the dog") == 40
    _, out, err = cftray("items", "show", pair[0], "--limit", "3")
    assert len([line for line in out.splitlines() if line.startswith("mmlu")]) == 3
    assert "3 of 7" in err
