"""The environment that the parts of the embedded stack, and with them all jobs, are started in.

Chosen by name: a worker needs no secret of the shell that brought the stack up but the keys of the
endpoints that the operator has named. Every cache lies in
the stack's folder, so that nothing is written into the user's home.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cftray.endpoint.catalogue import VARIABLE, Endpoints, is_text
from cftray.errors import EndpointRefused
from cluster.errors import ClusterError
from cluster.processes import MARK
from cluster.settings import PROJECT, ClusterSettings

PASSED = (
    "HOME USER LOGNAME LANG TZ TERM TMPDIR LD_LIBRARY_PATH CC CXX CPATH LIBRARY_PATH OMP_NUM_THREADS "
    "PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX "
    "SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE "
    "HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy"
)
"""Variables passed on as they are, by name."""

PASSED_PREFIXES = ("LC_", "CUDA_", "NVIDIA_", "NCCL_", "GLOO_", "HF_", "PYENV_")
"""Families of variables passed on: locale, accelerator, network of the workers, Hugging Face, pyenv."""


def base_environment(settings: ClusterSettings) -> dict[str, str]:
    """What every part gets."""
    passed = {
        name: value for name, value in os.environ.items() if name in PASSED.split() or name.startswith(PASSED_PREFIXES)
    }
    return _caches(settings.home / "cache") | passed | {
        MARK: settings.identity,
        "SPT_NOENV": "1",  # Ray's processes keep their environment, and so the mark, when they set their title
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": str(PROJECT),
        "PYTHONUNBUFFERED": "1",
        "DO_NOT_TRACK": "1",
    }  # fmt: skip


def endpoint_environment() -> dict[str, str]:
    """The operator's endpoints and the variables that hold their keys, for the part whose processes ask them.

    Raises ClusterError where the endpoints can't be read. A key that is not set shows when it is needed.
    """
    given = endpoint_variable()
    try:
        named = Endpoints.of(given).named.values()
    except EndpointRefused as error:
        raise ClusterError(error.message) from None
    keys = {one.key_env for one in named if one.key_env is not None}
    return given | {name: os.environ[name] for name in sorted(keys) if name in os.environ}


def endpoint_variable() -> dict[str, str]:
    """Where the operator's endpoints are, however the parts' working folders differ from this one."""
    given = os.environ.get(VARIABLE, "").strip()
    if given and not is_text(given):
        given = str(Path(given).expanduser().absolute())
    return {VARIABLE: given} if given else {}


def has_gpu() -> bool:
    """Whether this machine shows an NVIDIA device."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


def threads(settings: ClusterSettings) -> int:
    """Threads of a worker's arithmetic: the cores, divided by the two workers that a phase has here."""
    return max(1, (settings.cpus or os.cpu_count() or 1) // 2)


def _caches(folder: Path) -> dict[str, str]:
    """Where programs put what they would otherwise put into the home."""
    return {
        "XDG_CACHE_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_DATA_HOME": str(folder / "data"),
        "HF_HOME": str(folder / "huggingface"),
        "MPLCONFIGDIR": str(folder / "matplotlib"),
        "NLTK_DATA": str(folder / "nltk"),
        "NUMBA_CACHE_DIR": str(folder / "numba"),
        "TORCH_HOME": str(folder / "torch"),
        "TORCH_EXTENSIONS_DIR": str(folder / "torch_extensions"),
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "torchinductor"),
        "TRITON_HOME": str(folder),
        "TRITON_CACHE_DIR": str(folder / "triton"),
    }
