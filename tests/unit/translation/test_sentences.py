"""A text in pieces is the text again, whatever it holds; its structure is never translated."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftray.translation.sentences import Cutting, Unit, fitting, pieces, sentences, skeleton

ANY = Cutting(unit=Unit.SENTENCE, fits=lambda text: True)

TEXT = st.lists(
    st.sampled_from(
        ["Go home.", " ", "\n", "\n\n", "- ", "1. ", "`x`", "```", "Dr. Who is here!", '{"a": "b"}', "x = 1", "$x$",
         "  ", "…", "## ", "| a | b |", "a\tb", "print(1)", "https://a.b", "\u2028", "。だ"]
    ),
    max_size=12,
).map("".join)  # fmt: skip


@given(text=TEXT, unit=st.sampled_from(Unit), around=st.booleans(), longest=st.integers(1, 40))
def test_pieces_joined_are_the_text(text, unit, around, longest):
    cutting = Cutting(unit=unit, fits=lambda one: len(one) <= longest, around=around)
    found = pieces(text, cutting)
    whole = "".join(json.dumps(one.text, ensure_ascii=False)[1:-1] if one.escaped else one.text for one in found)
    assert whole == text
    assert all(one.text == one.text.strip() for one in found if one.translate)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? four.", ["One.", "Two!", "Three?", "four."]),
        ("Dr. Smith, e.g. J. R. Smith, is in. Good.", ["Dr. Smith, e.g. J. R. Smith, is in.", "Good."]),
        ("Wait... what? Yes.", ["Wait... what?", "Yes."]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("这是一。这是二！", ["这是一。", "这是二！"]),
        ("Version 2.5 is out.", ["Version 2.5 is out."]),
    ],
)
def test_sentences_end_where_they_end(text, expected):
    assert [sentence for sentence, _ in sentences(text)] == expected


def test_a_sentence_longer_than_the_window_is_cut_at_clauses():
    text = "first comes this part, then comes that part; and at last the end"
    parts = list(fitting(text, lambda one: len(one) <= 30))
    assert parts == ["first comes this part, ", "then comes that part; ", "and at last the end"]
    assert all(len(one) <= 5 for one in fitting("unbreakable", lambda one: len(one) <= 5))


def test_lists_headings_and_indentation_stay():
    text = "# Title\n\n1. First. And more.\n   - deeper point\n\n> quoted"
    told = [one.text for one in pieces(text, ANY) if one.translate]
    assert told == ["Title", "First.", "And more.", "deeper point", "quoted"]


def test_of_a_json_document_only_the_words_of_its_values_are_translated():
    document = '{"name": "the cat", "sizes": [1, "very \\"big\\""], "ok": true}'
    found = pieces(document, ANY)
    assert [one.text for one in found if one.translate] == ["the cat", 'very "big"']


def test_a_chat_model_gets_a_text_whole_except_for_its_code():
    text = "Read this.\nThen run:\n```\nx\n```\nDone."
    told = [one.text for one in pieces(text, Cutting(unit=Unit.TEXT, fits=lambda one: True)) if one.translate]
    assert told == ["Read this.\nThen run:", "Done."]


def test_a_lost_list_sign_changes_the_skeleton():
    assert skeleton("- a\n- b") == skeleton("- x y\n- z")
    assert skeleton("- a\n- b") != skeleton("a\n- b")
    assert skeleton("a\n\nb") != skeleton("a\nb")
