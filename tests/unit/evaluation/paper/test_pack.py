"""What the pack holds, which means stand over it, and what its digest covers."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cftray.data.scores import Level, means_over
from cftray.errors import InternalError
from cftray.evaluation.packs import find_pack
from cftray.evaluation.paper import make_tasks, pack
from cftray.evaluation.paper.hub import HUB_SETS
from cftray.evaluation.paper.layouts import find
from cftray.evaluation.paper.pack import CODE, PACKAGE, TASKS, by_taught, digest, task_digest
from cftray.evaluation.paper.sources import READERS
from cftray.spec.evaluation import Benchmark, EvaluationSpec

MULTI_ALPACA = {"fr", "ar", "de", "es", "id", "ja", "ko", "pt", "ru", "th", "vi"}


def test_the_papers_languages() -> None:
    of = {name: {task.language for task in TASKS if task.benchmark == name and task.counted} for name in Benchmark}
    assert of["mlqa"] == {"ar", "de", "es", "hi", "vi", "zh"}
    assert of["xquad"] == {"ar", "de", "el", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh"}
    assert of["xlsum"] == {"ar", "zh", "fr", "hi", "ja", "es"}


def test_the_papers_averages() -> None:
    means = {mean.key: mean for mean in means_over(TASKS)}
    assert means["ta"].weights == dict.fromkeys(("ifeval", "alpaca_eval", "mmlu", "hellaswag"), 1 / 4)
    assert sum(means["la"].weights.values()) == pytest.approx(1.0)
    assert means["la"].weights["mlqa_hi"] == pytest.approx(1 / 3 / 6)
    assert means["la"].weights["xquad_hi"] == pytest.approx(1 / 3 / 11)
    assert means["la"].weights["xlsum_hi"] == pytest.approx(1 / 3 / 6)
    assert {"paper/ta", "paper/la", "paper/la/xquad", "paper/ta/hellaswag"} <= means.keys()
    assert "paper/la/mlqa" not in means


def test_english_summaries_have_a_score_and_count_in_no_mean() -> None:
    over = [mean for mean in means_over(TASKS) if "xlsum_en" in mean.weights]
    assert [(mean.key, mean.level) for mean in over] == [
        ("la/xlsum/en", Level.PART),
        ("paper/la/xlsum/en", Level.PART),
    ]


def test_what_counts_in_no_mean_counts_in_no_mean_over_the_languages_asked_for() -> None:
    asked = [task for task in TASKS if task.benchmark == "xlsum" and task.language in ("en", "hi", "fr")]
    means = {mean.key: mean.weights for mean in means_over(asked, TASKS)}
    assert means["la/xlsum/asked"] == {"xlsum_hi": 0.5, "xlsum_fr": 0.5}
    english = [task for task in asked if task.language == "en"]
    assert [mean.key for mean in means_over(english, TASKS)] == ["la/xlsum/en", "paper/la/xlsum/en"]


def test_languages_that_phase_2_taught_and_others() -> None:
    taught, others = by_taught(MULTI_ALPACA)
    assert {task.language for task in taught} == {"ar", "de", "es", "fr", "ja", "ru", "th", "vi"}
    assert {task.language for task in others} == {"hi", "zh", "el", "ro", "tr"}
    assert len(taught) + len(others) == 6 + 11 + 6


def test_the_pack_is_found_by_name_with_the_hubs_set_of_each_benchmark() -> None:
    found = find_pack("paper")
    assert found.digest == digest()
    assert found.task_digest("mmlu") == task_digest("mmlu") != found.digest
    assert set(found.hub) == {task.source for task in found.tasks} == {str(one) for one in Benchmark}
    assert [task.task for task in found.asked_by(EvaluationSpec(languages=("th",), suites=("la",)))] == ["xquad_th"]


def test_the_committed_files_are_what_the_script_writes() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in find_pack("paper").include_path.iterdir()}
    assert written == {f"{task.task}.yaml": make_tasks.text_of(task) for task in TASKS}


def test_the_script_removes_what_the_pack_no_longer_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_tasks, "TASKS_FOLDER", tmp_path)
    (tmp_path / "old.yaml").touch()
    make_tasks.main()
    assert len(list(tmp_path.iterdir())) == len(TASKS) == 28


def test_every_file_that_reads_or_scores_is_in_the_digest() -> None:
    there = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.glob("*/*.py") if path.name != "__init__.py"}
    covered = {name for names in CODE.values() for name in names} | set(pack._READING)
    assert there <= covered
    assert set(CODE) == set(READERS)


@pytest.mark.parametrize(
    ("changed", "moves"),
    [
        ("tasks/xquad_de.yaml", {"xquad_de"}),
        ("metrics/rouge.py", {task.task for task in TASKS if task.benchmark == "xlsum"}),
        ("metrics/segmentation.py", {task.task for task in TASKS if task.suite == "la"}),
        ("reading/choices.py", {"mmlu", "hellaswag"}),
        ("scoring.py", {task.task for task in TASKS}),
    ],
)
def test_a_change_moves_the_digests_of_the_tasks_it_concerns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str, moves: set[str]
) -> None:
    import shutil

    before, whole = {task.task: task_digest(task.task) for task in TASKS}, digest()
    shutil.copytree(PACKAGE, tmp_path / "paper", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(pack, "PACKAGE", tmp_path / "paper")
    assert digest() == whole
    with open(tmp_path / "paper" / changed, "a") as file:
        file.write("\n# changed\n")
    assert {name for name, old in before.items() if task_digest(name) != old} == moves
    assert digest() != whole


def test_another_version_of_a_scoring_package_is_another_score(monkeypatch: pytest.MonkeyPatch) -> None:
    thai, german = task_digest("xquad_th"), task_digest("xquad_de")
    monkeypatch.setattr(pack, "LIBRARIES", {**pack.LIBRARIES, "pythainlp": "6.0"})
    assert task_digest("xquad_th") != thai
    assert task_digest("xquad_de") == german


def test_an_unknown_task_has_no_digest() -> None:
    with pytest.raises(InternalError, match="no such task"):
        task_digest("xquad_ko")


def test_a_task_that_generates_says_how_it_ends() -> None:
    for path in find_pack("paper").include_path.iterdir():
        text = path.read_text(encoding="utf-8")
        plain = yaml.safe_load(text.replace("!function ", ""))
        assert plain["num_fewshot"] == 0
        if plain["output_type"] == "generate_until":
            assert plain["generation_kwargs"].keys() == {"until", "do_sample", "max_gen_toks"}
            assert plain["generation_kwargs"]["do_sample"] is False


@pytest.mark.parametrize("benchmark", sorted(HUB_SETS))
def test_what_is_fetched_from_the_hub_is_what_is_read(tmp_path: Path, benchmark: str) -> None:
    for pattern in HUB_SETS[benchmark].files:
        path = tmp_path / pattern.replace("*", "00000-of-00001")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for task in TASKS:
        if task.source == benchmark:
            assert find(benchmark, task.language, tmp_path).split in ("all", "eval", "test", "validation")


def test_a_set_is_pinned_by_a_commit_or_by_the_hubs_own_branch() -> None:
    named = {name for name, one in HUB_SETS.items() if len(one.revision) != 40}
    assert named == {"mlqa", "xlsum"}
    assert {HUB_SETS[name].revision for name in named} == {"refs/convert/parquet"}
