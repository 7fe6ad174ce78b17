"""The loop of a phase, in every worker process.

Only workers import this module: it loads torch, DeepSpeed and transformers. The process group is the
caller's; a lone process makes its own. Rank 0 writes the curve, one JSON line a step.
"""

from __future__ import annotations

import time

_ENTERED = time.time()

import os  # noqa: E402

import torch  # noqa: E402

os.environ.setdefault("DS_SKIP_CUDA_CHECK", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
if not torch.cuda.is_available():
    os.environ["DS_ACCELERATOR"] = "cpu"

import json  # noqa: E402
import resource  # noqa: E402
from collections.abc import Mapping  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import psutil  # noqa: E402

from cftray.data.order import StepOrder, steps_of  # noqa: E402
from cftray.data.packing import micro_batches  # noqa: E402
from cftray.data.tokenized import TokenizedData  # noqa: E402
from cftray.errors import Cancelled, OutOfMemory  # noqa: E402
from cftray.store.atomic import write_atomic  # noqa: E402
from cftray.training.checkpoint import CURVE, PARAMETERS, Checkpoints, State, identity_of, newest  # noqa: E402
from cftray.training.engine import Engine, configuration, join_group  # noqa: E402
from cftray.training.export import export, export_adapter  # noqa: E402
from cftray.training.freezing import add_lora  # noqa: E402
from cftray.training.frozen import Selection  # noqa: E402
from cftray.training.limits import refuse_impossible  # noqa: E402
from cftray.training.model import SummedLoss, load  # noqa: E402
from cftray.training.proof import prove  # noqa: E402
from cftray.training.request import TrainRequest  # noqa: E402
from cftray.training.schedule import learning_rate  # noqa: E402

_IMPORTED = time.time()


def train_phase(request: Mapping[str, Any]) -> None:
    """Train one phase in this process, one of a group, and export it.

    Writes into the request's folder: `curve.jsonl`, `timeline.json`, `memory-<rank>.json`,
    `checkpoints/` and at the end `model/`. Raises Cancelled, with a checkpoint saved, once the stop
    file exists; OutOfMemory; ModelError and ExecutionError in words.
    """
    try:
        _Phase(TrainRequest.model_validate(request)).run()
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemory(_memory_advice(request)) from error
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):
            raise
        raise OutOfMemory(_memory_advice(request)) from error


@dataclass(slots=True)
class _Counts:
    """What the phase has taken in so far."""

    tokens: int = 0
    supervised_tokens: int = 0


class _Phase:
    """The state of one worker while its phase runs."""

    def __init__(self, request: TrainRequest) -> None:
        self.request = request
        self.folder = Path(request.folder)
        self.marks = {"process_start": psutil.Process().create_time(), "entered": _ENTERED, "imported": _IMPORTED}
        join_group()
        self.rank = torch.distributed.get_rank()
        self.world = torch.distributed.get_world_size()
        refuse_impossible(request.hyperparameters, request.zero_stage, request.offload, self.world)
        self.device = torch.device("cpu")
        if torch.cuda.is_available():
            self.device = torch.device("cuda", torch.cuda.current_device())
        self.data = TokenizedData.open(Path(request.data))
        self.lengths = self.data.lengths()
        self.supervised = self.data.supervised_counts()
        self.order: StepOrder = steps_of(self.lengths, request.hyperparameters, request.seed)
        self.end = len(self.order) if request.until is None else min(request.until, len(self.order))
        self.counts = _Counts()
        self.checkpoints = Checkpoints(request, identity_of(request, self.data.digest), self.world, self.rank)
        self._last_save = time.monotonic()

    def run(self) -> None:
        """Load, restore, step, export, prove."""
        self._mark("joined")
        torch.manual_seed(self.request.seed)
        partition = configuration(self.request) if self.request.zero_stage == 3 else None
        selection = Selection.read(Path(self.request.frozen)) if self.request.frozen else None
        precision = self.request.hyperparameters.precision
        module = load(Path(self.request.model), precision, self.device, partition, selection)
        if self.request.lora is not None:
            add_lora(module.model, self.request.lora, self.request.seed)
        self._count_trained(module)
        self._mark("model")
        engine = Engine(module, self.request)
        first = self._restore(engine)
        self._mark("engine")
        for step in range(first, self.end):
            self._step(engine, step)
            if step == first:
                self._mark("first_step")
        self._mark("last_step")
        if self.request.until is not None:
            self._save(engine, self.end)
        target = self.folder / "model"
        start = Path(self.request.model)
        export(engine.model, start, target, self.request, self.data.meta.get("template_text"))
        if self.request.lora is not None:
            export_adapter(engine.model, self.folder / "adapter", self.request.lora, start)
        self._report_memory()
        engine.close()
        if self.rank == 0:
            self._mark("exported")
            trained = any(
                learning_rate(step, len(self.order), self.request.hyperparameters) > 0
                for step in range(min(self.end, self.request.hyperparameters.warmup_steps + 1))
            )
            prove(target, start, self.data, precision, changed=trained, selection=selection, lora=self.request.lora)
            self._mark("proved")

    def _restore(self, engine: Engine) -> int:
        """Steps done already; all ranks follow rank 0's choice of checkpoint."""
        attempts = [self.folder, *(Path(folder) for folder in self.request.resume_from)]
        choice: list[tuple[State, Path] | None] = [None]
        if self.rank == 0:
            choice = [newest(attempts, self.checkpoints.identity)]
            if choice[0] is None:
                (self.folder / CURVE).write_text("", encoding="utf-8")
        torch.distributed.broadcast_object_list(choice, src=0)
        if choice[0] is None:
            return 0
        state, path = choice[0]
        self.checkpoints.restore(engine.deepspeed, state, path)
        self.counts = _Counts(state.tokens, state.supervised_tokens)
        return state.step

    def _step(self, engine: Engine, step: int) -> None:
        started = time.perf_counter()
        samples = self.order[step]
        tokens, supervised = int(self.lengths[samples].sum()), int(self.supervised[samples].sum())
        batches = micro_batches(
            self.data, samples, self.lengths,
            rank=self.rank, ranks=self.world, bound=self.request.micro_batch_tokens,
        )  # fmt: skip
        rate = learning_rate(step, len(self.order), self.request.hyperparameters)
        figures = engine.step(batches, supervised, rate)
        loss_sum, save, stop = self._agree(figures.loss_sum)
        self.counts.tokens += tokens
        self.counts.supervised_tokens += supervised
        if self.rank == 0:
            line = {
                "step": step + 1,
                "total": len(self.order),
                "loss": loss_sum / max(1, supervised),
                "learning_rate": rate,
                "grad_norm": figures.grad_norm,
                "tokens": tokens,
                "supervised_tokens": supervised,
                "seconds": round(time.perf_counter() - started, 6),
            }
            with open(self.folder / CURVE, "a", encoding="utf-8") as curve:
                curve.write(json.dumps(line) + "\n")
        last = step + 1 == self.end
        every = self.request.checkpoint.every_steps
        due = save or stop or (every is not None and (step + 1) % every == 0)
        if due and not last:
            self._save(engine, step + 1)
        if stop and not last:
            raise Cancelled(f"stopped after step {step + 1} of {len(self.order)} because it was asked to; saved")

    def _agree(self, loss_sum: torch.Tensor) -> tuple[float, bool, bool]:
        """The step's loss over all ranks, and rank 0's wish to save and to stop, in one all-reduce."""
        wishes = [0.0, 0.0]
        if self.rank == 0:
            wishes = [float(self._save_is_due()), float(Path(self.request.stop).exists())]
        shared = torch.stack([loss_sum.double(), *torch.tensor(wishes, dtype=torch.double, device=self.device)])
        torch.distributed.all_reduce(shared)
        loss, save, stop = shared.tolist()
        return loss, save > 0, stop > 0

    def _save_is_due(self) -> bool:
        minutes = self.request.checkpoint.every_minutes
        return minutes is not None and time.monotonic() - self._last_save >= 60 * minutes

    def _save(self, engine: Engine, done: int) -> None:
        self.checkpoints.save(
            engine.deepspeed, step=done, tokens=self.counts.tokens, supervised_tokens=self.counts.supervised_tokens
        )
        self._last_save = time.monotonic()

    def _mark(self, name: str) -> None:
        """Rank 0's clock, seconds since 1970, rewritten as a whole at each mark."""
        self.marks[name] = time.time()
        if self.rank == 0:
            write_atomic(self.folder / "timeline.json", json.dumps(self.marks, indent=1))

    def _count_trained(self, module: SummedLoss) -> None:
        """How many numbers are trained, of how many; the file is the stage's to read."""
        counts = {True: 0, False: 0}
        for parameter in module.parameters():
            counts[parameter.requires_grad] += int(getattr(parameter, "ds_numel", parameter.numel()))
        if self.rank == 0:
            facts = {"trained_parameters": counts[True], "frozen_parameters": counts[False]}
            write_atomic(self.folder / PARAMETERS, json.dumps(facts))

    def _report_memory(self) -> None:
        facts = {"rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
        if self.device.type == "cuda":
            facts["cuda_bytes"] = torch.cuda.max_memory_allocated(self.device)
        write_atomic(self.folder / f"memory-{self.rank}.json", json.dumps(facts))


def _memory_advice(request: Mapping[str, Any]) -> str:
    return (
        f"a worker ran out of memory under ZeRO {request['zero_stage']} with {request['micro_batch_tokens']} tokens "
        "at a time; set a smaller execution.micro_batch_tokens, activation_checkpointing, a higher zero_stage, "
        "offload, or more workers"
    )
