"""The registry of proposers: maps their specs to their code. Rarer kinds are imported where a spec asks for them."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never, cast

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.plugins import opened
from tansaku.models.domain.ports import Proposer
from tansaku.models.domain.specs.campaign import CampaignSpec, ObjectiveSpec
from tansaku.models.domain.specs.objective import ConstraintsSpec
from tansaku.models.domain.specs.proposer import (
    ArmsProposerSpec,
    DisagreementProposerSpec,
    GPProposerSpec,
    GridProposerSpec,
    ListedProposerSpec,
    ProposerSpec,
    RandomProposerSpec,
    SparseProposerSpec,
)
from tansaku.models.domain.specs.site import DeviceName
from tansaku.models.domain.specs.transfer import TransferMode
from tansaku.models.engine.device import resolve_device
from tansaku.models.engine.goals import goal_of
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.pareto import ParetoProposer, front_wanted
from tansaku.models.engine.presets import GPSettings, settings
from tansaku.models.engine.simple import GridProposer, ListedProposer, RandomProposer
from tansaku.models.engine.transfer.data import Sources
from tansaku.models.engine.transfer.proposer import TransferProposer


def build_proposer(
    spec: ProposerSpec,
    objective: ObjectiveSpec | None = None,
    constraints: ConstraintsSpec | None = None,
    device: DeviceName = "numpy",
) -> Proposer:
    """Builds the proposer a spec describes.

    Args:
        spec: The proposer.
        objective: The objective; None: the best of every system.
        constraints: Which candidates it must not propose; None: no constraint.
        device: The site's.

    Raises:
        MissingComponentError: The device is not there, or what the goal needs is not installed.
    """
    if (open_plugin := opened("proposers", spec)) is not None:
        return cast("Proposer", open_plugin(spec, objective, constraints))
    match spec:
        case RandomProposerSpec():
            return RandomProposer(by_system=spec.by_system)
        case ArmsProposerSpec():
            from tansaku.models.engine.arms.proposer import ArmsProposer

            return ArmsProposer(spec)
        case GridProposerSpec():
            return GridProposer()
        case ListedProposerSpec():
            return ListedProposer(spec.candidates)
        case DisagreementProposerSpec():
            from tansaku.models.engine.disagreement import DisagreementProposer

            return DisagreementProposer(spec)
        case SparseProposerSpec():
            from tansaku.models.engine.sparse.proposer import SparseProposer

            return SparseProposer(spec, goal_of(objective or ObjectiveSpec()))
        case GPProposerSpec() if objective is not None and objective.further:
            chosen = _constrained(settings(spec), constraints)
            return ParetoProposer(replace(chosen, device=resolve_device(device)), front_wanted(objective))
        case GPProposerSpec():
            return GPProposer(replace(_gp_settings(spec, objective, constraints), device=resolve_device(device)))
        case _:
            assert_never(spec)


def build_transfer_proposer(
    spec: CampaignSpec, mode: TransferMode, sources: Sources, device: DeviceName = "numpy"
) -> TransferProposer:
    """Builds a campaign's proposer with what it learns from other searches.

    Args:
        spec: The campaign.
        mode: How it learns, in place of the campaign's own mode.
        sources: What from.
        device: The site's.

    Raises:
        ConfigurationError: The proposer fits no hyper-parameters.
        MissingComponentError: The device is not there.
    """
    if not isinstance(spec.proposer, GPProposerSpec):
        raise ConfigurationError(f"transfer: proposer {spec.proposer.type} has no model", hint="choose proposer type gp")
    chosen = _gp_settings(spec.proposer, spec.objective, spec.constraints)
    if chosen.rule != "map":
        raise ConfigurationError(
            f"transfer: needs proposer.hyperparameters map, but {chosen.rule} is chosen (by the preset, if not by the file)",
            hint="add hyperparameters: map to the proposer",
        )
    return TransferProposer(replace(chosen, device=resolve_device(device)), mode, sources)


def _gp_settings(spec: GPProposerSpec, objective: ObjectiveSpec | None, constraints: ConstraintsSpec | None) -> GPSettings:
    return _constrained(settings(spec, goal_of(objective or ObjectiveSpec())), constraints)


def _constrained(chosen: GPSettings, constraints: ConstraintsSpec | None) -> GPSettings:
    return replace(chosen, avoid_failures=constraints is not None and constraints.avoid_failures)
