"""What is told of an experiment's scores, as data: the JSON of `GET /v1/experiments/{id}/results`.

    {"complete": true, "missing": [], "single": false, "seeds": [17], "rows": [Row…], "replicas": [Replica…],
     "unscored": [Unscored…], "gates": [Gate…], "groups": [LanguageGroup…], "analyses": [Analysed…],
     "comparisons": 9, "part_comparisons": 22, "paper_comparisons": 4, "group_comparisons": 2, "method": "95 %, …"}

Scores are 0 to 1.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from cftray.data.scores import Level
from cftray.data.statistics import Verdict
from cftray.report.analysed import Analysed

METHOD = "95 %, paired by item, bootstrap interval, sign-flip p, Holm"

ModelName = Literal["p1", "p2"]
GroupName = Literal["taught", "untaught"]


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Score(_View):
    """A mean over `n` items, 0 to 1; over several replicas, the mean of theirs."""

    score: float
    stderr: float | None
    n: int


class Change(_View):
    """P2 minus P1. `low` to `high` is the 95 % interval over items; `p_adjusted` is Holm's over the `among`
    comparisons of the same family; `seeds_sd` is the standard deviation over replicas, null for one, and
    `seeds_agree` says whether all of them are on one side. A difference that is not above `noise`, the noise floor,
    is inside the noise whatever its p; null where no floor was measured."""

    difference: float
    stderr: float | None
    low: float
    high: float
    p_value: float
    p_adjusted: float
    among: int
    verdict: Verdict
    seeds_sd: float | None
    seeds_agree: bool
    noise: float | None = None


class Row(_View):
    """One named score (`ta/ifeval`, `la/xquad/de`, `la`, `la/taught`, `paper/ta/hellaswag`) of both models.

    - a score is null where a part of it is missing or was not scored whole, in any replica
    - `paper`: by the metric that the paper's printed figures fit, where that is another; `metric` is its name
    - not `whole`: over the `parts` that were asked for, of `parts_of` in the pack (languages, or tasks)
    - `noise`: how far two evaluations of P1 in other batches differ, the largest over replicas; null: not measured
    """

    key: str
    level: Level
    suite: str
    benchmark: str | None
    language: str | None
    metric: str | None
    p1: Score | None
    p2: Score | None
    change: Change | None
    paper: bool = False
    whole: bool = True
    parts: int | None = None
    parts_of: int | None = None
    noise: float | None = None


class Replica(_View):
    """One seed's own rows; `complete` when both models are evaluated."""

    seed: int
    complete: bool
    rows: tuple[Row, ...]


class Unscored(_View):
    """Items of a task that could not be scored, `n` of `of`, by reason; the task has no score for it."""

    model: ModelName
    seed: int
    task: str
    benchmark: str
    language: str
    n: int
    of: int
    reasons: dict[str, int]


class GateCondition(_View):
    """One condition of a gate and the figure that it was held against, 0 to 1."""

    score: str
    value: float
    at_least: float | None = None
    at_most: float | None = None
    holds: bool


class Gate(_View):
    """Whether phase 2 was trained; where not `open`, it was left out."""

    seed: int
    open: bool
    conditions: tuple[GateCondition, ...]


class LanguageGroup(_View):
    """Languages of LA that phase 2's data contain (`taught`) or not (`untaught`).

    The row `la/taught` is the mean over `benchmarks` of their means over these languages; `without` are those of
    LA's benchmarks that have none of them and are left out of it.
    """

    name: GroupName
    languages: tuple[str, ...]
    benchmarks: tuple[str, ...]
    without: tuple[str, ...]


class Results(_View):
    """`rows` are over all complete replicas, or P1's alone while none is complete.

    - `missing`: titles of stages that are not recorded yet and that scores need; `complete` when there are none.
      What a closed gate leaves out is not missing
    - `single`: one model was evaluated and nothing trained; it stands as P1
    - comparisons are corrected within families, each on its own: benchmarks and suites (`comparisons`), parts of
      benchmarks, and the mean over taught and that over untaught languages; the paper's metrics are not independent of
      the others, so they are families of their own beside them and take nothing from the others' verdicts
    - `analyses`: what became of each that the spec asks for, figures or why there are none. An analysis that failed, or
      is still to come, leaves the scores complete
    """

    complete: bool
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    replicas: tuple[Replica, ...]
    comparisons: int
    part_comparisons: int
    paper_comparisons: int = 0
    group_comparisons: int = 0
    missing: tuple[str, ...] = ()
    single: bool = False
    unscored: tuple[Unscored, ...] = ()
    gates: tuple[Gate, ...] = ()
    groups: tuple[LanguageGroup, ...] = ()
    analyses: tuple[Analysed, ...] = ()
    method: str = METHOD
