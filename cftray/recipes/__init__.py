"""Whole experiments as functions that return specs, and their short form in YAML.

    recipe: mini
    pair: dissimilar
    seeds: [17]

The paper's own experiments and tables are in `paper` and `paper_tables`.
"""

from cftray.evaluation.packs import find_pack
from cftray.recipes.catalogue import Recipe, catalogue, spec_from_document, spec_from_file
from cftray.recipes.matrices import (
    Cell,
    KnownCell,
    addition_from_document,
    cells_of,
    cells_with_more,
    grown,
    identity_of,
    matrix_from_document,
)
from cftray.recipes.mini import Pair, demo_matrix, mini
from cftray.recipes.open_choices import OpenChoice, OpenChoices, open_choices
from cftray.recipes.paper import paper
from cftray.recipes.paper_keys import paper_key
from cftray.recipes.paper_tables import mini_table, paper_table
from cftray.recipes.sweeps import TrialSpec, sweep_from_document, trials_of

__all__ = [
    "Cell",
    "KnownCell",
    "OpenChoice",
    "OpenChoices",
    "Pair",
    "Recipe",
    "TrialSpec",
    "addition_from_document",
    "catalogue",
    "cells_of",
    "cells_with_more",
    "demo_matrix",
    "find_pack",
    "grown",
    "identity_of",
    "matrix_from_document",
    "mini",
    "mini_table",
    "open_choices",
    "paper",
    "paper_key",
    "paper_table",
    "spec_from_document",
    "spec_from_file",
    "sweep_from_document",
    "trials_of",
]
