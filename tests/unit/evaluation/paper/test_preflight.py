"""What is looked for before an evaluation begins, and how what is missing is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from cftray.errors import DataError
from cftray.evaluation.packs import find_pack
from cftray.evaluation.paper import preflight
from cftray.evaluation.paper.pack import TASKS
from cftray.evaluation.paper.preflight import Severity, look
from cftray.runner import lacking


def tasks(*names: str) -> list:
    return [task for task in TASKS if task.task in names]


@pytest.mark.usefixtures("with_punkt")
def test_nothing_is_found_where_all_is_there(originals: dict[str, Path], tmp_path: Path) -> None:
    found = look(TASKS, originals, folder=tmp_path)
    assert found.findings == ()
    assert len(found.sources) == len(TASKS)
    assert {one["split"] for one in found.sources if one["benchmark"] == "mlqa"} == {"test"}
    found.raise_if_fatal()


@pytest.mark.usefixtures("without_punkt")
def test_items_that_stay_without_a_score_are_named_with_the_cure(originals: dict[str, Path]) -> None:
    found = look(tasks("ifeval", "mmlu"), originals)
    assert [one.items for one in found.of(Severity.UNSCORED)] == [("1002",)]
    assert found.findings[0].resource in lacking.THERE
    told = str(found.findings[0])
    assert "1 checks in 1 items stay without a score" in told
    assert told.endswith("python -m nltk.downloader punkt_tab")
    found.raise_if_fatal()


@pytest.mark.usefixtures("without_punkt")
def test_items_beyond_the_limit_are_nobodys_loss(originals: dict[str, Path]) -> None:
    assert look(tasks("ifeval"), originals, limit=2).findings == ()


def test_all_that_is_missing_is_told_at_once(originals: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "xquad.de.json").write_text((originals["xquad"] / "xquad.de.json").read_text())
    found = look(tasks("xquad_de", "xquad_th", "mmlu", "hellaswag"), {**originals, "xquad": tmp_path, "mmlu": tmp_path})
    assert [one.subject for one in found.of(Severity.FATAL)] == ["mmlu", "xquad_th"]
    with pytest.raises(DataError) as refused:
        found.raise_if_fatal()
    assert "2 things missing" in refused.value.message
    assert "expected xquad.th.json" in refused.value.message
    assert "expected test.jsonl" in refused.value.message
    assert [one["language"] for one in found.sources if one["benchmark"] == "xquad"] == ["de"]


def test_a_benchmark_without_a_place_is_told_by_its_field() -> None:
    found = look(tasks("mmlu"), {})
    assert str(found.findings[0]) == "mmlu: no place is given for mmlu; set evaluation.data.mmlu"


def test_another_version_of_a_scoring_package_is_told(
    originals: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = preflight.version
    monkeypatch.setattr(preflight, "version", lambda name: "4.0" if name == "pythainlp" else real(name))
    assert look(tasks("xquad_de"), originals).findings == ()
    found = look(tasks("xquad_de", "xquad_th"), originals)
    assert [one.subject for one in found.of(Severity.FATAL)] == ["pythainlp"]
    assert "version 4.0 is installed, scores are those of 5.4.0" in str(found.findings[0])


def test_another_packs_tasks_need_none_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "version", lambda name: "0.1")
    assert look(find_pack("mini").tasks, {}).findings == ()


def test_the_installed_packages_are_those_of_the_digest(originals: dict[str, Path]) -> None:
    assert [one for one in look(TASKS, originals).findings if one.severity is Severity.FATAL] == []


def test_a_gated_model_needs_a_token(
    originals: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    found = look(tasks("mmlu"), originals, gated=["meta-llama/Meta-Llama-3-8B"])
    assert str(found.findings[0]).endswith("there is no token for the hub; set HF_TOKEN")
    monkeypatch.setenv("HF_TOKEN", "hf_x")
    assert look(tasks("mmlu"), originals, gated=["meta-llama/Meta-Llama-3-8B"]).findings == ()


def test_a_full_disk_is_told(originals: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import shutil

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    found = look(tasks("mmlu"), originals, folder=tmp_path)
    assert "0 MiB are free" in str(found.findings[0])
    assert found.findings[0].severity is Severity.FATAL
