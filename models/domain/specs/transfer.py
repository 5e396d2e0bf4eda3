"""Transfer specs: which other searches a campaign learns from, and how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import Name, PositiveInt, Sha256, Spec
from tansaku.models.domain.specs.table import TableSpaceSpec
from tansaku.models.domain.units import Unit
from tansaku.models.domain.wording import first_twice

TransferMode = Literal["auto", "none", "hyperparameters", "posterior", "joint"]

LEVEL_MODES: tuple[TransferMode, ...] = ("auto", "none")
"""Modes of campaigns with levels."""


class CampaignSourceSpec(Spec):
    """Observations of a stored campaign.

    Attributes:
        name: The campaign; it must have observations.
        follow: False: its observations at the time when this campaign is created, and no later ones. True: its observations at
            each refit, stored with the refit.
        sha256: Content hash of the observations, features included; filled in when the campaign is created. Not with
            ``follow``.
    """

    type: Literal["campaign"] = "campaign"
    name: Name
    follow: bool = False
    sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _frozen_or_followed(self) -> CampaignSourceSpec:
        if self.follow and self.sha256 is not None:
            raise ValueError("sha256: a source that is followed has no fixed content; remove it or follow")
        return self


class TableSourceSpec(Spec):
    """A table of results.

    Attributes:
        name: Its name in evidence and events.
        space: The table, as a space.
        unit: Unit of its values; None: that of this campaign's objective.
        direction: Whether low or high values were wanted; None: as in this campaign.
    """

    type: Literal["table"] = "table"
    name: Name
    space: TableSpaceSpec
    unit: Unit | None = None
    direction: Literal["minimize", "maximize"] | None = None


SourceSpec = Annotated[CampaignSourceSpec | TableSourceSpec, Field(discriminator="type")]


class TransferSpec(Spec):
    """Learning from other searches; needs a Gaussian-process proposer with ``hyperparameters: map``.

    Attributes:
        mode: ``auto``: before each refit the mode that predicts this campaign's own observations best, ``none`` included;
            ``hyperparameters``: those fitted to the sources; ``posterior``: the sources' posterior is the prior here, as far as
            the two correlate; ``joint``: one model of all observations; ``none``: the sources are not used.
        sources: At least one source; all must have the feature groups, the unit and the direction of this campaign.
        most: Most observations taken of each source: of more, the best fifth and an even choice by rank of the others.
    """

    mode: TransferMode = "auto"
    sources: Annotated[tuple[SourceSpec, ...], Field(min_length=1, max_length=8)]
    most: Annotated[PositiveInt, Field(le=2000)] = 300

    @model_validator(mode="after")
    def _named_once(self) -> TransferSpec:
        names = [source.name for source in self.sources]
        if (twice := first_twice(names)) is not None:
            raise ValueError(f"sources: {twice!r} is named twice")
        return self
