"""What a bundle holds, and what it leaves on the machine that wrote it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cftray.bundle import BadBundle, Bundle, make_bundle, read_bundle
from cftray.bundle.places import filled, places_of
from cftray.bundle.reading import href_of
from cftray.errors import SpecRefused
from cftray.plan import CODE_VERSION, StageKind, build_plan
from cftray.report.html import html_report
from cftray.spec import ExperimentSpec
from tests.unit.plan.fakes import toy_pack
from tests.unit.report.conftest import DOCUMENT, World

Make = Callable[..., World]
COMMIT = "c" * 40


@pytest.fixture
def toy(world: Make) -> World:
    made = world()
    made.record_all()
    return made


def bundle(made: World, experiment: str | None = "exp_1") -> Bundle:
    return make_bundle(made.spec, made.plan, made.store, experiment=experiment)


def test_it_tells_each_stage_with_what_makes_its_fingerprint_and_what_it_left(toy: World) -> None:
    found = bundle(toy)
    stages = {stage.name: stage for stage in found.stages}
    assert list(stages) == [node.name for node in toy.plan.stages]
    for node in toy.plan.stages:
        stage = stages[node.name]
        assert (stage.fingerprint, stage.code_version) == (node.fingerprint, CODE_VERSION[node.kind])
        assert stage.recorded is not None
    train = stages["train.p2.s17"]
    assert train.inputs["model"].digest == stages["train.p1.s17"].fingerprint
    assert train.recorded is not None
    assert len(train.recorded.outputs["curve"]) == 64
    assert found.made_with[0].versions == {"python": "3.11", "torch": "2.13"}


def test_a_plan_of_an_earlier_code_does_not_get_the_present_code_s_version(
    toy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CODE_VERSION, StageKind.TRAIN, CODE_VERSION[StageKind.TRAIN] + 1)
    versions = {stage.name: stage.code_version for stage in bundle(toy).stages}
    assert versions["train.p1.s17"] is None
    assert versions["evaluate.p1.s17"] == CODE_VERSION[StageKind.EVALUATE]


def test_its_scores_are_those_of_the_results_with_intervals_and_verdicts(toy: World) -> None:
    rows = {row.key: row for row in bundle(toy).scores}
    change = rows["la"].change
    assert change is not None
    assert change.low < change.difference < change.high
    assert change.verdict == "rises"
    assert rows["ta/mmlu"].p1 is not None
    assert rows["ta/mmlu"].p1.n == 80


def test_what_is_only_planned_has_stages_without_records(world: Make) -> None:
    found = bundle(world(), experiment=None)
    assert found.scores == ()
    assert {stage.recorded for stage in found.stages} == {None}
    assert all(stage.fingerprint for stage in found.stages)


def test_a_host_s_name_and_local_paths_stay_where_they_are(world: Make, tmp_path: Path) -> None:
    data = {"path": "/home/ada/sets/alpaca.json", "adapter": "alpaca"}
    phase2 = DOCUMENT["phase2"] | {"data": data}
    made = world(base={"model": "/home/ada/models/seven"}, phase2=phase2)
    made.record_all()
    found = bundle(made)
    assert "/home/ada" not in found.text()
    assert str(tmp_path) not in found.text()
    assert {place.variable: place.name for place in found.places} == {
        "SEVEN_MODEL": "seven", "ALPACA_DATA": "alpaca.json",
    }  # fmt: skip
    assert found.spec["phase2"]["data"]["path"] == "${ALPACA_DATA}"
    assert found.places[1].digest == "0" * 64


def test_a_hub_revision_becomes_the_commit_that_was_used(world: Make) -> None:
    spec = ExperimentSpec.model_validate(DOCUMENT | {"base": {"model": "ada/seven", "revision": "main"}})
    plan = build_plan(spec, lambda leaf: COMMIT, toy_pack)
    found = make_bundle(spec, plan, world().store, experiment=None)
    assert found.spec["base"] == {"model": "ada/seven", "revision": COMMIT}
    assert found.places == ()


def test_places_of_one_name_get_variables_of_their_own_and_urls_none() -> None:
    spec = {"a": {"path": "/x/set.json"}, "b": {"path": "/y/set.json"}, "c": {"path": "s3://z/set.json"},
            "d": {"path": "/x/set.json"}, "e": {"path": "/many/*.jsonl"}}  # fmt: skip
    places = places_of(spec)
    assert places.variables == {"/x/set.json": "SET_DATA", "/y/set.json": "SET_DATA_2", "/many/*.jsonl": "MANY_DATA"}
    assert places.fields["/x/set.json"] == ("a.path", "d.path")


def test_paths_come_back_for_variables_and_what_is_not_given_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = {"a": {"path": "/x/set.json"}, "b": {"path": "/y/other.json"}}
    places = places_of(spec)
    listed = places.listed({"/x/set.json": "f" * 64})
    blank = places.blank(spec)
    monkeypatch.setenv("OTHER_DATA", str(tmp_path / "other.json"))
    again = filled(blank, listed, {"SET_DATA": str(tmp_path / "mine.json")})
    assert again == {"a": {"path": str(tmp_path / "mine.json")}, "b": {"path": str(tmp_path / "other.json")}}
    monkeypatch.delenv("OTHER_DATA")
    with pytest.raises(SpecRefused) as refused:
        filled(blank, listed, {"SETS": "x"})
    told = {fault.path: fault.expected for fault in refused.value.faults}
    assert "SET_DATA, OTHER_DATA" in told["SETS"]
    assert "set.json with digest ffffffffffff…: give" in told["a.path"]
    assert "--set OTHER_DATA=PATH" in told["b.path"]


def test_a_file_and_a_report_give_the_same_bundle_back(toy: World, tmp_path: Path) -> None:
    made = bundle(toy)
    (tmp_path / "b.json").write_text(made.text())
    page = html_report(toy.spec, toy.plan, toy.store, experiment="exp_1", bundle=href_of(made))
    (tmp_path / "r.html").write_text(page)
    assert read_bundle(tmp_path / "b.json") == read_bundle(tmp_path / "r.html") == made


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("<html></html>", "neither JSON nor a report that carries a bundle"),
        ("{", "expected a bundle's JSON"),
        ("{}", "without a bundle's schema number"),
        ('{"schema": 99}', "update CFTRay"),
        ('{"schema": 1}', "expected a bundle of schema 1, unchanged"),
        ('<a href="data:application/json;base64,QQ">', "damaged"),
    ],
)
def test_what_is_no_bundle_is_refused_in_words(content: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "given"
    path.write_text(content)
    with pytest.raises(BadBundle, match=told):
        read_bundle(path)
    with pytest.raises(BadBundle, match="No such file"):
        read_bundle(tmp_path / "absent")


def test_fields_that_this_version_does_not_know_in_a_spec_or_config_are_kept(toy: World, tmp_path: Path) -> None:
    document = json.loads(bundle(toy).text())
    document["spec"]["novel"] = 1
    document["stages"][0]["config"]["novel"] = 1
    (tmp_path / "b.json").write_text(json.dumps(document))
    assert read_bundle(tmp_path / "b.json").spec["novel"] == 1
