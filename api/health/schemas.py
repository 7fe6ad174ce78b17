"""What the API says about itself."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel


class PartStatus(StrEnum):
    """OFF: not configured."""

    OK = "ok"
    DOWN = "down"
    OFF = "off"


class Part(BaseModel):
    """One thing that the service needs, and how it is."""

    name: str
    status: PartStatus
    detail: str
    needed: bool


class Alive(BaseModel):
    """The process answers."""

    status: str
    version: str


class Ready(BaseModel):
    """Whether work can be taken and started. MLflow may be down: it is written to later."""

    ready: bool
    parts: list[Part]
