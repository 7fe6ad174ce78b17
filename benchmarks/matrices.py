"""How long it takes to plan a matrix of 1,000 cells, and to store it: `python -m benchmarks.matrices`.

Planning is what a request does before anything is stored: cells from the document, their checks, their plans with every
fingerprint, and how each stage stands. Beside it the same cells one at a time, as so many experiments would be POSTed;
and the number of stages that are distinct, told from the plans and by hand.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from api.app import create_app
from api.database import Database
from api.deps import Services
from api.settings import Settings
from cftray.recipes import cells_of, matrix_from_document

RATIOS, RATES, SEEDS = 5, 20, 10


def document() -> dict[str, Any]:
    """The miniature's phase 2 with five shares of replay and twenty learning rates, ten seeds each."""
    shares = [{"kind": "generative_replay", "ratio": (one + 1) / 20} for one in range(RATIOS)]
    rates = [round(1e-4 * 1.2**one, 9) for one in range(RATES)]
    axes = {"mitigation": shares, "phase2.hyperparameters.learning_rate": rates, "seed": list(range(SEEDS))}
    return {"name": "large", "spec": {"recipe": "mini", "pair": "dissimilar"}, "axes": axes}


def planned(services: Services) -> tuple[float, int, int]:
    """(seconds, stages, distinct ones) of planning all cells at one moment."""
    started = time.perf_counter()
    cells = cells_of(matrix_from_document(document()))
    moment = services.plans.moment()
    if any(services.plans.faults(cell.spec, moment) for cell in cells):
        raise SystemExit("a cell of the benchmark is refused; mend the document")
    every = [stage for cell in cells for stage in services.experiments.prepare(cell.spec, moment).stages]
    seconds = time.perf_counter() - started
    return seconds, len(every), len({stage.fingerprint for stage in every})


def one_by_one(services: Services) -> float:
    """Seconds of the same cells without anything in common."""
    cells = cells_of(matrix_from_document(document()))
    started = time.perf_counter()
    for cell in cells:
        services.plans.faults(cell.spec)
        services.experiments.prepare(cell.spec)
    return time.perf_counter() - started


def stored(services: Services) -> float:
    """Seconds of the whole request, from the document to the answer."""
    started = time.perf_counter()
    services.matrices.create(document(), None)
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="cftray-benchmark-") as temporary:
        folder = Path(temporary)
        settings = Settings(database_url=f"sqlite:///{folder}/control.db", store=folder / "store")
        Database(settings.database_url.get_secret_value()).migrate()
        services: Services = create_app(settings).state.services
        found = [planned(services) for _ in range(rounds)]
        alone = one_by_one(services)
        whole = stored(services)
    seconds = statistics.median(one[0] for one in found)
    _, stages, distinct = found[0]
    print(f"cells                      {RATIOS * RATES * SEEDS:,}")
    print(f"stages, distinct ones      {stages:,}, {distinct:,}")
    print(f"planned together           {seconds:.2f} s (median of {rounds})")
    print(f"one by one                 {alone:.2f} s, {alone / seconds:.1f} times as long")
    print(f"POST whole, with storing   {whole:.2f} s")
    print(f"peak memory                {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
