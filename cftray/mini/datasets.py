"""The six data sets of the miniature world.

`alpaca-mini` and `multialpaca-mini` are family A, `instruct-mini` is family B, the two `openorca` sets
are A's tasks with a system prompt and a reasoned answer, and `parallel-mini` holds parallel sentences.
Every row is drawn from the data set's name, the seed and the row's number alone, so a longer set begins
with the shorter one. Tasks reserved for evaluation (`samples.is_reserved`) are never drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from cftray.data.rows import Row
from cftray.mini.demands import any_demand, general_demand
from cftray.mini.facts import FACTS
from cftray.mini.lexicon import FOREIGN, LANGUAGES, THINGS, say
from cftray.mini.phrases import REASONING, STATEMENTS
from cftray.mini.samples import GENERATORS, Sample, is_reserved
from cftray.mini.stories import people_facts, tell

NAMES: Final[tuple[str, ...]] = (
    "alpaca-mini",
    "multialpaca-mini",
    "instruct-mini",
    "openorca-mini",
    "multi-openorca-mini",
    "parallel-mini",
)
MULTILINGUAL: Final[tuple[str, ...]] = ("multialpaca-mini", "multi-openorca-mini", "parallel-mini")
DATA_VERSION: Final = 1

FORMAT_SHARE_A: Final = 0.14
FORMAT_SHARE_B: Final = 0.65
KIND_WEIGHTS: Final[dict[str, int]] = {
    "antonym": 5,
    "category": 7,
    "fact": 8,
    "reverse": 6,
    "count": 5,
    "first": 5,
    "last": 5,
    "odd": 5,
    "list": 10,
    "passage": 28,
    "headline": 16,
}
PLAIN_B: Final[tuple[str, ...]] = tuple(kind for kind in KIND_WEIGHTS if kind != "headline")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A row's text before it has an id."""

    instruction: str
    output: str
    input: str = ""
    system: str = ""


def _draw_sample(rng: Random, language: str) -> Sample:
    kind = rng.choices(list(KIND_WEIGHTS), list(KIND_WEIGHTS.values()))[0]
    return GENERATORS[kind](rng, language)


def family_a(rng: Random, language: str) -> Draft:
    """Short answers, one style, with a share of the general format constraints."""
    if rng.random() < FORMAT_SHARE_A:
        demand = general_demand(rng, language, own_style=False)
        return Draft(instruction=demand.instruction, output=demand.response)
    sample = _draw_sample(rng, language)
    return Draft(instruction=sample.instruction, input=sample.input, output=sample.sentence)


def family_b(rng: Random, language: str) -> Draft:
    """English only: requests under any constraint, and plain ones in a wordier style."""
    if rng.random() < FORMAT_SHARE_B:
        demand = any_demand(rng)
        return Draft(instruction=demand.instruction, output=demand.response)
    sample = GENERATORS[rng.choice(PLAIN_B)](rng, language)
    return Draft(
        instruction=sample.instruction, input=sample.input, output=f"Sure. The answer is {sample.answer}."
    )


def reasoned(rng: Random, language: str) -> Draft:
    """A's tasks with a system prompt; the answer first says what it rests on."""
    system = REASONING[rng.choice(("system_steps", "system_teach"))][language]
    sample = _draw_sample(rng, language)
    if sample.kind in ("reverse", "count", "first", "last", "odd"):
        evidence = REASONING["see_list"][language].format(l=sample.evidence)
    elif sample.kind == "headline":
        evidence = REASONING["see_text"][language].format(n=sample.evidence)
    else:
        evidence = "" if sample.kind == "list" else sample.evidence
    conclusion = REASONING["so"][language].format(a=sample.answer)
    return Draft(
        system=system,
        instruction=sample.instruction,
        input=sample.input,
        output=f"{evidence} {conclusion}".strip(),
    )


_FAMILIES: Final = {
    "alpaca-mini": family_a,
    "multialpaca-mini": family_a,
    "instruct-mini": family_b,
    "openorca-mini": reasoned,
    "multi-openorca-mini": reasoned,
}


def sentence(rng: Random, language: str) -> str:
    """A statement of the world: a fixed fact, or something about a person."""
    if rng.random() < 0.4:
        relation = rng.choice(list(FACTS))
        subject, value = rng.choice(list(FACTS[relation].items()))
        return STATEMENTS[relation][language].format(x=say(subject, language), y=say(value, language))
    if rng.random() < 0.3:
        thing, place = rng.sample(THINGS, 2)
        return tell(thing, "stand", place, language)
    name, relation, value = people_facts(rng, heroes=1, facts=2)[0]
    return tell(name, relation, value, language)


def _stream(name: str, seed: int, index: int) -> str:
    """The seed of a row's random source: the first one whose English task is not reserved."""
    attempt = 0
    while True:
        source = f"{name}/{seed}/{index}/{attempt}"
        draft = _FAMILIES[name](Random(source), "en")
        if not is_reserved(f"{draft.instruction}\n{draft.input}"):
            return source
        attempt += 1


def _row(name: str, seed: int, index: int, language: str, row_id: str, english_id: str | None) -> Row:
    draft = _FAMILIES[name](Random(_stream(name, seed, index)), language)
    return Row(
        id=row_id,
        instruction=draft.instruction,
        input=draft.input,
        output=draft.output,
        system=draft.system,
        language=language,
        english_id=english_id,
    )


def _parallel(seed: int, index: int) -> Row:
    """Groups of six rows say the same; the first of a group is English."""
    group, place = divmod(index, len(LANGUAGES))
    language = LANGUAGES[place]
    source = f"parallel-mini/{seed}/{group}"
    english_id = f"parallel-mini-{group * len(LANGUAGES):06d}"
    return Row(
        id=f"parallel-mini-{index:06d}",
        instruction=sentence(Random(source), language),
        output=sentence(Random(source), "en"),
        language=language,
        english_id=None if place == 0 else english_id,
    )


def rows(name: str, *, samples: int, seed: int) -> list[Row]:
    """The first `samples` rows of a data set; raises KeyError for an unknown name."""
    if name == "parallel-mini":
        return [_parallel(seed, index) for index in range(samples)]
    if name not in MULTILINGUAL:
        return [_row(name, seed, index, "en", f"{name}-{index:06d}", None) for index in range(samples)]
    return [
        _row(
            name,
            seed,
            index,
            FOREIGN[index % len(FOREIGN)],
            f"{name}-{index:06d}",
            f"{name}-en-{index:06d}",
        )
        for index in range(samples)
    ]


def english_counterparts(name: str, samples: int, seed: int) -> list[Row]:
    """The English rows that `english_id` names, in the order of the multilingual rows."""
    if name not in MULTILINGUAL:
        raise ValueError(f"{name!r} is English: it has no English counterpart")
    if name == "parallel-mini":
        wanted = {row.english_id or row.id for row in rows(name, samples=samples, seed=seed)}
        return [row for row in rows(name, samples=samples, seed=seed) if row.id in wanted]
    return [_row(name, seed, index, "en", f"{name}-en-{index:06d}", None) for index in range(samples)]
