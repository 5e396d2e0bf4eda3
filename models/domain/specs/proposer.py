"""Proposer specs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tansaku.models.domain.specs.base import Spec


class RandomProposerSpec(Spec):
    """Uniform over the candidates not yet proposed."""

    type: Literal["random"] = "random"


class GridProposerSpec(Spec):
    """Every candidate, in order of id."""

    type: Literal["grid"] = "grid"


class GPProposerSpec(Spec):
    """Gaussian process over the pool; the preset chooses kernel, transform and acquisition."""

    type: Literal["gp"] = "gp"
    preset: Literal["default", "published", "single-task"] = "default"


ProposerSpec = Annotated[GPProposerSpec | RandomProposerSpec | GridProposerSpec, Field(discriminator="type")]
