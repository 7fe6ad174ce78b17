"""Tiny random models whose words are whole tokens, and workers that are this process."""

from __future__ import annotations

import pytest

from cftray.spec import ExecutionSpec
from cftray.stage import StageContext

WORDS = [f"w{n}" for n in range(40)]
SPECIAL = ["<unk>", "<s>", "</s>"]
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %} {{ m['content'] }}"
    "{% else %} answer {{ m['content'] }}{% endif %}{% endfor %}{% if add_generation_prompt %} answer{% endif %}"
)


class Here:
    """`Workers.map` without processes: as many handlers as actors, each taking every n-th item."""

    def available(self, accelerator):
        return 2

    def map(self, make, request, items, *, actors, **_):
        for handle, share in [(make(request), items[rank::actors]) for rank in range(actors)]:
            for item in share:
                handle(item)


def save_model(folder, *, seed=1, layers=3, width=16, adds_bos=True):
    """A random Mistral with a word-level tokenizer that begins a text with <s>, where `adds_bos`."""
    import torch
    from tokenizers import AddedToken, Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from tokenizers.processors import TemplateProcessing
    from transformers import MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast

    torch.set_num_threads(1)
    vocabulary = {word: n for n, word in enumerate([*SPECIAL, "answer", *WORDS])}
    raw = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    raw.add_special_tokens([AddedToken(one, special=True) for one in SPECIAL])
    raw.pre_tokenizer = WhitespaceSplit()
    if adds_bos:
        raw.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = MistralConfig(
        vocab_size=len(vocabulary), hidden_size=width, intermediate_size=24, num_hidden_layers=layers,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=64, bos_token_id=1, eos_token_id=2,
        initializer_range=0.3, sliding_window=None,
    )  # fmt: skip
    MistralForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def p1(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("p1"))


@pytest.fixture(scope="session")
def p2(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("p2"), seed=2)


@pytest.fixture
def texts():
    """Prompts of different lengths."""
    return [" ".join(WORDS[(3 * row + place) % 40] for place in range(2 + row % 5)) for row in range(11)]


@pytest.fixture
def context_in(tmp_path):
    def make(name="attempt", *, actors=1):
        folder = tmp_path / name
        folder.mkdir()
        reports = []
        context = StageContext(
            folder=folder, execution=ExecutionSpec(workers=actors), workers=Here(), stop=tmp_path / "stop",
            report=reports.append,
        )  # fmt: skip
        return context, reports

    return make
