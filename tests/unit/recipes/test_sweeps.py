"""From a sweep's document to its trials."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from cftray.errors import SpecRefused
from cftray.plan import canonical
from cftray.recipes import sweep_from_document, trials_of
from cftray.spec import SweepSpec

RATE = "phase2.hyperparameters.learning_rate"
SWEEP: dict[str, Any] = {
    "name": "toy",
    "spec": {"recipe": "mini", "pair": "dissimilar"},
    "space": {
        RATE: {"loguniform": [1e-4, 1e-2]},
        "mitigation": [{"kind": "none"}, {"kind": "generative_replay", "ratio": 0.1}],
    },
    "trials": 4,
}


def sweep(**changes: Any) -> SweepSpec:
    return sweep_from_document(SWEEP | changes)


def faults(**changes: Any) -> list[str]:
    with pytest.raises(SpecRefused) as caught:
        sweep(**changes)
    return [str(fault) for fault in caught.value.faults]


def test_trials_differ_in_phase_2_alone_and_are_called_after_the_sweep() -> None:
    made = trials_of(sweep())
    assert [trial.number for trial in made] == [1, 2, 3, 4]
    for trial in made:
        assert trial.spec.phase2.hyperparameters.learning_rate == trial.values[RATE]
        assert trial.spec.phase2.mitigation.kind == trial.values["mitigation"]["kind"]
        assert trial.spec.name == f"toy.trial-{trial.number}"
    assert len({canonical(trial.spec.phase1) for trial in made}) == 1


def test_its_project_is_its_experiment_s_unless_it_says_otherwise() -> None:
    assert sweep().project == "mini"
    assert {trial.spec.project for trial in trials_of(sweep(project="mine"))} == {"mine"}


def test_few_draws_cover_lists_and_ranges_evenly() -> None:
    made = trials_of(sweep())
    assert sorted(trial.values["mitigation"]["kind"] for trial in made) == ["generative_replay"] * 2 + ["none"] * 2
    quarters = sorted(int(4 * (2 + _log10(trial.values[RATE]) + 2) / 2) for trial in made)
    assert quarters == [0, 1, 2, 3], "one in each quarter of the orders of magnitude"


def _log10(value: float) -> float:
    import math

    return math.log10(value)


def test_a_seed_gives_the_same_trials_also_from_a_stored_document_whose_order_is_lost() -> None:
    first = sweep()
    again = SweepSpec.model_validate_json(canonical(first))
    assert [trial.values for trial in trials_of(again)] == [trial.values for trial in trials_of(first)]
    assert [trial.values for trial in trials_of(sweep(seed=1))] != [trial.values for trial in trials_of(first)]


def test_without_a_number_of_trials_every_combination_is_tried() -> None:
    space = {RATE: [1e-4, 2e-4], "phase2.hyperparameters.epochs": [1, 2, 3]}
    made = trials_of(sweep(space=space, trials=None))
    assert {(one.values[RATE], one.values["phase2.hyperparameters.epochs"]) for one in made} == {
        (rate, epochs) for rate in (1e-4, 2e-4) for epochs in (1, 2, 3)
    }


def test_as_many_draws_as_there_are_combinations_are_all_of_them() -> None:
    space = {RATE: [1e-4, 2e-4, 3e-4], "phase2.hyperparameters.epochs": {"integers": [1, 5]}}
    made = trials_of(sweep(space=space, trials=15))
    assert len({canonical(dict(one.values)) for one in made}) == 15


def test_a_range_of_all_seeds_is_drawn_from_without_being_written_out() -> None:
    made = trials_of(sweep(space={"phase2.data.sample_seed": {"integers": [0, 2**31 - 1]}}, trials=8))
    eighths = sorted(trial.values["phase2.data.sample_seed"] // 2**28 for trial in made)
    assert eighths == list(range(8))


def test_a_few_trials_of_very_many_combinations_are_found_without_going_through_them() -> None:
    space = {f"phase2.hyperparameters.{name}": {"integers": [1, 10]} for name in ("epochs", "warmup_steps")}
    space |= {"phase2.data.sample_seed": {"integers": [0, 10**6]}, RATE: [n * 1e-5 for n in range(1, 251)]}
    assert len(trials_of(sweep(space=space, trials=8))) == 8


@pytest.mark.parametrize("seed", range(8))
def test_a_list_s_values_come_equally_often_though_no_trial_comes_twice(seed: int) -> None:
    space = {RATE: [1e-4, 2e-4, 3e-4], "phase2.hyperparameters.epochs": [1, 2, 3]}
    made = trials_of(sweep(space=space, trials=6, seed=seed))
    assert len({canonical(dict(one.values)) for one in made}) == 6
    for name in space:
        assert set(Counter(one.values[name] for one in made).values()) == {2}


def test_a_recipe_s_spec_and_one_written_out_are_the_same_sweep() -> None:
    assert sweep(spec=sweep().spec.model_dump(mode="json")) == sweep()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"space": {"phase2.hyperparameters.learning_rat": [1e-4]}, "trials": None},
         f"space.phase2.hyperparameters.learning_rat: no such field — did you mean {RATE}?"),
        ({"space": {"base.model": ["a"]}, "trials": None},
         "space.base.model: no setting of phase 2 — a field of phase 2 (phase2.…, mitigation): trials share one P1; "
         "a matrix varies more"),
        ({"trials": None},
         f"trials: null — how many are drawn, up to 256: there is no end of combinations of {RATE}"),
        ({"space": {RATE: [1e-4, 2e-4]}},
         "trials: 4 — at most 2: the lists have no more combinations; null tries them all"),
        ({"space": {RATE: [1e-4], "phase2.hyperparameters.epochs": {"integers": [1, 400]}}, "trials": None},
         "space: 400 combinations — trials: how many of them are drawn; at most 256 are tried"),
        ({"space": {"mitigation": [{"kind": "none"}], "phase2.mitigation": [{"kind": "lora"}]}, "trials": None},
         "space.phase2.mitigation: given twice — one of mitigation and phase2.mitigation: they are one field"),
        ({"spec": {"recipe": "mini", "pair": "x"}},
         "spec.pair: x — (dissimilar, openorca-dissimilar, openorca-similar, similar)"),
        ({"space": {RATE: {"uniform": [2, 1]}}},
         f'space.{RATE}: {{"uniform": [2, 1]}} — [low, high] with low below high, not [2, 1]'),
        ({"space": {RATE: [1e-4, 1e-4]}, "trials": None}, f"space.{RATE}: 0.0001 twice — values that differ"),
        ({"space": {"mitigation": [{"kind": "lora"}, {"kind": "lora", "rank": 64}]}, "trials": None},
         "space: trials 1 and 2 are one experiment — values that differ"),
        ({"space": {"phase2.hyperparameters.epochs": {"integers": [1, 10**9]}}, "trials": None},
         "space: 1,000,000,000 combinations — trials: how many of them are drawn; at most 256 are tried"),
        ({"space": {"phase2.hyperparameters.epochs": {"integers": [1, 2**54]}}},
         "space.phase2.hyperparameters.epochs.integers[1]: 18014398509481984 — less than or equal to 9007199254740992"),
        ({"objective": {"maximise": "speed"}},
         "objective.maximise: speed — match pattern '^(paper/)?(ta|la)(/[a-z0-9_-]+){0,2}$'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_words(changes: dict[str, Any], told: str) -> None:
    assert told in faults(**changes)


def test_a_value_that_no_experiment_can_have_is_told_with_its_trial() -> None:
    assert faults(space={RATE: [-1.0, 1e-4]}, trials=None) == [
        f"{RATE} ({RATE} -1): -1.0 — greater than 0"
    ]
