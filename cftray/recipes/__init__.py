"""Whole experiments as functions that return specs, and their short form in YAML.

    recipe: mini
    pair: dissimilar
    seeds: [17]
"""

from cftray.evaluation.packs import find_pack
from cftray.recipes.catalogue import Recipe, catalogue, spec_from_document, spec_from_file
from cftray.recipes.matrices import Cell, cells_of, matrix_from_document
from cftray.recipes.mini import Pair, demo_matrix, mini

__all__ = [
    "Cell",
    "Pair",
    "Recipe",
    "catalogue",
    "cells_of",
    "demo_matrix",
    "find_pack",
    "matrix_from_document",
    "mini",
    "spec_from_document",
    "spec_from_file",
]
