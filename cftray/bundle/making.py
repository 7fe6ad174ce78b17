"""From a spec, its plan and the records to a bundle; without records, to the bundle of what is only planned."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from cftray.bundle.document import (
    Analysis,
    Bundle,
    Change,
    Figure,
    Input,
    Json,
    Maker,
    Measure,
    Recorded,
    ScoreRow,
    Stage,
)
from cftray.bundle.places import Places, places_of
from cftray.plan import CODE_VERSION, LeafInput, Plan, StageNode
from cftray.plan.nodes import fingerprint_of
from cftray.report.results import results
from cftray.report.views import Results, Row
from cftray.spec import ExperimentSpec
from cftray.store import Record, Store
from cftray.versions import versions

COMMIT = re.compile(r"[0-9a-f]{40}")


def make_bundle(spec: ExperimentSpec, plan: Plan, store: Store, *, experiment: str | None) -> Bundle:
    """As far as there are records. Raises InternalError where a record's scores can't be read."""
    document = _pinned(json.loads(spec.model_dump_json()), plan)
    places = places_of(document)
    records = {
        node.name: record
        for node in plan.stages
        if node.fingerprint is not None and (record := store.record(node.fingerprint)) is not None
    }
    makers = list(dict.fromkeys(_maker_text(record) for record in records.values()))
    found = results(plan, store, spec)
    return Bundle(
        experiment=experiment,
        name=spec.name,
        made_at=max((record.finished_at for record in records.values()), default=None),
        complete=found.complete,
        seeds=spec.seeds,
        spec=places.blank(document),
        places=places.listed(_leaf_digests(plan)),
        stages=tuple(_stage(node, plan, places, records.get(node.name), makers) for node in plan.stages),
        service=versions(),
        made_with=tuple(Maker.model_validate_json(text) for text in makers),
        scores=tuple(_row(row) for row in found.rows),
        analyses=_analyses(found, places),
    )


def _pinned(document: Any, plan: Plan) -> Any:
    """The spec with the commit in the place of each hub revision: a branch moves on, a bundle does not."""
    commits = {
        (source.leaf.location, source.leaf.revision): source.digest
        for node in plan.stages
        for source in node.inputs.values()
        if isinstance(source, LeafInput) and source.digest is not None and COMMIT.fullmatch(source.digest)
    }

    def pinned(value: Any) -> Any:
        if isinstance(value, list):
            return [pinned(one) for one in value]
        if not isinstance(value, dict):
            return value
        changed = {key: pinned(one) for key, one in value.items()}
        place = (value.get("model") or value.get("name"), value.get("revision"))
        if "revision" in value and place in commits:
            changed["revision"] = commits[place]
        return changed

    return pinned(document)


def _leaf_digests(plan: Plan) -> dict[str, str | None]:
    return {
        source.leaf.location: source.digest
        for node in plan.stages
        for source in node.inputs.values()
        if isinstance(source, LeafInput)
    }


def _stage(node: StageNode, plan: Plan, places: Places, record: Record | None, makers: list[str]) -> Stage:
    return Stage(
        name=node.name,
        title=node.title,
        kind=node.kind,
        code_version=_code_version(node, plan),
        config=places.blank(node.config.model_dump(mode="json")),
        inputs={
            name: Input(digest=source.digest, location=places.blank(source.leaf.location))
            if isinstance(source, LeafInput)
            else Input(digest=plan.stage(source.stage).fingerprint, stage=source.stage)
            for name, source in node.inputs.items()
        },
        fingerprint=node.fingerprint,
        recorded=None if record is None else _recorded(record, makers),
    )


def _code_version(node: StageNode, plan: Plan) -> int | None:
    """The present one, where the fingerprint was made with it; a plan may be older than the code that reads it."""
    digests = {
        name: source.digest if isinstance(source, LeafInput) else plan.stage(source.stage).fingerprint
        for name, source in node.inputs.items()
    }
    known = {name: digest for name, digest in digests.items() if digest is not None}
    planned_now = node.fingerprint is None or node.fingerprint == fingerprint_of(node.config, known)
    return CODE_VERSION[node.kind] if planned_now else None


def _recorded(record: Record, makers: list[str]) -> Recorded:
    return Recorded(
        by=record.experiment,
        finished_at=record.finished_at,
        seconds=record.seconds,
        metrics=record.metrics,
        outputs={name: output.sha256 for name, output in record.outputs.items()},
        execution=record.execution,
        made_with=makers.index(_maker_text(record)),
    )


def _maker_text(record: Record) -> str:
    made: Mapping[str, Any] = record.provenance
    own = {name: str(made[name]) for name in ("cftray", "python") if name in made}
    packages: Json = made.get("packages", {})
    return Maker(
        versions=own | {name: str(one) for name, one in packages.items()},
        system=made.get("system"),
        processor=made.get("processor"),
        cores=made.get("cores"),
        memory=made.get("memory"),
    ).model_dump_json()


def _row(row: Row) -> ScoreRow:
    change = row.change
    return ScoreRow(
        key=row.key,
        metric=row.metric,
        p1=None if row.p1 is None else Figure.model_validate(row.p1.model_dump()),
        p2=None if row.p2 is None else Figure.model_validate(row.p2.model_dump()),
        change=None
        if change is None
        else Change(
            difference=change.difference,
            low=change.low,
            high=change.high,
            p_adjusted=change.p_adjusted,
            verdict=change.verdict,
        ),
    )


def _analyses(found: Results, places: Places) -> tuple[Analysis, ...]:
    return tuple(
        Analysis(
            kind=one.kind,
            title=one.title,
            seed=one.seed,
            state=one.state,
            reason=places.blank(one.reason),
            measures=tuple(
                Measure(name=measure.name, value=measure.value, low=measure.low, high=measure.high)
                for measure in one.measures
            ),
        )
        for one in found.analyses
    )
