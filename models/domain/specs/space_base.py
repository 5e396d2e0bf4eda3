"""Base class of the spaces' specs. Code that depends on the space calls its methods and names no type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Self

from tansaku.models.domain.objectives import Need
from tansaku.models.domain.objectives import described as objective_described
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.base import KindSpec
from tansaku.models.domain.specs.cost import AtomsCostSpec, CostPrior
from tansaku.models.domain.specs.limits import LimitName
from tansaku.models.domain.units import Unit
from tansaku.models.domain.wording import SYSTEM_WORDS

if TYPE_CHECKING:
    from tansaku.models.domain.specs.calculators.contract import CalculatorBase
    from tansaku.models.domain.specs.grain_boundary import CrystalSpec
    from tansaku.models.domain.specs.phases import PhasesSpec
    from tansaku.models.domain.specs.prefers import PrefersSpec
    from tansaku.models.domain.specs.proposer import ProposerBase
    from tansaku.models.domain.specs.workflow import WorkflowBase

KeyPath = tuple[str | int, ...]
Overview = Literal["systems", "compositions"]
"""The first table of a campaign's results."""

Group = Literal["system", "composition"]


class SpecFile(NamedTuple):
    """A file that a spec names.

    Attributes:
        key: Its key in the space's spec.
        path: As written.
        sha256: The content hash that the spec gives, if any.
        kind: ``folder``: its files of structures, by names and content.
        largest: Limit of its size, which is looked at before it is read.
    """

    key: KeyPath
    path: str
    sha256: str | None
    kind: Literal["file", "folder"] = "file"
    largest: LimitName | None = None


@dataclass(frozen=True)
class SpaceDescription:
    """Facts of a kind of space that do not depend on its keys.

    Attributes:
        properties: What its candidates can be searched for, names of ``OBJECTIVES``; the first one is meant where
            ``objective.property`` is null. Empty: any, as of a table.
        further: Further results of an evaluation, for the goal ``pareto``; names of ``OBJECTIVES``.
        jobs: The job that computes a candidate, by the type of ``calculator.workflow`` (None: a calculator without one). Empty:
            the values are recorded, and there is no calculator.
        objectives_of: Properties that each job computes, where jobs differ; names of ``properties``. Empty: each computes all.
        further_of: Further results of each job, where jobs differ; names of ``further``.
        value_key: Name of the value in rows of results.
        overview: What results list first.
        figures: Set of figures besides those of every campaign; ``models/domain/rooms.py`` has all sets.
        learnable: Whether surrogates can be trained on its structures.
        labelled: Whether a second calculator can label its relaxed structures.
        relaxed_labels: Whether that calculator may relax them further.
        polished: Whether the best candidates can be relaxed again at the end.
        keeps_free_energy: Whether the free energy of the electrons is also stored.
        screened: Module and function that knows the crystal with which a screen compares structures; empty: there are no
            boundaries to screen. Called with the screen's space, calculator and folder, it returns a ``ScreenedCrystal``.
        cut_out: Module and function that cuts a candidate's boundaries out of its cell; empty: it cannot be done. Called with
            the campaign's spec, its folder, the candidate, its relaxed cell (None: as it is built) and the largest number of
            atoms; raises CalculationError where there is no such cell.
        gridded: Whether its candidates are points of a periodic grid, on which paths can be searched.
        competing: Whether its candidates compete with each other, and their pool knows their compositions.
        groups: Groups that a data set may keep together when it is split, the default first.
        system_words: What one of its systems is called, and several.
    """

    properties: tuple[str, ...] = ()
    further: tuple[str, ...] = ()
    jobs: Mapping[str | None, str] = field(default_factory=dict)
    objectives_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    further_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    value_key: str = "value"
    overview: Overview = "systems"
    figures: str = ""
    learnable: bool = False
    labelled: bool = False
    relaxed_labels: bool = True
    polished: bool = False
    keeps_free_energy: bool = False
    screened: str = ""
    cut_out: str = ""
    gridded: bool = False
    competing: bool = False
    groups: tuple[Group, ...] = ("system",)
    system_words: tuple[str, str] = SYSTEM_WORDS

    @property
    def recorded(self) -> bool:
        """Whether the values are known beforehand, so that nothing is computed."""
        return not self.jobs

    def meant(self, name: str | None) -> str | None:
        """The property that an objective's name, or None, refers to; None where the space has no property of its own."""
        return name or next(iter(self.properties), None)

    def computed_by(self, workflow: str | None) -> tuple[str, ...]:
        """Properties that the job for a workflow computes; empty where there is no such job, or where any name is allowed."""
        job = self.jobs.get(workflow)
        return () if job is None else self.objectives_of.get(job, self.properties)

    def units_of(self, name: str | None) -> tuple[Unit, ...]:
        """Units of a property, by default of the space's own; empty where any unit is allowed."""
        if not self.properties:
            return ()
        return objective_described(name or self.properties[0]).units


class SpaceBase(KindSpec):
    """Base class of the specs of spaces."""

    description: ClassVar[SpaceDescription]
    without_values: ClassVar[str] = ""
    """Continues the message that a calculator is missing."""

    relaxing: ClassVar[str] = "space.relaxed: true"
    """Setting that makes candidates relax, for messages."""

    constructor: ClassVar[str] = ""
    """Name of its constructor in Python; empty: the name of the class without ``SpaceSpec``."""

    first_key: ClassVar[str] = ""
    """Key of what its constructor in Python takes without a keyword; empty: none."""

    further_keywords: ClassVar[str] = ""
    """Type of further keywords of its constructor, which :meth:`from_keywords` reads; empty: there are none."""

    @classmethod
    def from_keywords(cls, keys: Mapping[str, object]) -> Mapping[str, object]:
        """The keys of a campaign file for the keywords of its constructor.

        Raises:
            ConfigurationError: A keyword has a value that cannot be read.
        """
        return keys

    @property
    def elements(self) -> frozenset[str]:
        """Elements that the calculator must know; empty where only the space's code can list them."""
        return frozenset()

    @property
    def as_they_stand(self) -> bool:
        """Whether candidates are computed as they stand, and not relaxed."""
        return False

    @property
    def total_charge(self) -> int:
        """Charge of every cell [e]."""
        return 0

    @property
    def reference_crystal(self) -> CrystalSpec | None:
        """The perfect crystal that energies are compared with; None where there is none."""
        return None

    @property
    def one_problem(self) -> bool | None:
        """Whether all candidates are one search problem; None where the engine for few evaluations was not compared."""
        return None

    @property
    def preferred(self) -> PrefersSpec | None:
        """The expectation of where good candidates lie; None where nothing is expected."""
        return None

    @property
    def competing_phases(self) -> PhasesSpec | None:
        """Phases that candidates are compared with; None where there are none."""
        return None

    @property
    def exchanges(self) -> bool:
        """Whether its candidates exchange a neutral unit with their surroundings, so that a chemical potential decides."""
        return False

    @property
    def competes(self) -> bool:
        """Whether its candidates compete with each other, and their pool knows their compositions."""
        return self.description.competing

    def with_crystal(self, _crystal: CrystalSpec) -> Self:
        """The spec with another reference crystal; only asked where there is one."""
        raise AssertionError(f"{type(self).__name__} has no reference crystal")

    def cost_prior(self) -> CostPrior | None:
        """Prior of a cost that is learned from measured times; None: costs are given."""
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

    def value_key(self, _name: str | None) -> str:
        """Name of the value in rows of results, by the objective's property."""
        return self.description.value_key

    @property
    def value_name(self) -> str | None:
        """Name that the file gives the value in a table of its own; None: there is none."""
        return None

    def further_properties(self, met: frozenset[Need], workflow: str | None = None) -> Mapping[str, Unit]:
        """Further results of an evaluation besides its value, with the default unit.

        Args:
            met: Requirements of properties that the campaign meets.
            workflow: Type of the calculator's workflow.
        """
        job = self.description.jobs.get(workflow)
        names = self.description.further if job is None else self.description.further_of.get(job, self.description.further)
        known = [objective_described(name) for name in names]
        return {item.name: item.units[0] for item in known if item.needs is None or item.needs in met}

    def recorded_source(self) -> JsonDict | None:
        """Identity of the values that the space itself records; None where a calculator computes them."""
        return None

    @property
    def has_costs(self) -> bool:
        """Whether the space records the cost of each candidate."""
        return False

    def at_level(self, _column: str | None, _cost: str | None = None) -> Self:
        """The spec whose evaluations are looks; only a space that records values has others there.

        Args:
            _column: Of the values.
            _cost: Column of the costs; None: those of the full evaluations.
        """
        return self

    def read_id(self, _candidate: str) -> Mapping[str, tuple[float, Unit]]:
        """Numbers in the id of a candidate, with their units, by what they are; empty: the id is a name."""
        return {}

    def with_off_pool(self, rows: Sequence[JsonDict]) -> Self:
        """The spec with candidates that were measured although the space does not list them."""
        if rows:
            raise AssertionError(f"{type(self).__name__} describes no further candidates")
        return self

    @property
    def prices(self) -> Mapping[str, float]:
        """Prices of descriptors that can be measured, by column."""
        return {}

    def check_proposer(self, _proposer: ProposerBase, _goal: str, *, transfer: bool) -> None:
        """Checks that a proposer can use the space.

        Args:
            _proposer: Its spec.
            _goal: Type of the goal.
            transfer: Whether the campaign learns from others.

        Raises:
            ValueError: It cannot.
        """
        del transfer

    @property
    def spent_on_descriptors(self) -> float:
        """Cost of the descriptors measured so far."""
        return 0.0

    def with_described(self, numbers: Mapping[str, Mapping[str, float]]) -> Self:
        """The spec with descriptors that were measured, by candidate and column."""
        if numbers:
            raise AssertionError(f"{type(self).__name__} has no descriptors to measure")
        return self

    def files(self) -> tuple[SpecFile, ...]:
        """Files whose content belongs to the spec."""
        return ()

    def with_hashes(self, _hashes: Mapping[KeyPath, str]) -> Self:
        """The spec with the content hash of each of its files, by key."""
        return self

    @property
    def rigid_blocks(self) -> bool:
        """Whether structures end in rigid blocks."""
        return False

    @property
    def densities(self) -> bool:
        """Whether candidates of a boundary differ in their number of atoms, so that results are listed by it."""
        return False

    @property
    def thicknesses(self) -> tuple[float, ...]:
        """Thicknesses of the grains with which the final relaxation is repeated [Å], in this order."""
        return ()

    @property
    def final_checks(self) -> int:
        """Number of best candidates of each system whose values are checked at the end, where that is no final relaxation."""
        return 0

    def later_defaults(self, _calculator: CalculatorBase | None) -> Mapping[str, str]:
        """Keys that a new campaign gets where its file leaves them open, with their values; stored campaigns have none there.

        Args:
            _calculator: The campaign's.
        """
        return {}

    @property
    def held_in_plane(self) -> JsonDict:
        """Facts of a path in whose planes an atom is held, on which a computation depends; empty without a path."""
        return {}

    @property
    def thickest(self) -> float | None:
        """Largest thickness of the crystal that relaxes with a boundary [Å]; None without one."""
        return None

    def check_workflow(self, _workflow: WorkflowBase) -> None:
        """Raises ValueError if the calculator's workflow does not suit the spec, as far as the specs show."""

    def check_label(self, *, relaxed: bool) -> None:
        """Raises ValueError unless a second calculator can label the structures.

        Args:
            relaxed: Whether it is to relax them further.
        """
        if not self.description.labelled:
            raise ValueError(f"label: a {self.type} space has no relaxed boundaries to label; remove it")
        if relaxed and not self.description.relaxed_labels:
            raise ValueError(f"label.relaxed: true; structures of a {self.type} space are labelled as they are, expected false")

    def screens(self, _axes: Sequence[tuple[int, int, int]] | None) -> Mapping[str, Self]:
        """The spaces that a screen searches, by the end of their campaigns' names; empty for the screen's own.

        Args:
            _axes: Tilt axes that the screen lists; None: none.

        Raises:
            ValueError: It has no boundaries to screen, or axes are given otherwise.
        """
        raise ValueError(f"space.type: a {self.type} space has no boundaries to screen")

    def check_use(self, _calculator: CalculatorBase | None, *_learned: str) -> None:
        """Raises ValueError unless the structures can be computed, and learned from, as far as the specs tell.

        Args:
            _calculator: What computes them; None: nothing.
            _learned: Keys of the campaign that learn from whole structures.
        """
