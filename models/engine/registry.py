"""Joins proposer specs to the code that proposes."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from tansaku.models.domain.ports import Proposer
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.objective import ConstraintsSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec, GridProposerSpec, ProposerSpec, RandomProposerSpec
from tansaku.models.engine.goals import goal_of
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.presets import settings
from tansaku.models.engine.simple import GridProposer, RandomProposer


def build_proposer(
    spec: ProposerSpec, objective: ObjectiveSpec | None = None, constraints: ConstraintsSpec | None = None
) -> Proposer:
    """Builds the proposer a spec describes.

    Args:
        spec: The proposer.
        objective: What it is to find; None: the best of every system.
        constraints: Which candidates it is to leave alone; None: none.
    """
    match spec:
        case RandomProposerSpec():
            return RandomProposer()
        case GridProposerSpec():
            return GridProposer()
        case GPProposerSpec():
            chosen = settings(spec, goal_of(objective or ObjectiveSpec()))
            return GPProposer(replace(chosen, avoid_failures=constraints is not None and constraints.avoid_failures))
        case _:
            assert_never(spec)
