"""Both stages whole, over tiny models in this process."""

from __future__ import annotations

import numpy as np
import pytest

from cftray.analysis import crosslingual_stage, representations_stage
from cftray.analysis.crosslingual import Crosslingual
from cftray.analysis.representations import Representations
from cftray.errors import DataError, InternalError, ModelError
from cftray.plan.analysis_stages import CrosslingualConfig, RepresentationsConfig
from tests.unit.analysis.representations.conftest import save_model


@pytest.fixture
def config():
    return RepresentationsConfig.model_validate(
        {
            "prompts": {"kind": "file", "format": "lines", "count": 11},
            "forward": {"batch_size": 4},
            "tsne": {"iterations": 250},
        }
    )


@pytest.fixture
def prompts(tmp_path, texts):
    path = tmp_path / "prompts.txt"
    path.write_text("\n".join(texts))
    return path


def test_a_pair_gives_activations_figures_and_numbers(config, p1, p2, prompts, texts, context_in):
    context, reports = context_in(actors=2)
    inputs = {"first": p1, "second": p2, "tokenizer": p1, "prompts": prompts}
    artifact = representations_stage.run(config, inputs, context)
    assert (reports[-1].step, reports[-1].total, reports[-1].unit) == (22, 22, "prompts")
    kept = np.load(artifact.outputs["activations"])
    assert kept["first"].shape == kept["second"].shape == (11, 4, 16)
    assert kept["ids"][0] == "line-000001"
    assert kept["tokens"].sum() == artifact.metrics["tokens"] == sum(len(text.split()) + 1 for text in texts)

    result = Representations.read(artifact.outputs["result"])
    first, second = (kept[name].astype(np.float64) for name in ("first", "second"))
    whole = np.cov(first.mean(axis=0)[1:], rowvar=False) - np.cov(second.mean(axis=0)[1:], rowvar=False)
    assert result.whole.frobenius == pytest.approx(np.linalg.norm(whole))
    layer = np.cov(first[:, 2], rowvar=False) - np.cov(second[:, 2], rowvar=False)
    assert result.by_layer[2].difference.norm == pytest.approx(np.linalg.norm(layer))
    assert result.by_layer[2].variance[1] == pytest.approx(np.trace(np.cov(second[:, 2], rowvar=False)))
    cosine = np.mean(
        [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(first[:, 1], second[:, 1], strict=True)]
    )
    assert result.by_layer[1].difference.drift == pytest.approx(1 - cosine)
    assert [len(points) for points in result.points] == [3, 3]
    assert artifact.metrics["covariance_difference"] == result.whole.frobenius
    assert {path.name for path in artifact.outputs["figures"].iterdir()} == {
        "layers.png", "layers.svg", "covariance.png", "covariance.svg",
    }  # fmt: skip


def test_the_result_does_not_depend_on_the_number_of_actors(config, p1, p2, prompts, context_in):
    inputs = {"first": p1, "second": p2, "tokenizer": p1, "prompts": prompts}
    texts = [
        representations_stage.run(config, inputs, context_in(f"a{actors}", actors=actors)[0])
        .outputs["result"]
        .read_bytes()
        for actors in (1, 3)
    ]
    assert texts[0] == texts[1]


def test_a_model_set_against_itself_does_not_differ(config, p1, prompts, context_in):
    inputs = {"first": p1, "second": p1, "tokenizer": p1, "prompts": prompts}
    metrics = representations_stage.run(config, inputs, context_in()[0]).metrics
    assert metrics["covariance_difference"] == metrics["layer_difference_max"] == 0
    assert metrics["drift_mean"] == pytest.approx(0, abs=1e-12)


def test_one_model_alone_has_variances_and_no_difference(config, tmp_path, prompts, context_in):
    model = save_model(tmp_path / "deep", layers=5)
    artifact = representations_stage.run(
        config, {"first": model, "tokenizer": model, "prompts": prompts}, context_in()[0]
    )
    result = Representations.read(artifact.outputs["result"])
    assert result.whole is None
    assert result.labels == ("P1",)
    assert all(layer.difference is None and len(layer.variance) == 1 for layer in result.by_layer)
    assert "covariance_difference" not in artifact.metrics
    assert {path.name for path in artifact.outputs["figures"].iterdir()} == {"layers.png", "layers.svg"}


def test_refusals_come_before_a_model_is_loaded(config, p1, tmp_path, prompts, context_in):
    deeper = save_model(tmp_path / "deeper", layers=4)
    with pytest.raises(ModelError, match="give two models of one architecture"):
        representations_stage.run(
            config, {"first": p1, "second": deeper, "tokenizer": p1, "prompts": prompts}, context_in("a")[0]
        )
    prompts.write_text("w1\nw2\n")
    with pytest.raises(DataError, match="holds 2 prompts, 11 were asked for"):
        representations_stage.run(config, {"first": p1, "tokenizer": p1, "prompts": prompts}, context_in("b")[0])


def test_a_result_that_is_none_is_told(tmp_path):
    (tmp_path / "r.json").write_text("{}")
    with pytest.raises(InternalError, match=r"r\.json: the result of a representations stage"):
        Representations.read(tmp_path / "r.json")


def test_languages_side_by_side(p1, tmp_path, texts, context_in):
    for code, shift in (("eng", 0), ("deu", 0), ("rus", 5)):
        moved = texts[shift:] + texts[:shift]
        (tmp_path / f"{code}.devtest").write_text("".join(f"{line}\n" for line in moved))
    config = CrosslingualConfig.model_validate(
        {"sentences": {"kind": "files", "count": 11}, "tsne": {"iterations": 250}, "label": "tiny"}
    )
    context, _ = context_in()
    artifact = crosslingual_stage.run(config, {"model": p1, "tokenizer": p1, "sentences": tmp_path}, context)
    result = Crosslingual.read(artifact.outputs["result"])
    assert result.by_language["de"][1].aligned == pytest.approx(1.0)  # the same sentences under another name
    assert artifact.metrics["alignment/de"] > artifact.metrics["alignment/ru"]
    assert artifact.metrics["languages"] == 3
    assert {path.name for path in artifact.outputs["figures"].iterdir()} == {
        "languages.png", "languages.svg", "alignment.png", "alignment.svg",
    }  # fmt: skip
    assert not list(context.folder.glob("passes*"))
