"""P1 and P2 as logged models: equal names of metrics put them side by side in MLflow's comparison.

The weights stay in the store; MLflow holds where they are and their digest. The comparison has a column
for each figure: standard errors are on the run of the evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping

from cftray.plan import EvaluateConfig, LeafInput, Outcome, StageNode, TrainConfig
from cftray.spec import DataSpec, label_of
from cftray.store import Record, Store
from cftray.tracking.images import (
    NOTE_END,
    NOTE_TAG,
    ModelImage,
    flattened,
    milliseconds,
    points_of,
    shortened,
)
from cftray.tracking.roles import Role, p1_role, p2_role
from cftray.tracking.scores import without_details
from cftray.tracking.view import ExperimentView

MODEL_KIND = "causal-lm"


def model_images(view: ExperimentView, records: Mapping[str, Record], store: Store) -> list[ModelImage]:
    """The models that exist so far: trained and recorded, or adopted and scored."""
    images: dict[str, ModelImage] = {}
    for outcome in view.plan.outcomes:
        for role, trained, scored in _parts(outcome):
            if scored is None:
                continue
            made_by = trained or scored
            if made_by is not None and scored is not None and made_by in records and role.key not in images:
                images[role.key] = _image(view, role, made_by, scored, records, store)
    return list(images.values())


def _parts(outcome: Outcome) -> tuple[tuple[Role, str | None, str | None], ...]:
    return (
        (p1_role(outcome), outcome.p1_train, outcome.p1_scores),
        (p2_role(outcome), outcome.p2_train, outcome.p2_scores),
    )


def _image(
    view: ExperimentView,
    role: Role,
    made_by: str,
    scored_by: str,
    records: Mapping[str, Record],
    store: Store,
) -> ModelImage:
    spec, node = view.spec, view.plan.stage(made_by)
    identity = {"cftray.experiment": view.experiment, "cftray.model": role.key}
    seed = f"-s{role.seed}" if role.seed is not None and len(spec.seeds) > 1 else ""
    tags = {
        **identity,
        "cftray.name": spec.name,
        "cftray.phase": str(role.phase),
        "mlflow.source.name": "experiment",
        "mlflow.source.type": "JOB",
        "mlflow.user": "cftray",
        "cftray.mitigation": label_of(spec.phase2.mitigation) if role.phase == 2 else "none",
        **({"cftray.seed": str(role.seed)} if role.seed is not None else {}),
        **_weights(node, records[made_by], store),
    }
    tags[NOTE_TAG] = _note(tags)
    scores = records.get(scored_by)
    points = points_of(without_details(scores.metrics), milliseconds(scores.finished_at)) if scores else ()
    return ModelImage(
        project=spec.project,
        name=f"{spec.name.replace('.', '-')}-p{role.phase}{seed}",  # MLflow takes no dot in a model's name
        identity=identity,
        kind=MODEL_KIND,
        made_by=made_by,
        scored_by=scored_by,
        tags=tags,
        params=_params(view, node),
        points=points,
    )


def _weights(node: StageNode, record: Record, store: Store) -> dict[str, str]:
    """Where the weights are, and what they are."""
    adopted = node.inputs.get("model")
    if isinstance(node.config, EvaluateConfig) and isinstance(adopted, LeafInput):
        revision = f"@{adopted.leaf.revision}" if adopted.leaf.revision else ""
        return {
            "cftray.fingerprint": adopted.digest or "",
            "cftray.digest": adopted.digest or "",
            "cftray.uri": f"{adopted.leaf.location}{revision}",
        }
    output = record.outputs["model"]
    return {
        "cftray.fingerprint": record.fingerprint,
        "cftray.digest": f"sha256:{output.sha256}",
        "cftray.uri": store.output(record, "model").as_uri(),
        "cftray.bytes": str(output.size),
    }


def _note(tags: Mapping[str, str]) -> str:
    """MLflow's page of a model shows its description, not its tags."""
    return (
        f"P{tags['cftray.phase']} of **{tags['cftray.name']}** (`{tags['cftray.experiment']}`), fingerprint "
        f"`{tags['cftray.fingerprint']}`\n\nWeights: `{tags['cftray.uri']}`, `{tags['cftray.digest']}`\n\n{NOTE_END}"
    )


def _params(view: ExperimentView, node: StageNode) -> dict[str, str]:
    spec = view.spec
    if not isinstance(node.config, TrainConfig):
        assert spec.phase1.adopt is not None
        return {"adopted": spec.phase1.adopt.model, "revision": spec.phase1.adopt.revision or "null"}
    phase = spec.phase1.train if node.config.phase == 1 else spec.phase2
    assert phase is not None
    start = spec.base.model if node.config.phase == 1 else "P1"
    settings = flattened(node.config.hyperparameters) | {"seed": str(node.config.seed)}
    return {"starts_from": start, "data": shortened(_data(phase.data), 500), **settings}


def _data(data: DataSpec) -> str:
    rows = f", {data.samples} samples" if data.samples is not None else ""
    return f"{data.source}{rows}"
