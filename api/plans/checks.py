"""What can be said against a spec by looking at the files it names, before anything is stored."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from api.experiments.kinds import SingleSpec
from api.plans.datasets import Reading, alignment_fault, as_fault, read_rows
from api.settings import Settings
from cftray.analysis.parallel import read_sentences
from cftray.analysis.prompts import read_prompts
from cftray.data.templates import ChatTemplate, load_template
from cftray.errors import CFTRayError, DataError, Fault
from cftray.plan import Leaf, LeafKind, RowsSource
from cftray.plan.analysing import encoder_of, prompts_leaf, sentences_leaf
from cftray.plan.evaluating import Packs, benchmark_leaf
from cftray.plan.leaves import encoder_leaf, model_leaf
from cftray.plan.reading import aligned_source, data_leaf, english_source
from cftray.plan.similarity import similarity_encoder
from cftray.recipes import find_pack
from cftray.spec import (
    ChangeFreezing,
    Combined,
    DataSpec,
    EvaluationSpec,
    ExperimentSpec,
    LowRank,
    MiniData,
    ModelEvaluationSpec,
    ModelRef,
    RandomFreezing,
    Replay,
    SimilaritySpec,
    Template,
    TextTemplate,
    TranslatedData,
    TranslatedEnglish,
    parts_of,
)
from cftray.spec.analysis import (
    CrosslingualAnalysis,
    DesAnalysis,
    PromptFile,
    RepresentationsAnalysis,
    SentenceFolder,
)
from cftray.spec.model import MINI_BASE, MINI_ENCODER
from cftray.spec.translation import Seq2SeqTranslator
from cftray.store import is_remote, locate_files, locate_model
from cftray.store.files import local_path
from cftray.store.leaves import leaf_fault
from cftray.training.frozen import freezing_fault, heads_fault, lora_fault
from cftray.training.weights import shape_of


class FileChecks:
    """Checks against the file system, as the service sees it. Relative paths start in the service's
    working directory; the command line sends absolute ones."""

    def __init__(self, settings: Settings, packs: Packs = find_pack) -> None:
        self.packs = packs
        self.data_roots = settings.data_roots
        self.model_roots = settings.model_roots
        self._seen: dict[tuple[str, DataSpec, int], Sequence[Fault]] | None = None

    def remembering(self) -> FileChecks:
        """Checks for many specs of one moment: data that several of them name are read once."""
        found = copy.copy(self)
        found._seen = {}
        return found

    def faults(self, spec: SingleSpec) -> list[Fault]:
        """Every fault found."""
        if isinstance(spec, SimilaritySpec):
            return list(self._similarity(spec))
        own = self._evaluation(spec) if isinstance(spec, ModelEvaluationSpec) else self._experiment(spec)
        return own + list(self._benchmarks(spec.evaluation))

    def _similarity(self, spec: SimilaritySpec) -> Iterator[Fault]:
        encoder = similarity_encoder(spec)
        if encoder.model != MINI_ENCODER:
            yield from self._folder("encoder" if spec.encoder is None else "encoder.model", encoder_leaf(encoder))
        for place, one in enumerate(spec.sets):
            least = spec.samples if one.data.samples is None else 0  # else told by the checks of the spec
            yield from self._data(f"sets[{place}].data", one.data, least)

    def _evaluation(self, spec: ModelEvaluationSpec) -> list[Fault]:
        found = list(self._model("model.model", spec.model))
        return found or list(_templates_faults(spec.model, {"template": spec.template}))

    def _experiment(self, spec: ExperimentSpec) -> list[Fault]:
        found = list(self._model("base.model", spec.base))
        if spec.phase1.adopt is not None:
            found += self._model("phase1.adopt.model", spec.phase1.adopt)
        if spec.phase1.train is not None:
            found += self._data("phase1.train.data", spec.phase1.train.data)
        found += self._data("phase2.data", spec.phase2.data)
        found += self._analyses(spec)
        return found or [*_template_faults(spec), *_restriction_faults(spec)]

    def _analyses(self, spec: ExperimentSpec) -> Iterator[Fault]:
        """What the analyses read beside the phases' own data and models."""
        for place, one in enumerate(spec.analysis):
            path = f"analysis[{place}]"
            match one:
                case DesAnalysis():
                    encoder = encoder_of(spec, one)
                    if encoder.model != MINI_ENCODER and spec.phase1.train is not None:
                        yield from self._folder(f"{path}.encoder", encoder_leaf(encoder))
                case RepresentationsAnalysis(prompts=PromptFile() as file):
                    yield from self._read(f"{path}.prompts.path", prompts_leaf(file), partial(read_prompts, file))
                case CrosslingualAnalysis(sentences=SentenceFolder() as folder):
                    leaf = sentences_leaf(folder)
                    yield from self._read(f"{path}.sentences.path", leaf, partial(read_sentences, folder))
                case _:
                    pass

    def _read(self, place: str, leaf: Leaf, read: Callable[[Path], object]) -> Iterator[Fault]:
        """Whether a local file or folder is there, and is what the analysis can read: it would be found out after both
        phases were trained."""
        faults = list(self._files(place, leaf))
        yield from faults
        if not faults and not is_remote(leaf.location):
            try:
                read(local_path(leaf.location))
            except DataError as error:
                yield Fault(path=place, given=leaf.location[:80], expected=str(error))

    def _benchmarks(self, asked: EvaluationSpec) -> Iterator[Fault]:
        """What the tasks that are asked for read, and can't: files that the spec gives, sets of the hub.

        The place for whatever else can be found out of them before anything runs.
        """
        try:
            pack = self.packs(str(asked.pack))
        except CFTRayError:
            return  # told by the checks of the spec
        for benchmark in dict.fromkeys(task.source for task in pack.asked_by(asked) if task.source is not None):
            if asked.data.of(benchmark) is None and benchmark not in pack.hub:
                continue  # likewise
            yield from self._files(f"evaluation.data.{benchmark}", benchmark_leaf(pack, asked, benchmark))

    def _model(self, path: str, reference: ModelRef) -> Iterator[Fault]:
        if reference.model != MINI_BASE:
            yield from self._folder(path, model_leaf(reference))

    def _folder(self, path: str, leaf: Leaf) -> Iterator[Fault]:
        fault = _found(path, leaf)
        if fault is None:
            fault = _outside(path, leaf.location, [Path(leaf.location).expanduser()], self.model_roots)
        if fault is not None:
            yield fault

    def _data(self, path: str, data: DataSpec, least: int = 0) -> Sequence[Fault]:
        """Of a data set, of which `least` rows are needed; read once where these checks remember."""
        known = {} if self._seen is None else self._seen
        key = (path, data, least)
        if key not in known:
            known[key] = list(self._look(path, data, least))
        return known[key]

    def _look(self, path: str, data: DataSpec, least: int) -> Iterator[Fault]:
        match data:
            case MiniData():
                return
            case TranslatedData():
                yield from self._data(f"{path}.translate", data.translate)
                yield from self._translation(path, data)
            case _:
                own, faults = self._set(path, data_leaf(data), aligned_source(data), least)
                yield from faults
                if isinstance(data.english, TranslatedEnglish):
                    yield from self._translation(f"{path}.english", data.english)
                elif data.english is not None:
                    place, source = f"{path}.english", english_source(data.english)
                    other, others = self._set(place, data_leaf(data.english), source)
                    yield from others
                    fault = None if faults or others else alignment_fault(path, data.english, own, other)
                    if fault is not None:
                        yield fault

    def _translation(self, path: str, asked: TranslatedData | TranslatedEnglish) -> Iterator[Fault]:
        """Folders of what translates and what compares translations."""
        if isinstance(asked.translator, Seq2SeqTranslator):
            yield from self._folder(f"{path}.translator.model", model_leaf(asked.translator.model))
        if asked.gate.similarity is not None:
            yield from self._folder(f"{path}.gate.similarity.model", encoder_leaf(asked.gate.similarity.model))

    def _set(
        self, path: str, leaf: Leaf, source: RowsSource, least: int = 0
    ) -> tuple[Reading | None, list[Fault]]:
        """What was read of a set, where it could be, and its faults."""
        faults = list(self._files(f"{path}.hub" if leaf.kind is LeafKind.HUB_SET else f"{path}.path", leaf))
        if faults:
            return None, faults
        found, fault = read_rows(path, leaf, source, least)
        return found, [] if fault is None else [fault]

    def _files(self, place: str, leaf: Leaf) -> Iterator[Fault]:
        """That there are some, under the roots."""
        remote = is_remote(leaf.location)
        # What lies elsewhere lies under no root, and is not even asked for.
        fault = _outside(place, leaf.location, [], self.data_roots) if remote else None
        fault = fault or _found(place, leaf)
        if fault is None and leaf.kind is LeafKind.FILES and not remote:
            files = [Path(leaf.location)] if leaf.patterns else locate_files(leaf.location)
            fault = _outside(place, leaf.location, files, self.data_roots)
        if fault is not None:
            yield fault


def _found(path: str, leaf: Leaf) -> Fault | None:
    try:
        return leaf_fault(path, leaf)
    except (OSError, ValueError, RuntimeError):  # a name too long, an unknown ~user, no permission
        return Fault(path=path, given=leaf.location[:80], expected="a path that the service can read")


def _outside(path: str, given: str, files: list[Path], roots: tuple[Path, ...]) -> Fault | None:
    """Links are followed first: a link inside a root may point anywhere. No file at all is outside."""
    inside = all(any(file.resolve().is_relative_to(root) for root in roots) for file in files)
    if not roots or (files and inside):
        return None
    return Fault(path=path, given=given[:80], expected=f"a path under {' or '.join(map(str, roots))}")


def _template_faults(spec: ExperimentSpec) -> Iterator[Fault]:
    templates = {"template": spec.template}
    if spec.phase2.template is not None:
        templates["phase2.template"] = spec.phase2.template
    return _templates_faults(spec.phase1.adopt or spec.base, templates)


def _templates_faults(model: ModelRef, templates: Mapping[str, Template]) -> Iterator[Fault]:
    """Whether each template, by its path, compiles with the tokenizer that it is used with."""
    for path, template in templates.items():
        try:
            _load_template(template, model.model)
        except (CFTRayError, OSError, ValueError) as error:
            given = "text" if isinstance(template, TextTemplate) else template
            yield as_fault(path, given, error)


def _restriction_faults(spec: ExperimentSpec) -> Iterator[Fault]:
    """What the base model's shape rules out of layer freezing and LoRA."""
    mitigation = spec.phase2.mitigation
    for part in parts_of(mitigation):
        if isinstance(part, Replay):
            continue
        path = "phase2.mitigation"
        if isinstance(mitigation, Combined):
            path = f"{path}.parts[{mitigation.parts.index(part)}]"
        config, names = shape_of(spec.base)
        if isinstance(part, RandomFreezing | ChangeFreezing):
            fault = freezing_fault(config, part.k)
            if fault is not None:
                yield Fault(path=f"{path}.k", given=str(part.k), expected=fault)
        if isinstance(part, ChangeFreezing) and names:
            fault = heads_fault(names)
            if fault is not None:
                yield Fault(path="base.model", given=spec.base.model[:80], expected=fault)
        if isinstance(part, LowRank) and names:
            fault = lora_fault(names, part.targets)
            if fault is not None:
                yield Fault(path=f"{path}.targets", given=", ".join(part.targets)[:80], expected=fault)


def _load_template(template: Template, model: str) -> None:
    """Raises what is wrong with it. The miniature's base has every named template."""
    if model != MINI_BASE:
        load_template(template, locate_model(model))
    elif isinstance(template, TextTemplate):
        ChatTemplate(template.text, bos_token="", eos_token="")
