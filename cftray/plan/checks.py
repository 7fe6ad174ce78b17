"""What can be said against a spec without reading any file: settings that rule each other out.

Each check sees several fields at once, which is why it isn't the schema's. The API and the command
line both refuse by these.
"""

from __future__ import annotations

from collections.abc import Iterator

from cftray.errors import Fault
from cftray.spec import (
    Combined,
    ExperimentSpec,
    GenerativeReplay,
    MiniData,
    Precision,
    Replay,
    TrainedPhase,
    parts_of,
)
from cftray.spec.data import MULTILINGUAL


def spec_faults(spec: ExperimentSpec) -> list[Fault]:
    """Every fault that the spec alone shows."""
    return [
        *_split_faults(spec),
        *_offload_faults(spec),
        *_precision_faults(spec),
        *_replay_faults(spec),
        *_engine_faults(spec),
    ]


def _phases(spec: ExperimentSpec) -> Iterator[tuple[str, TrainedPhase]]:
    if spec.phase1.train is not None:
        yield "phase1.train", spec.phase1.train
    yield "phase2", spec.phase2


def _split_faults(spec: ExperimentSpec) -> Iterator[Fault]:
    """A worker without a sample would hold the others up: each needs at least one a step."""
    workers = spec.execution.workers
    if workers is None:
        return
    path, phase = min(_phases(spec), key=lambda one: one[1].hyperparameters.global_batch)
    batch = phase.hyperparameters.global_batch
    if workers > batch:
        unit = phase.hyperparameters.batch_unit
        yield Fault(
            path="execution.workers",
            given=str(workers),
            expected=f"a step has {batch} {unit} ({path}.hyperparameters.global_batch): at most {batch} workers",
        )


def _precision_faults(spec: ExperimentSpec) -> Iterator[Fault]:
    """DeepSpeed keeps no fp32 master weights and gradient sums for bf16 without partitioning them."""
    half = [path for path, phase in _phases(spec) if phase.hyperparameters.precision is Precision.BF16]
    if spec.execution.zero_stage == 0 and half:
        yield Fault(
            path="execution.zero_stage",
            given="0",
            expected=f"1 (the same, without saving memory), 2 or 3 with bf16 ({half[0]}.hyperparameters.precision)",
        )


def _replay_faults(spec: ExperimentSpec) -> Iterator[Fault]:
    """Replay needs English counterparts of phase 2's rows."""
    data = spec.phase2.data
    there = data.mini in MULTILINGUAL if isinstance(data, MiniData) else data.english is not None
    if there or not any(isinstance(part, Replay) for part in parts_of(spec.phase2.mitigation)):
        return
    if isinstance(data, MiniData):
        given, expected = str(data.mini), f"a set with English counterparts: {', '.join(MULTILINGUAL)}"
    else:
        given, expected = "no english", "english: {path, adapter, alignment: id, line or none}, which replay draws from"
    yield Fault(path="phase2.data", given=given, expected=expected)


def _engine_faults(spec: ExperimentSpec) -> Iterator[Fault]:
    """vLLM answers on GPUs."""
    if spec.execution.accelerator is not None:
        return
    mitigation = spec.phase2.mitigation
    for place, part in enumerate(mitigation.parts if isinstance(mitigation, Combined) else [mitigation]):
        if isinstance(part, GenerativeReplay) and part.decoding.engine == "vllm":
            inner = f".parts.{place}" if isinstance(mitigation, Combined) else ""
            yield Fault(
                path=f"phase2.mitigation{inner}.decoding.engine",
                given="vllm, and execution.accelerator is null",
                expected="transformers, which answers on CPUs too, or execution.accelerator: GPU",
            )


def _offload_faults(spec: ExperimentSpec) -> Iterator[Fault]:
    """What is not partitioned over the workers can't be kept in host memory (DeepSpeed, ZeRO-Offload)."""
    stage, offload = spec.execution.zero_stage, spec.execution.offload
    if stage is None:
        return
    if offload.parameters and stage < 3:
        yield Fault(path="execution.offload.parameters", given="true", expected=f"needs zero_stage 3, which is {stage}")
    if offload.optimizer and stage < 1:
        yield Fault(
            path="execution.offload.optimizer", given="true", expected=f"needs zero_stage 1 to 3, which is {stage}"
        )
