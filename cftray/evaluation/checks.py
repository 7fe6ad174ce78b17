"""What can be said against what a spec wants evaluated, given the pack's list of tasks and no file.

Imports nothing heavy: the API refuses by these before anything is stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cftray.data.scores import means_over
from cftray.errors import CFTRayError, Fault, nearest
from cftray.plan.evaluating import Packs
from cftray.plan.packs import Pack, PackTask
from cftray.spec import BenchmarkFiles, EvaluationSpec, ExperimentSpec, ModelEvaluationSpec, Suite, SweepSpec


def evaluation_faults(spec: ExperimentSpec | ModelEvaluationSpec, packs: Packs) -> list[Fault]:
    """Every fault of `spec.evaluation`, and of a gate's conditions on its scores."""
    asked = spec.evaluation
    try:
        pack = packs(str(asked.pack))
    except CFTRayError as error:
        return [Fault(path="evaluation.pack", given=str(asked.pack), expected=error.message)]
    found = [
        *_suite_faults(asked, pack),
        *_benchmark_faults(asked, pack),
        *_language_faults(asked, pack),
        *_file_faults(asked, pack),
        *_judge_faults(asked, pack),
        *_noise_faults(asked),
    ]
    return found + list(_gate_faults(spec, pack)) if isinstance(spec, ExperimentSpec) else found


def _suite_faults(asked: EvaluationSpec, pack: Pack) -> Iterator[Fault]:
    """Each suite keeps a task."""
    for suite in asked.suites:
        known = _names(pack.of_suites([suite]))
        if not known:
            has = ", ".join(dict.fromkeys(task.suite for task in pack.tasks))
            yield Fault(path="evaluation.suites", given=suite, expected=f"a suite of the pack {pack.name}: {has}")
        elif asked.benchmarks is not None and not set(known).intersection(asked.benchmarks):
            expected = f"one of the suite {suite} too ({', '.join(known)}), or suites without {suite}"
            yield Fault(path="evaluation.benchmarks", given=", ".join(asked.benchmarks), expected=expected)


def _benchmark_faults(asked: EvaluationSpec, pack: Pack) -> Iterator[Fault]:
    known = _names(pack.of_suites(asked.suites))
    suites = " and ".join(asked.suites)
    for benchmark in asked.benchmarks or ():
        if benchmark not in known:
            expected = f"a benchmark of {suites} in the pack {pack.name}: {nearest(benchmark, known)}"
            yield Fault(path="evaluation.benchmarks", given=benchmark, expected=expected)


def _language_faults(asked: EvaluationSpec, pack: Pack) -> Iterator[Fault]:
    if asked.languages is None:
        return
    path = "evaluation.languages"
    given = ", ".join(asked.languages)
    if Suite.LA not in asked.suites:
        yield Fault(path=path, given=given, expected="null: they are of language ability, which suites leaves out")
        return
    tasks = pack.asked([Suite.LA], asked.benchmarks)
    known = {task.language for task in tasks}
    for code in asked.languages:
        if code not in known and known:
            names = ", ".join(_names(tasks))
            yield Fault(path=path, given=code, expected=f"a language of {names} in {pack.name}: {nearest(code, known)}")
    for benchmark in asked.benchmarks or ():
        own = sorted(task.language for task in tasks if task.benchmark == benchmark)
        if own and not set(own).intersection(asked.languages):
            yield Fault(path=path, given=given, expected=f"one of {benchmark}'s too ({', '.join(own)})")


def _file_faults(asked: EvaluationSpec, pack: Pack) -> Iterator[Fault]:
    """Files are given where the pack reads some, and where it knows no others."""
    read = {task.source for task in pack.tasks if task.source is not None}
    for benchmark in BenchmarkFiles.model_fields:
        location = asked.data.of(benchmark)
        if location is not None and benchmark not in read:
            expected = f"null: the items of {benchmark} come with the pack {pack.name}"
            yield Fault(path=f"evaluation.data.{benchmark}", given=location[:80], expected=expected)
    for benchmark in dict.fromkeys(task.source for task in pack.asked_by(asked) if task.source is not None):
        if asked.data.of(benchmark) is None and benchmark not in pack.hub:
            expected = f"the path of its files: the pack {pack.name} knows no set of the hub for it"
            yield Fault(path=f"evaluation.data.{benchmark}", given="null", expected=expected)


def _judge_faults(asked: EvaluationSpec, pack: Pack) -> Iterator[Fault]:
    if asked.judge is not None and not any(task.judged for task in pack.tasks):
        expected = f"null: the pack {pack.name} scores every benchmark itself"
        yield Fault(path="evaluation.judge", given=asked.judge.endpoint, expected=expected)


def _noise_faults(asked: EvaluationSpec) -> Iterator[Fault]:
    """The noise floor's batches are smaller."""
    if asked.noise_floor and asked.batch_size == 1:
        expected = "evaluation.batch_size of 2 or more: a batch of one item can't be smaller"
        yield Fault(path="evaluation.noise_floor", given="true", expected=expected)


def _gate_faults(spec: ExperimentSpec, pack: Pack) -> Iterator[Fault]:
    """A condition names a score that P1 is going to have."""
    for place, condition in enumerate(spec.gate):
        yield from _score_faults(f"gate[{place}].score", condition.score, spec.evaluation, pack)


def objective_faults(sweep: SweepSpec, packs: Packs) -> list[Fault]:
    """Of scores in a sweep's objective that its trials are not going to have."""
    asked, objective = sweep.spec.evaluation, sweep.objective
    try:
        pack = packs(str(asked.pack))
    except CFTRayError:
        return []  # told of the trials
    named = [("objective.maximise", objective.maximise)]
    named += [(f"objective.subject_to[{place}].score", one.score) for place, one in enumerate(objective.subject_to)]
    return [fault for path, score in named for fault in _score_faults(path, score, asked, pack)]


def _score_faults(path: str, score: str, asked: EvaluationSpec, pack: Pack) -> Iterator[Fault]:
    """Where a score that is counted on is not evaluated."""
    tasks = pack.asked_by(asked)
    judged = _scores(tasks, asked, pack)
    known = judged if asked.judge is not None else _scores([one for one in tasks if not one.judged], asked, pack)
    if score in known:
        return
    suite = score.removeprefix("paper/").partition("/")[0]
    if score in judged:
        expected = f"evaluation.judge, which it needs, or a score without one: {nearest(score, known)}"
    elif suite not in asked.suites:
        expected = f"a suite that is evaluated ({', '.join(asked.suites)})"
    else:
        expected = f"a score that is evaluated: {nearest(score, known)}"
    yield Fault(path=path, given=score, expected=expected)


def _scores(tasks: Sequence[PackTask], asked: EvaluationSpec, pack: Pack) -> list[str]:
    return [mean.key for mean in means_over(tasks, pack.of_suites(asked.suites))]


def _names(tasks: Sequence[PackTask]) -> list[str]:
    """The benchmarks of tasks, in their order."""
    return list(dict.fromkeys(task.benchmark for task in tasks))
