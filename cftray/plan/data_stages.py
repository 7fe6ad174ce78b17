"""The stages that make a phase's data: rows read or made, translated, gathered, tokenised, mixed with a replay."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cftray.spec.base import SpecModel
from cftray.spec.data import Adapter, Alignment, MiniDataset
from cftray.spec.evaluation import Benchmark, Suite, TaskPack
from cftray.spec.rows import Columns, Languages, LanguageShare, ReadingRules
from cftray.spec.template import Template
from cftray.spec.translation import DictionaryTranslator, EndpointTranslator, GateSettings, Seq2SeqSettings


class MiniRowsConfig(SpecModel):
    """Rows of a miniature data set, or their English counterparts, written as JSON lines of `Row`s."""

    kind: Literal["mini_rows"] = "mini_rows"
    english: bool = False
    dataset: MiniDataset
    samples: int
    sample_seed: int


class RowsSource(SpecModel):
    """How files of a user, or a set of the hub, become rows.

    `align` and `key` say what a row shares with its English counterpart; the row of a multilingual set
    gets it as `english_id`, that of the English set (`english`) as `id`. `config` and `split` are the
    hub's.
    """

    adapter: Adapter = Adapter.ALPACA
    columns: Columns | None = None
    language: str = "en"
    languages: Languages | None = None
    rules: ReadingRules = ReadingRules()
    samples: int | None = None
    proportions: tuple[LanguageShare, ...] = ()
    sample_seed: int = 0
    align: Alignment = Alignment.NONE
    key: str | None = None
    english: bool = False
    config: str | None = None
    split: str | None = None


class ReadRowsConfig(SpecModel):
    """Records of files to rows, by rules. Input: `files`, or a folder of the hub's cache."""

    kind: Literal["read_rows"] = "read_rows"
    source: RowsSource


class TranslateConfig(SpecModel):
    """Rows in one other language, as far as they can be and pass the gate. Inputs: `rows`, and where they are used
    `model` (the translator's) and `similarity` (a sentence encoder).

    `prompts_only`: instructions and inputs alone, without responses.
    """

    kind: Literal["translate"] = "translate"
    into: str
    translator: Annotated[
        DictionaryTranslator | Seq2SeqSettings | EndpointTranslator, Field(discriminator="kind")
    ]
    gate: GateSettings
    min_similarity: float | None = None
    prompts_only: bool = False


class GatherConfig(SpecModel):
    """Rows of several languages in one file, by id and then language. Inputs: rows, named by their language."""

    kind: Literal["gather"] = "gather"
    samples: int | None
    sample_seed: int


class TokenizeConfig(SpecModel):
    """Rows to token arrays through a template. `rows` and `model` (its tokenizer) are inputs."""

    kind: Literal["tokenize"] = "tokenize"
    template: Template
    max_length: int


class ReplayPromptsConfig(SpecModel):
    """English rows in the order in which replay uses them, drawn by `seed` without repetition.

    Inputs: `data` (tokens of D2, which say how many samples |D2| is), `english`, and `rows` (D2's own)
    unless the alignment is `none`. Needed are round(ratio · |D2|) rows, at least one, and a share of `surplus` more.
    """

    kind: Literal["replay_prompts"] = "replay_prompts"
    ratio: float
    surplus: float
    alignment: Alignment
    seed: int


class OverlapConfig(SpecModel):
    """How much of the replay's prompts phase 1's data hold word for word. Inputs: `prompts`, `rows` (D1's)."""

    kind: Literal["overlap"] = "overlap"
    max_overlap: float | None


class ContaminationConfig(SpecModel):
    """How many of the items that models are scored on share a run of `n` words with a phase's data. Inputs: `rows`,
    and the files of each benchmark that does not come with the pack, by its name."""

    kind: Literal["contamination"] = "contamination"
    n: int = 13
    suites: tuple[Suite, ...]
    benchmarks: tuple[Benchmark, ...] | None = None
    languages: tuple[str, ...] | None = None
    pack: TaskPack
    pack_digest: str
    limit: int | None


class MixConfig(SpecModel):
    """Samples of replay after all of D2's. Inputs: `data` and `replay`, both tokens."""

    kind: Literal["mix"] = "mix"
    ratio: float
    shortfall: Literal["refuse", "accept"]
