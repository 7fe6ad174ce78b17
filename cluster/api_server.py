"""The API of the embedded stack."""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

from cluster.environment import base_environment, endpoint_variable
from cluster.services import Links, Service, answers
from cluster.settings import LOOPBACK, ClusterSettings


def service(settings: ClusterSettings, links: Links) -> Service:
    """`python -m api`, told where the other parts are; the caller's own `CFTRAY_…` reach it too."""
    theirs = {name: value for name, value in os.environ.items() if name.startswith("CFTRAY_")}
    ours = {
        "CFTRAY_HOST": LOOPBACK,
        "CFTRAY_PORT": str(urlsplit(links.api).port),
        "CFTRAY_DATABASE_URL": f"sqlite:///{settings.home / 'control.db'}",
        "CFTRAY_STORE": str(settings.store),
        "CFTRAY_RAY_ADDRESS": links.ray,
        "CFTRAY_RAY_TOKEN": links.ray_token,
        "CFTRAY_MLFLOW_URL": links.mlflow,
    }
    # A job that waits for cores costs a fifth of one; on a small machine eight of them would starve the two that work.
    usual = {"CFTRAY_MAX_JOBS": str(max(3, (os.cpu_count() or 1) // 2))}
    return Service(
        name="api",
        command=(sys.executable, "-m", "api"),
        env=usual | theirs | endpoint_variable() | base_environment(settings) | ours,
        folder=settings.home,
        log=settings.logs / "api.log",
        url=links.api,
        ready=lambda: answers(f"{links.api}/healthz"),
    )
