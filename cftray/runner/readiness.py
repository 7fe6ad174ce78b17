"""Whether a job can do what its plan will ask of others at its end: looked at before its first stage.

An endpoint's key is known where jobs run and nowhere else, so it is looked for here: a judge that can't be asked shall
be found before a day of training, not after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cftray.endpoint import open_endpoint
from cftray.errors import EndpointRefused
from cftray.plan import JudgeConfig, Plan, StageNode, TranslateConfig
from cftray.runner.failures import failure_of
from cftray.spec.translation import EndpointTranslator
from cftray.store import Failure, Store


def unready(plan: Plan, store: Store, environment: Mapping[str, str]) -> Failure | None:
    """Why a stage that is still to run could not, by the endpoints it would ask; None where all are there."""
    for node in plan.stages:
        if node.fingerprint is not None and store.record(node.fingerprint) is not None:
            continue
        for endpoint in _endpoints(node):
            try:
                open_endpoint(endpoint, environment).close()
            except EndpointRefused as error:
                return failure_of(error, node.name)
    return None


def _endpoints(node: StageNode) -> Iterator[str]:
    match node.config:
        case JudgeConfig(judge=judge):
            yield judge.endpoint
        case TranslateConfig(translator=EndpointTranslator() as translator):
            yield translator.endpoint
        case _:
            return
