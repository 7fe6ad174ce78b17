"""`POST /v1/plans?preview=n`: what the models will see, and refusals that name the data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cftray.data.adapters import write_rows
from cftray.data.rows import Row
from cftray.store.records import Record
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


def test_data_that_the_service_can_not_read_are_said_so_beside_what_it_can(world: World, tmp_path: Path) -> None:
    document = with_file(data(tmp_path))
    place = tmp_path / "rows.parquet"
    place.write_bytes(b"PAR1, as far as anyone here can tell")
    document["phase2"] = document["phase2"] | {"data": {"path": str(place)}}
    answer = asked(world, document, 1)
    assert answer.status_code == 200
    first, second = answer.json()["preview"]
    assert (first["seen"]["looked_at"], first["unseen"]) == (5, None)
    assert second["seen"] is None
    assert second["unseen"].startswith("rows.parquet is Parquet, which the service does not read; cftray preview shows")


def test_rows_that_a_stage_has_recorded_are_shown_whatever_they_were_read_from(world: World, tmp_path: Path) -> None:
    place = tmp_path / "rows.parquet"
    place.write_bytes(b"PAR1, as far as anyone here can tell")
    document = with_file(place)
    recorded(world, document, "rows.p1", [Row(id="7", instruction="Where?", output="Here.", language="de")])
    for phase in asked(world, document, 1).json()["preview"]:
        assert (phase["recorded_by"], phase["unseen"], phase["seen"]["empty"]) == ("exp_first", None, 3)
        assert [(row["id"], row["language"]) for row in phase["seen"]["rows"]] == [("7", "de")]


def test_translations_are_shown_once_they_are_made(world: World, tmp_path: Path) -> None:
    translated = {
        "translate": {"path": str(data(tmp_path))},
        "into": ["de", "fr"],
        "translator": {"kind": "dictionary"},
    }
    document = with_file(data(tmp_path))
    document["phase2"] = document["phase2"] | {"data": translated}
    before = asked(world, document, 1).json()["preview"][1]
    assert (before["data"].endswith("before it is translated into de, fr"), before["recorded_by"]) == (True, None)
    recorded(world, document, "gather.p2", [Row(id="1.de", instruction="Wo?", output="Hier.", language="de")])
    after = asked(world, document, 1).json()["preview"][1]
    assert (after["data"].endswith("in de, fr"), after["recorded_by"]) == (True, "exp_first")
    assert list(after["seen"]["languages"]) == ["de"]


def recorded(world: World, document: dict[str, Any], name: str, rows: list[Row]) -> None:
    """The stage of that name has been run by another experiment."""
    stage = next(one for one in asked(world, document).json()["stages"] if one["name"] == name)
    folder = world.store.stage_folder(stage["fingerprint"]) / "attempts" / "1" / "rows"
    folder.mkdir(parents=True)
    write_rows(folder / "rows.jsonl", rows)
    world.store.write_record(
        Record(
            fingerprint=stage["fingerprint"], kind=stage["kind"], title=stage["title"], config={}, inputs={},
            outputs={"rows": world.store.describe(stage["fingerprint"], folder)}, metrics={"empty": 3}, details={},
            execution={}, provenance={}, experiment="exp_first", attempt=1, seconds=1,
            started_at="2026-11-20T10:00:00Z", finished_at="2026-11-20T10:00:01Z",
        )
    )  # fmt: skip
