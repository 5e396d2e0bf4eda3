"""Base class of the calculators' specs, and the facts that distinguish their types."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import model_validator

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.base import Spec

if TYPE_CHECKING:
    from tansaku.models.domain.specs.relaxation import RelaxationSpec
    from tansaku.models.domain.specs.workflow import WorkflowBase

_NEUTRAL = 1e-6
"""Charge of a cell that is rounding [e]."""

Cell = Literal["fixed", "normal", "full"]

CodeOrigin = Literal["tansaku", "site", "plugin"]
"""Origin of the code that computes: tansaku (with the packages and codes that it knows), the site file, or a plug-in."""


@dataclass(frozen=True)
class SpecFile:
    """A file, or a set of files, that numbers depend on.

    Attributes:
        content: Key of the spec that holds its SHA-256, filled in when a campaign file is loaded.
        path: Key that says where it is; it does not count once the content is known. None: found without one.
    """

    content: str
    path: str | None = None


@dataclass(frozen=True)
class Licence:
    """Licence of a model: of a potential, weights or setups.

    Attributes:
        words: As its source has it; None: not known.
        source: What says it; of one that is not known, why.
    """

    words: str | None
    source: str


NO_LICENCE = Licence(None, "no package says it")


@dataclass(frozen=True)
class CalculatorFacts:
    """Facts of a type of calculator that code outside its engine needs. It is data: nothing is imported for it.

    A key of the spec is part of the level of theory unless one of these facts says that it is not.

    Attributes:
        engine: Module whose ``ENGINE`` opens it, see :class:`tansaku.calculators.engine.Engine`.
        code: What results call it (``Provenance.code``); None: its type.
        extra: The extra of tansaku that installs it; None: the core is enough, or no extra can.
        package: Package of that extra whose absence means that the calculator cannot be opened.
        model: Key that names the model: a functional, a file, a version of weights.
        licence: Licence of the model, as the package says that ships it; files of others say their own.
        files: What it reads.
        elements_from: Key that decides which elements it knows; where it is given, a missing element is an error when the
            campaign file is loaded. None: that is judged with the whole space.
        elements: Chemical symbols that it can compute, where these are always the same. None: its engine is asked.
        silent: Whether its engine has neither ``startable`` nor ``notes``: a driver then does not import it.
        recorded: Keys that a result records, but that make no other level of theory: tolerances, names of files whose content
            is hashed.
        unrelated: Keys that no number depends on.
        parts: Keys that hold another calculator.
        cells: What ``relaxation.cell`` may be.
        keeps_unconverged: Whether ``relaxation.unconverged`` may be ``keep``.
        atomic_energies: Whether it gives an energy of each atom and is fast enough to relax for another calculator: then it
            can be a label, and the conformance suite runs it.
        conforms: Whether the conformance suite runs it although it gives no energies of atoms, or not always.
        dft: Whether it is a density-functional code: it may be absent from this machine, a crystal costs as much as a
            candidate, and energies of two cells compare only at the same k-points.
        dynamics: Whether it can run molecular dynamics (:class:`~tansaku.models.domain.annealing.AnnealingCalculator`).
        charged: Whether it computes cells with a charge, against a uniform background.
        manual: Whether nothing is computed: people or robots report the values.
        described: Whether it computes from the description of a candidate, not from its structure.
        own_forces: Whether its forces are the gradient of its energy.
        band_gap: Whether its results have the term ``band_gap``.
        fields: Fields on a grid that a result may leave as a file: name of the field, name of the file.
        variables: Beginnings of the names of environment variables that its programs read.
        example: Keys that a spec needs beyond ``type``, with values that suit aluminium; for the conformance suite.
    """

    engine: str
    code: str | None = None
    extra: str | None = None
    package: str | None = None
    model: str | None = None
    licence: Licence = NO_LICENCE
    files: tuple[SpecFile, ...] = ()
    elements_from: str | None = None
    elements: frozenset[str] | None = None
    silent: bool = False
    recorded: frozenset[str] = frozenset()
    unrelated: frozenset[str] = frozenset()
    parts: tuple[str, ...] = ()
    cells: tuple[Cell, ...] = ("fixed", "normal", "full")
    keeps_unconverged: bool = False
    atomic_energies: bool = False
    conforms: bool = False
    dft: bool = False
    dynamics: bool = False
    charged: bool = False
    manual: bool = False
    described: bool = False
    own_forces: bool = True
    band_gap: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    variables: tuple[str, ...] = ()
    example: JsonDict = field(default_factory=dict)


class CalculatorBase(Spec):
    """Base class of calculators' specs. A subclass has ``facts``, the key ``type``, and ``relaxation``, key or property."""

    facts: ClassVar[CalculatorFacts]

    if TYPE_CHECKING:

        @property
        def type(self) -> str:
            """The word in the campaign file."""

        @property
        def relaxation(self) -> RelaxationSpec:
            """Relaxation of every candidate."""

    @property
    def ionic_charges(self) -> Mapping[str, float]:
        """Charge of each element's ions in the file [e]; empty where ions have none."""
        return {}

    def charge(self, symbols: Iterable[str]) -> float:
        """Charge of atoms by the charges of the file [e], 0 where that is rounding or the file has none.

        Args:
            symbols: Chemical symbols of the atoms.
        """
        total = math.fsum(self.ionic_charges.get(symbol, 0.0) for symbol in symbols)
        return total if abs(total) > _NEUTRAL else 0.0

    @property
    def called(self) -> tuple[str, str] | None:
        """File and name of the Python function that computes it; None: no function of a script does."""
        return None

    @classmethod
    def type_name(cls) -> str:
        """The word in the campaign file."""
        return str(cls.model_fields["type"].default)

    @classmethod
    def code_name(cls) -> str:
        """Returns the name of the code in results."""
        return cls.facts.code or cls.type_name()

    @classmethod
    def recorded_keys(cls) -> tuple[str, ...]:
        """Keys on which a number may depend, in the spec's order; provenance records them as settings."""
        paths = {file.path for file in cls.facts.files}
        left_out = {"type", "relaxation", "workflow", *paths, *cls.facts.parts, *cls.facts.unrelated}
        return tuple(key for key in cls.model_fields if key not in left_out)

    @classmethod
    def level_keys(cls) -> tuple[str, ...]:
        """Keys that belong to the level of theory, as the content of files does, in the spec's order."""
        left_out = {*cls.facts.recorded, *(file.content for file in cls.facts.files)}
        return tuple(key for key in cls.recorded_keys() if key not in left_out)

    @property
    def licence(self) -> Licence:
        """Licence of the model, where no file of another package says its own."""
        return self.facts.licence

    @property
    def origin(self) -> CodeOrigin:
        """Origin of the code that computes."""
        return "tansaku"

    @property
    def parts(self) -> dict[str, CalculatorBase]:
        """Other calculators that this one uses, by key."""
        return {key: getattr(self, key) for key in self.facts.parts}

    @property
    def relaxing(self) -> CalculatorBase:
        """The calculator whose forces relax a structure."""
        return self

    @property
    def usual_relaxation(self) -> RelaxationSpec:
        """Relaxation of a file that does not say it: the default of the type."""
        field = type(self.relaxing).model_fields.get("relaxation")
        usual: RelaxationSpec = field.get_default() if field is not None and not field.is_required() else self.relaxation
        return usual

    @model_validator(mode="after")
    def _relaxation_is_possible(self) -> Self:
        if self.relaxation.cell not in self.facts.cells:
            raise ValueError(f"relaxation.cell: {self.relaxation.cell}; expected {' or '.join(self.facts.cells)}")
        if self.relaxation.unconverged == "keep" and not self.relaxing.facts.keeps_unconverged:
            raise ValueError("relaxation.unconverged: keep; expected fail")
        return self


def settings_of(spec: CalculatorBase) -> JsonDict:
    """All keys of a spec on which a number may depend, as plain data.

    An engine puts them into the settings of its provenance: levels of theory are compared by them.
    """
    return spec.model_dump(mode="json", include=set(spec.recorded_keys()))


def workflow_of(spec: CalculatorBase | None) -> WorkflowBase | None:
    """The workflow of a calculator's spec; None without one."""
    return getattr(spec, "workflow", None)
