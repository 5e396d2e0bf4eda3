"""Joins proposer specs to the code that proposes."""

from __future__ import annotations

from typing import assert_never

from tansaku.models.domain.ports import Proposer
from tansaku.models.domain.specs.proposer import GPProposerSpec, GridProposerSpec, ProposerSpec, RandomProposerSpec
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.presets import settings
from tansaku.models.engine.simple import GridProposer, RandomProposer


def build_proposer(spec: ProposerSpec) -> Proposer:
    """Builds the proposer a spec describes."""
    match spec:
        case RandomProposerSpec():
            return RandomProposer()
        case GridProposerSpec():
            return GridProposer()
        case GPProposerSpec():
            return GPProposer(settings(spec))
        case _:
            assert_never(spec)
