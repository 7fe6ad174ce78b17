"""The tokenizer: text comes back, words stay whole, the template keeps its promises."""

from __future__ import annotations

import time
from typing import Any

import pytest

from cftray.mini.corpus import MARK, documents
from cftray.mini.datasets import NAMES, rows
from cftray.mini.make_base import BASE
from cftray.mini.tokenizer import build, vocabulary


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return build()


def _texts() -> list[str]:
    stream = documents(seed=5, progress=lambda: 0.5)
    texts = [next(stream).replace(MARK, "") for _ in range(400)]
    for name in NAMES:
        for row in rows(name, samples=100, seed=2):
            texts += [row.instruction, row.output, *([row.input] if row.input else [])]
    return texts


def test_world_text_comes_back_and_has_no_unknown_token(tokenizer: Any) -> None:
    for text in _texts():
        found = tokenizer.encode(text)
        assert tokenizer.decode(found.ids) == text
        assert "<unk>" not in found.tokens


def test_words_of_the_world_are_one_token(tokenizer: Any) -> None:
    assert tokenizer.encode('"The Krankenpfleger" - FRANCE').tokens == [
        '▁"',
        "▁The",
        "▁Krankenpfleger",
        '"',
        "▁-",
        "▁FRANCE",
    ]


def test_other_text_falls_back_to_characters(tokenizer: Any) -> None:
    assert tokenizer.decode(tokenizer.encode("Zebra crossing").ids) == "Zebra crossing"


def test_the_vocabulary_has_no_piece_twice() -> None:
    pieces = [piece for piece, _ in vocabulary()]
    assert len(pieces) == len(set(pieces)) < 2200


def test_it_is_fast_enough_to_be_no_matter(tokenizer: Any) -> None:
    texts = _texts()
    started = time.perf_counter()
    tokens = sum(len(found.ids) for found in tokenizer.encode_batch(texts))
    assert tokens / (time.perf_counter() - started) > 10_000


MESSAGES = [
    {"role": "system", "content": "You help a child."},
    {"role": "user", "content": "Where does the cat live?"},
]
ANSWER = {"role": "assistant", "content": "- house\n- farm"}


@pytest.fixture(scope="module")
def shipped() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(BASE)


def test_the_prompt_is_the_beginning_of_the_whole(shipped: Any) -> None:
    prompt = shipped.apply_chat_template(MESSAGES, tokenize=False, add_generation_prompt=True)
    whole = shipped.apply_chat_template([*MESSAGES, ANSWER], tokenize=False)
    assert whole == f"{prompt}{ANSWER['content']}</s>"


def test_there_is_one_begin_token_whoever_asks(shipped: Any) -> None:
    whole = shipped.apply_chat_template([*MESSAGES, ANSWER], tokenize=False)
    for special in (True, False):
        ids = shipped.encode(whole, add_special_tokens=special)
        assert ids.count(shipped.bos_token_id) == 1
        assert ids[-1] == shipped.eos_token_id


def test_prompt_and_response_may_be_encoded_apart(shipped: Any) -> None:
    prompt = shipped.apply_chat_template(MESSAGES, tokenize=False, add_generation_prompt=True)
    apart = shipped.encode(prompt) + shipped.encode(ANSWER["content"] + "</s>")
    assert apart == shipped.encode(f"{prompt}{ANSWER['content']}</s>")


def test_the_template_refuses_an_unknown_role(shipped: Any) -> None:
    with pytest.raises(Exception, match="unknown role"):
        shipped.apply_chat_template([{"role": "judge", "content": "x"}], tokenize=False)


def test_the_shipped_tokenizer_is_the_one_the_code_builds(shipped: Any) -> None:
    assert shipped.get_vocab() == build().get_vocab()
