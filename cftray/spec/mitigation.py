"""Strategies against forgetting in phase 2 (paper, section 5), one discriminated union."""

from __future__ import annotations

from typing import Literal

from cftray.spec.base import SpecModel


class NoMitigation(SpecModel):
    """Plain phase 2."""

    kind: Literal["none"] = "none"


Mitigation = NoMitigation
