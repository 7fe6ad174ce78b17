"""One process of LocalWorkers: `python -m cftray.training.local_main <folder> <rank>`."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any


def main(folder: Path, rank: int) -> int:
    """Run the task of `folder`; 0, or 1 with `error-<rank>.json` written."""
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    try:
        if task["joined"]:
            _join(folder, rank, task["size"], task["accelerator"])
        result = getattr(importlib.import_module(task["module"]), task["function"])(task["request"])
        if task["shares"] is not None:
            for item in task["shares"][rank]:
                result(item)
            result = None
        (folder / f"result-{rank}.json").write_text(json.dumps(result), encoding="utf-8")
    except Exception as error:  # noqa: BLE001 - told to the parent process, whatever it is
        _tell(folder / f"error-{rank}.json", error)
        return 1
    return 0


def _join(folder: Path, rank: int, size: int, accelerator: str | None) -> None:
    import torch

    if accelerator is not None:
        torch.cuda.set_device(rank)
    rendezvous = f"file://{folder / 'rendezvous'}"
    backend = "gloo" if accelerator is None else "nccl"
    torch.distributed.init_process_group(backend, init_method=rendezvous, rank=rank, world_size=size)


def _tell(path: Path, error: Exception) -> None:
    fact: dict[str, Any] = {
        "kind": type(error).__name__,
        "message": str(error),
        "traceback": "".join(traceback.format_exception(error)),
    }
    path.write_text(json.dumps(fact), encoding="utf-8")


if __name__ == "__main__":
    code = main(Path(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
