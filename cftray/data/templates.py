"""How a row becomes text: Jinja chat templates, rendered as transformers renders them.

A template gets `messages`, `bos_token`, `eos_token` and `add_generation_prompt`. The user's message
has `content` and, for templates that set them apart, `instruction` and `input`. The text that asks
for the response must be the beginning of the whole text, or the loss mask could not be drawn.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from cftray.data.rows import Row
from cftray.errors import DataError, ModelError
from cftray.spec.template import Template, TextTemplate

ALPACA = """\
{{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}{{ message['content'] }}

{% elif message['role'] == 'user' %}{% if message['input'] %}\
Below is an instruction that describes a task, paired with an input that provides further context. \
Write a response that appropriately completes the request.

### Instruction:
{{ message['instruction'] }}

### Input:
{{ message['input'] }}

### Response:
{% else %}Below is an instruction that describes a task. \
Write a response that appropriately completes the request.

### Instruction:
{{ message['content'] }}

### Response:
{% endif %}{% else %}{{ message['content'] }}{{ eos_token }}{% endif %}{% endfor %}"""
"""Stanford Alpaca's prompt (tatsu-lab/stanford_alpaca, train.py) as a chat template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A row as text; `prompt + response` is what the model reads, the loss is on `response`."""

    prompt: str
    response: str


class ChatTemplate:
    """A compiled template with its tokenizer's special tokens."""

    def __init__(self, text: str, *, bos_token: str, eos_token: str) -> None:
        self.text = text
        self._special = {"bos_token": bos_token, "eos_token": eos_token}
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
        environment.globals["raise_exception"] = _refuse
        environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
        try:
            self._compiled = environment.from_string(text)
        except jinja2.TemplateSyntaxError as error:
            raise DataError(f"template, line {error.lineno}: {error.message}; expected a Jinja template") from error

    def render(self, row: Row) -> Rendered:
        """The row as prompt and response. Raises DataError where the template can't be split so."""
        asked = _messages(row)
        prompt = self._text(asked, ask=True)
        whole = self._text([*asked, {"role": "assistant", "content": row.output}], ask=False)
        if not whole.startswith(prompt):
            raise DataError(
                "the template writes the prompt otherwise once the response follows; "
                "the text up to add_generation_prompt must be the beginning of the whole"
            )
        return Rendered(prompt=prompt, response=whole[len(prompt) :])

    def _text(self, messages: list[dict[str, str]], *, ask: bool) -> str:
        try:
            return self._compiled.render(messages=messages, add_generation_prompt=ask, **self._special)
        except jinja2.TemplateError as error:
            raise DataError(f"the template refuses a row: {error}") from error


def chat_template_text(template: Template, model_dir: Path) -> str:
    """The text that a spec's template stands for; `chat` is the model's own.

    Raises ModelError where the model has none.
    """
    if isinstance(template, TextTemplate):
        return template.text
    if template == "alpaca":
        return ALPACA
    beside = model_dir / "chat_template.jinja"
    if beside.is_file():
        return beside.read_text(encoding="utf-8")
    text = tokenizer_config(model_dir).get("chat_template")
    if not isinstance(text, str):
        raise ModelError(f"{model_dir.name}: has no chat template; choose template: alpaca, or give one as text")
    return text


def load_template(template: Template, model_dir: Path) -> ChatTemplate:
    """The spec's template with the special tokens of the model's tokenizer."""
    config = tokenizer_config(model_dir)
    tokens = {name: _token(config.get(name)) for name in ("bos_token", "eos_token")}
    if not tokens["eos_token"]:
        raise ModelError(f"{model_dir.name}: tokenizer_config.json names no eos_token; a response could never end")
    return ChatTemplate(chat_template_text(template, model_dir), **tokens)


def tokenizer_config(model_dir: Path) -> dict[str, Any]:
    """tokenizer_config.json. Raises ModelError where it is not there."""
    path = model_dir / "tokenizer_config.json"
    if not path.is_file():
        raise ModelError(f"{model_dir.name}: has no tokenizer_config.json; expected a Hugging Face model folder")
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return config


def _messages(row: Row) -> list[dict[str, str]]:
    content = f"{row.instruction}\n{row.input}" if row.input else row.instruction
    user = {"role": "user", "content": content, "instruction": row.instruction, "input": row.input}
    system = [{"role": "system", "content": row.system}] if row.system else []
    return [*system, user]


def _token(value: object) -> str:
    if isinstance(value, dict):
        return str(value.get("content", ""))
    return value if isinstance(value, str) else ""


def _refuse(message: str) -> None:
    raise jinja2.TemplateError(message)
