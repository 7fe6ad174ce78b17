"""What may be said of a data set, in one way each."""

import json

import pytest

from cftray.errors import SpecRefused
from cftray.spec import ExperimentSpec, FileData, HubData, experiment_from_document

HYPERPARAMETERS = {"learning_rate": 1e-3, "epochs": 2, "global_batch": 32, "max_length": 128}
COLUMNS = {"instruction": "q", "output": "r"}


def spec(data):
    return experiment_from_document(
        {
            "name": "own",
            "base": "mini:base",
            "phase1": {"adopt": "mini:base"},
            "phase2": {"data": data, "hyperparameters": HYPERPARAMETERS},
        }
    )


@pytest.mark.parametrize(
    "data",
    [
        {"path": "a.jsonl"},
        {"path": "s3://bucket/a.jsonl", "adapter": "openorca", "language": "id", "samples": 5, "sample_seed": 1},
        {"path": "a", "languages": {"by": "file"}, "proportions": {"es": 0.7, "ja": 0.3}},
        {"path": "a", "adapter": "columns", "columns": COLUMNS, "rules": {"empty": "refuse"}},
        {"path": "a", "english": {"path": "b", "alignment": "id", "key": "n"}},
        {"path": "a", "english": {"hub": {"name": "team/set"}, "alignment": "none"}},
        {"hub": {"name": "team/set", "config": "de"}, "adapter": "chat", "language": "de"},
    ],
)
def test_a_data_set_reads_back_as_it_was_written(data):
    whole = spec(data)
    assert isinstance(whole.phase2.data, HubData if "hub" in data else FileData)
    assert experiment_from_document(json.loads(whole.model_dump_json())) == whole
    assert isinstance(hash(whole), int)


@pytest.mark.parametrize(
    ("data", "path", "expected"),
    [
        ({"path": "a", "adapter": "opnorca"}, "phase2.data.adapter", "did you mean openorca?"),
        ({"path": "a", "adapter": "columns"}, "phase2.data", "give both or neither"),
        ({"path": "a", "columns": COLUMNS}, "phase2.data", "give both or neither"),
        ({"path": "a", "languages": {"by": "detection", "among": ["es"]}}, "phase2.data.languages", "two languages"),
        ({"path": "a", "languages": {"by": "column"}}, "phase2.data.languages", "column: NAME"),
        ({"path": "a", "language": "es", "languages": {"by": "file"}}, "phase2.data", "give one of them"),
        ({"path": "a", "language": "German"}, "phase2.data.language", "match pattern"),
        ({"path": "a", "proportions": {"es": 0}}, "phase2.data.proportions[0].share", "greater than 0"),
        ({"path": "a", "rules": {"bad_lines": "keep"}}, "phase2.data.rules.bad_lines", "refuse"),
        ({"hub": {"name": "a/b/c"}}, "phase2.data.hub.name", "match pattern"),
        ({"hub": {"nam": "a"}}, "phase2.data.hub.nam", "did you mean name?"),
    ],
)
def test_what_contradicts_itself_is_refused_with_its_path(data, path, expected):
    with pytest.raises(SpecRefused) as refused:
        spec(data)
    told = {fault.path: fault.expected for fault in refused.value.faults}
    assert expected in told[path]


def test_the_schema_can_be_written():
    assert "HubData" in json.dumps(ExperimentSpec.model_json_schema())
