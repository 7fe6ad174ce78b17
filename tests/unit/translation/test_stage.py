"""The stage in this process: every row once, in order, whatever the workers did before."""

from __future__ import annotations

import json

import pytest

from cftray.data.adapters import read_rows, write_rows
from cftray.errors import Cancelled, DataError, InfraError
from cftray.mini import datasets
from cftray.plan import GatherConfig
from cftray.spec import ExecutionSpec
from cftray.stage import StageContext
from cftray.translation import gather
from cftray.translation.worker import Worker
from tests.unit.translation.fakes import Here


def rows_of(artifact):
    return read_rows(artifact.outputs["rows"] / "rows.jsonl")


def aside(artifact):
    return [json.loads(line) for line in artifact.outputs["set_aside"].read_text().splitlines()]


def test_the_miniature_translates_into_its_own_rows(english, translated):
    artifact, *_ = translated(english(200), Here())
    told = {row.english_id: row for row in rows_of(artifact)}
    own = datasets.rows("multialpaca-mini", samples=200, seed=3)
    german = [row for row in own if row.language == "de" and row.english_id in told]
    assert german
    for row in german:
        found = told[row.english_id]
        assert (found.instruction, found.input, found.output) == (row.instruction, row.input, row.output)
        assert (found.id, found.language) == (f"{row.english_id}@de", "de")


def test_every_row_is_translated_or_set_aside_with_a_reason(english, translated):
    artifact, reports, _ = translated(english(60), Here())
    left_out = aside(artifact)
    assert {row.english_id for row in rows_of(artifact)} | {one["id"] for one in left_out} == {
        row.id for row in read_rows(english(60))
    }
    assert all(one["reason"] for one in left_out)
    metrics = artifact.metrics
    assert metrics["rows"] == 60 == metrics["translated"] + metrics["not_translatable"] + metrics["set_aside"]
    assert sum(artifact.details["reasons"].values()) == len(left_out)
    assert (reports[-1].step, reports[-1].total, reports[-1].unit) == (60, 60, "rows")


def test_output_is_sorted_and_depends_neither_on_actors_nor_on_the_order_of_work(english, translated):
    class Backwards(Here):
        def map(self, make, request, items, **rest):
            super().map(make, request, list(reversed(items)), **rest)

    one, *_ = translated(english(), Here(), name="one")
    two, *_ = translated(english(), Backwards(), name="two", actors=2)
    ids = [row.english_id for row in rows_of(one)]
    assert ids == sorted(ids)
    for output in ("rows", "set_aside"):
        first, second = (part.outputs[output] for part in (one, two))
        first, second = (part / "rows.jsonl" if part.is_dir() else part for part in (first, second))
        assert first.read_bytes() == second.read_bytes()


def test_an_attempt_after_a_death_goes_on_where_it_was_cut(english, translated, tmp_path):
    whole, *_ = translated(english(), Here(), name="whole")
    with pytest.raises(InfraError):
        translated(english(), Here(dies_after=2), name="cut")
    again = Here()
    resumed, _, notes = translated(english(), again, name="again", earlier=[tmp_path / "cut"])
    assert again.items == [2, 3, 4]
    assert notes == ["2 of 5 batches were translated before"]
    assert (resumed.outputs["rows"] / "rows.jsonl").read_bytes() == (whole.outputs["rows"] / "rows.jsonl").read_bytes()


def test_batches_of_other_rows_are_not_taken_over(english, translated, tmp_path):
    translated(english(16), Here(), name="other")
    again = Here()
    translated(english(24, "multi-openorca-mini"), again, name="again", earlier=[tmp_path / "other"])
    assert again.items == [0, 1, 2]


def test_rows_that_share_an_id_are_refused(written, translated):
    rows = written({"id": "a", "instruction": "x"}, {"id": "a", "instruction": "y"})
    with pytest.raises(DataError, match="2 rows have 1 ids"):
        translated(rows, Here())


def test_a_set_of_which_nothing_is_left_is_refused_with_the_reasons(written, translated):
    rows = written({"instruction": "Spell the word cat."}, {"instruction": "Nobody knows this sentence."})
    with pytest.raises(DataError, match=r"none of 2 rows could be translated into de \(1 spelling, 1 unanswered\)"):
        translated(rows, Here())


def test_a_stop_is_heard(english, translated, tmp_path):
    class Stopping(Here):
        def map(self, make, request, items, **_):
            handle = Worker(request)
            (tmp_path / "stop").touch()
            handle(items[0])

    with pytest.raises(Cancelled):
        translated(english(), Stopping())


def test_prompts_alone_leave_the_response_out(english, translated):
    artifact, *_ = translated(english(), Here(), prompts_only=True)
    found = rows_of(artifact)
    assert all(row.instruction and not row.output for row in found)


@pytest.fixture
def gathered(english, translated, tmp_path):
    def run(samples=None, seed=0):
        languages = {}
        for code in ("fr", "de"):
            name = f"{code}{samples}{seed}"
            artifact, *_ = translated(english(), Here(), into=code, name=name)
            languages[code] = artifact.outputs["rows"]
        folder = tmp_path / f"gathered{samples}{seed}"
        folder.mkdir()
        context = StageContext(folder=folder, execution=ExecutionSpec(), workers=Here(), stop=tmp_path / "stop")
        return gather.run(GatherConfig(samples=samples, sample_seed=seed), languages, context)

    return run


def test_languages_are_laid_together_by_row_then_language(gathered):
    artifact = gathered()
    keys = [(row.english_id, row.language) for row in rows_of(artifact)]
    assert keys == sorted(keys)
    assert artifact.details["languages"] == {code: sum(one == code for _, one in keys) for code in ("de", "fr")}


def test_gathering_draws_by_its_seed(gathered):
    every = [row.id for row in rows_of(gathered())]
    drawn = {seed: [row.id for row in rows_of(gathered(samples=20, seed=seed))] for seed in (0, 1)}
    assert all(len(one) == 20 and set(one) <= set(every) for one in drawn.values())
    assert drawn[0] != drawn[1]


def test_gathering_does_not_make_up_rows(gathered):
    with pytest.raises(DataError, match="1000 samples asked for"):
        gathered(samples=1000)


def test_ids_that_begin_alike_are_gathered_in_one_order(written, tmp_path):
    for code in ("de", "fr"):
        (tmp_path / code).mkdir()
        path = written(*({"id": f"{one}@{code}", "english_id": one, "language": code} for one in ("a", "a-1", "ab")))
        write_rows(tmp_path / code / "rows.jsonl", read_rows(path))
    (tmp_path / "out").mkdir()
    context = StageContext(folder=tmp_path / "out", execution=ExecutionSpec(), workers=Here(), stop=tmp_path / "stop")
    artifact = gather.run(
        GatherConfig(samples=None, sample_seed=0), {code: tmp_path / code for code in ("fr", "de")}, context
    )
    assert [row.id for row in rows_of(artifact)] == ["a@de", "a@fr", "a-1@de", "a-1@fr", "ab@de", "ab@fr"]
