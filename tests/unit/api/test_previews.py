"""`POST /v1/plans?preview=n`: what the models will see, and refusals that name the data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.unit.api.conftest import MINI, World


def asked(world: World, document: dict[str, Any], preview: int | None = None) -> Any:
    params = {} if preview is None else {"preview": preview}
    return world.client.post("/v1/plans", json=document, params=params)


def with_file(path: Path, **changes: Any) -> dict[str, Any]:
    hyperparameters = {"learning_rate": 1e-3, "epochs": 1, "global_batch": 4, "max_length": 256}
    phase = {"data": {"path": str(path)}, "hyperparameters": hyperparameters}
    whole = {"name": "own", "base": "mini:base", "phase1": {"train": phase}, "phase2": phase}
    return whole | changes


def data(tmp_path: Path) -> Path:
    path = tmp_path / "rows.json"
    records = [{"instruction": f"Where is number {n}?", "input": "", "output": f"Here: {n}"} for n in range(5)]
    path.write_text(json.dumps([*records, {"instruction": "No answer", "output": ""}]))
    return path


def test_a_plan_has_no_preview_unless_asked(world: World) -> None:
    assert asked(world, MINI).json()["preview"] is None


def test_the_miniatures_phases_are_shown_token_by_token(world: World) -> None:
    first, second = asked(world, MINI, 2).json()["preview"]
    assert (first["phase"], first["data"], first["template"]) == (1, "instruct-mini", "chat")
    assert (second["phase"], second["data"]) == (2, "multialpaca-mini")
    assert set(second["seen"]["languages"]) == {"de", "es", "fr", "id", "ru"}
    row = first["seen"]["rows"][0]
    assert len(first["seen"]["rows"]) == 2
    learned = "".join(token["text"] for token in row["tokens"] if token["supervised"])
    assert learned.endswith("</s>")
    assert "".join(token["text"] for token in row["tokens"]).endswith(f"<|assistant|>{learned}")


def test_files_are_looked_at_as_training_reads_them(world: World, tmp_path: Path) -> None:
    document = with_file(data(tmp_path), template="alpaca")
    document["phase2"] = document["phase2"] | {"template": {"text": "{{ messages[0]['content'] }}"
        "{% if messages|length > 1 %}{{ messages[1]['content'] }}{{ eos_token }}{% endif %}"}}  # fmt: skip
    first, second = asked(world, document, 1).json()["preview"]
    seen = first["seen"]
    assert (seen["looked_at"], seen["out_of"], seen["choice"], seen["empty"]) == (5, 5, "all", 1)
    assert (first["template"], second["template"]) == ("alpaca", "text")
    assert "### Instruction:" in "".join(token["text"] for token in seen["rows"][0]["tokens"])
    assert second["seen"]["lengths"]["longest"] < seen["lengths"]["longest"]


def test_an_adopted_phase_1_has_no_data_to_show(world: World, tmp_path: Path) -> None:
    document = with_file(data(tmp_path), phase1={"adopt": "mini:base"})
    assert [one["phase"] for one in asked(world, document, 1).json()["preview"]] == [2]


def test_a_row_that_the_template_refuses_is_a_fault_of_its_data(world: World, tmp_path: Path) -> None:
    text = "{% if '3' in messages[0]['content'] %}{{ raise_exception('no threes') }}{% endif %}x"
    document = with_file(data(tmp_path), template={"text": text})
    answer = asked(world, document, 1)
    assert answer.status_code == 422
    faults = answer.json()["faults"]
    assert [fault["path"] for fault in faults] == ["phase1.train.data", "phase2.data"]
    assert "row 4: the template refuses it: no threes" in faults[0]["expected"]


def test_more_rows_than_can_be_shown_are_refused(world: World) -> None:
    assert asked(world, MINI, 21).status_code == 422
