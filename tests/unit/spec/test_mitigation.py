"""The strategies of the paper as members of one union, and what is refused."""

import pytest

from cftray.errors import SpecRefused
from cftray.spec import (
    Combined,
    EnglishReplay,
    GenerativeReplay,
    LowRank,
    NoMitigation,
    RandomFreezing,
    experiment_from_document,
    frozen_layers,
    label_of,
    parts_of,
)

HYPERPARAMETERS = {"learning_rate": 1e-3, "epochs": 2, "global_batch": 32, "max_length": 128}


def faults(mitigation):
    document = {
        "name": "cell",
        "base": "mini:base",
        "phase1": {"adopt": "mini:base"},
        "phase2": {
            "data": {"mini": "multialpaca-mini"},
            "hyperparameters": HYPERPARAMETERS,
            "mitigation": mitigation,
        },
    }
    with pytest.raises(SpecRefused) as refused:
        experiment_from_document(document)
    return {fault.path: fault.expected for fault in refused.value.faults}


@pytest.mark.parametrize("kind", ["generative_replay", "english_replay"])
@pytest.mark.parametrize("ratio", [0, -0.1, 1.5, "ten"])
def test_a_ratio_is_a_share(kind, ratio):
    assert list(faults({"kind": kind, "ratio": ratio})) == ["phase2.mitigation.ratio"]


def test_the_faults_of_parts_have_their_places():
    found = faults({"kind": "combined", "parts": [{"kind": "lf_h1", "k": 0}, {"kind": "english_replay"}]})
    assert list(found) == ["phase2.mitigation.parts[0].k", "phase2.mitigation.parts[1].ratio"]


@pytest.mark.parametrize(
    "parts",
    [
        [{"kind": "lf_h1"}, {"kind": "lora"}],
        [{"kind": "english_replay", "ratio": 0.1}, {"kind": "generative_replay", "ratio": 0.1}],
    ],
)
def test_what_does_not_go_together_is_refused(parts):
    (expected,) = faults({"kind": "combined", "parts": parts}).values()
    assert expected.startswith("one replay (generative_replay, english_replay) and one of")


def test_an_unknown_kind_is_answered_with_those_there_are():
    assert "lf_h1" in next(iter(faults({"kind": "lf_h3"}).values()))


@pytest.mark.parametrize(
    ("mitigation", "label"),
    [
        (NoMitigation(), "none"),
        (GenerativeReplay(ratio=0.05), "GR_5"),
        (EnglishReplay(ratio=0.1), "ER_10"),
        (GenerativeReplay(ratio=0.125), "GR_12.5"),
        (RandomFreezing(), "LF_H1"),
        (RandomFreezing(k=2), "LF_H1 (k=2)"),
        (LowRank(), "LoRA"),
        (LowRank(rank=8, learning_rate=2e-3), "LoRA (rank 8, learning_rate 0.002)"),
        (LowRank(targets=("q_proj", "v_proj")), "LoRA (targets q_proj+v_proj)"),
        (Combined(parts=(RandomFreezing(), GenerativeReplay(ratio=0.1))), "GR_10 + LF_H1"),
    ],
)
def test_tables_use_the_papers_names(mitigation, label):
    assert label_of(mitigation) == label


def test_the_replay_of_a_composition_comes_first():
    kinds = [part.kind for part in parts_of(Combined(parts=(LowRank(), EnglishReplay(ratio=0.1))))]
    assert kinds == ["english_replay", "lora"]


@pytest.mark.parametrize(("layers", "frozen"), [(32, 10), (4, 1), (2, 1), (80, 25)])
def test_the_papers_ten_of_32_scale_with_depth(layers, frozen):
    assert frozen_layers(None, layers) == frozen
    assert frozen_layers(3, layers) == 3
