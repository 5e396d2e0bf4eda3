"""Opens proposers, with or without what they learn from other searches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from tansaku.models.domain.door import opened
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import Proposer
from tansaku.models.domain.specs.campaign import CampaignSpec, ObjectiveSpec
from tansaku.models.domain.specs.objective import ConstraintsSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec, MultiLevelProposerSpec, ProposerBase
from tansaku.models.domain.specs.site import DeviceName
from tansaku.models.domain.specs.transfer import LEVEL_MODES, TransferMode
from tansaku.models.engine.desired import DesirabilityJudge
from tansaku.models.engine.device import resolve_device
from tansaku.models.engine.front import front_wanted
from tansaku.models.engine.goals import goal_of
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.levels.proposer import LevelProposer
from tansaku.models.engine.noisy_front import NoisyFrontJudge
from tansaku.models.engine.own import OwnAcquisition
from tansaku.models.engine.pareto import FrontJudge
from tansaku.models.engine.presets import GPSettings, settings
from tansaku.models.engine.several import Judge, LevelJudge, SeveralProposer
from tansaku.models.engine.transfer.data import Sources
from tansaku.models.engine.transfer.proposer import TransferProposer


def build_proposer(
    spec: ProposerBase,
    objective: ObjectiveSpec | None = None,
    constraints: ConstraintsSpec | None = None,
    device: DeviceName = "numpy",
) -> Proposer:
    """Builds the proposer a spec describes.

    Args:
        objective: The objective; None: the best of every system.
        constraints: Which candidates it must not propose; None: no constraint.
        device: The site's.

    Raises:
        MissingComponentError: The device is not there, or what the goal needs is not installed.
    """
    given = (objective, constraints, device) if spec.on_device else (objective, constraints)
    return cast("Proposer", opened("proposers", spec.type, spec.opener)(spec, *given))


def build_transfer_proposer(spec: CampaignSpec, mode: TransferMode, sources: Sources, device: DeviceName = "numpy") -> Proposer:
    """Builds a campaign's proposer with what it learns from other searches.

    Args:
        mode: How it learns, in place of the campaign's own mode.
        device: The site's.

    Raises:
        ConfigurationError: The proposer fits no hyper-parameters, or has no such mode.
        MissingComponentError: The device is not there.
    """
    if isinstance(spec.proposer, MultiLevelProposerSpec):
        if mode not in LEVEL_MODES:
            raise ConfigurationError(f"transfer: mode {mode}; with levels expected {' or '.join(LEVEL_MODES)}")
        used = None if mode == "none" else sources
        return LevelProposer(goal_of(spec.objective), screen=spec.proposer.screen, sources=used)
    if not isinstance(spec.proposer, GPProposerSpec):
        raise ConfigurationError(f"transfer: proposer {spec.proposer.type} has no model", hint="choose proposer type gp")
    chosen = _gp_settings(spec.proposer, spec.objective, spec.constraints)
    if chosen.rule != "map":
        raise ConfigurationError(
            f"transfer: needs proposer.hyperparameters map, but {chosen.rule} is chosen (by the preset, if not by the file)",
            hint="add hyperparameters: map to the proposer",
        )
    return TransferProposer(replace(chosen, device=resolve_device(device)), mode, sources)


def open_gp(
    spec: GPProposerSpec, objective: ObjectiveSpec | None, constraints: ConstraintsSpec | None, device: DeviceName
) -> Proposer:
    """The Gaussian process for one quantity, or one for each of several."""
    judged = objective is not None and objective.goal.type in JUDGES
    chosen = _constrained(settings(spec), constraints) if judged else _gp_settings(spec, objective, constraints)
    chosen = replace(chosen, device=resolve_device(device))
    if objective is None or not objective.further:
        return GPProposer(chosen)
    judge = JUDGES[objective.goal.type](objective, chosen) if judged else _level_judge(objective, chosen)
    return SeveralProposer(chosen, judge, objective.limits)


def open_multi_level(spec: MultiLevelProposerSpec, objective: ObjectiveSpec | None, *_more: object) -> Proposer:
    """The proposer of candidates and levels."""
    return LevelProposer(goal_of(objective or ObjectiveSpec()), screen=spec.screen)


def _level_judge(objective: ObjectiveSpec, chosen: GPSettings) -> Judge:
    return DesirabilityJudge(objective.desirability, chosen.goal) if objective.desirability else LevelJudge(chosen)


def _front_judge(objective: ObjectiveSpec, chosen: GPSettings) -> Judge:
    kind = NoisyFrontJudge if chosen.acquisition == "log_nehvi" else FrontJudge
    return kind(front_wanted(objective))


JUDGES: dict[str, Callable[[ObjectiveSpec, GPSettings], Judge]] = {"pareto": _front_judge}
"""Builder of the judge of several objectives, by type of the goal's spec; other goals have a level."""


def _gp_settings(spec: GPProposerSpec, objective: ObjectiveSpec | None, constraints: ConstraintsSpec | None) -> GPSettings:
    wanted = objective or ObjectiveSpec()
    chosen = _constrained(settings(spec, goal_of(wanted)), constraints)
    if spec.function is None:
        return chosen
    return replace(chosen, own=OwnAcquisition(spec.function, wanted.direction == "maximize"), pending="believed")


def _constrained(chosen: GPSettings, constraints: ConstraintsSpec | None) -> GPSettings:
    return replace(chosen, avoid_failures=constraints is not None and constraints.avoid_failures)
