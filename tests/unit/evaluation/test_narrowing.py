"""Answers of a batch that grows narrower are those of a batch that does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from cftray.evaluation.narrowing import generate
from tests.unit.evaluation.conftest import WORDS

MOST = 40


@pytest.fixture
def model(p1: Path) -> Any:
    from transformers import AutoModelForCausalLM, GenerationConfig

    found = AutoModelForCausalLM.from_pretrained(p1, dtype=torch.float32).eval()
    found.generation_config = GenerationConfig(do_sample=False, eos_token_id=[2], bos_token_id=1, pad_token_id=3)
    return found


@pytest.fixture
def tokenizer(p1: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(p1)


def padded(tokenizer: Any, prompts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    tokenizer.padding_side = "left"
    found = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
    return found["input_ids"], found["attention_mask"]


def prompts(count: int) -> list[str]:
    return [" ".join(WORDS[(n * 7 + k * (n + 3)) % 40] for k in range(2 + n % 5)) for n in range(count)]


def shortest(tokens: list[int], ends: set[int]) -> list[int]:
    """Up to the first of `ends`, itself among them."""
    found = next((n + 1 for n, one in enumerate(tokens) if one in ends), len(tokens))
    return tokens[:found]


@pytest.mark.parametrize("parted", [True, False], ids=["cache parted", "read again"])
def test_each_answer_is_the_one_that_it_has_alone(
    model: Any, tokenizer: Any, parted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not parted:
        monkeypatch.setattr("cftray.evaluation.narrowing._narrowed", lambda *_: None)
    asked = prompts(24)
    ids, mask = padded(tokenizer, asked)
    alone = [
        model.generate(
            **dict(zip(("input_ids", "attention_mask"), padded(tokenizer, [one]), strict=True)), max_new_tokens=MOST
        )[0].tolist()
        for one in asked
    ]
    ends = _frequent(alone)
    stop = [tokenizer.decode([one]) for one in ends]
    found = generate(model, tokenizer, ids, mask, stop=stop, most=ids.shape[1] + MOST, settings={})
    lengths = mask.sum(1).tolist()
    expected = [shortest(one[length:], ends | {2}) for one, length in zip(alone, lengths, strict=True)]
    assert [shortest(one, ends | {2}) for one in found] == expected
    assert len({len(one) for one in expected}) > 2, "answers of one length would need no narrowing"


def test_the_model_reads_on_only_what_has_not_ended(model: Any, tokenizer: Any) -> None:
    asked = prompts(24)
    ids, mask = padded(tokenizer, asked)
    whole = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=MOST)[:, ids.shape[1] :].tolist()
    stop = [tokenizer.decode([one]) for one in _frequent(whole)]
    rows: list[int] = []
    model.register_forward_pre_hook(lambda _, __, kwargs: rows.append(len(kwargs["input_ids"])), with_kwargs=True)
    generate(model, tokenizer, ids, mask, stop=stop, most=ids.shape[1] + MOST, settings={})
    assert rows == sorted(rows, reverse=True)
    assert rows[0] == 24
    assert rows[-1] <= 12


def _frequent(answers: list[list[int]]) -> set[int]:
    """Tokens that end some of the answers early and others late or never."""
    tokens = sorted({one for answer in answers for one in answer if one > 3})
    return set(tokens[::9])
