"""Language ability split into languages that phase 2's data contain and languages that they do not.

`la/taught` and `la/untaught` are means over benchmarks of means over the group's languages, as LA is over all of them.
A benchmark that has no language of the group is left out of that group's mean and named as left out, so the two may
be over different benchmarks. There is no split where one group is empty, or where LA itself is not scored.

A language is taught where it makes up at least `TAUGHT_SHARE` of phase 2's own samples (replay aside), as counted when
they were tokenised: where languages are detected, a handful of rows are always taken for some language or other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, get_args

from cftray.data.scores import ASKED, BY_LANGUAGE, PAPER, Level, Mean, TaskScores
from cftray.plan import Plan, StageKind
from cftray.report.views import GroupName, LanguageGroup
from cftray.store import Store

TAUGHT_SHARE: Final = 0.01
TOKENS: Final = "tokens.p2"
"""The stage that counts samples of phase 2's data by language."""

Weights = Mapping[str, float]


def taught_languages(plans: Sequence[Plan], store: Store) -> frozenset[str] | None:
    """Languages of phase 2's data, without region; None while they are not counted or there is no phase 2."""
    for plan in plans:
        for node in plan.stages:
            if node.kind is not StageKind.TOKENIZE or node.name != TOKENS or node.fingerprint is None:
                continue
            record = store.record(node.fingerprint)
            if record is not None:
                return _counted(record.details.get("composition", {}))
    return None


def group_means(
    means: Iterable[Mean], tasks: Mapping[str, TaskScores], taught: frozenset[str] | None
) -> tuple[list[Mean], tuple[LanguageGroup, ...]]:
    """The means of both groups, also by the paper's metrics, and what each is over; nothing where there is no split."""
    found: list[Mean] = []
    groups: tuple[LanguageGroup, ...] = ()
    for mean in means:
        if taught is None or mean.level is not Level.SUITE or mean.suite != BY_LANGUAGE:
            continue
        split = _split([tasks[name] for name in mean.weights], taught)
        if len(split) == 2:
            found += [_mean(mean, name, parts) for name, parts in split.items() if _moved(mean, parts)]
            groups = groups or tuple(_group(name, parts, tasks, mean) for name, parts in split.items())
    return found, groups


def _counted(composition: Mapping[str, Mapping[str, int]]) -> frozenset[str]:
    whole = sum(part["samples"] for part in composition.values())
    return frozenset(
        _primary(code) for code, part in composition.items() if part["samples"] >= max(1, TAUGHT_SHARE * whole)
    )


def _split(parts: Sequence[TaskScores], taught: frozenset[str]) -> dict[GroupName, list[TaskScores]]:
    split: dict[GroupName, list[TaskScores]] = {}
    for name in get_args(GroupName):
        members = [part for part in parts if (_primary(part.language) in taught) == (name == "taught")]
        if members:
            split[name] = members
    return split


def _mean(whole: Mean, name: GroupName, parts: Sequence[TaskScores]) -> Mean:
    sizes: dict[str, int] = {}
    for part in parts:
        sizes[part.benchmark] = sizes.get(part.benchmark, 0) + 1
    key = f"{PAPER if whole.paper else ''}{whole.suite}/{name}{'' if whole.whole else ASKED}"
    return Mean(
        key=key,
        level=Level.GROUP,
        suite=whole.suite,
        benchmark=None,
        language=None,
        weights={part.task: 1 / len(sizes) / sizes[part.benchmark] for part in parts},
        paper=whole.paper,
        whole=whole.whole,
    )


def _moved(mean: Mean, parts: Sequence[TaskScores]) -> bool:
    """Whether the group's mean by the paper's metrics is another than the plain one."""
    return not mean.paper or any(part.paper_metric is not None for part in parts)


def _group(
    name: GroupName, parts: Sequence[TaskScores], tasks: Mapping[str, TaskScores], whole: Mean
) -> LanguageGroup:
    benchmarks = dict.fromkeys(part.benchmark for part in parts)
    every = dict.fromkeys(tasks[task].benchmark for task in whole.weights)
    return LanguageGroup(
        name=name,
        languages=tuple(sorted({part.language for part in parts})),
        benchmarks=tuple(benchmarks),
        without=tuple(one for one in every if one not in benchmarks),
    )


def _primary(code: str) -> str:
    return code.replace("_", "-").partition("-")[0].lower()
