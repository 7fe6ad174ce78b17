"""A toy world for lm-eval: a random model of a few thousand weights, and a pack over local files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cftray.plan.packs import Pack, PackTask

WORDS = [f"w{n}" for n in range(40)]
SPECIAL = ["<unk>", "<s>", "</s>", "<pad>"]
TEMPLATE = "{{ bos_token }}{% for m in messages %}{{ m['role'] }} {{ m['content'] }} {% endfor %}assistant"
OTHER_TEMPLATE = "{{ bos_token }}{% for m in messages %}{{ m['content'] }} {% endfor %}answer"

GENERATE = """\
task: {name}
custom_dataset: !function toy.{name}
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{until: ["w7"], max_gen_toks: {longest}, do_sample: false}}
process_results: !function toy.overlap
metric_list:
  - {{metric: overlap, aggregation: mean, higher_is_better: true}}
"""
CHOOSE = """\
task: {name}
custom_dataset: !function toy.{name}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_target: 0
doc_to_choice: "{{{{choices}}}}"
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
  - {{metric: acc_norm, aggregation: mean, higher_is_better: true}}
"""
CODE = """\
def _rows(n, shift):
    from datasets import Dataset

    word = lambda k: f"w{k % 40}"
    return {"test": Dataset.from_list([
        {"id": f"q{i}", "question": " ".join(word(i * 3 + j + shift) for j in range(3 + i % 4)), "answer": word(i),
         "choices": [word(i + 1), word(i + 2) + " " + word(i + 3), word(i + 4)]}
        for i in range(n)])}


def toy_follow(**_):
    return _rows(11, 0)


def toy_choose(**_):
    return _rows(9, 1)


def toy_read_de(**_):
    return _rows(7, 2)


def toy_read_fr(**_):
    return _rows(7, 3)


def overlap(doc, results):
    return {"overlap": float(sum(map(ord, results[0])) % 5) / 4}
"""


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Threads that wait for each other are most of the time of so small a model."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """Two benchmarks of TA, one of LA in two languages."""
    folder = tmp_path_factory.mktemp("pack")
    (folder / "toy.py").write_text(CODE)
    for name in ("toy_follow", "toy_read_de", "toy_read_fr"):
        (folder / f"{name}.yaml").write_text(GENERATE.format(name=name, longest=6))
    (folder / "toy_choose.yaml").write_text(CHOOSE.format(name="toy_choose"))
    tasks = (
        PackTask(task="toy_follow", suite="ta", benchmark="ifeval", language="en", metric="overlap", chat=True),
        PackTask(task="toy_choose", suite="ta", benchmark="mmlu", language="en", metric="acc_norm", chat=False),
        PackTask(task="toy_read_de", suite="la", benchmark="xquad", language="de", metric="overlap", chat=True),
        PackTask(task="toy_read_fr", suite="la", benchmark="xquad", language="fr", metric="overlap", chat=True),
    )
    return Pack(name="toy", version=1, digest="d", tasks=tasks, include_path=folder)


def save_model(folder: Path, *, seed: int, template: str, adds_bos: bool = False, context: int = 64) -> Path:
    """A random two-layer Mistral whose words are whole tokens."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from tokenizers.processors import TemplateProcessing
    from transformers import MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast

    vocabulary = {word: n for n, word in enumerate([*SPECIAL, "user", "assistant", "answer", *WORDS])}
    raw = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    raw.pre_tokenizer = WhitespaceSplit()
    if adds_bos:
        raw.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>"
    )
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = MistralConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=context,
        bos_token_id=1,
        eos_token_id=2,
        initializer_range=0.3,
    )
    MistralForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def p1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that stands for P1."""
    return save_model(tmp_path_factory.mktemp("p1"), seed=1, template=TEMPLATE)


@pytest.fixture(scope="session")
def p2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other weights, saved with a template of its own."""
    return save_model(tmp_path_factory.mktemp("p2"), seed=2, template=OTHER_TEMPLATE)


@pytest.fixture
def request_for(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """A worker's request for a model, prompted with the tokenizer of `tokenizer`."""

    def make(model: Path, tokenizer: Path, **changes: Any) -> dict[str, Any]:
        folder = tmp_path / f"attempt{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        template = (tokenizer / "chat_template.jinja").read_text()
        request = {
            "model_dir": str(model),
            "tokenizer_dir": str(tokenizer),
            "template_text": template,
            "pack": "toy",
            "pack_digest": "d",
            "suites": ["ta", "la"],
            "batch_size": 4,
            "limit": None,
            "precision": "fp32",
            "folder": str(folder),
            "stop": str(tmp_path / "stop"),
        }
        return json.loads(json.dumps(request | changes))

    return make
