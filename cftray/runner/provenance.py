"""What a record says of where and with what it was made."""

from __future__ import annotations

import functools
import os
import platform
import socket
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import psutil

import cftray

PACKAGES = (
    "torch",
    "deepspeed",
    "transformers",
    "tokenizers",
    "ray",
    "lm-eval",
    "datasets",
    "numpy",
    "pydantic",
)


@functools.cache
def provenance() -> dict[str, Any]:
    """Versions and hardware of this host. Memory is in bytes."""
    return {
        "cftray": cftray.__version__,
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "host": socket.gethostname(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory": psutil.virtual_memory().total,
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
