"""Saves in the middle of a phase: complete or ignored.

A checkpoint is a folder `checkpoints/step-XXXXXXXX` of an attempt. DeepSpeed's files come first, then
`state.json`, written last: a folder without it does not count. The state says what the checkpoint
belongs to, and how much of the attempt's curve had been written by then. Frozen parameters are not in
it: they are those of the model that the phase starts from.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cftray.errors import ExecutionError
from cftray.store.atomic import write_atomic
from cftray.training.limits import Stage
from cftray.training.request import TrainRequest

FOLDER = "checkpoints"
CURVE = "curve.jsonl"
PARAMETERS = "parameters.json"
_STATE = "state.json"
_TAG = "engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """`step` updates are done. `identity` tells one phase from another; `tokens` are counted so far."""

    step: int
    world: int
    zero_stage: Stage
    offload: dict[str, bool]
    identity: str
    curve_bytes: int
    tokens: int
    supervised_tokens: int


def identity_of(request: TrainRequest, data_digest: str) -> str:
    """sha256 of all that the weights at a step follow from, execution left out."""
    config = (Path(request.model) / "config.json").read_bytes()
    facts = [
        request.hyperparameters.model_dump(mode="json"),
        request.seed,
        data_digest,
        hashlib.sha256(config).hexdigest(),
        hashlib.sha256(Path(request.frozen).read_bytes()).hexdigest() if request.frozen else None,
        request.lora.model_dump(mode="json") if request.lora else None,
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def complete(attempts: Iterable[Path]) -> list[tuple[State, Path]]:
    """Every complete checkpoint of these attempts, the one with most steps first; unreadable ones are left out."""
    found = []
    for attempt in attempts:
        for path in sorted((attempt / FOLDER).glob(f"step-*/{_STATE}")):
            try:
                state = State(**json.loads(path.read_text(encoding="utf-8")))
            except (TypeError, ValueError):
                continue
            curve = attempt / CURVE
            if curve.exists() and curve.stat().st_size >= state.curve_bytes:
                found.append((state, path.parent))
    return sorted(found, key=lambda pair: pair[0].step, reverse=True)


def newest(attempts: Iterable[Path], identity: str) -> tuple[State, Path] | None:
    """The checkpoint of this phase that has most steps; those of another phase are passed over."""
    return next((pair for pair in complete(attempts) if pair[0].identity == identity), None)


def mismatch(state: State, *, world: int, zero_stage: int, offload: dict[str, bool]) -> str | None:
    """Why a checkpoint can't go on under these settings, in words; None where it can.

    Under ZeRO 0 every worker holds the whole state, so any number of workers can take it over.
    """
    if (state.zero_stage, state.offload) == (zero_stage, offload) and (zero_stage == 0 or state.world == world):
        return None
    return (
        f"the checkpoint of step {state.step} was made by {state.world} workers under ZeRO {state.zero_stage}, "
        f"this attempt has {world} under ZeRO {zero_stage}, and its partitions can't be converted; "
        f"set execution.workers {state.world}, zero_stage {state.zero_stage} and the same offload, or start again"
    )


class Checkpoints:
    """Saves and restores one attempt's engine. Every rank calls `save` and `restore` together."""

    def __init__(self, request: TrainRequest, identity: str, world: int, rank: int) -> None:
        self.folder = Path(request.folder) / FOLDER
        self.identity = identity
        self._request = request
        self._world = world
        self._leads = rank == 0
        self._restricted = request.frozen is not None or request.lora is not None
        self._saved: int | None = None

    def save(self, engine: Any, *, step: int, tokens: int, supervised_tokens: int) -> None:
        """Write a checkpoint, then drop all but the newest `keep`; nothing where this step has one."""
        if step == self._saved:
            return
        self._saved = step
        path = self.folder / f"step-{step:08d}"
        if self._leads:
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir(parents=True)
        engine.save_checkpoint(str(path), tag=_TAG, save_latest=False, exclude_frozen_parameters=True)
        if not self._leads:
            return
        state = State(
            step=step,
            world=self._world,
            zero_stage=self._request.zero_stage,
            offload=self._request.offload.model_dump(),
            identity=self.identity,
            curve_bytes=(Path(self._request.folder) / CURVE).stat().st_size,
            tokens=tokens,
            supervised_tokens=supervised_tokens,
        )
        write_atomic(path / _STATE, json.dumps(asdict(state), indent=1))
        for old in sorted(self.folder.glob("step-*"))[: -self._request.checkpoint.keep]:
            drop(old)

    def restore(self, engine: Any, state: State, path: Path) -> None:
        """Load a checkpoint into a fresh engine and, on rank 0, the curve up to it.

        Raises ExecutionError where its partitions do not fit this group.
        """
        reason = mismatch(
            state,
            world=self._world,
            zero_stage=self._request.zero_stage,
            offload=self._request.offload.model_dump(),
        )
        if reason:
            raise ExecutionError(reason)
        loaded, _ = engine.load_checkpoint(
            str(path), tag=_TAG, load_lr_scheduler_states=False, load_module_strict=not self._restricted
        )
        if loaded is None:
            raise ExecutionError(f"DeepSpeed found nothing to load in {path}; delete the folder and start again")
        if path.parent == self.folder:
            self._saved = state.step
        if self._leads:
            take_over_curve(path.parent.parent / CURVE, Path(self._request.folder) / CURVE, state.curve_bytes)


def take_over_curve(source: Path, target: Path, size: int) -> None:
    """The first `size` bytes of a curve become the start of another, or of itself."""
    with open(source, "rb") as file:
        kept = file.read(size)
    write_atomic(target, kept.decode("utf-8"))


def drop(path: Path) -> None:
    """Remove a checkpoint; its state first, so that a half-removed one does not count."""
    (path / _STATE).unlink(missing_ok=True)
    shutil.rmtree(path, ignore_errors=True)
