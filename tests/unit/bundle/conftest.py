"""Bundles of the toy experiment whose records the report's tests make."""

from __future__ import annotations

from tests.unit.report.conftest import world

__all__ = ["world"]
