"""Versions of what can move a result: Python, CFTRay and the packages that stages compute with."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import cftray

PACKAGES = (
    "torch",
    "deepspeed",
    "transformers",
    "tokenizers",
    "ray",
    "lm-eval",
    "sentence-transformers",
    "peft",
    "datasets",
    "numpy",
    "pydantic",
)


def versions() -> dict[str, str]:
    """By name, as far as installed in this process' environment."""
    found = {name: told for name in PACKAGES if (told := _version(name)) is not None}
    return {"cftray": cftray.__version__, "python": platform.python_version()} | found


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
