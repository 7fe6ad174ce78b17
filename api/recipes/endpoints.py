"""`GET /v1/recipes`."""

from __future__ import annotations

from fastapi import APIRouter

from api.recipes.schemas import RecipeList, RecipeView
from cftray.recipes import catalogue

router = APIRouter(prefix="/v1/recipes", tags=["recipes"])


@router.get("")
def recipes() -> RecipeList:
    """Named experiments with an example of each."""
    return RecipeList(data=[RecipeView.model_validate(recipe) for recipe in catalogue()])
