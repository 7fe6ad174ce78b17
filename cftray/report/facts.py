"""What the HTML report tells beside scores: what was asked, of what data, how long, with what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cftray.plan import Plan, StageInput, StageKind, StageNode
from cftray.report.curves import Curve, read_curve
from cftray.spec import (
    DataSpec,
    ExperimentSpec,
    Hyperparameters,
    MiniData,
    ModelRef,
    Template,
    TextTemplate,
    TranslatedData,
    label_of,
    parts_of,
)
from cftray.spec.base import SpecModel
from cftray.store import Record, Store

Stages = Sequence[tuple[StageNode, Record | None]]
"""Every stage of a plan in its order, with its record where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """One language's part in a phase's data; `share` is of all supervised tokens."""

    code: str
    samples: int
    tokens: int
    supervised: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """A stage's wall time; `share` is of the longest stage's. `by` names the experiment that ran it."""

    title: str
    state: str
    duration: str
    share: float
    by: str
    started: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """Answers of one task that deserve a look."""

    model: str
    task: str
    n: int
    truncated: int
    empty: int
    cut_prompts: int


def stages_of(plan: Plan, store: Store) -> Stages:
    """Each stage with its record, if it has one."""
    return [(node, store.record(node.fingerprint) if node.fingerprint else None) for node in plan.stages]


def asked(spec: ExperimentSpec) -> list[tuple[str, str]]:
    """(what, value) pairs, the setting in the order in which it takes effect."""
    rows = [("Base model", _model(spec.base)), ("Template", _template(spec.template))]
    if spec.phase1.adopt is not None:
        rows.append(("Phase 1", f"adopted: {_model(spec.phase1.adopt)}"))
    elif spec.phase1.train is not None:
        rows.append(("Phase 1", data_in_words(spec.phase1.train.data)))
        rows.append(("", _hyperparameters(spec.phase1.train.hyperparameters)))
    rows.append(("Phase 2", data_in_words(spec.phase2.data)))
    rows.append(("", _hyperparameters(spec.phase2.hyperparameters)))
    if spec.phase2.template is not None:
        rows.append(("Template of phase 2", _template(spec.phase2.template)))
    rows += [("Mitigation", _part(part)) for part in parts_of(spec.phase2.mitigation)] or [("Mitigation", "none")]
    evaluation = spec.evaluation
    limit = "all items" if evaluation.limit is None else f"the first {evaluation.limit} items of each task"
    suites = ", ".join(suite.upper() for suite in evaluation.suites)
    rows.append(("Evaluation", f"{suites}; task pack {evaluation.pack}, batch {evaluation.batch_size}, {limit}"))
    rows.append(("Seeds", ", ".join(str(seed) for seed in spec.seeds)))
    return rows


def curves(stages: Stages, store: Store, phase: int) -> list[Curve]:
    """The recorded loss curves of a phase, one a seed."""
    found = []
    for node, record in stages:
        config = node.config
        if config.kind == "train" and config.phase == phase and record is not None and "curve" in record.outputs:
            found.append(read_curve(store.output(record, "curve"), f"seed {config.seed}"))
    return found


def composition(stages: Stages) -> list[tuple[str, list[Language]]]:
    """(title, languages by share) of each phase's data, as far as recorded; a mix stands for its parts."""
    return [(node.title.removeprefix("tokens of ").capitalize(), languages) for node, languages in composed(stages)]


def composed(stages: Stages) -> Iterator[tuple[StageNode, list[Language]]]:
    """The stages whose tokens a phase is trained on, with what `composition` tells of each."""
    mixed = {
        source.stage
        for node, record in stages
        if node.kind is StageKind.MIX and record is not None
        for source in node.inputs.values()
        if isinstance(source, StageInput)
    }
    listed = {node.name for node, _ in stages if node.kind is StageKind.TOKENIZE} - mixed
    for node, record in stages:
        if record is None or (node.kind is not StageKind.MIX and node.name not in listed):
            continue
        parts: dict[str, Mapping[str, int]] = dict(record.details.get("composition", {}))
        parts |= {f"{code}, replay": part for code, part in record.details.get("replay", {}).items()}
        whole = sum(part["supervised_tokens"] for part in parts.values()) or 1
        languages = [
            Language(
                code=code,
                samples=part["samples"],
                tokens=part["tokens"],
                supervised=part["supervised_tokens"],
                share=part["supervised_tokens"] / whole,
            )
            for code, part in parts.items()
        ]
        yield node, sorted(languages, key=lambda one: -one.share)


def timings(stages: Stages, experiment: str | None, store: Store) -> list[Timing]:
    """Where the time went; a stage that another experiment ran shows whose, one that failed or was left out says so."""
    longest = max((record.seconds for _, record in stages if record is not None), default=0.0) or 1.0
    found = []
    lost = lost_stages(stages, store)
    for node, record in stages:
        other = record is not None and experiment is not None and record.experiment != experiment
        state = lost.get(node.name, "not recorded") if record is None else "reused" if other else "ran"
        timing = Timing(
            title=node.title,
            state=state,
            duration="" if record is None else duration(record.seconds),
            share=0.0 if record is None else record.seconds / longest,
            by=record.experiment if record is not None and other else "",
            started="" if record is None else record.started_at[:19].replace("T", " "),
            fingerprint=node.fingerprint or "",
        )
        found.append(timing)
    return found


def lost_stages(stages: Stages, store: Store) -> dict[str, str]:
    """By name the stages without a record that `failed`, and those that are `left out` since they need such a one."""
    lost: dict[str, str] = {}
    for node, record in stages:
        if record is not None or node.fingerprint is None:
            continue
        if any(name in lost for name in node.needs):
            lost[node.name] = "left out"
        elif store.failure(node.fingerprint) is not None:
            lost[node.name] = "failed"
    return lost


def total_seconds(stages: Stages) -> float:
    """Wall time of all recorded stages together."""
    return sum(record.seconds for _, record in stages if record is not None)


def generated(stages: Stages) -> list[Generated]:
    """Tasks of which some answers were cut by length or empty, or some prompts cut."""
    found = []
    for node, record in stages:
        if node.kind is not StageKind.EVALUATE or record is None:
            continue
        for task in record.details.get("tasks", []):
            counts = {name: int(task.get(name, 0)) for name in ("truncated", "empty", "cut_prompts")}
            if any(counts.values()):
                found.append(Generated(model=node.title, task=task["task"], n=int(task["n"]), **counts))
    return found


def provenance(stages: Stages) -> list[tuple[str, str]]:
    """(what, value) of the hosts and packages that made the records; several values where they differ."""
    seen: dict[str, dict[str, None]] = {}
    for _, record in stages:
        for name, value in _flat(record.provenance if record is not None else {}).items():
            seen.setdefault(name, {})[value] = None
    return [(name, " · ".join(values)) for name, values in seen.items()]


def duration(seconds: float) -> str:
    """`1:02:03`, `2:03` or `4.5 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02} min"


def _flat(found: Mapping[str, Any]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in found.items():
        if isinstance(value, Mapping):
            flat |= {str(inner): str(one) for inner, one in value.items()}
        elif name == "memory" and isinstance(value, int):
            flat[name] = f"{value / 2**30:.0f} GiB"
        else:
            flat[name] = str(value)
    return flat


def _model(reference: ModelRef) -> str:
    return reference.model if reference.revision is None else f"{reference.model} @ {reference.revision}"


def _template(template: Template) -> str:
    if isinstance(template, TextTemplate):
        return f"given as text, {len(template.text)} characters"
    return "the model's own chat template" if template == "chat" else template


def data_in_words(data: DataSpec) -> str:
    """A data set and how much of it."""
    if isinstance(data, MiniData):
        return f"{data.mini}, {data.samples:,} samples"
    count = "all rows" if data.samples is None else f"{data.samples:,} rows"
    if isinstance(data, TranslatedData):
        into = f"{', '.join(data.into)} ({data.translator.kind})"
        return f"{data_in_words(data.translate)}, translated into {into}, {count}"
    language = data.language if data.languages is None else f"languages by {data.languages.by}"
    return f"{data.source} ({data.adapter}, {language}), {count}"


def _hyperparameters(one: Hyperparameters) -> str:
    epochs = "1 epoch" if one.epochs == 1 else f"{one.epochs} epochs"
    return (
        f"{epochs}, batch {one.global_batch} {one.batch_unit}, learning rate {one.learning_rate:g} ({one.schedule}, "
        f"{one.warmup_steps} warm-up steps), at most {one.max_length} tokens, {one.precision}"
    )


def _part(part: SpecModel) -> str:
    """The paper's name of a part of a mitigation, and its settings."""
    settings = part.model_dump(mode="json", exclude={"kind"}, exclude_none=True)
    rest = "; ".join(f"{name.replace('_', ' ')} {_setting(value)}" for name, value in settings.items())
    name = label_of(part)
    return f"{name} ({rest})" if rest else name


def _setting(value: Any) -> str:
    match value:
        case dict():
            return ", ".join(f"{name.replace('_', ' ')} {_setting(one)}" for name, one in value.items())
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)
