"""A row becomes the text that transformers would make of it, split where the response begins."""

import json

import pytest

from cftray.data.rows import Row
from cftray.data.templates import ALPACA, ChatTemplate, chat_template_text, load_template
from cftray.errors import DataError, ModelError
from cftray.spec import TextTemplate

ROW = Row(id="1", instruction="Add.", input="1 and 2", output="3")
CHATML = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{{ eos_token }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def template(text):
    return ChatTemplate(text, bos_token="<s>", eos_token="</s>")


def model(tmp_path, **config):
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"bos_token": "<s>", "eos_token": "</s>"} | config))
    return tmp_path


def test_alpacas_prompt_with_an_input_is_stanfords():
    rendered = template(ALPACA).render(ROW)
    assert rendered.prompt == (
        "<s>Below is an instruction that describes a task, paired with an input that provides further context. "
        "Write a response that appropriately completes the request.\n\n"
        "### Instruction:\nAdd.\n\n### Input:\n1 and 2\n\n### Response:\n"
    )
    assert rendered.response == "3</s>"


def test_alpacas_prompt_without_an_input_is_the_short_one():
    rendered = template(ALPACA).render(Row(id="1", instruction="Greet.", output="Hello"))
    assert rendered.prompt.endswith("completes the request.\n\n### Instruction:\nGreet.\n\n### Response:\n")
    assert "paired with an input" not in rendered.prompt


def test_a_chat_template_gets_system_user_and_response():
    rendered = template(CHATML).render(Row(id="1", instruction="Add.", input="1 and 2", output="3", system="Be brief."))
    assert rendered.prompt == "<|system|>Be brief.</s>\n<|user|>Add.\n1 and 2</s>\n<|assistant|>"
    assert rendered.response == "3</s>\n"


def test_the_text_is_what_transformers_makes_of_it():
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    for text in (ALPACA, CHATML):
        inner = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<unk>": 0}, unk_token="<unk>"))
        fast = transformers.PreTrainedTokenizerFast(
            tokenizer_object=inner, bos_token="<s>", eos_token="</s>", chat_template=text
        )
        row = Row(id="1", instruction="Greet.", output="Hello")
        messages = [{"role": "user", "content": "Greet."}, {"role": "assistant", "content": "Hello"}]
        rendered = template(text).render(row)
        asked = fast.apply_chat_template(messages[:1], tokenize=False, add_generation_prompt=True)
        assert rendered.prompt == asked
        assert rendered.prompt + rendered.response == fast.apply_chat_template(messages, tokenize=False)


def test_a_template_whose_prompt_changes_with_the_response_is_refused():
    with pytest.raises(DataError, match="beginning of the whole"):
        template("{{ messages | length }}{{ messages[-1]['content'] }}").render(ROW)


@pytest.mark.parametrize("text", ["{% for %}", "{{ messages", "{% raise %}"])
def test_a_template_with_a_fault_is_refused_with_its_line(text):
    with pytest.raises(DataError, match="template, line 1"):
        template(text)


def test_a_template_can_not_reach_out_of_its_sandbox():
    with pytest.raises(DataError):
        template("{{ messages.__class__.__mro__[1].__subclasses__() }}").render(ROW)


def test_chat_means_the_models_own_template(tmp_path):
    assert chat_template_text("chat", model(tmp_path, chat_template=CHATML)) == CHATML
    (tmp_path / "chat_template.jinja").write_text("newer")
    assert chat_template_text("chat", tmp_path) == "newer"
    assert chat_template_text(TextTemplate(text="mine"), tmp_path) == "mine"


def test_a_model_without_a_template_or_without_an_end_is_refused(tmp_path):
    with pytest.raises(ModelError, match="has no chat template"):
        load_template("chat", model(tmp_path))
    (tmp_path / "tokenizer_config.json").write_text("{}")
    with pytest.raises(ModelError, match="names no eos_token"):
        load_template("alpaca", tmp_path)
