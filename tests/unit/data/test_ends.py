"""Tokens that end a response: the tokenizer's, the generation config's and the chat template's own."""

import json

import pytest
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from cftray.data.ends import end_tokens
from cftray.errors import DataError, ModelError
from cftray.spec import TextTemplate

EOS, END, EOT, SPACES = 1, 2, 3, 4
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def ending(close):
    asked = "{% if m['role'] == 'user' %}{{ m['content'] }}:{% else %}{{ m['content'] }}" + close + "{% endif %}"
    return TextTemplate(text="{% for m in messages %}" + asked + "{% endfor %}")


@pytest.fixture
def folder(tmp_path):
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, "</s>": EOS}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["</s>", "<|im_end|>", "<|eot_id|>"])
    tokenizer.add_tokens([AddedToken("  ", normalized=False), AddedToken("<|im_start|>")])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": "</s>", "chat_template": CHATML}))
    return tmp_path


def test_a_template_that_closes_turns_with_its_own_token_ends_with_it_too(folder):
    assert end_tokens(folder, "chat") == [EOS, END]
    assert end_tokens(folder, ending("<|eot_id|>")) == [EOS, EOT]


def test_a_template_that_closes_with_eos_adds_nothing(folder):
    assert end_tokens(folder, "alpaca") == [EOS]


def test_only_the_first_token_behind_the_response_ends_it(folder):
    assert end_tokens(folder, ending("\n<|im_end|><|eot_id|>")) == [EOS, END]


def test_neither_plain_text_nor_spaces_are_ends(folder):
    assert end_tokens(folder, ending("  \n###")) == [EOS]


@pytest.mark.parametrize(("given", "ends"), [(EOT, [EOS, EOT]), ([EOT, EOS], [EOS, EOT]), (None, [EOS])])
def test_the_generation_configs_ends_count(folder, given, ends):
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": given}))
    assert end_tokens(folder, "alpaca") == ends


def test_an_eos_token_may_be_an_object(folder):
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": {"content": "</s>"}}))
    assert end_tokens(folder, "alpaca") == [EOS]


def test_a_tokenizer_that_does_not_know_its_eos_is_refused(folder):
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<end>"}))
    with pytest.raises(ModelError, match="has no eos_token"):
        end_tokens(folder, "alpaca")


def test_a_template_that_leaves_the_response_out_is_refused(folder):
    silent = TextTemplate(text="{% for m in messages %}{% if m['role'] == 'user' %}Q{% else %}A{% endif %}{% endfor %}")
    with pytest.raises(DataError, match="writes 'A' for a response and leaves its content out"):
        end_tokens(folder, silent)
