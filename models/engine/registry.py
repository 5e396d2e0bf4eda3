"""Joins proposer specs to the code that proposes."""

from __future__ import annotations

from typing import assert_never

from tansaku.models.domain.ports import Proposer
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec, GridProposerSpec, ProposerSpec, RandomProposerSpec
from tansaku.models.engine.goals import goal_of
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.presets import settings
from tansaku.models.engine.simple import GridProposer, RandomProposer


def build_proposer(spec: ProposerSpec, objective: ObjectiveSpec | None = None) -> Proposer:
    """Builds the proposer a spec describes.

    Args:
        spec: The proposer.
        objective: What it is to find; None: the best of every system.
    """
    match spec:
        case RandomProposerSpec():
            return RandomProposer()
        case GridProposerSpec():
            return GridProposer()
        case GPProposerSpec():
            return GPProposer(settings(spec, goal_of(objective or ObjectiveSpec())))
        case _:
            assert_never(spec)
