"""What stays is found, cut out, put back, and missed when it is gone."""

from __future__ import annotations

import pytest

from cftray.translation.spans import blocks, has_prose, inline, integers, prose, protect, quotations, restore


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("Run `ls -l` now.", ["`ls -l`"]),
        ("See https://a.org/b?c=1, or (http://d.org/e).", ["https://a.org/b?c=1", "http://d.org/e"]),
        ("Write to me.too@mail.example.org.", ["me.too@mail.example.org"]),
        ("Dear {name}, <b>welcome</b> to [Company Name], %s and ____!",
         ["{name}", "<b>", "</b>", "[Company Name]", "%s", "____"]),
        ("Solve 3x + 5 = 20, then $x^2$ and \\(y\\).", ["3x + 5 = 20", "$x^2$", "\\(y\\)"]),
        ("It costs $5.50, or 10% of 1,000.", ["$5.50", "10%", "1,000"]),
        ('The object {"kind": 1} has a key.', ['{"kind": 1}']),
        ("It costs $5 and $6 in shops.", ["$5", "$6"]),
        ("Nothing of this stays, not even 42 or state-of-the-art words.", []),
    ],
)  # fmt: skip
def test_spans_are_found(text, stays):
    assert [text[one.start : one.end] for one in inline(text)] == stays
    hidden = protect(text)
    assert restore(hidden.text, hidden) == text
    assert not any(one in hidden.text for one in stays if len(one) > 3)


def test_markers_may_move_but_neither_vanish_nor_double():
    hidden = protect("Add `a` to `b`.")
    assert hidden.text == "Add [0] to [1]."
    assert restore("Zu [1] addiere [ 0 ].", hidden) == "Zu `b` addiere `a`."
    assert restore("Addiere [0].", hidden) is None
    assert restore("[0] [0] [1]", hidden) is None
    assert restore("[0] [1] [2]", hidden) is None


CODE = 'def f(x):\n    # doubles\n\n    return 2 * x\n'


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"Use this:\n```python\n{CODE}```\nIt works.", f"```python\n{CODE}```"),
        (f"Use this:\n{CODE}It works.", CODE),
        ("The law is\n$$E = mc^2$$\nas ever.", "$$E = mc^2$$"),
        ("```\nnever closed", "```\nnever closed"),
        ("SELECT name FROM users WHERE id = 1;", "SELECT name FROM users WHERE id = 1;"),
    ],
)
def test_blocks_stay(text, kept):
    parts = list(blocks(text))
    assert "".join(part for part, _ in parts) == text
    assert [part for part, stays in parts if stays] == [kept]


@pytest.mark.parametrize(
    "text",
    [
        "1. Gain new skills;\n2. Meet people;\n3. Earn more;",
        "Once upon a time, there was a king (a good one).\nHe had a daughter.",
        "If you want to bake:\nTake flour.",
        "Name: Ann\nAge: 5",
    ],
)
def test_prose_is_not_taken_for_code(text):
    assert not any(stays for _, stays in blocks(text))


def test_a_quotation_that_the_task_names_stays_wherever_it_stands():
    named = quotations("What does the word 'bank' mean in \"the river bank\"?")
    assert named == {"bank"}
    text = "Here “bank” is a shore."
    assert [text[one.start : one.end] for one in inline(text, named)] == ["“bank”"]


def test_integers_are_counted_in_any_digits():
    assert integers("3 cats, 12 dogs, 3 cows") == integers("3 Kühe, ٣ Katzen, １２ Hunde")
    assert not integers("the 5th, 2.5 and v2")


def test_what_has_no_word_has_no_prose():
    assert not has_prose("42 + `x` = {y}!")
    assert has_prose("42 cats")
    assert prose(f"Look at `this`:\n```\n{CODE}```\n").split() == ["Look", "at", ":"]
