"""A row becomes the text that transformers would make of it, split where the response begins."""

import hashlib
import json

import pytest

from cftray.data.rows import Row
from cftray.data.templates import ALPACA, ChatTemplate, chat_template_text, load_template
from cftray.errors import DataError, ModelError
from cftray.plan import CODE_VERSION, StageKind, build_plan
from cftray.spec import TextTemplate, experiment_from_document
from cftray.store import LeafDigests
from tests.unit.plan.fakes import toy_pack

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


LLAMA = (
    "{% if strftime_now is defined %}{{ strftime_now('%d %b %Y') }}{% endif %}|{{ date_string }}|"
    "{% for m in messages %}{{ m['role'] }}:{{ m['content'] }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)
STRICT = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
FORGETFUL = (
    "{% for m in messages %}{% if m['role'] != 'system' %}<{{ m['role'] }}>{{ m['content'] }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def test_a_template_that_prints_the_date_gives_the_same_text_every_day():
    rendered = template(LLAMA).render(ROW)
    assert rendered.prompt == "26 Jul 2024|26 Jul 2024|user:Add.\n1 and 2</s>assistant:"


@pytest.mark.parametrize("text", [STRICT, FORGETFUL])
def test_system_text_that_a_template_does_not_take_goes_in_front_of_the_users(text):
    row = Row(id="1", instruction="Add.", input="1 and 2", output="3", system="Be brief.")
    assert template(text).render(row).prompt == "<user>Be brief.\n\nAdd.\n1 and 2<assistant>"
    assert template(text).render(ROW).prompt == "<user>Add.\n1 and 2<assistant>"


def test_a_refusal_names_the_row():
    with pytest.raises(DataError, match=r"row file:7: the template refuses it: no numbers"):
        template("{% if '7' in messages[0]['content'] %}{{ raise_exception('no numbers') }}{% endif %}").render(
            Row(id="file:7", instruction="7", output="8")
        )
    with pytest.raises(DataError, match=r"row file:8: the template refuses it"):
        template("{{ messages[0]['content'] + 1 }}").render(Row(id="file:8", instruction="7", output="8"))


def test_marks_of_the_assistants_text_leave_no_trace():
    text = "{% for m in messages %}{% generation %}{{ m['content'] }}{% endgeneration %}{% endfor %}"
    assert template(text).render(Row(id="1", instruction="a", output="b")).response == "b"


def test_of_several_templates_the_default_counts(tmp_path):
    several = [{"name": "tool_use", "template": "tools"}, {"name": "default", "template": CHATML}]
    assert chat_template_text("chat", model(tmp_path, chat_template=several)) == CHATML
    assert chat_template_text("chat", model(tmp_path, chat_template={"default": CHATML, "rag": "r"})) == CHATML
    with pytest.raises(ModelError, match=r"no chat template named default, only tool_use"):
        chat_template_text("chat", model(tmp_path, chat_template=several[:1]))


def test_alpacas_text_is_the_one_that_the_code_versions_stand_for():
    """Whoever changes the text raises the code versions of the three stages, and then writes both anew here."""
    versions = [CODE_VERSION[kind] for kind in (StageKind.TOKENIZE, StageKind.GENERATE, StageKind.REQUESTS)]
    digest = hashlib.sha256(ALPACA.encode()).hexdigest()[:16]
    assert (versions, digest) == ([2, 2, 2], "81914b493b935334")


def tokens_fingerprint(folder, template="chat"):
    """Of the tokens of phase 2, over the model in `folder`."""
    hyperparameters = {"learning_rate": 1e-3, "epochs": 1, "global_batch": 4, "max_length": 64}
    phase = {"data": {"mini": "alpaca-mini"}, "hyperparameters": hyperparameters}
    document = {"name": "x", "base": str(folder), "template": template, "phase1": {"train": phase}, "phase2": phase}
    digests = LeafDigests(folder.parent / "digests")
    plan = build_plan(experiment_from_document(document), digests.known, toy_pack)
    return plan.stage("tokens.p2").fingerprint


def test_the_templates_text_is_identity_wherever_it_comes_from(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    model(folder, chat_template=CHATML)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"w")
    own = tokens_fingerprint(folder)
    assert own == tokens_fingerprint(folder)
    given = {tokens_fingerprint(folder, one) for one in ("alpaca", {"text": CHATML}, {"text": CHATML + " "})}
    assert len({own, *given}) == 4
    (folder / "chat_template.jinja").write_text(STRICT)
    beside = tokens_fingerprint(folder)
    (folder / "chat_template.jinja").write_text(STRICT + " ")
    assert len({own, beside, tokens_fingerprint(folder)}) == 3
    (folder / "chat_template.jinja").unlink()
    assert tokens_fingerprint(folder) == own
