"""What a record says of where and with what it was made."""

from __future__ import annotations

import functools
import os
import platform
import socket
from typing import Any

import psutil

from cftray.versions import versions


@functools.cache
def provenance() -> dict[str, Any]:
    """Versions and hardware of this host. Memory is in bytes."""
    packages = versions()
    return {
        "cftray": packages.pop("cftray"),
        "python": packages.pop("python"),
        "packages": packages,
        "host": socket.gethostname(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory": psutil.virtual_memory().total,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
