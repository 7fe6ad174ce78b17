"""One experiment's plan, from the first stage to the last."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cftray.errors import Cancelled, DataError, FailureClass, InternalError
from cftray.evaluation.gate import closed
from cftray.plan import LeafKind, Plan, StageInput, StageNode
from cftray.plan.stages import LeafInput
from cftray.runner import lacking
from cftray.runner.failures import InheritedFailure, failure_of
from cftray.runner.provenance import provenance
from cftray.runner.stages import PRIMARY_OUTPUT, stage_function
from cftray.spec import ExecutionSpec
from cftray.stage import Artifact, Progress, StageContext, Workers
from cftray.store import (
    EventWriter,
    Failure,
    Holder,
    JobFolder,
    LeafDigests,
    Lease,
    Record,
    Store,
    locate_encoder,
    locate_model,
)
from cftray.store.events import EventKind
from cftray.store.leases import End

POLL_S = 0.5
"""How often a waiting stage looks whether its turn has come."""


@dataclass(frozen=True, kw_only=True)
class Walk:
    """Runs the stages of `plan` that have no record yet, or `only` those of these names. Two walks may share
    stages: one runs each, the other waits without holding anything."""

    store: Store
    workers: Workers
    events: EventWriter
    stop: Path
    plan: Plan
    execution: ExecutionSpec
    experiment: str
    attempt: int
    only: tuple[str, ...] | None = None
    wait: Callable[[float], None] = time.sleep

    @classmethod
    def of(
        cls,
        store: Store,
        folder: JobFolder,
        workers: Workers,
        events: EventWriter,
        *,
        only: tuple[str, ...] | None = None,
        wait: Callable[[float], None] = time.sleep,
    ) -> Walk:
        """The walk that a job's folder asks for, told of in `events`."""
        request = folder.request()
        return cls(
            store=store,
            workers=workers,
            events=events,
            stop=folder.stop,
            plan=request.plan,
            execution=request.execution,
            experiment=request.experiment,
            attempt=request.attempt,
            only=only,
            wait=wait,
        )

    def run(self) -> Failure | None:
        """Every stage in order; None when all are recorded or left out, else why not (events tell it too).

        An optional stage that fails costs itself and what needs it, which is optional too.
        A stop shows as a Failure with the code of Cancelled.
        """
        lost: set[str] = set()
        for node in self.plan.stages:
            if self.only is not None and node.name not in self.only:
                if node.optional and self.store.record(_fingerprint(node)) is None:
                    lost.add(node.name)  # it was another walk's to run
                continue
            if lost.intersection(node.needs):
                lost.add(node.name)
                self.events.write(EventKind.STAGE_SKIPPED, node.name, node.fingerprint, why=_unmet(node, lost))
                continue
            try:
                self._ensure(node)
            except Exception as error:  # noqa: BLE001 - every failure becomes an event and an outcome
                failure = failure_of(error, node.name)
                if not isinstance(error, Cancelled):
                    self.events.write(
                        EventKind.STAGE_FAILED, node.name, node.fingerprint, failure=failure.model_dump(mode="json")
                    )
                if isinstance(error, Cancelled) or not node.optional:
                    return failure
                lost.add(node.name)
        return None

    def _ensure(self, node: StageNode) -> None:
        fingerprint = _fingerprint(node)
        shut = self._shut(node)
        if shut is not None:
            self.events.write(EventKind.STAGE_SKIPPED, node.name, fingerprint, gates=list(node.gated_by), why=shut)
            return
        leases = self.store.leases(fingerprint)
        holder = Holder.here(self.experiment, self.attempt)
        waited: tuple[int, Holder] | None = None
        while (record := self._recorded(fingerprint)) is None:
            self._raise_if_stopped()
            if waited is not None:
                _inherit(leases.end(waited[0]), waited[1])
            lease = leases.acquire(holder)
            if lease is not None:
                self._hold(node, fingerprint, lease)
                return
            newest = leases.holder()
            if newest is not None and (waited is None or newest[0] != waited[0]):
                waited = newest
                self.events.write(EventKind.STAGE_WAITING, node.name, fingerprint, holder=newest[1].experiment)
            self.wait(POLL_S)
        self.events.write(EventKind.STAGE_CACHED, node.name, fingerprint, experiment=record.experiment)

    def _recorded(self, fingerprint: str) -> Record | None:
        """The stage's record, unless it lacked something that is there now."""
        record = self.store.record(fingerprint)
        return None if record is None or lacking.mended(record) else record

    def _shut(self, node: StageNode) -> str | None:
        """What the gates that it stands behind have found, where all of them are closed; None where it is to be run.
        A gate that has not been come to is open."""
        found = [self._closed(name) for name in node.gated_by]
        told = [one for one in found if one is not None]
        return "; ".join(told) if found and len(told) == len(found) else None

    def _closed(self, gate: str) -> str | None:
        record = self.store.record(_fingerprint(self.plan.stage(gate)))
        return None if record is None else closed(record)

    def _hold(self, node: StageNode, fingerprint: str, lease: Lease) -> None:
        failure: Failure | None = None
        try:
            record = self.store.record(fingerprint)
            if record is not None and lacking.mended(record):
                self.store.put_aside(record)
                record = None
            if record is None:
                self._run_stage(node, fingerprint, lease)
        except Cancelled:
            raise
        except Exception as error:
            failure = failure_of(error, node.name)
            raise
        finally:
            lease.release(failure)

    def _run_stage(self, node: StageNode, fingerprint: str, lease: Lease) -> None:
        context = self._context(node, fingerprint, lease)
        self.events.write(
            EventKind.STAGE_STARTED, node.name, fingerprint, token=lease.token, resumes=bool(context.earlier)
        )
        started, begun = _now(), time.monotonic()
        artifact = stage_function(node.kind)(node.config, self._inputs(node), context)
        lease.check()
        record = self._record(node, fingerprint, artifact, started, time.monotonic() - begun)
        mine = self.store.write_record(record)
        self._sweep(fingerprint, lease.token if mine else None)
        self.events.write(
            EventKind.STAGE_RECORDED, node.name, fingerprint, seconds=record.seconds, metrics=record.metrics
        )

    def _context(self, node: StageNode, fingerprint: str, lease: Lease) -> StageContext:
        folder = self.store.attempt_folder(fingerprint, lease.token)
        folder.mkdir(parents=True, exist_ok=False)
        before = [self.store.attempt_folder(fingerprint, token) for token in range(lease.token - 1, 0, -1)]
        return StageContext(
            folder=folder,
            execution=self.execution,
            workers=self.workers,
            stop=self.stop,
            earlier=tuple(one for one in [*before, *self._begun(node)] if one.is_dir()),
            digests={name: self._digest(source) for name, source in node.inputs.items()},
            parts=self.store.parts,
            report=lambda progress: self._progress(node, fingerprint, progress),
            note=lambda message: self.events.write(EventKind.STAGE_NOTE, node.name, fingerprint, message=message),
        )

    def _begun(self, node: StageNode) -> Iterator[Path]:
        """Folders of recorded stages from whose checkpoints this one may go on, the furthest first."""
        for name in reversed(node.continues):
            before = self.plan.stage(name)
            record = self.store.record(_fingerprint(before))
            if record is not None:
                yield self.store.output(record, PRIMARY_OUTPUT[before.kind]).parent

    def _progress(self, node: StageNode, fingerprint: str, progress: Progress) -> None:
        self.events.write(
            EventKind.STAGE_PROGRESS,
            node.name,
            fingerprint,
            step=progress.step,
            total=progress.total,
            unit=progress.unit,
            figures=dict(progress.figures),
        )

    def _inputs(self, node: StageNode) -> dict[str, Path]:
        return {name: self._input(source) for name, source in node.inputs.items()}

    def _input(self, source: LeafInput | StageInput) -> Path:
        if isinstance(source, StageInput):
            before = self.plan.stage(source.stage)
            record = self.store.record(_fingerprint(before))
            if record is None:
                raise InternalError(f"{source.stage} lost its record while its user was about to start")
            return self.store.output(record, source.output or PRIMARY_OUTPUT[before.kind])
        self._raise_if_changed(source)
        if source.leaf.kind is LeafKind.MODEL:
            return locate_model(source.leaf.location, source.digest)
        if source.leaf.kind is LeafKind.ENCODER:
            return locate_encoder(source.leaf.location, source.digest)
        return LeafDigests(self.store.root / "leaves").place(source.leaf, source.digest)

    def _raise_if_changed(self, source: LeafInput) -> None:
        """Raises DataError where a file is not what was planned with: its result would bear a false name."""
        if not LeafDigests(self.store.root / "leaves").still(source.leaf, source.digest):
            raise DataError(f"{source.leaf.location} has changed since the experiment was planned; submit it again")

    def _record(
        self, node: StageNode, fingerprint: str, artifact: Artifact, started: str, seconds: float
    ) -> Record:
        return Record(
            fingerprint=fingerprint,
            kind=node.kind,
            title=node.title,
            config=node.config.model_dump(mode="json"),
            inputs={name: self._digest(source) for name, source in node.inputs.items()},
            outputs={name: self.store.describe(fingerprint, path) for name, path in artifact.outputs.items()},
            metrics=dict(artifact.metrics),
            details=dict(artifact.details),
            lacking=artifact.lacking,
            execution=self.execution.model_dump(mode="json"),
            provenance=provenance(),
            experiment=self.experiment,
            attempt=self.attempt,
            started_at=started,
            finished_at=_now(),
            seconds=round(seconds, 3),
        )

    def _digest(self, source: LeafInput | StageInput) -> str:
        if isinstance(source, StageInput):
            return _fingerprint(self.plan.stage(source.stage))
        return source.digest or ""

    def _sweep(self, fingerprint: str, kept: int | None) -> None:
        """Drop the folders of attempts that did not come to a record; theirs may be large."""
        record = self.store.record(fingerprint)
        if kept is None or record is None:
            return
        for folder in self.store.attempt_folder(fingerprint, kept).parent.iterdir():
            if folder.name != str(kept):
                shutil.rmtree(folder, ignore_errors=True)

    def _raise_if_stopped(self) -> None:
        if self.stop.exists():
            raise Cancelled("stopped because it was asked to")


def _unmet(node: StageNode, lost: set[str]) -> str:
    return f"needs {', '.join(name for name in node.needs if name in lost)}, which failed"


def _inherit(end: End | None, holder: Holder) -> None:
    """Raises what the holder that was waited for failed with, if that would happen here too."""
    if end is None or end.failure is None:
        return
    if end.failure.failure in (FailureClass.USER, FailureClass.DATA):
        raise InheritedFailure(end.failure, holder.experiment)


def _fingerprint(node: StageNode) -> str:
    if node.fingerprint is None:
        raise InternalError(f"{node.name} has no fingerprint; a leaf it needs was not hashed before the job")
    return node.fingerprint


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")

