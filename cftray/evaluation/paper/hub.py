"""The sets of the hub that benchmarks are read from where no files are given.

Five are pinned by commit. MLQA and XL-Sum have their data behind loading scripts, which are not run: the hub's own
Parquet of them lies on the branch `refs/convert/parquet`, whose commit was not to be known when this was written. A
plan turns the branch into its commit, and that commit is what a result says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cftray.evaluation.paper.layouts import XLSUM_NAMES
from cftray.evaluation.paper.pack import MLQA_LANGUAGES, XQUAD_LANGUAGES
from cftray.plan.stages import Leaf, LeafKind

CONVERTED: Final = "refs/convert/parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSet:
    """`files` are patterns of what is fetched, far less than the whole set. `items`: in the scored split."""

    name: str
    revision: str
    files: tuple[str, ...]
    licence: str
    items: str


HUB_SETS: Final[Mapping[str, HubSet]] = {
    "ifeval": HubSet(
        name="google/IFEval",
        revision="966cd89545d6b6acfd7638bc708b98261ca58e84",
        files=("ifeval_input_data.jsonl",),
        licence="Apache-2.0",
        items="541",
    ),
    "alpaca_eval": HubSet(
        name="tatsu-lab/alpaca_eval",
        revision="2edc6fad8be6b14ea7230aabfd08188da6b8b814",
        files=("alpaca_eval.json",),
        licence="CC BY-NC 4.0",
        items="805",
    ),
    "mmlu": HubSet(
        name="cais/mmlu",
        revision="c30699e8356da336a370243923dbaf21066bb9fe",
        files=("all/test-*.parquet",),
        licence="MIT",
        items="14,042 (test)",
    ),
    "hellaswag": HubSet(
        name="Rowan/hellaswag",
        revision="218ec52e09a7e7462a5400043bb9a69a41d06b76",
        files=("data/validation-*.parquet",),
        licence="MIT",
        items="10,042 (validation)",
    ),
    "mlqa": HubSet(
        name="facebook/mlqa",
        revision=CONVERTED,
        files=tuple(f"mlqa.{language}.{language}/test/*.parquet" for language in MLQA_LANGUAGES),
        licence="CC BY-SA 3.0",
        items="4,517 to 5,495 a language (test)",
    ),
    "xquad": HubSet(
        name="google/xquad",
        revision="51adfef1c1287aab1d2d91b5bead9bcfb9c68583",
        files=tuple(f"xquad.{language}/validation-*.parquet" for language in XQUAD_LANGUAGES),
        licence="CC BY-SA 4.0",
        items="1,190 a language (validation)",
    ),
    "xlsum": HubSet(
        name="csebuetnlp/xlsum",
        revision=CONVERTED,
        files=tuple(f"{name}/test/*.parquet" for name in XLSUM_NAMES.values()),
        licence="CC BY-NC-SA 4.0",
        items="889 to 11,535 a language (test)",
    ),
}


def leaves() -> dict[str, Leaf]:
    """By benchmark, for `Pack.hub`."""
    return {
        benchmark: Leaf(kind=LeafKind.HUB_SET, location=one.name, revision=one.revision, patterns=one.files)
        for benchmark, one in HUB_SETS.items()
    }
