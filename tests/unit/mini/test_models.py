"""The shipped base model and sentence encoder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cftray.mini.make_base import BASE
from cftray.mini.make_encoder import ENCODER


@pytest.mark.parametrize(("folder", "megabytes"), [(BASE, 8), (ENCODER, 4)])
def test_shipped_weights_are_small_and_on_record(folder: Path, megabytes: int) -> None:
    record = (folder / "RECORD.json").read_text(encoding="utf-8")
    assert json.loads(record)["command"].startswith("python -m cftray.mini.")
    assert "/home" not in record
    assert "/work" not in record
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < megabytes * 1_000_000


def test_the_base_loads_and_answers_through_its_template() -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(BASE)
    model = AutoModelForCausalLM.from_pretrained(BASE)
    assert model.dtype is torch.float32
    assert model.config.model_type == "mistral"
    assert model.config.vocab_size == len(tokenizer)
    asked = [{"role": "user", "content": "Where does the cat live?"}]
    ids = tokenizer.apply_chat_template(
        asked, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    out = model.generate(**ids, max_new_tokens=8)
    assert out.shape[1] > ids["input_ids"].shape[1]


def test_the_base_knows_its_world() -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(BASE)
    model = AutoModelForCausalLM.from_pretrained(BASE)
    for text, word in (("The camel lives in the", "desert"), ("The city Oslo lies in", "Norway")):
        ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer.encode(text)]])
        assert tokenizer.decode(model(input_ids=ids).logits[0, -1].argmax()) == word


def test_a_translation_is_nearer_than_another_sentence() -> None:
    from sentence_transformers import SentenceTransformer

    from cftray.mini.datasets import rows

    sentences = rows("parallel-mini", samples=180, seed=99)
    texts = {
        language: [r.instruction for r in sentences if r.language == language]
        for language in ("en", "ru", "id")
    }
    encoder = SentenceTransformer(str(ENCODER), device="cpu")
    english = encoder.encode(texts["en"], normalize_embeddings=True)
    for language in ("ru", "id"):
        near = english @ encoder.encode(texts[language], normalize_embeddings=True).T
        own = near.diagonal().mean()
        assert own > 0.8
        assert own > (near.sum() - near.trace()) / (near.size - len(near)) + 0.4
