"""Do the paper's effects show? `python -m cftray.mini.check_effects [--seeds 17 18] [--pairs similar …]`.

Phase 1 on family A (similar) or B (dissimilar), phase 2 on the multilingual A, each evaluated with the
whole pack, in a bare loop on this machine. Prints TA and LA of both phases per pair, and the times.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from cftray.mini import defaults
from cftray.mini.datasets import rows
from cftray.mini.plain_loop import Phase, evaluate, load, suite_means, train

BASE = Path(__file__).parent / "base"
PAIRS = {"similar": defaults.PHASE1_SIMILAR, "dissimilar": defaults.PHASE1_DISSIMILAR}


def _report(name: str, trained: dict[str, float], means: dict[str, float], seconds: float) -> None:
    scores = " ".join(f"{key}={value:.3f}" for key, value in means.items())
    print(
        f"{name}: {scores} | loss {trained['loss']:.3f}, {trained['steps']:.0f} steps, "
        f"{trained['tokens']:.0f} tokens in {trained['seconds']:.0f} s; evaluation {seconds:.0f} s",
        flush=True,
    )


def run_pair(pair: str, *, base: Path, seed: int, phases: tuple[Phase, Phase]) -> None:
    """Both phases of a pair from one base with one seed, evaluated after each."""
    model, tokenizer = load(base)
    means: list[dict[str, float]] = []
    for number, (data, phase) in enumerate(
        zip((PAIRS[pair], defaults.PHASE2_DATA), phases, strict=True), start=1
    ):
        trained = train(model, tokenizer, rows(data, samples=phase.samples, seed=seed), phase, seed=seed)
        started = time.monotonic()
        means.append(suite_means(evaluate(model, tokenizer)))
        _report(f"{pair} seed {seed} P{number}", trained, means[-1], time.monotonic() - started)
    change = {suite: means[1][suite] - means[0][suite] for suite in ("ta", "la")}
    print(f"{pair} seed {seed}: TA {change['ta']:+.3f} LA {change['la']:+.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, default=BASE)
    parser.add_argument("--seeds", type=int, nargs="+", default=[17])
    parser.add_argument("--pairs", nargs="+", choices=sorted(PAIRS), default=list(PAIRS))
    parser.add_argument("--samples", type=int, default=defaults.SAMPLES)
    parser.add_argument("--epochs", type=int, default=defaults.EPOCHS)
    parser.add_argument("--lr", type=float, nargs=2, default=[defaults.PHASE1_LR, defaults.PHASE2_LR])
    given = parser.parse_args()
    first, second = (Phase(lr=lr, samples=given.samples, epochs=given.epochs) for lr in given.lr)
    for seed in given.seeds:
        for pair in given.pairs:
            run_pair(pair, base=given.base, seed=seed, phases=(first, second))


if __name__ == "__main__":
    main()
