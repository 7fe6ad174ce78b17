"""What a client may send, and what it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cftray.data.reading.reader import Reader
from cftray.errors import DataError
from tests.unit.api.conftest import MINI, World

HYPERPARAMETERS = {"learning_rate": 1e-3, "epochs": 1, "global_batch": 4, "max_length": 64}
YAML = {"content-type": "application/yaml"}
JSON = {"content-type": "application/json"}


def own(**changes: Any) -> dict[str, Any]:
    """A spec over the miniature's base that names no file."""
    data = {"mini": "alpaca-mini", "samples": 100}
    return {
        "name": "own",
        "base": "mini:base",
        "phase1": {"train": {"data": data, "hyperparameters": HYPERPARAMETERS}},
        "phase2": {"data": data, "hyperparameters": HYPERPARAMETERS},
    } | changes


def faults(world: World, document: dict[str, Any]) -> dict[str, str]:
    """Path to expectation of a refused POST; nothing may be stored by it."""
    answer = world.client.post("/v1/experiments", json=document)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert world.client.get("/v1/experiments").json()["data"] == []
    return {fault["path"]: fault["expected"] for fault in answer.json()["faults"]}


def write_rows(path: Path, rows: int, **record: str) -> str:
    lines = [json.dumps({"instruction": f"say {n}", "output": f"{n}"} | record) for n in range(rows)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def test_yaml_and_json_are_the_same(world: World) -> None:
    answer = world.client.post("/v1/experiments", content="recipe: mini\npair: similar\n", headers=YAML)
    assert (answer.status_code, answer.json()["name"]) == (201, "mini-similar")
    assert answer.headers["location"] == f"/v1/experiments/{answer.json()['id']}"


def test_every_fault_is_told_at_once_with_its_cure(world: World) -> None:
    document = own(colour="red")
    document["phase2"] = document["phase2"] | {"hyperparameters": HYPERPARAMETERS | {"epochs": 0, "schedule": "cos"}}
    told = faults(world, document)
    assert told["phase2.hyperparameters.epochs"].startswith("greater than or equal to 1")
    assert "did you mean cosine?" in told["phase2.hyperparameters.schedule"]
    assert "colour" in told


def test_faults_across_fields_and_files_are_told_together(world: World) -> None:
    document = own(base="/no/such/model", execution={"workers": 24, "zero_stage": 0, "offload": {"parameters": True}})
    document["phase2"] = document["phase2"] | {"data": {"path": "/no/such/*.jsonl"}}
    told = faults(world, document)
    assert told["execution.workers"] == (
        "a step has 4 samples (phase1.train.hyperparameters.global_batch): at most 4 workers"
    )
    assert "zero_stage 3" in told["execution.offload.parameters"]
    assert {"base.model", "phase2.data.path"} <= told.keys()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "no usable row"),
        ("[]", "no usable row"),
        ('{"instruction": "a"}', "has no output"),
        ("not json", "not JSON"),
    ],
)
def test_data_that_can_not_be_used_are_refused_before_anything_is_stored(
    world: World, tmp_path: Path, content: str, expected: str
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(content, encoding="utf-8")
    document = own()
    document["phase2"] = document["phase2"] | {"data": {"path": str(path)}}
    assert expected in faults(world, document)["phase2.data.path"]


@pytest.mark.parametrize(
    ("name", "content", "data", "expected"),
    [
        ("a.json", b"PAR1", {}, "a.json: is a Parquet file, not JSON"),
        ("a.txt", b"{}", {}, "a.txt: a name that tells no format"),
        ("a.parquet", b"PK", {}, "a.parquet: is no Parquet file"),
        ("a.csv", b"q,r\n1,2\n3\n", {"columns": {"instruction": "q", "output": "r"}}, "a.csv, line 3: has 1 cells"),
        ("a.jsonl", b'{"question": "q"}', {"adapter": "openorca"}, "a.jsonl, line 1: has no response"),
        ("rows.jsonl", b'{"q": 1}', {"languages": {"by": "file", "among": ["es", "ja"]}}, "tells no language code"),
    ],
)
def test_files_of_every_layout_are_refused_by_name_line_and_field(
    world: World, tmp_path: Path, name: str, content: bytes, data: dict[str, Any], expected: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    document = own()
    adapter = {"adapter": "columns"} if "columns" in data else {}
    document["phase2"] = document["phase2"] | {"data": {"path": str(path)} | adapter | data}
    assert expected in faults(world, document)["phase2.data.path"]


def test_a_counterpart_and_a_folder_are_looked_at_too(world: World, tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", 3)
    english = {"path": f"file://{tmp_path}/rows.jsonl", "alignment": "id", "key": "number"}
    document = own()
    document["phase2"] = document["phase2"] | {"data": {"path": str(tmp_path), "english": english}}
    told = faults(world, document)
    assert "rows.jsonl, line 1: has no number" in told["phase2.data.path"]
    assert "rows.jsonl, line 1: has no number" in told["phase2.data.english.path"]


def test_counterparts_that_can_not_belong_together_are_refused_before_anything_runs(
    world: World, tmp_path: Path
) -> None:
    document = own()
    path, shorter = write_rows(tmp_path / "de.jsonl", 3), write_rows(tmp_path / "en.jsonl", 2)
    english = {"path": shorter, "alignment": "line"}
    document["phase2"] = document["phase2"] | {"data": {"path": path, "english": english}}
    assert "the set has 3, its counterpart 2" in faults(world, document)["phase2.data.english.alignment"]
    for name, first in (("de", 0), ("en", 10)):
        rows = [{"instruction": "a", "output": f"b{n}", "id": n} for n in range(first, first + 3)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    english["alignment"] = "id"
    told = faults(world, document)["phase2.data.english.alignment"]
    assert "the same values of id in both: none of 3 rows has its counterpart among 3" in told


def test_a_set_and_its_counterpart_are_read_once_each(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    rows = Reader.rows

    def noted(self: Reader, files: list[Path]) -> Iterator[Any]:
        read.extend(file.name for file in files)
        return rows(self, files)

    monkeypatch.setattr(Reader, "rows", noted)
    document = own()
    path, other = write_rows(tmp_path / "de.jsonl", 3), write_rows(tmp_path / "en.jsonl", 2)
    document["phase2"] = document["phase2"] | {"data": {"path": path, "english": {"path": other, "alignment": "line"}}}
    assert "phase2.data.english.alignment" in faults(world, document)
    assert sorted(name for name in read if name in ("de.jsonl", "en.jsonl")) == ["de.jsonl", "en.jsonl"]


def test_names_of_fields_that_are_no_text_do_not_break_the_answer(world: World, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes('{"größe": "a", "output": "b"}\n'.encode("cp1252"))
    document = own()
    document["phase2"] = document["phase2"] | {"data": {"path": str(path)}}
    assert r"has no instruction (gr\udcf6\udcdfe, output)" in faults(world, document)["phase2.data.path"]


def test_proportions_that_no_rows_can_meet_are_refused(world: World, tmp_path: Path) -> None:
    document = own()
    data = {"path": write_rows(tmp_path / "rows.jsonl", 3), "proportions": {"en": 0.5, "de": 0.5}}
    document["phase2"] = document["phase2"] | {"data": data}
    assert "ask for de, of which there is no row" in faults(world, document)["phase2.data.proportions"]


def test_urls_and_hub_sets_that_lead_nowhere_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    document = own()
    document["phase2"] = document["phase2"] | {"data": {"path": "memory://none/rows.jsonl"}}
    assert "no such file" in faults(world, document)["phase2.data.path"]
    monkeypatch.setattr("cftray.store.leaves.commit_of", refuse_hub_set)
    document["phase2"] = document["phase2"] | {"data": {"hub": {"name": "team/none"}}}
    assert "no such set on the hub" in faults(world, document)["phase2.data.hub"]


def refuse_hub_set(name: str, revision: str | None, kind: str) -> str:
    assert kind == "dataset"
    raise DataError(f"{name}: no such set on the hub")


def test_more_samples_than_rows_are_refused(world: World, tmp_path: Path) -> None:
    document = own()
    path = write_rows(tmp_path / "rows.jsonl", 3)
    document["phase2"] = document["phase2"] | {"data": {"path": path, "samples": 4}}
    assert "at most 3" in faults(world, document)["phase2.data.samples"]


def test_what_an_analysis_could_not_read_is_refused_before_anything_is_trained(world: World, tmp_path: Path) -> None:
    assert faults(world, own(analysis=["des"])) == {
        "analysis[0].samples": "at most 100, which phase2.data draws, or a larger phase2.data.samples"
    }
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"question_id": 1, "turns": ["Say it."]}\n', encoding="utf-8")
    asked = {"kind": "representations", "prompts": {"kind": "file", "path": str(prompts), "count": 80}}
    told = faults(world, own(analysis=[asked]))["analysis[0].prompts.path"]
    assert "holds 1 prompts, 80 were asked for" in told
    (tmp_path / "flores").mkdir()
    (tmp_path / "flores" / "deu.dev").write_text("eins\nzwei\ndrei\n", encoding="utf-8")
    sentences = {"kind": "files", "path": str(tmp_path / "flores"), "count": 3}
    told = faults(world, own(analysis=[{"kind": "crosslingual", "sentences": sentences}]))["analysis[0].sentences.path"]
    assert "has no file for en" in told


def test_a_template_that_does_not_compile_is_refused(world: World) -> None:
    assert "Jinja" in faults(world, own(template={"text": "{% for %}"}))["template"]


def test_an_unknown_recipe_is_refused_with_the_nearest_name(world: World) -> None:
    assert "did you mean mini?" in faults(world, {"recipe": "minni"})["recipe"]


def test_the_same_key_and_body_give_the_first_answer(world: World) -> None:
    first = world.client.post("/v1/experiments", json=MINI, headers={"Idempotency-Key": "k1"})
    second = world.client.post("/v1/experiments", json=MINI, headers={"Idempotency-Key": "k1"})
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["idempotency-replayed"] == "true"
    assert len(world.client.get("/v1/experiments").json()["data"]) == 1


def test_the_same_key_with_another_body_is_a_conflict(world: World) -> None:
    world.post(**{"Idempotency-Key": "k1"})
    answer = world.client.post("/v1/experiments", json=MINI | {"seeds": [3]}, headers={"Idempotency-Key": "k1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency-key-reused")


def test_pages_hold_every_experiment_once_also_while_new_ones_come(world: World) -> None:
    ids = [world.post()["id"] for _ in range(5)]
    first = world.client.get("/v1/experiments", params={"limit": 2}).json()
    world.post()
    second = world.client.get("/v1/experiments", params={"limit": 2, "after": first["next"]}).json()
    third = world.client.get("/v1/experiments", params={"limit": 2, "after": second["next"]}).json()
    seen = [one["id"] for page in (first, second, third) for one in page["data"]]
    assert seen == ids[::-1]
    assert (second["has_more"], third["has_more"], third["next"]) == (True, False, None)


def test_filters_by_state_label_and_name(world: World) -> None:
    labelled = world.post(own(labels=["night", "gpu"]))["id"]
    other = world.post(own(name="other", labels=["night"]))["id"]
    world.client.post(f"/v1/experiments/{other}/cancel")

    def listed(**params: Any) -> list[str]:
        return [one["id"] for one in world.client.get("/v1/experiments", params=params).json()["data"]]

    assert listed(label="night") == [other, labelled]
    assert listed(label=["night", "gpu"]) == [labelled]
    assert listed(state="cancelled") == [other]
    assert listed(state=["cancelled", "queued"]) == [other, labelled]
    assert listed(name="own") == [labelled]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1000", "limit=x", "state=done", "stat=queued", "after=exp_none", "name=a%00b", "label="]
)
def test_wrong_parameters_are_refused(world: World, query: str) -> None:
    answer = world.client.get(f"/v1/experiments?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


@pytest.mark.parametrize("path", ["", "/events", "/logs", "/results", "/report"])
@pytest.mark.parametrize("identifier", ["exp_aaaaaaaaaaaa", "x", "..%2f..", "%00", "🙂", "a" * 3000])
def test_unknown_ids_are_not_found(world: World, identifier: str, path: str) -> None:
    answer = world.client.get(f"/v1/experiments/{identifier}{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_actions_on_unknown_ids_are_not_found(world: World, action: str) -> None:
    assert world.client.post(f"/v1/experiments/exp_aaaaaaaaaaaa/{action}").status_code == 404


def test_unknown_paths_and_methods_are_problems_too(world: World) -> None:
    for answer, status in (
        (world.client.get("/v2/experiments"), 404),
        (world.client.delete("/v1/experiments"), 405),
        (world.client.put("/v1/plans"), 405),
    ):
        assert (answer.status_code, answer.json()["status"]) == (status, status)
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_of_an_unknown_type_is_refused_with_the_known_ones(world: World) -> None:
    for kind in ({}, {"content-type": "text/plain"}, {"content-type": "multipart/form-data"}):
        answer = world.client.post("/v1/experiments", content=b"name: x", headers=kind)
        assert (answer.status_code, "application/yaml" in answer.json()["detail"]) == (415, True)


def test_a_body_too_large_is_refused_announced_or_not(world: World) -> None:
    much = b"x" * (world.settings.max_body_bytes + 1)
    for content in (much, iter([much[:100_000], much[100_000:]])):
        answer = world.client.post("/v1/experiments", content=content, headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")


def test_a_page_under_a_name_of_its_own_can_not_ask(world: World) -> None:
    answer = world.client.get("/v1/experiments", headers={"host": "evil.example"})
    assert answer.status_code == 421


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"3", b'"x"', b"{", b"\xff\xfe", b"\x00", b'{"name": "\\u0000"}', b'{"name": "\\ud800"}',
        b'{"name": NaN}', b'{"seeds": [1e999]}', b'{"seeds": [' + b"9" * 5000 + b"]}",
        b'{"seeds": ["' + b"9" * 5000 + b'"]}', b"[" * 50_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000, b'{"": ""}',
        b'{"recipe": {"a": 1}}', b'{"recipe": null}',
        b'{"recipe": "mini", "pair": ["similar"]}', b'{"name": {}, "base": [], "phase1": 1, "phase2": "x"}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/v1/experiments", "/v1/plans", "/v1/matrices"])
def test_nasty_json_is_refused_in_words(world: World, path: str, body: bytes) -> None:
    answer = world.client.post(path, content=body, headers=JSON)
    assert answer.status_code == 422, answer.text
    assert answer.json()["faults"]


@pytest.mark.parametrize(
    "body",
    [
        "a: &a [*a]", "a: !!python/object/apply:os.system [ls]", "? [a]\n: b", "2020-13-45: 1", "a: 2020-13-45",
        "1: 2", "null: 1", "a: .inf", "a: !!binary x", "a: !!set {b}", "\t- x", "--- a\n--- b", "a: 0x" + "f" * 9000,
        "a: &a [x,x,x,x,x,x,x,x,x]\n" + "\n".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [" + ",".join([f"*{chr(97 + n)}"] * 9) + "]" for n in range(9)
        ),
        "{" * 3000, "name: " + "x" * 5000, "a: 1e999", "2001-01-01: x",
    ],
)  # fmt: skip
def test_nasty_yaml_is_refused_in_words(world: World, body: str) -> None:
    answer = world.client.post("/v1/experiments", content=body.encode(), headers=YAML)
    assert answer.status_code == 422, answer.text
    assert answer.json()["faults"]


@pytest.mark.parametrize(
    "path", ["~nobody-of-that-name/x", "x" * 300, "a" * 4096, "[", "\x01", "/proc/1/mem", "/root/**"]
)
def test_nasty_paths_are_refused_in_words(world: World, path: str) -> None:
    document = own(base=path)
    document["phase2"] = document["phase2"] | {"data": {"path": path}}
    answer = world.client.post("/v1/plans", json=document)
    assert answer.status_code == 422, answer.text
    assert "base.model" in {fault["path"] for fault in answer.json()["faults"]}
