"""t-SNE in two dimensions (van der Maaten and Hinton, 2008; scikit-learn's), the same picture every time.

Started from the two main components, not at random, and exact up to `EXACT` points. Distances between far
clusters of a t-SNE mean little; what is compared is told in numbers elsewhere.
"""

from __future__ import annotations

import numpy as np

from cftray.errors import DataError
from cftray.spec.analysis import TsneSettings

EXACT = 500
LEAST = 4
"""Points under which there is no neighbourhood to keep."""


def perplexity_for(points: int, wanted: float) -> float:
    """At most (points − 1) / 3, so that three times as many neighbours exist as it asks for."""
    return min(wanted, (points - 1) / 3)


def embed(values: np.ndarray, settings: TsneSettings) -> np.ndarray:
    """[n, d] to float64 [n, 2]. Raises DataError for fewer than four points, or points that are all one."""
    if len(values) < LEAST:
        raise DataError(f"t-SNE needs at least {LEAST} points and got {len(values)}; give more layers or sentences")
    values = np.asarray(values, dtype=np.float64)
    if not np.ptp(values, axis=0).any():
        raise DataError(f"all {len(values)} points are the same; t-SNE has nothing to lay out")
    from sklearn.manifold import TSNE

    model = TSNE(
        n_components=2,
        perplexity=perplexity_for(len(values), settings.perplexity),
        max_iter=settings.iterations,
        init="pca",
        learning_rate="auto",
        method="exact" if len(values) <= EXACT else "barnes_hut",
        random_state=settings.seed,
    )
    return np.asarray(model.fit_transform(values), dtype=np.float64)
