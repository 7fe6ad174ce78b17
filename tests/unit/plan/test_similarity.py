"""The plan of comparing data sets: rows that experiments share, one comparison, no model."""

from __future__ import annotations

from typing import Any

import pytest

from cftray.errors import SpecRefused
from cftray.plan import LeafInput, LeafKind, Plan, StageInput, build_plan, build_similarity_plan
from cftray.plan.similarity import similarity_faults
from cftray.spec import experiment_from_document, similarity_from_document
from tests.unit.plan.fakes import toy_pack

HYPERPARAMETERS = {"learning_rate": 1e-3, "epochs": 1, "global_batch": 4, "max_length": 64}
TRANSLATOR = {"kind": "dictionary"}
FILE = {"path": "/d/a.jsonl"}
MINI = {"mini": "alpaca-mini", "samples": 600}
IN_GERMAN = {"translate": MINI, "into": ["de"], "translator": TRANSLATOR}


def spec(*data: Any, **changes: Any) -> Any:
    names = ("one", "two", "three")
    sets = [{"name": name, "data": one} for name, one in zip(names, data, strict=False)]
    return similarity_from_document({"name": "s", "sets": sets} | changes)


def plan(*data: Any, **changes: Any) -> Plan:
    return build_similarity_plan(spec(*data, **changes), lambda leaf: leaf.location)


def test_every_set_has_its_rows_and_one_stage_compares_them() -> None:
    found = plan(FILE, MINI, IN_GERMAN)
    assert [node.name for node in found.stages] == [
        "rows.one", "rows.two", "english.three", "translate.three.de", "gather.three", "des",
    ]  # fmt: skip
    des = found.stage("des")
    assert des.inputs["three"] == StageInput(stage="gather.three")
    assert not des.optional
    assert (found.outcomes, found.complete) == ((), True)


def test_rows_are_those_of_an_experiment() -> None:
    document = {
        "name": "x",
        "base": "mini:base",
        "phase1": {"train": {"data": FILE, "hyperparameters": HYPERPARAMETERS}},
        "phase2": {"data": IN_GERMAN, "hyperparameters": HYPERPARAMETERS},
    }
    experiment = build_plan(experiment_from_document(document), lambda leaf: leaf.location, toy_pack)
    found = plan(FILE, IN_GERMAN)
    for theirs, ours in (("rows.p1", "rows.one"), ("gather.p2", "gather.two")):
        assert experiment.stage(theirs).fingerprint == found.stage(ours).fingerprint


def test_labse_embeds_unless_another_encoder_is_asked_for() -> None:
    for changes, location in (({}, "sentence-transformers/LaBSE"), ({"encoder": "mini:encoder"}, "mini:encoder")):
        source = plan(FILE, MINI, **changes).stage("des").inputs["encoder"]
        assert isinstance(source, LeafInput)
        assert (source.leaf.kind, source.leaf.location) == (LeafKind.ENCODER, location)


def test_what_is_drawn_and_embedded_is_identity_and_a_name_is_none_of_the_rows() -> None:
    one = plan(FILE, MINI)
    other = plan(FILE, MINI, text="instruction", samples=20)
    assert one.stage("rows.one").fingerprint == other.stage("rows.one").fingerprint
    assert one.stage("des").fingerprint != other.stage("des").fingerprint


@pytest.mark.parametrize(
    ("data", "path", "said"),
    [
        ((MINI, MINI), "sets[1].data", "one again"),
        ((FILE, FILE | {"english": FILE | {"alignment": "line"}}), "sets[1].data", "one again"),
        ((FILE, MINI | {"samples": 499}), "sets[1].data.samples", "500 rows or more"),
        ((FILE, IN_GERMAN | {"samples": 3}), "sets[1].data.samples", "500 rows or more"),
        ((FILE, IN_GERMAN | {"into": ["de", "ja"]}), "sets[1].data.into[1]", "a language of dictionary"),
    ],
)
def test_what_can_not_be_compared_is_told_without_reading_a_file(data: Any, path: str, said: str) -> None:
    [fault] = similarity_faults(spec(*data))
    assert (fault.path, said in fault.expected) == (path, True)


def test_names_tell_sets_apart() -> None:
    sets = [{"name": name, "data": FILE | {"path": path}} for name, path in (("a", "1"), ("a", "2"), ("encoder", "3"))]
    told = {fault.path: fault.expected for fault in similarity_faults(spec(sets=sets))}
    assert told["sets[0].name"] == told["sets[1].name"] == "a name that no other set has"
    assert "another name" in told["sets[2].name"]


@pytest.mark.parametrize("count", [1, 65])
def test_two_sets_at_least_and_not_too_many(count: int) -> None:
    sets = [{"name": f"s{n}", "data": FILE | {"path": f"/{n}"}} for n in range(count)]
    with pytest.raises(SpecRefused):
        spec(sets=sets)
