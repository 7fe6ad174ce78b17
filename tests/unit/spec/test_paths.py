"""A path leads to a field of some document, or the one that was meant is named."""

from __future__ import annotations

import pytest

from cftray.spec import ExperimentSpec
from cftray.spec.paths import has_path, meant, paths_of


@pytest.mark.parametrize(
    "path",
    [
        "seeds", "base.model", "phase2.hyperparameters.learning_rate", "phase2.mitigation.ratio",
        "phase2.mitigation.parts.0.k", "phase2.data.english.alignment", "phase2.data.proportions.1.share",
        "analysis.0.samples", "template.text", "evaluation.judge.model", "seeds.3",
    ],
)  # fmt: skip
def test_a_field_is_found_in_any_member_of_a_union_and_in_lists(path: str) -> None:
    assert has_path(ExperimentSpec, path)


@pytest.mark.parametrize(
    "path", ["", ".", "a..b", "phase3", "phase2.mitigation.ratio.x", "seeds.x", "__class__", "base.model_fields", "0"]
)
def test_what_no_document_has_is_not_found(path: str) -> None:
    assert not has_path(ExperimentSpec, path)


def test_every_listed_path_is_one() -> None:
    paths = paths_of(ExperimentSpec)
    assert "phase1.train.hyperparameters.epochs" in paths
    assert all(has_path(ExperimentSpec, path) for path in paths)


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("phase2.hyperparameters.learning_rat", "did you mean phase2.hyperparameters.learning_rate?"),
        ("phase2.mitigatoin.ratio", "did you mean phase2.mitigation.ratio"),
        ("phase2.warmup_steps", "phase2.hyperparameters.warmup_steps"),
        ("phase2.hyperparameters.zzz", "(batch_unit, beta1"),
        ("x" * 5000, "(analysis, base, evaluation"),
    ],
)
def test_the_nearest_is_named_or_what_there_is(path: str, named: str) -> None:
    assert named in meant(path, [ExperimentSpec])
