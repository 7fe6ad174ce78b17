"""How a row becomes text: Jinja chat templates, rendered as transformers renders them.

A template gets `messages`, the tokenizer's special tokens (`bos_token`, `eos_token`, ...) and
`add_generation_prompt`. The user's message has `content` and, for templates that set them apart,
`instruction` and `input`. The text that asks for the response must be the beginning of the whole text,
or the loss mask could not be drawn.

The text is a function of template, special tokens and row alone, since these are what a fingerprint
covers. So a template that prints the date gets the same one every day (`DATE`). A template that refuses
a system message, or leaves it out, gets the row's system text in front of the user's message, a blank
line between.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.parser
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
"""Stanford Alpaca's prompt (tatsu-lab/stanford_alpaca, train.py) as a chat template. Its name stands for
it in a fingerprint: who changes the text raises the code versions of the stages that render it."""

DATE = datetime(2024, 7, 26)
"""Today, for every template: the day that Llama 3's templates name where nobody tells them another."""

SPECIAL_TOKENS = ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token")

DEFAULT = "default"
"""The name of the template that counts where a model has several."""

Message = Mapping[str, str]

_MARK = "(system text)"
_ERRORS = (jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a template's own mistakes raise when it is rendered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A row as text; `prompt + response` is what the model reads, the loss is on `response`."""

    prompt: str
    response: str


class ChatTemplate:
    """A compiled template with its tokenizer's special tokens."""

    def __init__(self, text: str, **special: str) -> None:
        """`special` are tokens by transformers' names; `bos_token` and `eos_token` are empty where not given."""
        self.text = text
        self._special = {"bos_token": "", "eos_token": ""} | special
        try:
            self._compiled = _environment().from_string(text)
        except jinja2.TemplateSyntaxError as error:
            raise DataError(f"template, line {error.lineno}: {error.message}; expected a Jinja template") from error

    @functools.cached_property
    def takes_system(self) -> bool:
        """Whether a system message is in the text; otherwise it goes in front of the user's."""
        try:
            return _MARK in self._text(_messages(Row(id="", instruction="1", output="2", system=_MARK)), ask=True)
        except _ERRORS:
            return False

    def render(self, row: Row) -> Rendered:
        """The row as prompt and response. Raises DataError where the template refuses it or can't be split so."""
        messages = _messages(row)
        try:
            prompt = self.prompt(messages)
            whole = self._text([*self._taken(messages), {"role": "assistant", "content": row.output}], ask=False)
        except _ERRORS as error:
            raise DataError(
                f"row {row.id}: the template refuses it: {error}; mend the row, or choose another template"
            ) from error
        if not whole.startswith(prompt):
            raise DataError(
                f"row {row.id}: the template writes the prompt otherwise once the response follows; "
                "the text up to add_generation_prompt must be the beginning of the whole"
            )
        return Rendered(prompt=prompt, response=whole[len(prompt) :])

    def prompt(self, messages: Sequence[Message]) -> str:
        """The text that asks for a response. A user's message has content, instruction and input.

        Raises what the template raises.
        """
        return self._text(self._taken(messages), ask=True)

    def _taken(self, messages: Sequence[Message]) -> list[Message]:
        """The messages, a system text moved to where the template takes it."""
        if len(messages) < 2 or messages[0]["role"] != "system" or self.takes_system:
            return list(messages)
        system, user, *rest = messages
        moved = {name: f"{system['content']}\n\n{user[name]}" for name in ("content", "instruction")}
        return [{**user, **moved}, *rest]

    def _text(self, messages: Sequence[Message], *, ask: bool) -> str:
        return self._compiled.render(
            messages=messages,
            add_generation_prompt=ask,
            tools=None,
            documents=None,
            date_string=DATE.strftime("%d %b %Y"),
            **self._special,
        )


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
    given = tokenizer_config(model_dir).get("chat_template")
    if isinstance(given, list):
        given = {one.get("name"): one.get("template") for one in given if isinstance(one, dict)}
    text = given.get(DEFAULT) if isinstance(given, dict) else given
    if not isinstance(text, str):
        others = f" named {DEFAULT}, only {', '.join(map(str, given))}" if isinstance(given, dict) and given else ""
        raise ModelError(
            f"{model_dir.name}: has no chat template{others}; choose template: alpaca, or give one as text"
        )
    return text


def load_template(template: Template, model_dir: Path) -> ChatTemplate:
    """The spec's template with the special tokens of the model's tokenizer."""
    config = tokenizer_config(model_dir)
    tokens = {name: token for name in SPECIAL_TOKENS if (token := _token(config.get(name)))}
    if "eos_token" not in tokens:
        raise ModelError(f"{model_dir.name}: tokenizer_config.json names no eos_token; a response could never end")
    return ChatTemplate(chat_template_text(template, model_dir), **tokens)


def tokenizer_config(model_dir: Path) -> dict[str, Any]:
    """tokenizer_config.json. Raises ModelError where it is not there."""
    path = model_dir / "tokenizer_config.json"
    if not path.is_file():
        raise ModelError(f"{model_dir.name}: has no tokenizer_config.json; expected a Hugging Face model folder")
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return config


def _messages(row: Row) -> list[Message]:
    content = f"{row.instruction}\n{row.input}" if row.input else row.instruction
    user = {"role": "user", "content": content, "instruction": row.instruction, "input": row.input}
    system = [{"role": "system", "content": row.system}] if row.system else []
    return [*system, user]


def _token(value: object) -> str:
    if isinstance(value, dict):
        return str(value.get("content", ""))
    return value if isinstance(value, str) else ""


def _environment() -> ImmutableSandboxedEnvironment:
    """As transformers' (utils/chat_template_utils.py)."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", _Generation]
    )
    environment.filters["tojson"] = _json
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = DATE.strftime
    return environment


class _Generation(jinja2.ext.Extension):
    """`{% generation %}`, with which templates mark the assistant's text: what is inside, as it is."""

    tags = {"generation"}  # noqa: RUF012 - as the base class has it

    def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
        """The statements between the tags."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _refuse(message: str) -> None:
    raise jinja2.TemplateError(message)
