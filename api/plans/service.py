"""From a document to a spec that can run, and to what it would need."""

from __future__ import annotations

from typing import Any

from api.database import Database
from api.experiments.kinds import AnySpec, Kind
from api.experiments.states import GATE_CLOSED, StageState
from api.plans.checks import FileChecks
from api.plans.explain import code_changed, differences
from api.plans.moment import Moment
from api.plans.repository import PlanRepository
from api.plans.schemas import PlannedStage, PlanView
from cftray.bundle import make_bundle
from cftray.data.looking import Means
from cftray.endpoint import Endpoints, endpoint_faults
from cftray.errors import Fault, SpecRefused
from cftray.evaluation.checks import evaluation_faults, objective_faults
from cftray.evaluation.gate import closed
from cftray.plan import (
    Plan,
    StageInput,
    StageKind,
    StageNode,
    build_evaluation_plan,
    build_plan,
    build_similarity_plan,
    build_sweep_plan,
)
from cftray.plan.checks import spec_faults
from cftray.plan.evaluating import Packs
from cftray.plan.graph import TOKENS
from cftray.plan.similarity import similarity_faults
from cftray.recipes import find_pack, trials_of
from cftray.recipes.matrices import in_cell
from cftray.recipes.previews import Phase, PhasePreview, Recorded, previews
from cftray.spec import ExperimentSpec, SimilaritySpec, SweepSpec
from cftray.store import LeafDigests, Record, Store


class PlanService:
    """Plans without storing or starting anything."""

    def __init__(
        self,
        database: Database,
        store: Store,
        checks: FileChecks,
        digests: LeafDigests,
        endpoints: Endpoints,
        packs: Packs = find_pack,
    ) -> None:
        self.database = database
        self.store = store
        self.checks = checks
        self.digests = digests
        self.endpoints = endpoints
        self.packs = packs

    def moment(self) -> Moment:
        """What the plans of one request share; for a single plan it is made anew where it is left out."""
        return Moment(self.store, self.digests, self.checks)

    def spec(self, document: dict[str, Any], kind: Kind = Kind.EXPERIMENT) -> AnySpec:
        """The checked spec of a document. Raises SpecRefused with every fault."""
        spec = kind.spec(document)
        faults = self.faults(spec)
        if faults:
            raise SpecRefused(faults)
        return spec

    def faults(self, spec: AnySpec, moment: Moment | None = None) -> list[Fault]:
        """What the spec itself, the files and the endpoints it names show to be wrong."""
        if isinstance(spec, SweepSpec):
            return self._sweep_faults(spec, moment or self.moment())
        if isinstance(spec, SimilaritySpec):
            own = similarity_faults(spec)
        else:
            trained = spec_faults(spec) if isinstance(spec, ExperimentSpec) else []
            own = [*trained, *evaluation_faults(spec, self.packs)]
        asked = endpoint_faults(spec, self.endpoints, spec.execution.endpoint_budget)
        checks = self.checks if moment is None else moment.checks
        return [*own, *asked, *checks.faults(spec)]

    def _sweep_faults(self, sweep: SweepSpec, moment: Moment) -> list[Fault]:
        """Of the objective, and of every trial, each once, with the first trial's values that has it."""
        found: dict[tuple[str, str], Fault] = {}
        for trial in trials_of(sweep):
            for fault in self.faults(trial.spec, moment):
                found.setdefault((fault.path, fault.given), in_cell(fault, trial.values))
        return [*objective_faults(sweep, self.packs), *found.values()]

    def plan(self, spec: AnySpec, moment: Moment | None = None) -> Plan:
        """Its stages; those that depend on a large file not hashed yet have no fingerprint."""
        if isinstance(spec, ExperimentSpec):
            shared = moment or self.moment()
            return build_plan(spec, shared.digest, self.packs, shared.known)
        if isinstance(spec, SimilaritySpec):
            return build_similarity_plan(spec, self.digests.known)
        if isinstance(spec, SweepSpec):
            shared = moment or self.moment()
            trials = [(trial.values, trial.spec) for trial in trials_of(spec)]
            return build_sweep_plan(trials, spec.rungs, shared.digest, self.packs, shared.known)
        return build_evaluation_plan(spec, self.digests.known, self.packs)

    def stages(self, plan: Plan, moment: Moment | None = None) -> list[PlannedStage]:
        """Each stage with its state and why it is in it."""
        shared = moment or self.moment()
        stages: list[PlannedStage] = []
        missing: set[str] = set()
        with self.database.read() as session:
            repository = PlanRepository(session)
            for node in plan.stages:
                state, why = self._look(plan, node, missing, repository, shared)
                if state is StageState.NEW:
                    missing.add(node.name)
                stages.append(_told(node, state, why, shared))
        return stages

    def dry_run(
        self, document: dict[str, Any], preview: int = 0, kind: Kind = Kind.EXPERIMENT, *, bundle: bool = False
    ) -> PlanView:
        """What POSTing the document would do; with `preview`, so many rows of each data set as a model sees them.

        With `bundle`, an experiment's as far as it is known now: what is recorded already stands in it.
        """
        spec = self.spec(document, kind)
        plan = self.plan(spec)
        stages = self.stages(plan)
        new = sum(stage.state is StageState.NEW for stage in stages)
        return PlanView(
            complete=plan.complete,
            cached=new == 0,
            new=new,
            stages=stages,
            spec=spec,
            preview=self._previews(spec, plan, preview) if preview and isinstance(spec, ExperimentSpec) else None,
            bundle=make_bundle(spec, plan, self.store, experiment=None)
            if bundle and isinstance(spec, ExperimentSpec)
            else None,
        )

    def _previews(self, spec: ExperimentSpec, plan: Plan, shown: int) -> tuple[PhasePreview, ...]:
        return previews(spec, Means(digests=self.digests), shown, recorded=lambda phase: self._rows(plan, phase))

    def _rows(self, plan: Plan, phase: Phase) -> Recorded | None:
        """What a phase's tokens are made from, where it is recorded; the miniature's are made anew in no time."""
        source = plan.stage(TOKENS.format(phase=phase)).inputs["rows"]
        node = plan.stage(source.stage) if isinstance(source, StageInput) else None
        if node is None or node.kind is StageKind.MINI_ROWS or node.fingerprint is None:
            return None
        record = self.store.record(node.fingerprint)
        if record is None:
            return None
        rows, empty = self.store.output(record, "rows"), int(record.metrics.get("empty", 0))
        return Recorded(rows=rows, experiment=record.experiment, empty=empty) if rows.is_dir() else None

    def _look(
        self, plan: Plan, node: StageNode, missing: set[str], repository: PlanRepository, shared: Moment
    ) -> tuple[StageState, str]:
        if node.fingerprint is None:
            return StageState.NEW, "not known yet: a large input is still to be hashed"
        shut = self._shut(plan, node, shared)
        if shut is not None:
            return StageState.SKIPPED, shut
        if node.fingerprint not in shared.looked:
            shared.looked[node.fingerprint] = self._stands(plan, node, missing, repository, shared)
        return shared.looked[node.fingerprint]

    def _stands(
        self, plan: Plan, node: StageNode, missing: set[str], repository: PlanRepository, shared: Moment
    ) -> tuple[StageState, str]:
        record = _record(node, shared)
        if record is not None:
            return StageState.CACHED, f"recorded by {record.experiment} on {record.finished_at[:10]}"
        needed = [name for name in node.needs if name in missing]
        if needed:
            return StageState.NEW, f"needs {' and '.join(needed)}, which is new"
        return StageState.NEW, self._nearest(plan, node, repository, shared)

    def _shut(self, plan: Plan, node: StageNode, shared: Moment) -> str | None:
        """Why the stage is left out, where all the gates that it stands behind have been found closed."""
        if not node.gated_by:
            return None
        why = [closed(record) for name in node.gated_by if (record := _record(plan.stage(name), shared)) is not None]
        told = [one for one in why if one is not None]
        return GATE_CLOSED + "; ".join(told) if len(told) == len(node.gated_by) else None

    def _nearest(self, plan: Plan, node: StageNode, repository: PlanRepository, shared: Moment) -> str:
        last = shared.last_done(node.name, repository)
        record = shared.record(last.fingerprint) if last is not None and last.fingerprint else None
        if record is None:
            return "never run before"
        return f"{differences(plan, node, record) or code_changed(node)} ({record.experiment})"


def _told(node: StageNode, state: StageState, why: str, shared: Moment) -> PlannedStage:
    needs = (*node.needs, *node.gated_by)
    key = (node.name, node.title, node.fingerprint, state, why, needs)
    if key not in shared.planned:
        shared.planned[key] = PlannedStage(
            name=node.name,
            title=node.title,
            kind=node.kind,
            state=state,
            why=why,
            fingerprint=node.fingerprint,
            needs=list(needs),
        )
    return shared.planned[key]


def _record(node: StageNode, shared: Moment) -> Record | None:
    return shared.record(node.fingerprint) if node.fingerprint is not None else None
