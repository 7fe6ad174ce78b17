"""The MLflow server of the embedded stack: one process, SQLite, artifacts in the stack's folder."""

from __future__ import annotations

import sys
from urllib.parse import urlsplit

from cluster.environment import base_environment
from cluster.services import Links, Service, answers
from cluster.settings import LOOPBACK, ClusterSettings


def service(settings: ClusterSettings, links: Links) -> Service:
    """The application that `mlflow server` would start in a child, without the parent.

    The command imports all of MLflow once to read its options and once more in its child: on a small
    machine that doubles the start. It tells its child by the variables below, and a test compares
    their names with the installed MLflow's.
    """
    home = settings.home
    chosen = {
        "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{home / 'mlflow.db'}",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": (home / "artifacts").as_uri(),
        "_MLFLOW_SGI_NAME": "uvicorn",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    port = str(urlsplit(links.mlflow).port)
    options = ("--host", LOOPBACK, "--port", port, "--workers", "1", "--log-level", "warning")
    return Service(
        name="mlflow",
        command=(sys.executable, "-m", "uvicorn", *options, "mlflow.server.fastapi_app:app"),
        env=base_environment(settings) | chosen,
        folder=home,
        log=settings.logs / "mlflow.log",
        url=links.mlflow,
        # Not its /health, which answers before there is a database.
        ready=lambda: answers(f"{links.mlflow}/api/2.0/mlflow/experiments/search?max_results=1"),
    )
