"""What it takes to start one part of the stack, and to know that it is ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from cluster.settings import ClusterSettings

PROBE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One part: its command and environment, its address, and a look that says whether it is ready."""

    name: str
    command: tuple[str, ...]
    env: dict[str, str]
    folder: Path
    log: Path
    url: str
    ready: Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """How the parts reach each other: addresses, and the token that Ray asks for."""

    api: str
    mlflow: str
    ray: str
    ray_token: str


Recipe = Callable[[ClusterSettings, Links], Service]


def answers(url: str, token: str | None = None) -> bool:
    """Whether GET of an `http://` address succeeds. Cheap: it is asked often while the parts need the cores."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=PROBE_TIMEOUT_S)
    try:
        path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        return 200 <= connection.getresponse().status < 300
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
