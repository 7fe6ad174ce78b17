"""Recipes are whole specs; their short form means the same."""

import pytest

from cftray.errors import SpecRefused
from cftray.plan import build_plan
from cftray.recipes import catalogue, find_pack, mini, spec_from_document

SHARED = ("rows.p2", "tokens.p2", "contamination.p2", "requests")


def test_the_short_form_is_the_whole_spec():
    assert spec_from_document({"recipe": "mini", "pair": "dissimilar", "seeds": [3]}) == mini("dissimilar", seeds=(3,))


def test_a_document_without_a_recipe_is_a_spec():
    assert spec_from_document(mini("similar").model_dump(mode="json")) == mini("similar")


def test_the_pairs_share_what_they_have_in_common():
    plans = [build_plan(mini(pair), lambda leaf: "d", find_pack) for pair in ("similar", "dissimilar")]
    shared = {node.fingerprint for node in plans[0].stages} & {node.fingerprint for node in plans[1].stages}
    assert shared == {plans[0].stage(name).fingerprint for name in SHARED}


@pytest.mark.parametrize(
    ("document", "path", "hint"),
    [
        ({"recipe": "minni", "pair": "similar"}, "recipe", "did you mean mini?"),
        ({"recipe": "mini", "pair": "simlar"}, "pair", "did you mean similar?"),
        ({"recipe": "mini"}, "pair", "required"),
        ({"recipe": "mini", "pair": "similar", "sedes": [1]}, "sedes", "did you mean seeds?"),
    ],
)
def test_a_recipe_that_is_not_right_is_refused(document, path, hint):
    with pytest.raises(SpecRefused) as refused:
        spec_from_document(document)
    assert {fault.path: fault.expected for fault in refused.value.faults}[path].count(hint)


def test_every_recipe_has_an_example_that_is_one():
    for recipe in catalogue():
        assert spec_from_document(recipe.example)
        assert recipe.parameters["properties"]


def test_the_short_form_takes_a_gate_and_analyses():
    short = {"recipe": "mini", "pair": "similar", "gate": [{"score": "ta", "at_least": 0.2}], "analysis": ["des"]}
    spec = spec_from_document(short)
    assert [one.score for one in spec.gate] == ["ta"]
    assert [one.kind for one in spec.analysis] == ["des"]
