"""Operators name endpoints; a wrong file is refused without repeating it, a wrong name by listing the right ones."""

from __future__ import annotations

import json

import pytest

from cftray.endpoint import Endpoints, EndpointSettings, endpoint_faults, open_endpoint, read_endpoints
from cftray.errors import EndpointRefused
from cftray.spec import EndpointBudget, EndpointModel
from cftray.spec.base import SpecModel

FILE = """
judge:
  url: https://api.example.com/v1/
  key_env: JUDGE_KEY
  requests_per_minute: 300
  price: {prompt_per_million: 2.5, completion_per_million: 10}
local: {url: "http://127.0.0.1:8001/v1", model: llama}
"""


class Part(SpecModel):
    translator: EndpointModel | None = None
    parts: tuple[EndpointModel | int, ...] = ()


class Spec(SpecModel):
    judge: EndpointModel | None = None
    phase: Part = Part()


def faults(spec, **budget):
    found = endpoint_faults(spec, Endpoints(read_endpoints(FILE)), EndpointBudget(**budget))
    return {one.path: one.expected for one in found}


def of(endpoint, model="any"):
    return EndpointModel(endpoint=endpoint, model=model)


def test_a_file_and_the_text_itself_say_the_same(tmp_path):
    path = tmp_path / "endpoints.yaml"
    path.write_text(FILE)
    named = read_endpoints(str(path))
    assert set(named) == {"judge", "local"}
    assert named["judge"].url == "https://api.example.com/v1"
    inline = json.dumps({name: one.model_dump() for name, one in named.items()})
    assert read_endpoints(inline) == named


@pytest.mark.parametrize("given", [None, "", "  "])
def test_without_the_variable_there_are_no_endpoints(given):
    assert read_endpoints(given) == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("/no/such/file.yaml", "can't be read"),
        ('{"judge": {"url": "sk-SECRET"}}', "judge.url: an http:// or https:// URL"),
        ('{"judge": {"url": "file:///SECRET"}}', "judge.url"),
        ('{"judge": {"url": "https://user:SECRET@host/v1"}}', "without user and password"),
        ('{"judge": {"url": "https://host/v1?key=SECRET"}}', "without"),
        ('{"judge": {"url": "https://host/v1", "key_env": "sk-SECRET"}}', "judge.key_env"),
        ('{"judge": {"url": "https://host/v1", "key": "sk-SECRET"}}', "judge.key: Extra inputs"),
        ('{"judge": {"url": "https://host/v1", "concurrency": 0}}', "judge.concurrency"),
        ('{"a name/of mine": {"url": "https://host/v1"}}', "a name/of mine"),
        ("sk-SECRET", "can't be read"),
        ("{judge: {url: 'SECRET", "neither YAML nor JSON"),
        ('["SECRET"]', "can't be read"),
        ("{judge: SECRET}", "judge"),
    ],
)
def test_a_wrong_file_is_refused_without_repeating_what_may_be_a_key(given, said):
    with pytest.raises(EndpointRefused) as refused:
        read_endpoints(given)
    assert said in refused.value.message
    assert "CFTRAY_ENDPOINTS" in refused.value.message
    assert given == "/no/such/file.yaml" or "SECRET" not in refused.value.message


def test_the_address_of_the_call_itself_is_understood_as_its_base():
    assert EndpointSettings(url="https://host/v1/chat/completions").url == "https://host/v1"


def test_an_unknown_name_is_a_fault_wherever_it_stands_and_lists_the_known_ones():
    spec = Spec(judge=of("jugde"), phase=Part(translator=of("local", "llama"), parts=(1, of("nowhere"))))
    found = faults(spec)
    assert set(found) == {"judge.endpoint", "phase.parts[1].endpoint"}
    assert "did you mean judge? (judge, local)" in found["judge.endpoint"]


def test_a_model_that_is_not_served_is_a_fault():
    assert faults(Spec(judge=of("local", "gpt"))) == {"judge.model": "llama, the one model of local"}


def test_a_budget_of_cost_needs_a_price():
    spec = Spec(judge=of("local", "llama"))
    assert list(faults(spec, cost=3)) == ["execution.endpoint_budget.cost"]
    assert faults(Spec(judge=of("judge")), cost=3) == {}


def test_a_service_without_endpoints_says_so():
    [fault] = endpoint_faults(Spec(judge=of("judge")), Endpoints(), EndpointBudget())
    assert "CFTRAY_ENDPOINTS" in fault.expected


def test_a_spec_without_endpoints_has_no_faults():
    assert faults(Spec(), cost=3) == {}


def test_opening_needs_name_and_key():
    environment = {"CFTRAY_ENDPOINTS": '{"judge": {"url": "https://host/v1", "key_env": "JUDGE_KEY"}}'}
    with pytest.raises(EndpointRefused, match=r"jury.*judge"):
        open_endpoint("jury", environment)
    with pytest.raises(EndpointRefused, match="JUDGE_KEY is not set"):
        open_endpoint("judge", environment)
    with open_endpoint("judge", environment | {"JUDGE_KEY": "sk-0123456789"}) as endpoint:
        assert endpoint.name == "judge"
