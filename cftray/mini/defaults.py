"""The hyperparameters of the miniature's experiments.

Provisional: sized from token counts, not yet chosen by a finished `cftray.mini.check_effects` run.
"""

from __future__ import annotations

from typing import Final

PHASE1_LR: Final = 1e-3
PHASE2_LR: Final = 5e-4
SAMPLES: Final = 2500
EPOCHS: Final = 3
GLOBAL_BATCH: Final = 32
WARMUP: Final = 10
MAX_LENGTH: Final = 128
WEIGHT_DECAY: Final = 0.0
TEMPLATE: Final = "chat"
"""The base model's own chat template."""
PHASE1_SIMILAR: Final = "alpaca-mini"
PHASE1_DISSIMILAR: Final = "instruct-mini"
PHASE2_DATA: Final = "multialpaca-mini"
EVALUATION_BATCH: Final = 64
