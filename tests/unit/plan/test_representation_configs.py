"""Configs of the stages that look into models: what they take, and that all of it counts."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cftray.plan import canonical
from cftray.plan.analysis_stages import CrosslingualConfig, RepresentationsConfig
from cftray.spec.analysis import MiniPrompts, ParallelFiles


@pytest.mark.parametrize("config", [RepresentationsConfig, CrosslingualConfig])
def test_defaults_survive_json(config):
    assert config.model_validate_json(config().model_dump_json()) == config()


@pytest.mark.parametrize(
    "change",
    [
        {"prompts": {"kind": "mini", "count": 40}},
        {"prompts": {"kind": "file"}},
        {"forward": {"template": "chat"}},
        {"forward": {"positions": "text"}},
        {"forward": {"last_layer": "residual"}},
        {"forward": {"batch_size": 4}},
        {"tsne": {"seed": 1}},
        {"labels": ("base", "P1")},
    ],
)
def test_every_setting_is_identity(change):
    assert canonical(RepresentationsConfig.model_validate(change)) != canonical(RepresentationsConfig())


def test_kinds_of_prompts_and_sentences_are_told_apart():
    assert isinstance(RepresentationsConfig().prompts, MiniPrompts)
    found = CrosslingualConfig.model_validate({"sentences": {"kind": "files", "languages": ["de"]}}).sentences
    assert found == ParallelFiles(languages=("de",))
    with pytest.raises(ValidationError, match="pivot"):
        CrosslingualConfig.model_validate({"sentences": {"kind": "mini", "pivot": "de"}})


def test_one_prompt_is_too_few_for_a_covariance():
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        RepresentationsConfig.model_validate({"prompts": {"kind": "mini", "count": 1}})
