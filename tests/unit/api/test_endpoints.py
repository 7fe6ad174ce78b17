"""A spec that names an endpoint the operator has not set up is refused, with the names that there are."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from api.app import Parts, create_app
from api.settings import Settings
from cftray.recipes import spec_from_document
from cftray.spec import EndpointModel, ExperimentSpec
from tests.unit.api.conftest import MINI
from tests.unit.api.fakes import Clock, FakeJobs

ENDPOINTS = '{"judge": {"url": "https://host/v1"}, "nllb": {"url": "http://127.0.0.1:9/v1", "model": "nllb"}}'


class AskingSpec(ExperimentSpec):
    """An experiment with something that asks an endpoint."""

    asks: EndpointModel


def asking(endpoint: str, model: str = "any") -> AskingSpec:
    whole = spec_from_document(MINI).model_dump() | {"asks": {"endpoint": endpoint, "model": model}}
    return AskingSpec.model_validate(whole)


@pytest.mark.parametrize(
    ("endpoints", "spec", "path", "said"),
    [
        (ENDPOINTS, asking("jugde"), "asks.endpoint", "did you mean judge? (judge, nllb)"),
        (ENDPOINTS, asking("nllb", "gpt"), "asks.model", "nllb"),
        (None, asking("judge"), "asks.endpoint", "CFTRAY_ENDPOINTS"),
    ],
)
def test_faults_name_what_there_is(
    tmp_path: Path, endpoints: str | None, spec: AskingSpec, path: str, said: str
) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/c.db", store=tmp_path / "s", endpoints=endpoints)
    plans = create_app(settings, Parts(jobs=FakeJobs(), clock=Clock())).state.services.plans
    [fault] = plans.faults(spec)
    assert fault.path == path
    assert said in fault.expected


def test_a_service_whose_endpoints_can_t_be_read_does_not_start() -> None:
    with pytest.raises(ValidationError, match=r"judge\.url"):
        Settings(endpoints='{"judge": {"url": "nowhere"}}')
