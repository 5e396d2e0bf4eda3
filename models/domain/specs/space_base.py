"""What every spec of a space says of its kind. Code that differs from space to space asks this, and names no type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Self

from tansaku.models.domain.objectives import Need
from tansaku.models.domain.objectives import described as objective_described
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.base import Spec
from tansaku.models.domain.specs.cost import AtomsCostSpec, CostPrior
from tansaku.models.domain.units import Unit

if TYPE_CHECKING:
    from tansaku.models.domain.specs.space import CrystalSpec
    from tansaku.models.domain.specs.workflow import MigrationBarrierSpec

KeyPath = tuple[str | int, ...]
JobName = Literal["boundary", "barrier", "energy"]
"""Jobs that compute a candidate; ``tasks/jobs/workflows.py`` has the code of each."""

Overview = Literal["systems", "compositions"]
"""What a campaign's results list first."""

FigureSet = Literal["boundaries", "compositions"]

Group = Literal["system", "composition"]


class SpecFile(NamedTuple):
    """A file that a spec names.

    Attributes:
        key: Where in the space's spec it stands.
        path: As written.
        sha256: The content hash that the spec gives, if any.
    """

    key: KeyPath
    path: str
    sha256: str | None


@dataclass(frozen=True)
class SpaceDescription:
    """Facts of a kind of space that do not depend on its keys.

    Attributes:
        properties: What its candidates can be searched for, names of ``OBJECTIVES``; the first one is meant where
            ``objective.property`` is null. Empty: any, as of a table.
        further: What an evaluation gives besides, for the goal ``pareto``; names of ``OBJECTIVES``.
        jobs: The job that computes a candidate, by the type of ``calculator.workflow`` (None: a calculator without one). Empty:
            the values are recorded, and there is no calculator.
        value_key: Name of the value in rows of results.
        overview: What results list first.
        figures: Figures that it gets besides those of every campaign; ``tasks/figures/campaign.py`` has the code.
        learnable: Whether surrogates can be trained on its structures.
        labelled: Whether a second calculator can label its relaxed structures.
        polished: Whether the best candidates can be relaxed again at the end.
        keeps_free_energy: Whether the free energy of the electrons is also stored.
        groups: What a data set may keep together when it is divided, the usual one first.
    """

    properties: tuple[str, ...] = ()
    further: tuple[str, ...] = ()
    jobs: Mapping[str | None, JobName] = field(default_factory=dict)
    value_key: str = "value"
    overview: Overview = "systems"
    figures: FigureSet | None = None
    learnable: bool = False
    labelled: bool = False
    polished: bool = False
    keeps_free_energy: bool = False
    groups: tuple[Group, ...] = ("system",)

    @property
    def recorded(self) -> bool:
        """Whether the values are known beforehand, so that nothing is computed."""
        return not self.jobs

    def units_of(self, name: str | None) -> tuple[Unit, ...]:
        """Units of a property, by default of the one that the space is about; empty where any unit will do."""
        if not self.properties:
            return ()
        return objective_described(name or self.properties[0]).units


class SpaceBase(Spec):
    """Base of the specs of spaces, none of its own: what a spec says of its kind and of itself."""

    description: ClassVar[SpaceDescription]

    @property
    def elements(self) -> frozenset[str]:
        """Elements that the calculator must know; empty where only the code of the space can tell."""
        return frozenset()

    @property
    def as_they_stand(self) -> bool:
        """Whether candidates are computed as they stand, and not relaxed."""
        return False

    @property
    def reference_crystal(self) -> CrystalSpec | None:
        """The perfect crystal that energies are compared with; None where there is none."""
        return None

    def with_crystal(self, _crystal: CrystalSpec) -> Self:
        """The spec with another reference crystal; only asked where there is one."""
        raise AssertionError(f"{type(self).__name__} has no reference crystal")

    def cost_prior(self) -> CostPrior | None:
        """What is expected of a cost that is learned from measured times; None: costs are given."""
        return None

    @property
    def learns_cost(self) -> bool:
        """Whether the cost of candidates is learned from measured times."""
        return self.cost_prior() is not None

    def with_kpoint_density(self, density: float) -> Self:
        """The spec with a DFT calculator's density of k-points [Å], where a measured cost depends on it and none is given."""
        cost = getattr(self, "cost", None)
        if not isinstance(cost, AtomsCostSpec) or cost.model != "measured" or cost.kpoint_density is not None:
            return self
        return self.model_copy(update={"cost": cost.model_copy(update={"kpoint_density": density})})

    def further_properties(self, met: frozenset[Need]) -> Mapping[str, Unit]:
        """What an evaluation gives besides its value, with the usual unit.

        Args:
            met: What the campaign has of what properties may need.
        """
        known = [objective_described(name) for name in self.description.further]
        return {item.name: item.units[0] for item in known if item.needs is None or item.needs in met}

    def recorded_source(self) -> JsonDict | None:
        """What identifies the values that the space itself gives; None where a calculator computes them."""
        return None

    def files(self) -> tuple[SpecFile, ...]:
        """Files whose content belongs to the spec."""
        return ()

    def with_hashes(self, _hashes: Mapping[KeyPath, str]) -> Self:
        """The spec with the content hash of each of its files, by key."""
        return self

    def check_workflow(self, _workflow: MigrationBarrierSpec) -> None:
        """Raises ValueError unless the calculator's workflow suits the spec, as far as both tell."""
