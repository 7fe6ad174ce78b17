"""A spec says what an experiment is, and refuses everything else at once."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftray.errors import SpecRefused
from cftray.spec import ExperimentSpec, FileData, MiniData, experiment_from_document, parse_document

HYPERPARAMETERS = {"learning_rate": 1e-3, "epochs": 2, "global_batch": 32, "max_length": 128}


def document(**changes):
    whole = {
        "name": "pair",
        "base": "mini:base",
        "phase1": {"train": {"data": {"mini": "alpaca-mini"}, "hyperparameters": HYPERPARAMETERS}},
        "phase2": {"data": {"mini": "multialpaca-mini"}, "hyperparameters": HYPERPARAMETERS},
    }
    return whole | changes


def faults(changed):
    with pytest.raises(SpecRefused) as refused:
        experiment_from_document(changed)
    return {fault.path: fault for fault in refused.value.faults}


def test_yaml_json_and_python_mean_the_same_spec():
    whole = document(seeds=[3, 4])
    from_yaml = experiment_from_document(
        parse_document(
            "name: pair\nbase: mini:base\nseeds: [3, 4]\n"
            f"phase1: {json.dumps(whole['phase1'])}\nphase2: {json.dumps(whole['phase2'])}\n"
        )
    )
    assert from_yaml == experiment_from_document(whole)
    assert experiment_from_document(json.loads(from_yaml.model_dump_json())) == from_yaml


def test_every_fault_is_told_at_once_with_its_path():
    wrong = document(template="chatt", evaluation={"suites": ["ta", "xx"]}, colour="red")
    wrong["phase2"] = {
        "data": {"path": "x.json", "adapter": "alpcaa", "langauge": "de"},
        "hyperparameters": HYPERPARAMETERS | {"learning_rate": -1},
    }
    found = faults(wrong)
    assert set(found) == {
        "template",
        "colour",
        "phase2.data.adapter",
        "phase2.data.langauge",
        "phase2.hyperparameters.learning_rate",
        "evaluation.suites[1]",
    }
    assert "did you mean alpaca?" in found["phase2.data.adapter"].expected
    assert "did you mean language?" in found["phase2.data.langauge"].expected
    assert found["phase2.hyperparameters.learning_rate"].given == "-1"


@pytest.mark.parametrize(
    ("phase1", "expected"),
    [
        ({}, "exactly one"),
        (
            {"adopt": "models/p1", "train": {"data": {"mini": "alpaca-mini"}, "hyperparameters": HYPERPARAMETERS}},
            "exactly one",
        ),
    ],
)
def test_phase_1_is_trained_or_adopted(phase1, expected):
    assert expected in faults(document(phase1=phase1))["phase1"].expected


def test_a_phase_2_without_phase_1_is_refused():
    without = document()
    del without["phase1"]
    assert faults(without)["phase1"].given == "missing"


def test_an_unknown_miniature_data_set_is_refused_with_the_nearest_name():
    wrong = document()
    wrong["phase2"] = wrong["phase2"] | {"data": {"mini": "multialpacca-mini"}}
    assert "did you mean multialpaca-mini?" in faults(wrong)["phase2.data.mini"].expected


def test_data_is_told_apart_by_its_fields():
    spec = experiment_from_document(document())
    assert isinstance(spec.phase2.data, MiniData)
    own = document()
    own["phase2"] = own["phase2"] | {"data": {"path": "mine.jsonl"}}
    assert isinstance(experiment_from_document(own).phase2.data, FileData)


@pytest.mark.parametrize("text", ["", "[1, 2]", "just words", "a: [1", "\x00"])
def test_a_document_that_is_no_mapping_is_refused(text):
    with pytest.raises(SpecRefused):
        experiment_from_document(parse_document(text))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(field=st.sampled_from(sorted(ExperimentSpec.model_fields)), value=JSON)
def test_whatever_stands_in_a_field_is_accepted_or_refused_in_words(field, value):
    faults = ()
    try:
        experiment_from_document(document(**{field: value}))
    except SpecRefused as refused:
        faults = refused.faults
    assert all(fault.path.startswith(field) and fault.expected for fault in faults)


def test_a_spec_is_frozen_and_hashable():
    spec = experiment_from_document(document())
    assert hash(spec) == hash(experiment_from_document(document()))
    with pytest.raises(ValueError, match="frozen"):
        spec.name = "other"
