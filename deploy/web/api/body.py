"""Base class of all request bodies."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Body(BaseModel):
    """Base class of request bodies: unknown keys are refused, and unpaired surrogates, which cannot be stored or shown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _only_whole_characters(cls, given: object) -> object:
        """JSON can name a surrogate without its other half."""
        left = [given]
        while left:
            part = left.pop()
            if isinstance(part, dict):
                left.extend((*part, *part.values()))
            elif isinstance(part, list):
                left.extend(part)
            elif isinstance(part, str) and any("\ud800" <= character <= "\udfff" for character in part):
                raise ValueError("a text contains an unpaired surrogate (half of a character)")
        return given


def known(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entry of a route that answers a repeated request with 200."""
    return {200: {"model": model, "description": "Known already"}}
