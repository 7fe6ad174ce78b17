"""Tiny models and data, made on the spot."""

from __future__ import annotations

import os

os.environ["DS_ACCELERATOR"] = "cpu"

import numpy as np
import pytest

from cftray.data.tokenized import TokenizedWriter
from cftray.spec.hyperparameters import Hyperparameters
from cftray.training.request import TrainRequest

SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 48,
    "vocab_size": 100,
    "max_position_embeddings": 128,
}


def random_model(kind, **settings):
    """A random causal language model of a transformers family: Mistral, Llama, Qwen2."""
    import torch
    import transformers

    torch.manual_seed(1)
    config = getattr(transformers, f"{kind}Config")(**{**SHAPE, "initializer_range": 0.2, **settings})
    return getattr(transformers, f"{kind}ForCausalLM")(config).eval()


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    random_model("Mistral", sliding_window=None, initializer_range=0.05).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tokenized(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenized")
    drawn = np.random.default_rng(3)
    writer = TokenizedWriter(folder)
    for number in range(30):
        length = int(drawn.integers(4, 30))
        writer.add(drawn.integers(0, 100, length), np.arange(length) > length // 3, "en" if number % 2 else "de")
    writer.close(template_text="{{ messages }}")
    return folder


@pytest.fixture
def request_for(base, tokenized, tmp_path):
    def make(name="attempt", **changes):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        hyperparameters = Hyperparameters(
            **{
                "learning_rate": 1e-3,
                "epochs": 2,
                "global_batch": 8,
                "max_length": 32,
                "warmup_steps": 2,
                "weight_decay": 0.1,
                **changes.pop("hyperparameters", {}),
            }
        )
        settings = {
            "folder": str(folder),
            "model": str(base),
            "data": str(tokenized),
            "stop": str(tmp_path / "stop"),
            "hyperparameters": hyperparameters,
            "seed": 17,
            "zero_stage": 0,
            "micro_batch_tokens": 64,
            **changes,
        }
        return TrainRequest.model_validate(settings)

    return make
