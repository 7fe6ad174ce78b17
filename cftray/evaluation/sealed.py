"""A process sealed from the network and from the user's home while lm-eval runs in it.

Environment variables must be set before `datasets` and `huggingface_hub` are imported; where they
are imported already (a reused process), their constants are set as well.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_EVALUATE_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TQDM_DISABLE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


@contextmanager
def sealed(cache: Path) -> Iterator[None]:
    """No network; data sets' caches in `cache`, which is gone afterwards."""
    places = {
        "HF_DATASETS_CACHE": str(cache / "datasets"),
        "HF_MODULES_CACHE": str(cache / "modules"),
        "LM_HARNESS_CACHE_PATH": str(cache / "lm_eval"),
    }
    wanted = OFFLINE | places
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    constants = _constants(cache)
    try:
        yield
    finally:
        for (module, name), value in constants.items():
            setattr(sys.modules[module], name, value)
        for name, old in before.items():
            if old is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = old
        shutil.rmtree(cache, ignore_errors=True)


def _constants(cache: Path) -> dict[tuple[str, str], object]:
    """Set the constants of modules that are imported already; returns what they were."""
    wanted: dict[tuple[str, str], object] = {
        ("huggingface_hub.constants", "HF_HUB_OFFLINE"): True,
        ("datasets.config", "HF_HUB_OFFLINE"): True,
        ("datasets.config", "HF_DATASETS_CACHE"): cache / "datasets",
        ("datasets.config", "HF_MODULES_CACHE"): cache / "modules",
    }
    before: dict[tuple[str, str], object] = {}
    for (module, name), value in wanted.items():
        if module in sys.modules and hasattr(sys.modules[module], name):
            before[module, name] = getattr(sys.modules[module], name)
            setattr(sys.modules[module], name, value)
    return before
