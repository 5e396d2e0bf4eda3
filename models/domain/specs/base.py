"""What all specs share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tansaku.models.domain.identifiers import NAME_PATTERN

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]
LARGEST_WHOLE = 2**53
"""Whole numbers up to this one are exact in every database and language."""
PositiveInt = Annotated[int, Field(ge=1, le=LARGEST_WHOLE)]
LONGEST_TIME = 1e9
"""About thirty years [s]: the timers of operating systems take no more than nine times as much."""
Timeout = Annotated[float, Field(gt=0, le=LONGEST_TIME)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Spec(BaseModel):
    """Frozen, and every unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)
