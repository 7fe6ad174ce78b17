"""Every benchmark in turn: `python -m benchmarks`. Figures are ratios within one run where they can be."""

from __future__ import annotations

import subprocess
import sys

PARTS = (
    "benchmarks.training", "benchmarks.freezing", "benchmarks.generation", "benchmarks.translation",
    "benchmarks.evaluation", "benchmarks.similarity", "benchmarks.representations", "benchmarks.api",
    "benchmarks.matrices", "benchmarks.experiment",
)  # fmt: skip


def main() -> int:
    """Run each part; the exit status is the worst one's."""
    worst = 0
    for part in PARTS:
        print(f"== {part}", flush=True)
        worst = max(worst, subprocess.run([sys.executable, "-m", part], check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
