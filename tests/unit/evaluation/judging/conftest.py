"""Pairs of answers, the files they stand in, and a server that judges by a rule."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from cftray.evaluation.judging.pairs import Pair
from tests.unit.endpoint.conftest import server  # noqa: F401
from tests.unit.endpoint.server import Handler, completion

ANSWER = re.compile(r"<<< answer ([12]) (\w+) >>>\n(.*?)\n<<< end of answer \1 \2 >>>", re.DOTALL)


def pair(number: int, *, model: str, reference: str = "plain") -> Pair:
    return Pair(item=str(number), instruction=f"Do thing {number}.", reference=reference, output=model)


def answers_in(question: str) -> dict[str, str]:
    """What stands between the marks, by the number of the answer."""
    return {number: text for number, _, text in ANSWER.findall(question)}


def by_rule(question: str) -> str:
    """The answer with more `good` in it is the better one."""
    found = {number: text.count("good") for number, text in answers_in(question).items()}
    if found["1"] == found["2"]:
        return "tie"
    return "1" if found["1"] > found["2"] else "2"


def judges(handler: Handler, body: dict[str, Any]) -> None:
    """The play of a server that judges by the rule."""
    handler.reply(200, completion(by_rule(body["messages"][-1]["content"])))


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, Any], Path]:
    """Writes JSON into a file of a name."""

    def write(name: str, document: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        return path

    return write


@pytest.fixture
def items(tmp_path: Path) -> Callable[[Sequence[str]], Path]:
    """An evaluation's table of items: the answers given, and items of another task."""

    def write(outputs: Sequence[str], name: str = "items.parquet") -> Path:
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = [{"item": str(n), "task": "alpaca_eval", "output": one, "score": None} for n, one in enumerate(outputs)]
        other = {"item": "0", "task": "ifeval", "output": "no answer to judge", "score": 1.0}
        pq.write_table(pa.Table.from_pylist([other, *rows]), tmp_path / name)
        return tmp_path / name

    return write
