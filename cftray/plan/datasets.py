"""The stages that make rows of data sets, a phase's or by themselves, and of their English counterparts.

Rows of files are read by a stage of their own; two data sets that are read alike share it. Data that are translated
from an English set are made of their languages; where a set without an English counterpart replays, `english` is a
translation too:

    english ─┬─ translate de ─┬─ rows (gathered)
             └─ translate es ─┘
"""

from __future__ import annotations

from typing import Literal

from cftray.errors import InternalError
from cftray.plan.data_stages import GatherConfig, MiniRowsConfig, ReadRowsConfig, RowsSource, TranslateConfig
from cftray.plan.leaves import encoder_leaf, model_leaf
from cftray.plan.nodes import Nodes, Source
from cftray.plan.reading import Outside, aligned_source, data_leaf, english_source, rows_source
from cftray.plan.stages import Leaf, StageInput
from cftray.spec.data import Alignment, DataSpec, MiniData, TranslatedData, TranslatedEnglish
from cftray.spec.translation import GateSettings, Seq2SeqSettings, Seq2SeqTranslator, TranslationGate, Translator


class Datasets:
    """Adds the stages of data sets to `nodes`."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes

    def rows(self, phase: Literal[1, 2], data: DataSpec) -> StageInput:
        """Rows of a phase's data."""
        return self._rows(f"p{phase}", f"phase {phase}", data)

    def named(self, name: str, data: DataSpec) -> StageInput:
        """Rows of a set that belongs to no phase; they are the same rows as a phase's."""
        return self._rows(name, name, data)

    def _rows(self, key: str, what: str, data: DataSpec) -> StageInput:
        """`key` ends the names of the stages, `what` their titles."""
        name, title = f"rows.{key}", f"rows of {what}"
        if isinstance(data, MiniData):
            config = MiniRowsConfig(dataset=data.mini, samples=data.samples, sample_seed=data.sample_seed)
            return StageInput(stage=self.nodes.add(name, title, config, {}))
        if isinstance(data, TranslatedData):
            return self._translated(key, what, data)
        return self._read(name, title, rows_source(data), data_leaf(data))

    def _translated(self, key: str, what: str, data: TranslatedData) -> StageInput:
        """An English set in each of its languages, gathered."""
        rows = self._translated_from(key, what, data)
        languages: dict[str, Source] = {}
        for code in data.into:
            config = _translation(code, data.translator, data.gate)
            name, title = f"translate.{key}.{code}", f"{what} in {code}"
            languages[code] = self._translate(name, title, config, rows, data)
        gather = GatherConfig(samples=data.samples, sample_seed=data.sample_seed)
        return StageInput(stage=self.nodes.add(f"gather.{key}", f"rows of {what}", gather, languages))

    def _translated_from(self, key: str, what: str, data: TranslatedData) -> StageInput:
        """The English rows."""
        own, name, title = data.translate, f"english.{key}", f"English rows of {what}"
        if isinstance(own, MiniData):
            config = MiniRowsConfig(dataset=own.mini, samples=own.samples, sample_seed=own.sample_seed)
            return StageInput(stage=self.nodes.add(name, title, config, {}))
        return self._read(name, title, rows_source(own), data_leaf(own))

    def _translate(
        self, name: str, title: str, config: TranslateConfig, rows: Source, asked: TranslatedData | TranslatedEnglish
    ) -> StageInput:
        inputs: dict[str, Source] = {"rows": rows}
        if isinstance(asked.translator, Seq2SeqTranslator):
            inputs["model"] = self.nodes.leaf(model_leaf(asked.translator.model))
        if asked.gate.similarity is not None:
            inputs["similarity"] = self.nodes.leaf(encoder_leaf(asked.gate.similarity.model))
        return StageInput(stage=self.nodes.add(name, title, config, inputs))

    def aligned(self, data: DataSpec) -> StageInput:
        """Rows of phase 2 that know their English counterparts. Training reads the others: whether there
        is a counterpart changes nothing of it."""
        if isinstance(data, MiniData | TranslatedData):
            return self.rows(2, data)
        return self._read("aligned.p2", "rows of phase 2, aligned", aligned_source(data), data_leaf(data))

    def english(self, data: DataSpec) -> tuple[StageInput, Alignment]:
        """The English counterpart of phase 2's data; `spec_faults` has refused a spec without one."""
        name, title = "english.p2", "English counterparts of phase 2"
        if isinstance(data, MiniData):
            config = MiniRowsConfig(
                dataset=data.mini, samples=data.samples, sample_seed=data.sample_seed, english=True
            )
            return StageInput(stage=self.nodes.add(name, title, config, {})), Alignment.ID
        if isinstance(data, TranslatedData):
            return self._translated_from("p2", "phase 2", data), Alignment.ID
        if isinstance(data.english, TranslatedEnglish):
            return self._to_english(data, data.english), Alignment.NONE
        if data.english is None:
            raise InternalError("replay without an English counterpart was planned")
        rows = self._read(name, title, english_source(data.english), data_leaf(data.english))
        return rows, data.english.alignment

    def _read(self, name: str, title: str, source: RowsSource, leaf: Leaf) -> StageInput:
        """The stage that reads a data set; one that another purpose has planned already is shared."""
        config, inputs = ReadRowsConfig(source=source), {"files": self.nodes.leaf(leaf)}
        like = self.nodes.like(config, inputs)
        return StageInput(stage=like if like is not None else self.nodes.add(name, title, config, inputs))

    def _to_english(self, data: Outside, english: TranslatedEnglish) -> StageInput:
        """Instructions of phase 2 in English. Each is a counterpart, so replay may draw among all of them."""
        source = rows_source(data)
        if english.samples is not None:
            drawn = {"samples": english.samples, "sample_seed": english.sample_seed, "proportions": ()}
            source = source.model_copy(update=drawn)
        rows = self._read("asked.p2", "instructions of phase 2 to translate", source, data_leaf(data))
        config = _translation("en", english.translator, english.gate, prompts_only=True)
        return self._translate("english.p2", "instructions of phase 2 in English", config, rows, english)


def _translation(
    into: str, translator: Translator, gate: TranslationGate, *, prompts_only: bool = False
) -> TranslateConfig:
    """The identity of a translation: its models are inputs, counted by content and not by where they lie."""
    plain: Translator | Seq2SeqSettings = translator
    if isinstance(translator, Seq2SeqTranslator):
        plain = Seq2SeqSettings.model_validate(translator.model_dump(exclude={"model"}))
    return TranslateConfig(
        into=into,
        translator=plain,
        gate=GateSettings.model_validate(gate.model_dump(exclude={"similarity"})),
        min_similarity=None if gate.similarity is None else gate.similarity.threshold,
        prompts_only=prompts_only,
    )
