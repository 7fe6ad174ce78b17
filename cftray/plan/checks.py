"""What can be said against a spec without reading any file: settings that rule each other out.

Each check sees several fields at once, which is why it isn't the schema's. The API and the command
line both refuse by these.
"""

from __future__ import annotations

from collections.abc import Iterator

from cftray.errors import Fault, nearest
from cftray.spec import (
    Combined,
    DataSpec,
    EnglishReplay,
    ExperimentSpec,
    FileData,
    GenerativeReplay,
    HubData,
    MiniData,
    Precision,
    Replay,
    TrainedPhase,
    TranslatedData,
    TranslatedEnglish,
    parts_of,
)
from cftray.spec.analysis import DesAnalysis
from cftray.spec.data import MULTILINGUAL, MiniDataset
from cftray.spec.languages import LANGUAGES
from cftray.spec.translation import DictionaryTranslator, EndpointTranslator, Translator

PHRASE_BOOK = ("de", "en", "es", "fr", "id", "ru")
"""The languages of the miniature world."""


def spec_faults(spec: ExperimentSpec) -> list[Fault]:
    """Every fault that the spec alone shows."""
    return [
        *_split_faults(spec),
        *_offload_faults(spec),
        *_precision_faults(spec),
        *_replay_faults(spec),
        *(fault for phase, trained in _phases(spec) for fault in data_faults(f"{phase}.data", trained.data)),
        *_engine_faults(spec),
        *_sample_faults(spec),
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


def _sample_faults(spec: ExperimentSpec) -> Iterator[Fault]:
    """DES compares no more rows than each phase draws. How many a translated set comes to is not known here."""
    first = None if spec.phase1.train is None else spec.phase1.train.data
    if first is None:
        return
    for place, one in enumerate(spec.analysis):
        for path, data in (("phase1.train.data", first), ("phase2.data", spec.phase2.data)):
            drawn = None if isinstance(data, TranslatedData) else data.samples
            if isinstance(one, DesAnalysis) and drawn is not None and drawn < one.samples:
                expected = f"at most {drawn}, which {path} draws, or a larger {path}.samples"
                yield Fault(path=f"analysis[{place}].samples", given=str(one.samples), expected=expected)


def _replay_faults(spec: ExperimentSpec) -> Iterator[Fault]:
    """Replay needs English counterparts of phase 2's rows, English replay their responses too."""
    data = spec.phase2.data
    replays = [part for part in parts_of(spec.phase2.mitigation) if isinstance(part, Replay)]
    if not replays:
        return
    english = data.english if isinstance(data, FileData | HubData) else None
    match data:
        case MiniData() if data.mini not in MULTILINGUAL:
            expected = f"a set with English counterparts: {', '.join(MULTILINGUAL)}"
            yield Fault(path="phase2.data", given=str(data.mini), expected=expected)
        case FileData(english=None) | HubData(english=None):
            expected = (
                "english: {path, adapter, alignment: id, line or none}, which replay draws from, or for generative "
                "replay english: {translator}, which translates the set's own instructions"
            )
            yield Fault(path="phase2.data", given="no english", expected=expected)
        case _ if isinstance(english, TranslatedEnglish) and isinstance(replays[0], EnglishReplay):
            expected = (
                "english: {path, adapter, alignment}: English replay needs original English responses, and only "
                "instructions are translated; or generative_replay, whose responses the P1 model writes"
            )
            yield Fault(path="phase2.data.english", given="translator", expected=expected)


def data_faults(path: str, data: DataSpec) -> Iterator[Fault]:
    """Of the set at `path`: languages that a translator does not know, and sets that are not English."""
    if isinstance(data, TranslatedData):
        yield from _english_faults(f"{path}.translate", data)
        for place, code in enumerate(data.into):
            yield from _language_faults(f"{path}.into[{place}]", data.translator, code)
            if code == "en":
                yield Fault(path=f"{path}.into[{place}]", given="en", expected="a language other than the set's")
    elif isinstance(data, FileData | HubData) and isinstance(data.english, TranslatedEnglish):
        codes = data.languages.among if data.languages is not None else (data.language,)
        for code in codes:
            yield from _language_faults(f"{path}.language", data.english.translator, code)
        if codes == ("en",):
            yield Fault(path=f"{path}.english", given="translator", expected="a set that is not English already")


def _english_faults(path: str, data: TranslatedData) -> Iterator[Fault]:
    own = data.translate
    if isinstance(own, MiniData):
        if own.mini in MULTILINGUAL:
            english = ", ".join(one for one in MiniDataset if one not in MULTILINGUAL)
            yield Fault(path=f"{path}.mini", given=str(own.mini), expected=f"an English set: {english}")
    elif own.language != "en" or own.languages is not None:
        yield Fault(path=f"{path}.language", given=own.language, expected="en: what is translated is its counterpart")
    elif own.english is not None:
        yield Fault(path=f"{path}.english", given="given", expected="none: the set that is translated is English")


def _language_faults(path: str, translator: Translator, code: str) -> Iterator[Fault]:
    match translator:
        case EndpointTranslator():
            known = list(LANGUAGES)
        case DictionaryTranslator():
            known = list(PHRASE_BOOK)
        case _:
            known = [one.code for one in LANGUAGES.values() if getattr(one, translator.family)]
    if code not in known:
        name = translator.kind if translator.kind != "seq2seq" else translator.family
        yield Fault(path=path, given=code, expected=f"a language of {name}: {nearest(code, known)}")


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
