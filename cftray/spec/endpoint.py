"""A model behind an OpenAI-compatible endpoint, named and never addressed.

An operator gives endpoints their names (`CFTRAY_ENDPOINTS`); a spec holds neither an address nor a key, so
that nobody can make the service ask where it should not, and no record can tell a secret.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cftray.spec.base import SpecModel

EndpointName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class EndpointModel(SpecModel):
    """Which model of which endpoint is asked. Both are identity: another endpoint may serve other weights."""

    endpoint: Annotated[EndpointName, Field(description="a name that the operator has given")]
    model: Annotated[str, Field(min_length=1, max_length=200, description="as the endpoint calls it")]
