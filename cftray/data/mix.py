"""The stage that adds samples of replay to phase 2's data, which stay whole.

Counted in samples, before packing. A replay that is too small is never repeated to make up for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cftray.data.replay import replay_size
from cftray.data.tokenized import TokenizedData, TokenizedWriter
from cftray.errors import DataError
from cftray.plan.data_stages import MixConfig
from cftray.stage import Artifact, StageContext

BLOCK = 1000
"""Samples copied at a time."""


def run(config: MixConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Inputs: `data` and `replay`, both tokens; of the replay the first that the ratio asks for are taken.

    Raises DataError where there are fewer, unless the spec accepts that.
    """
    own, replay = TokenizedData.open(inputs["data"]), TokenizedData.open(inputs["replay"])
    needed = replay_size(config.ratio, len(own))
    taken = min(needed, len(replay))
    if taken < needed:
        lack = f"replay gives {taken} usable samples of the {needed} that {config.ratio:g} of {len(own)} asks for"
        if config.shortfall == "refuse":
            raise DataError(
                f"{lack}; raise mitigation.surplus, lower ratio, or set shortfall: accept to go on with fewer"
            )
        context.note(f"{lack}; goes on with fewer, as the spec says")
    folder = context.folder / "tokens"
    writer = TokenizedWriter(folder)
    for source, count in ((own, len(own)), (replay, taken)):
        for first in range(0, count, BLOCK):
            context.raise_if_stopped()
            writer.extend(*source.samples(first, min(first + BLOCK, count)))
    writer.close(template_text=own.meta.get("template_text"), max_length=own.meta.get("max_length"))
    compositions = {"composition": own.composition(), "replay": replay.composition(taken)}
    whole, added = map(_totals, compositions.values())
    return Artifact(
        outputs={"tokens": folder},
        metrics={
            "samples": len(own) + taken,
            "replay_needed": needed,
            "replay_samples": taken,
            **{f"replay_share_of_{name}": count / (count + whole[name]) for name, count in added.items()},
        },
        details=compositions,
    )


def _totals(composition: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    names = ("samples", "tokens", "supervised_tokens")
    return {name: sum(of[name] for of in composition.values()) for name in names}
