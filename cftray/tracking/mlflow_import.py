"""MLflow's client at half its price.

`import mlflow` pulls in pandas, scipy, pyarrow and numpy wherever they are installed, for adapters
that a tracking client never calls: 130 MB in the control plane instead of 45. They are hidden while it
is imported, from the importing thread alone.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any

HIDDEN = frozenset({"pandas", "scipy", "pyarrow", "numpy", "sklearn", "matplotlib", "torch"})

SETTINGS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
"""A dead MLflow is noticed in seconds: the control plane tries again by itself. What the operator has
set in the environment stays."""


class _Hide(MetaPathFinder):
    def __init__(self) -> None:
        self.thread = threading.get_ident()

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:  # noqa: ARG002
        """Refuse the hidden ones; None leaves all others to the next finder."""
        if threading.get_ident() == self.thread and fullname.partition(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"{fullname} is hidden while MLflow is imported", name=fullname)


@contextmanager
def _hidden() -> Iterator[None]:
    finder = _Hide()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def import_mlflow() -> tuple[Any, Any, Any]:
    """`MlflowClient`, the module of its entities, and its one error; with short timeouts set."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    with _hidden():
        from mlflow import MlflowClient, entities
        from mlflow.exceptions import MlflowException
    return MlflowClient, entities, MlflowException
