"""There and here: identical, inside the interval, or different, and why a stage is another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cftray.bundle import Bundle, compare, make_bundle
from cftray.bundle.comparing import Compared, Verdict
from cftray.bundle.document import Analysis, Measure
from cftray.bundle.stages import other_leaves
from cftray.plan import CODE_VERSION, StageKind
from tests.unit.report.conftest import DOCUMENT, World

Make = Callable[..., World]


@pytest.fixture
def there(world: Make) -> Bundle:
    made = world()
    made.record_all()
    return make_bundle(made.spec, made.plan, made.store, experiment="exp_1")


def changed(bundle: Bundle, key: str, **changes: Any) -> Bundle:
    """With another P1 in the row `key`."""
    rows = []
    for row in bundle.scores:
        if row.key == key and row.p1 is not None:
            rows.append(row.model_copy(update={"p1": row.p1.model_copy(update=changes)}))
        else:
            rows.append(row)
    return bundle.model_copy(update={"scores": tuple(rows)})


def stage_with(bundle: Bundle, name: str, **changes: Any) -> Bundle:
    stages = tuple(one.model_copy(update=changes) if one.name == name else one for one in bundle.stages)
    return bundle.model_copy(update={"stages": stages})


def p1(bundle: Bundle, key: str) -> Any:
    return next(row.p1 for row in bundle.scores if row.key == key)


def one(found: tuple[Compared, ...], name: str, of: str) -> Compared:
    return next(row for row in found if (row.name, row.of) == (name, of))


def test_a_bundle_against_itself_is_identical_and_says_that_all_was_reused(there: Bundle) -> None:
    found = compare(there, there.model_copy(update={"experiment": "exp_2"}))
    assert found.outcome is Verdict.IDENTICAL
    assert all(stage.same and stage.same_bytes for stage in found.stages)
    assert found.reused == found.recorded == len(there.stages)
    assert {row.verdict for row in found.scores} == {Verdict.IDENTICAL}


def test_what_the_second_computed_itself_is_not_reused(there: Bundle) -> None:
    assert compare(there, there).reused == 0


def test_a_score_is_held_against_the_interval_that_it_had(there: Bundle) -> None:
    was = p1(there, "ta/mmlu")
    near = compare(there, changed(there, "ta/mmlu", score=was.score + 1.9 * was.stderr))
    assert one(near.scores, "ta/mmlu", "P1").verdict is Verdict.INSIDE
    assert near.outcome is Verdict.INSIDE
    far = compare(there, changed(there, "ta/mmlu", score=was.score + 2.1 * was.stderr))
    assert one(far.scores, "ta/mmlu", "P1").verdict is Verdict.DIFFERS
    assert far.outcome is Verdict.DIFFERS
    assert one(far.scores, "ta/mmlu", "P1").difference == pytest.approx(2.1 * was.stderr)


def test_scores_that_are_all_alike_leave_room_for_what_so_few_items_can_not_show(there: Bundle) -> None:
    none = changed(there, "ta/mmlu", score=0.0, stderr=0.0, n=200)
    assert one(compare(none, changed(there, "ta/mmlu", score=0.005, n=200)).scores, "ta/mmlu", "P1").verdict is (
        Verdict.INSIDE
    )
    assert one(compare(none, changed(there, "ta/mmlu", score=0.02, n=200)).scores, "ta/mmlu", "P1").verdict is (
        Verdict.DIFFERS
    )


def test_without_a_figure_on_both_sides_nothing_is_reproduced(there: Bundle) -> None:
    nothing = there.model_copy(update={"scores": (), "stages": (), "analyses": ()})
    assert compare(nothing, nothing).outcome is Verdict.UNDECIDED


def test_other_items_and_a_turned_verdict_are_told(there: Bundle) -> None:
    assert one(compare(there, changed(there, "ta/mmlu", n=7)).scores, "ta/mmlu", "P1").note == "80 items there, 7 here"
    turned = tuple(
        row.model_copy(update={"change": row.change.model_copy(update={"verdict": "noise"})})
        if row.key == "la" and row.change
        else row
        for row in there.scores
    )
    found = one(compare(there, there.model_copy(update={"scores": turned})).scores, "la", "change")
    assert found.note == "the verdict was rises, is noise"


def test_a_score_that_one_side_lacks_differs(there: Bundle) -> None:
    fewer = there.model_copy(update={"scores": tuple(row for row in there.scores if row.key != "ta/mmlu")})
    assert one(compare(there, fewer).scores, "ta/mmlu", "P1").note == "only there"
    assert one(compare(fewer, there).scores, "ta/mmlu", "P1").note == "only here"
    assert compare(there, fewer).outcome is Verdict.DIFFERS


def test_a_figure_without_an_interval_decides_nothing(there: Bundle) -> None:
    def with_mpd(value: float, low: float | None = None, high: float | None = None) -> Bundle:
        measure = Measure(name="similarity/mpd", value=value, low=low, high=high)
        made = Analysis(kind="mpd", title="MPD", seed=17, state="found", reason=None, measures=(measure,))
        return there.model_copy(update={"analyses": (made,)})

    found = compare(with_mpd(1.0), with_mpd(1.1))
    assert one(found.figures, "similarity/mpd", "MPD, seed 17").verdict is Verdict.UNDECIDED
    assert found.outcome is Verdict.IDENTICAL
    assert compare(with_mpd(1.0), with_mpd(1.0 + 1e-9)).figures[0].verdict is Verdict.IDENTICAL
    assert compare(with_mpd(1.0, 0.9, 1.2), with_mpd(1.1)).outcome is Verdict.INSIDE
    assert compare(with_mpd(1.0, 0.9, 1.2), with_mpd(1.3)).outcome is Verdict.DIFFERS


def test_final_losses_are_compared(there: Bundle) -> None:
    def with_loss(value: float) -> Bundle:
        stage = next(one for one in there.stages if one.name == "train.p2.s17")
        assert stage.recorded is not None
        recorded = stage.recorded.model_copy(update={"metrics": {"final_loss": value, "steps": 3.0}})
        return stage_with(there, stage.name, recorded=recorded)

    found = compare(with_loss(0.5), with_loss(0.25))
    assert [(row.name, row.of, row.difference) for row in found.figures] == [("final loss", "phase 2", -0.25)]


def test_other_versions_are_named_on_both_sides(there: Bundle) -> None:
    maker = there.made_with[0].model_copy(update={"versions": {"python": "3.12", "ray": "2.60"}})
    found = compare(there, there.model_copy(update={"made_with": (maker,)}))
    assert found.versions == {"python": ("3.11", "3.12"), "torch": ("2.13", None), "ray": (None, "2.60")}


def test_the_setting_is_named_that_makes_a_stage_another(world: Make, there: Bundle) -> None:
    phase2 = DOCUMENT["phase2"]
    other = world(phase2=phase2 | {"hyperparameters": phase2["hyperparameters"] | {"epochs": 2}})
    here = make_bundle(other.spec, other.plan, other.store, experiment=None)
    why = {stage.name: stage.why for stage in compare(there, here).stages}
    assert why["train.p1.s17"] is None
    assert why["train.p2.s17"] == "hyperparameters.epochs is 2, was 4"
    assert why["evaluate.p2.s17"] == "model comes from train.p2.s17, which differs"


def test_code_data_and_missing_stages_are_named_too(there: Bundle) -> None:
    coded = stage_with(there, "train.p1.s17", code_version=99, fingerprint="x")
    assert {one.name: one.why for one in compare(coded, there).stages}["train.p1.s17"] == (
        f"the code of train stages is version {CODE_VERSION[StageKind.TRAIN]}, was 99"
    )
    first = next(one for one in there.stages if any(source.location for source in one.inputs.values()))
    name, source = next((name, source) for name, source in first.inputs.items() if source.location)
    other = {**first.inputs, name: source.model_copy(update={"digest": "e" * 64})}
    moved = stage_with(there, first.name, inputs=other, fingerprint="y")
    assert "eeeeeeeeeeee…" in str({one.name: one.why for one in compare(there, moved).stages}[first.name])
    assert other_leaves(there, moved) == [(first.name, source.location, source.digest, "e" * 64)]
    fewer = there.model_copy(update={"stages": there.stages[1:]})
    assert compare(there, fewer).stages[0].why == "no such stage here"
