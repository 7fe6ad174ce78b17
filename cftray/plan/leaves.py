"""Leaves that a spec's references stand for."""

from __future__ import annotations

from cftray.plan.stages import Leaf, LeafKind
from cftray.spec.model import ModelRef


def model_leaf(reference: ModelRef) -> Leaf:
    """The leaf that a model reference stands for."""
    return Leaf(kind=LeafKind.MODEL, location=reference.model, revision=reference.revision)


def encoder_leaf(reference: ModelRef) -> Leaf:
    """The leaf that a sentence encoder stands for."""
    return Leaf(kind=LeafKind.ENCODER, location=reference.model, revision=reference.revision)
