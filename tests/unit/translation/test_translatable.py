"""Which tasks are left out, and that ordinary ones are not."""

from __future__ import annotations

import pytest

from cftray.data.rows import Row
from cftray.translation.translatable import FAMILIES, untranslatable

LEFT_OUT = {
    "translation": ["Translate the sentence into Spanish.", "How do you say hello in French?"],
    "spelling": ["Spell the word necessary.", "Name a fruit that starts with the letter 'P'.", "Sort alphabetically."],
    "counting": ["How many words are in this sentence?", "Give me a five-letter word."],
    "rhyme": ["Write a couplet that rhymes.", "Compose a haiku about rain."],
    "wordplay": ["Find an anagram of listen.", "Make a pun about cheese."],
    "grammar": ["Correct the grammar of this text.", "Rewrite it in passive voice.", "Find the nouns in the text."],
    "vocabulary": ["Give a synonym of happy.", "What does the phrase 'break a leg' mean?"],
}
KEPT = [
    "List the languages that are spoken in Switzerland.",
    "Suggest a French restaurant.",
    "Write a letter to your landlord.",
    "Explain how photosynthesis works in less than five sentences.",
    "Summarize the text in one sentence.",
    "Classify the following as a fruit or a vegetable.",
    "Write a Python function that reverses a list.",
    "Describe the history of the Roman empire.",
]


@pytest.mark.parametrize(("family", "instruction"), [(name, one) for name, some in LEFT_OUT.items() for one in some])
def test_tasks_about_english_are_left_out_by_family(family, instruction):
    assert untranslatable(Row(id="a", instruction=instruction, output="x")) == family


def test_every_family_has_an_example():
    assert set(LEFT_OUT) == set(FAMILIES)


@pytest.mark.parametrize("instruction", KEPT)
def test_ordinary_tasks_are_kept(instruction):
    assert untranslatable(Row(id="a", instruction=instruction, output="x")) is None


def test_an_input_about_english_does_not_count():
    assert untranslatable(Row(id="a", instruction="Summarize.", input="He rhymes all day.", output="x")) is None


def test_a_row_without_a_word_is_left_out():
    assert untranslatable(Row(id="a", instruction="2 + 2 = ?", output="4")) == "nothing"
    assert untranslatable(Row(id="a", instruction="```\nx = 1\n```", output="`x`")) == "nothing"
