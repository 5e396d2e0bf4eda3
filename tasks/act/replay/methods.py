"""Methods a benchmark compares, by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

import numpy as np

from tansaku.models.domain.errors import ConfigurationError, MissingComponentError
from tansaku.models.domain.plugins import reasons_for
from tansaku.models.domain.pool import CandidatePool, FloatArray, Levels
from tansaku.models.domain.ports import Choice, History, Proposer, Space, TabulatedSpace
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.rooms import code_behind, methods
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec, GridProposerSpec, ProposerBase, RandomProposerSpec
from tansaku.models.domain.specs.transfer import TransferMode
from tansaku.models.engine.initial import NEXT_TO_TAKEN
from tansaku.models.engine.presets import settings
from tansaku.models.engine.proposer_registry import build_proposer, build_transfer_proposer
from tansaku.models.engine.transfer.data import FrozenSources
from tansaku.spaces.levels import searched_pool
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.loop.transfer.sources import Target, table_sources
from tansaku.tasks.node.configuration.defaults import with_engine

SPEC_METHOD = "spec"
"""The campaign file's own proposer."""

PRESETS: tuple[str, ...] = get_args(GPProposerSpec.model_fields["preset"].annotation)

OWN_METHODS = ("random", "grid", *PRESETS, SPEC_METHOD)
"""Methods by tansaku's own proposers; :func:`~tansaku.models.domain.rooms.methods` has the others."""


def paired_design(own: ProposerBase) -> GPProposerSpec:
    """The proposer whose initial design methods without one use: the file's if it follows distances, else random points."""
    if not isinstance(own, GPProposerSpec):
        return GPProposerSpec(preset="published")
    chosen = settings(own)
    if chosen.initial not in NEXT_TO_TAKEN:
        return GPProposerSpec(preset="published", initial_points=own.initial_points)
    return GPProposerSpec.model_validate(
        {"preset": "published", "initial": chosen.initial, "initial_points": chosen.initial_points}
    )


def method_spec(name: str, own: ProposerBase) -> ProposerBase:
    """Proposer spec of a method; presets begin with the initial design of the campaign file's proposer.

    Args:
        name: One of :data:`OWN_METHODS`.
        own: The campaign file's proposer.

    Raises:
        ConfigurationError: The name is not known.
    """
    if name == SPEC_METHOD:
        return own
    if name == "random":
        return RandomProposerSpec()
    if name == "grid":
        return GridProposerSpec()
    if name in PRESETS:
        design = paired_design(own)
        return GPProposerSpec.model_validate(
            {"preset": name, "initial": design.initial, "initial_points": design.initial_points}
        )
    known = ", ".join((*OWN_METHODS, *methods()))
    raise ConfigurationError(f"--methods: {name!r} is not known; expected some of {known}")


def split_method(name: str) -> tuple[str, TransferMode | None]:
    """A method's proposer and its transfer mode: ``default+joint`` is the preset ``default`` with ``joint``.

    Raises:
        ConfigurationError: What follows the plus is no mode.
    """
    own, plus, mode = name.partition("+")
    if not plus:
        return own, None
    known: tuple[TransferMode, ...] = get_args(TransferMode)
    for item in known:
        if item == mode:
            return own, item
    raise ConfigurationError(f"--methods: {name!r}: transfer mode {mode!r} is not known; expected one of {', '.join(known)}")


def method_pool(name: str, spec: CampaignSpec, space: Space, base_path: Path) -> CandidatePool:
    """The pool that a method searches: levels are known to the campaign file's own proposer alone."""
    return searched_pool(spec, space, base_path) if split_method(name)[0] == SPEC_METHOD else space.pool()


def at_levels(spec: CampaignSpec, base_path: Path, levels: Levels, full: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Values of a table for a search that may buy looks.

    Args:
        spec: The campaign, on a table with a column for each level.
        base_path: Folder in which its relative paths start.
        levels: Of the pool that is searched.
        full: Full values, shape ``(n_candidates,)``.

    Returns:
        Values of all rows, and those that are answers, NaN elsewhere: the value of a look is none. Shape ``(n_rows,)`` each.
    """
    opened = (open_space(spec.space.at_level(level.column), base_path) for level in spec.levels)
    looks = [cast("TabulatedSpace", space).values() for space in opened]
    values = np.column_stack([*looks, full])[levels.candidate, levels.level]
    return values, np.where(levels.level == len(looks), values, np.nan)


def build_method(name: str, spec: CampaignSpec, pool: CandidatePool, base_path: Path) -> Proposer:
    """Builds a method's proposer; every method begins with an initial design, so that gaps can be compared.

    Args:
        name: Of a method; with ``+`` and a transfer mode it learns from the campaign's sources. ``spec``
            alone does as the campaign file says, transfer included.
        spec: The campaign: what is to be found, and the file's own proposer.
        base_path: Folder in which the campaign's relative paths start.

    Raises:
        ConfigurationError: The name is not known, or asks for a transfer that the campaign file does not describe.
        MissingComponentError: The method is another package's, or a room's, which is not installed.
    """
    own, mode = split_method(name)
    if own not in OWN_METHODS and (other := methods().get(own)) is not None:
        if spec.objective.further:
            reason = f"{own} supports a single objective, not {spec.objective.several}"
            raise ConfigurationError(f"--methods: {name!r}: {reason}")
        if mode is not None:
            raise ConfigurationError(f"--methods: {name!r}: {own} does not support transfer; expected {own!r} alone")
        return WithInitialDesign(code_behind("methods", own, other.opener)(own), build_proposer(paired_design(spec.proposer)))
    if own not in OWN_METHODS and (reasons := reasons_for(own)):
        raise MissingComponentError(f"--methods: {name!r}: {reasons.removeprefix('; ')}", hint="install or repair it")
    chosen = spec.model_copy(update={"proposer": method_spec(own, spec.proposer)})
    if own != SPEC_METHOD:
        chosen = with_engine(chosen)
    if own == SPEC_METHOD and mode is None and spec.transfer is not None:
        mode = spec.transfer.mode
    proposer: Proposer
    if mode is None:
        proposer = build_proposer(chosen.proposer, spec.objective, spec.constraints)
    else:
        proposer = build_transfer_proposer(chosen, mode, _sources(name, spec, pool, base_path))
    if proposer.initial_count(pool) > 0:
        return proposer
    return WithInitialDesign(proposer, build_proposer(paired_design(spec.proposer)))


def _sources(name: str, spec: CampaignSpec, pool: CandidatePool, base_path: Path) -> FrozenSources:
    if spec.transfer is None:
        raise ConfigurationError(f"--methods: {name!r}: the campaign file has no `transfer` key with sources")
    return table_sources(Target(spec, pool), base_path)


class Delegating:
    """A proposer that does what another one does; subclasses change a part of it.

    Args:
        proposer: The other one.
    """

    def __init__(self, proposer: Proposer) -> None:
        self._proposer = proposer

    @property
    def name(self) -> str:
        """As the proposer's."""
        return self._proposer.name

    def initial_count(self, pool: CandidatePool) -> int:
        """As the proposer's."""
        return self._proposer.initial_count(pool)

    def refit_due(self, n_observed: int, fitted_at: Sequence[int]) -> bool:
        """As the proposer's."""
        return self._proposer.refit_due(n_observed, fitted_at)

    def fit(self, pool: CandidatePool, history: History, previous: JsonDict | None) -> JsonDict:
        """Fits the proposer."""
        return self._proposer.fit(pool, history, previous)

    def propose(
        self,
        pool: CandidatePool,
        history: History,
        number: int,
        rng: np.random.Generator,
        hyperparameters: JsonDict | None = None,
    ) -> Choice | None:
        """The proposer's choice, or another's, or none."""
        chooser = self._chooser(pool, history, number)
        return None if chooser is None else chooser.propose(pool, history, number, rng, hyperparameters)

    def _chooser(self, _pool: CandidatePool, _history: History, _number: int) -> Proposer | None:
        """The proposer that chooses this time; None: nothing more is proposed."""
        return self._proposer


class WithInitialDesign(Delegating):
    """A proposer without an initial design, started from another one's.

    Args:
        proposer: Chooses everything after the initial design.
        design: Chooses the initial design.
    """

    def __init__(self, proposer: Proposer, design: Proposer) -> None:
        super().__init__(proposer)
        self._design = design

    def initial_count(self, pool: CandidatePool) -> int:
        """Size of the borrowed design."""
        return self._design.initial_count(pool)

    def _chooser(self, pool: CandidatePool, _history: History, number: int) -> Proposer:
        return self._design if number <= self.initial_count(pool) else self._proposer
