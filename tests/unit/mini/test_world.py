"""The lexicon, the facts and the samples drawn from them."""

from __future__ import annotations

from random import Random

import pytest

from cftray.mini.facts import FACTS, OPPOSITES, SUBJECT_KIND, VALUE_KIND
from cftray.mini.lexicon import CONCEPTS, LANGUAGES, WORDS, members
from cftray.mini.samples import GENERATORS
from cftray.mini.stories import objects_story, people_story


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_word_means_one_thing_inside_its_category(language: str) -> None:
    for table in CONCEPTS.values():
        said = [words[language] for words in table.values()]
        assert len(said) == len(set(said))


def test_facts_speak_of_known_concepts_of_the_right_kind() -> None:
    for relation, table in FACTS.items():
        for subject, value in table.items():
            assert subject in members(SUBJECT_KIND[relation])
            assert value in members(VALUE_KIND[relation])


def test_opposites_are_mutual() -> None:
    assert all(OPPOSITES[OPPOSITES[word]] == word != OPPOSITES[word] for word in OPPOSITES)


@pytest.mark.parametrize("kind", GENERATORS)
def test_the_same_seed_gives_the_same_task_in_every_language(kind: str) -> None:
    for seed in range(20):
        english = GENERATORS[kind](Random(seed), "en")
        for language in LANGUAGES:
            sample = GENERATORS[kind](Random(seed), language)
            assert sample.answer.count(", ") == english.answer.count(", ")
            assert sample.input.count(".") == english.input.count(".")


@pytest.mark.parametrize("make", [people_story, objects_story])
def test_a_passage_holds_the_answers_to_its_questions(make: object) -> None:
    for seed in range(50):
        for language in LANGUAGES:
            story = make(Random(seed), language)  # type: ignore[operator]
            assert story.answer in story.support
            assert story.support in story.text
            assert (story.question, story.answer) in story.asked


def test_every_concept_has_a_word_in_every_language() -> None:
    assert all(set(words) == set(LANGUAGES) and all(words.values()) for words in WORDS.values())
