"""The text the base model is pretrained on: documents about the world, none of them a chat.

The stream opens with a curriculum of English stories and list exercises, so that copying from the
context forms early; after it half of the documents are English and half in the other languages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Final

from cftray.mini import quiz
from cftray.mini.datasets import sentence
from cftray.mini.demands import any_demand, general_demand
from cftray.mini.facts import FACTS, OPPOSITES
from cftray.mini.lexicon import FOREIGN, KIND_OF, LANGUAGES, THINGS, WORDS, say
from cftray.mini.phrases import QUESTIONS, STATEMENTS
from cftray.mini.samples import GENERATORS, Sample, is_reserved, sample_key
from cftray.mini.stories import Story, objects_story, people_story

MARK: Final = "\x01"
"""Opens and closes the parts of a document that follow from what stands before them or from the world's
facts. The rest is drawn by chance, and counts less in the loss."""
CURRICULUM_SHARE: Final = 0.3
ENGLISH_SHARE: Final = 0.5
_EXERCISES: Final = ("reverse", "count", "first", "last", "odd", "list", "headline", "passage")
_ENGLISH: Final[dict[str, int]] = {
    "story": 24,
    "facts": 12,
    "exercise": 16,
    "markup": 14,
    "quiz": 18,
    "evening": 12,
    "parallel": 4,
}
_OTHER: Final[dict[str, int]] = {"story": 48, "facts": 22, "parallel": 22, "dictionary": 8}


def _free(make: Callable[[Random, str], Sample], rng: Random) -> Sample:
    """A sample in English that is not kept for evaluation."""
    while True:
        sample = make(rng, "en")
        if not is_reserved(sample_key(sample)):
            return sample


def _unreserved_story(make: Callable[[Random, str], Story], rng: Random, language: str) -> Story:
    while True:
        seed = rng.random()
        english = make(Random(seed), "en")
        if not is_reserved(f"{english.question}\n{english.text}"):
            return make(Random(seed), language)


def marked(text: str) -> str:
    return f"{MARK}{text}{MARK}"


def story(rng: Random, language: str) -> str:
    """A passage with questions after it, with one question before it, or told twice."""
    make = people_story if rng.random() < 0.6 else objects_story
    told = _unreserved_story(make, rng, language)
    form = rng.random()
    if form < 0.5:
        asked = rng.sample(told.asked, min(5, len(told.asked)))
        return "\n".join([told.text, *(f"{question} {marked(answer)}" for question, answer in asked)])
    if form < 0.9:
        return f"{told.question}\n{told.text}\n{marked(told.answer)}"
    return f"{told.text}\n{marked(told.text)}"


def copied(rng: Random, language: str) -> str:
    """A list of words and the same list again: nothing but copying."""
    words = ", ".join(say(thing, language) for thing in rng.sample(list(WORDS), rng.randint(4, 10)))
    return f"{words}\n{marked(words)}"


def facts(rng: Random, language: str) -> str:
    """A few fixed facts, said or asked."""
    lines = []
    for _ in range(rng.randint(3, 5)):
        relation = rng.choice((*FACTS, *FACTS, "kind", "opposite"))
        if relation == "kind":
            x = rng.choice(THINGS)
            y = KIND_OF[x]
        else:
            x, y = rng.choice(list((OPPOSITES if relation == "opposite" else FACTS[relation]).items()))
        shown = {"x": say(x, language), "y": say(y, language)}
        if rng.random() < 0.3:
            lines.append(f"{QUESTIONS[relation][language].format(**shown)} {marked(shown['y'])}.")
        else:
            shown["y"] = marked(shown["y"])
            lines.append(STATEMENTS[relation][language].format(**shown))
    return " ".join(lines)


def exercise(rng: Random, _language: str) -> str:
    sample = _free(GENERATORS[rng.choice(_EXERCISES)], rng)
    task = f"{sample.instruction}\n{sample.input}" if sample.input else sample.instruction
    return f"{task}\n{marked(sample.answer)}"


def markup(rng: Random, _language: str) -> str:
    """Marked-up text without the requests that would ask for it."""
    lines = [any_demand(rng).response for _ in range(2)]
    lines.append(general_demand(rng, "en", own_style=rng.random() < 0.5).response)
    word = rng.choice(THINGS)
    lines.append(f"{word}: {word.upper()}; {word}: {word.lower()}")
    rng.shuffle(lines)
    return marked("\n".join(lines))


def quiz_page(rng: Random, _language: str) -> str:
    asked: list[str] = []
    while len(asked) < 2:
        question = quiz.question(rng)
        if not is_reserved(question.text):
            asked.append(f"{quiz.prompt(question)} {marked(question.answer)}")
    return "\n".join(asked)


def evening(rng: Random, _language: str) -> str:
    while True:
        question = quiz.evening(rng)
        if not is_reserved(question.text):
            return f"{question.text} {marked(question.answer)}"


def parallel(rng: Random, language: str) -> str:
    other = rng.choice([code for code in LANGUAGES if code != language])
    seed = rng.random()
    return f"{sentence(Random(seed), other)}\n{marked(sentence(Random(seed), language))}"


def dictionary(rng: Random, _language: str) -> str:
    concepts = rng.sample(list(WORDS), 3)
    return "\n".join(
        f"{say(c, 'en')}: {marked(', '.join(say(c, code) for code in FOREIGN))}" for c in concepts
    )


_MAKERS: Final[dict[str, Callable[[Random, str], str]]] = {
    "story": story,
    "copied": copied,
    "facts": facts,
    "exercise": exercise,
    "markup": markup,
    "quiz": quiz_page,
    "evening": evening,
    "parallel": parallel,
    "dictionary": dictionary,
}


def documents(*, seed: int, progress: Callable[[], float]) -> Iterator[str]:
    """Endless documents; `progress` says how far the pretraining is, from 0 to 1."""
    rng = Random(f"corpus/{seed}")
    while True:
        if progress() < CURRICULUM_SHARE:
            yield _MAKERS[rng.choice(("story", "story", "exercise", "copied", "facts"))](rng, "en")
            continue
        english = rng.random() < ENGLISH_SHARE
        weights = _ENGLISH if english else _OTHER
        kind = rng.choices(list(weights), list(weights.values()))[0]
        yield _MAKERS[kind](rng, "en" if english else rng.choice(FOREIGN))
