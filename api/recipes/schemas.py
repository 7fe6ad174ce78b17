"""What the API says about recipes."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class RecipeView(BaseModel):
    """A named experiment: `example` can be POSTed as it is; `parameters` is a JSON Schema. `needs_hub`: it
    reads models or data of the Hugging Face hub."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    title: str
    needs_hub: bool
    parameters: dict[str, Any]
    example: dict[str, Any]


class RecipeList(BaseModel):
    """Every recipe."""

    data: list[RecipeView]
