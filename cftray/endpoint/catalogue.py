"""The endpoints that an operator has set up, by name.

    CFTRAY_ENDPOINTS=/etc/cftray/endpoints.yaml      (or the mapping itself, starting with `{`)

    judge:
      url: https://api.example.com/v1
      key_env: EXAMPLE_KEY
      requests_per_minute: 300

No message about this file repeats a value of it: somebody may have put a key where none belongs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

import yaml
from pydantic import Field, TypeAdapter, ValidationError, field_validator

from cftray.errors import EndpointRefused, Fault, nearest
from cftray.spec.base import SpecModel
from cftray.spec.endpoint import EndpointModel, EndpointName
from cftray.spec.execution import EndpointBudget

VARIABLE = "CFTRAY_ENDPOINTS"


class Price(SpecModel):
    """What a million tokens cost, in whatever currency budgets are meant in."""

    prompt_per_million: Annotated[float, Field(ge=0)]
    completion_per_million: Annotated[float, Field(ge=0)]


class EndpointSettings(SpecModel):
    """Where an endpoint is, and how much may be asked of it at a time."""

    url: Annotated[str, Field(max_length=2000, description="its base, to which /chat/completions is added")]
    model: Annotated[str | None, Field(description="the one model that may be asked for; null: any")] = None
    key_env: Annotated[
        str | None, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$", description="the variable that holds the key")
    ] = None
    requests_per_minute: Annotated[float | None, Field(gt=0)] = None
    tokens_per_minute: Annotated[float | None, Field(gt=0)] = None
    concurrency: Annotated[int, Field(ge=1, le=512, description="requests under way at a time")] = 8
    timeout_s: Annotated[float, Field(gt=0, le=3600, description="for one whole answer")] = 120.0
    price: Price | None = None
    limit_field: Annotated[
        Literal["max_tokens", "max_completion_tokens"], Field(description="how the endpoint calls an answer's limit")
    ] = "max_tokens"

    @field_validator("url")
    @classmethod
    def _plain_base(cls, value: str) -> str:
        """Only a plain base: what else a URL may hold is either secret or lost when a path is added."""
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("an http:// or https:// URL such as https://api.example.com/v1")
        if "@" in parts.netloc:
            raise ValueError("a URL without user and password; a key belongs into the variable that key_env names")
        if parts.query or parts.fragment:
            raise ValueError("a URL without ? and #")
        return value.rstrip("/").removesuffix("/chat/completions")


_FILE: TypeAdapter[dict[str, EndpointSettings]] = TypeAdapter(dict[EndpointName, EndpointSettings])


class Endpoints:
    """All named endpoints."""

    def __init__(self, named: Mapping[str, EndpointSettings] | None = None) -> None:
        self.named = dict(named or {})

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Those of `CFTRAY_ENDPOINTS`; none where it is not set. Raises EndpointRefused where it can't be read."""
        return cls(read_endpoints(environment.get(VARIABLE)))

    def get(self, name: str) -> EndpointSettings:
        """Raises EndpointRefused where there is none of that name."""
        if name not in self.named:
            raise EndpointRefused(f"endpoint {name}: {self._expected(name)}")
        return self.named[name]

    def fault(self, path: str, wanted: EndpointModel, budget: EndpointBudget) -> Fault | None:
        """What rules out asking for `wanted`, named at `path` of a spec."""
        settings = self.named.get(wanted.endpoint)
        if settings is None:
            return Fault(path=f"{path}.endpoint", given=wanted.endpoint, expected=self._expected(wanted.endpoint))
        if settings.model not in (None, wanted.model):
            return Fault(path=f"{path}.model", given=wanted.model, expected=f"{wanted.endpoint} serves {settings.model}")
        if budget.cost is not None and settings.price is None:
            return Fault(
                path="execution.endpoint_budget.cost",
                given=f"{budget.cost:g}",
                expected=f"the operator has set no price for {wanted.endpoint}; limit requests or tokens instead",
            )
        return None

    def _expected(self, name: str) -> str:
        if not self.named:
            return f"this service has no endpoints; its operator names them in {VARIABLE}"
        return f"one that the operator has named in {VARIABLE}: {nearest(name, self.named)}"


def read_endpoints(given: str | None) -> dict[str, EndpointSettings]:
    """The mapping in `given`, a path or the text itself. Raises EndpointRefused, without repeating a value."""
    if given is None or not given.strip():
        return {}
    try:
        document = yaml.safe_load(_text(given.strip()))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise EndpointRefused(f"{VARIABLE} is neither YAML nor JSON{where}; expected {{name: {{url: …}}}}") from None
    try:
        return _FILE.validate_python(document or {})
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        lines = "".join(f"\n  {_place(one['loc'])}: {one['msg'].removeprefix('Value error, ')}" for one in faults)
        raise EndpointRefused(f"{VARIABLE} does not describe endpoints by name{lines}") from None


def endpoint_faults(spec: SpecModel, endpoints: Endpoints, budget: EndpointBudget) -> list[Fault]:
    """What is wrong with the endpoints that `spec` names, wherever in it they stand."""
    found = (endpoints.fault(path, wanted, budget) for path, wanted in _named(spec, ""))
    return [fault for fault in found if fault is not None]


def _named(value: object, path: str) -> Iterator[tuple[str, EndpointModel]]:
    match value:
        case EndpointModel():
            yield path, value
        case SpecModel():
            for name, one in value:
                yield from _named(one, f"{path}.{name}" if path else name)
        case tuple():
            for number, one in enumerate(value):
                yield from _named(one, f"{path}[{number}]")


def _text(given: str) -> str:
    if given.startswith("{"):
        return given
    path = Path(given).expanduser()
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise EndpointRefused(f"{VARIABLE} names {path}, which can't be read: {why}") from None


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in location) or "$"
