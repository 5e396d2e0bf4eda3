"""Specs of spaces of crystals and scans of them: lattice, shear, strain, rattled and defective supercells."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import PositiveFloat, PositiveInt, Spec
from tansaku.models.domain.specs.energy_space import EnergySpaceSpec

Element = Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")]
PartName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,39}$")]
Percent = Annotated[float, Field(ge=-40, le=100)]

ONE_ELEMENT = ("sc", "fcc", "bcc", "hcp", "diamond")
HEXAGONAL = ("hcp", "wurtzite")


class PrototypeSpec(Spec):
    """A crystal of a named structure.

    Attributes:
        structure: Kind of crystal, as ASE names it.
        elements: Chemical symbols: one for ``sc``, ``fcc``, ``bcc``, ``hcp`` and ``diamond``, else two, the cation first.
        lattice_parameter: Edge of the cubic cell, or the hexagonal one's in its plane [Å].
        c_over_a: Hexagonal cells only: height over edge; None: √(8/3), that of close-packed spheres.
    """

    structure: Literal["sc", "fcc", "bcc", "hcp", "diamond", "rocksalt", "cesiumchloride", "zincblende", "wurtzite", "fluorite"]
    elements: Annotated[tuple[Element, ...], Field(min_length=1, max_length=2)]
    lattice_parameter: PositiveFloat
    c_over_a: PositiveFloat | None = None

    @model_validator(mode="after")
    def _elements_fit(self) -> PrototypeSpec:
        expected = 1 if self.structure in ONE_ELEMENT else 2
        if len(set(self.elements)) != expected or len(self.elements) != expected:
            raise ValueError(f"elements: {list(self.elements)}; {self.structure} has {expected} different one(s)")
        if self.c_over_a is not None and self.structure not in HEXAGONAL:
            raise ValueError(f"c_over_a: {self.structure} is cubic; remove it")
        return self


class StepsSpec(Spec):
    """Evenly spaced values, both ends included, rounded to two decimals.

    Attributes:
        start: First value.
        stop: Last value.
        steps: Number of values.
    """

    start: float
    stop: float
    steps: Annotated[int, Field(ge=1, le=10_000)]

    @model_validator(mode="after")
    def _in_order(self) -> StepsSpec:
        if self.start > self.stop or (self.steps > 1 and self.stop - self.start < 0.01 * (self.steps - 1)):
            raise ValueError(f"start {self.start}, stop {self.stop}: expected rising values at least 0.01 apart")
        return self

    @property
    def values(self) -> tuple[float, ...]:
        """The values."""
        between = (self.stop - self.start) / max(self.steps - 1, 1)
        # Adding zero makes -0.0 and 0.0 the same number.
        return tuple(round(self.start + number * between, 2) + 0.0 for number in range(self.steps))


class ScanSpec(Spec):
    """Base class of the specs of scans.

    Attributes:
        of: Names of the crystals that are scanned; None: all.
        name: Name of the scan in the names of its systems; None: after its type.
    """

    of: Annotated[tuple[PartName, ...], Field(min_length=1)] | None = None
    name: PartName | None = None

    @property
    def called(self) -> str:
        """Name of the scan."""
        return self.name or self._label()

    def _label(self) -> str:
        return str(getattr(self, "type"))  # noqa: B009 - every scan has one, the base has none


class LatticeScanSpec(ScanSpec):
    """All edges of the primitive cell stretched by the same factor.

    Attributes:
        of: Names of the crystals that are scanned; None: all.
        name: Name of the scan in the names of its systems; None: ``lattice``.
        percent: Change of the lattice parameter [%].
    """

    type: Literal["lattice"] = "lattice"
    percent: StepsSpec = StepsSpec(start=-15, stop=15, steps=31)

    @model_validator(mode="after")
    def _volume_is_left(self) -> LatticeScanSpec:
        _check_range("percent", self.percent, -40, 100)
        return self


class ShearScanSpec(ScanSpec):
    """Changed angles between the axes of the conventional cell, whose lengths stay. A change of 0 is left out.

    Attributes:
        of: Names of the crystals that are scanned; None: all.
        name: Name of the scan in the names of its systems; None: ``shear``, or ``shear-all``.
        axes: ``one``: the angle between the first and the second axis; ``all``: all three angles.
        degrees: Change of the angle [degrees]; with ``one``, changes of both signs give the same cubic crystal.
        lattice: Changes of the lattice parameter at which this is done [%].
    """

    type: Literal["shear"] = "shear"
    axes: Literal["one", "all"] = "one"
    degrees: StepsSpec = StepsSpec(start=1, stop=15, steps=15)
    lattice: Annotated[tuple[Percent, ...], Field(min_length=1)] = (0.0,)

    def _label(self) -> str:
        return "shear" if self.axes == "one" else "shear-all"

    @model_validator(mode="after")
    def _cell_is_left(self) -> ShearScanSpec:
        _check_range("degrees", self.degrees, -25, 25)
        return self


class StrainScanSpec(ScanSpec):
    """The axes of the conventional cell stretched against each other at constant volume. A change of 0 is left out.

    Attributes:
        of: Names of the crystals that are scanned; None: all.
        name: Name of the scan in the names of its systems; None: its kind.
        kind: ``tetragonal``: the third axis against the others; ``orthorhombic``: the first against the second.
        percent: Change of the axis that is named first [%].
        lattice: Changes of the lattice parameter at which this is done [%].
    """

    type: Literal["strain"] = "strain"
    kind: Literal["tetragonal", "orthorhombic"] = "tetragonal"
    percent: StepsSpec = StepsSpec(start=-15, stop=15, steps=30)
    lattice: Annotated[tuple[Percent, ...], Field(min_length=1)] = (0.0,)

    def _label(self) -> str:
        return self.kind

    @model_validator(mode="after")
    def _cell_is_left(self) -> StrainScanSpec:
        _check_range("percent", self.percent, -40, 100)
        return self


class RattleScanSpec(ScanSpec):
    """Supercells whose atoms are displaced at random, drawn from the space's seed.

    Attributes:
        of: Names of the crystals that are scanned; None: all.
        name: Name of the scan in the names of its systems; None: ``rattle-`` and the amplitude.
        amplitude: Standard deviation of every coordinate's displacement [Å].
        strain: Standard deviation of every component of a random strain of the cell [%].
        lattice: The lattice parameter is changed by up to this, either way and at random [%].
        atoms: Sizes of the supercells, each a multiple of the primitive cell's; the most compact one is taken.
        draws: Structures of each size.
    """

    type: Literal["rattle"] = "rattle"
    amplitude: Annotated[float, Field(gt=0, le=1)] = 0.1
    strain: Annotated[float, Field(ge=0, le=10)] = 0.0
    lattice: Annotated[float, Field(ge=0, le=30)] = 0.0
    atoms: Annotated[tuple[Annotated[int, Field(ge=1, le=64)], ...], Field(min_length=1)] = (8,)
    draws: Annotated[PositiveInt, Field(le=9999)] = 20

    def _label(self) -> str:
        return f"rattle-{self.amplitude:g}"


class VacancyScanSpec(ScanSpec):
    """Supercells with one atom removed and the others displaced at random, drawn from the space's seed.

    Attributes:
        of: Names of the crystals that are scanned; None: all.
        name: Name of the scan in the names of its systems; None: ``vacancy``.
        amplitude: Standard deviation of every coordinate's displacement [Å].
        strain: Standard deviation of every component of a random strain of the cell [%].
        lattice: The lattice parameter is changed by up to this, either way and at random [%].
        atoms: Sizes of the supercells before the atom is removed, each a multiple of the primitive cell's, at least 2.
        draws: Structures of each size; the removed atom is drawn too.
    """

    type: Literal["vacancy"] = "vacancy"
    amplitude: Annotated[float, Field(ge=0, le=1)] = 0.1
    strain: Annotated[float, Field(ge=0, le=10)] = 0.0
    lattice: Annotated[float, Field(ge=0, le=30)] = 0.0
    atoms: Annotated[tuple[Annotated[int, Field(ge=2, le=64)], ...], Field(min_length=1)] = (16,)
    draws: Annotated[PositiveInt, Field(le=9999)] = 20


class SlabScanSpec(ScanSpec):
    """Slabs separated by vacuum, their atoms displaced at random, drawn from the space's seed.

    Attributes:
        of: Names of the crystals that are scanned; None: all.
        name: Name of the scan in the names of its systems; None: ``slab``.
        planes: Miller indices of the surfaces, in axes of the conventional cell.
        layers: Repeats of the surface's cell along the normal.
        vacuum: Width of the vacuum between two slabs [Å].
        amplitude: Standard deviation of every coordinate's displacement [Å].
        draws: Structures of each surface.
    """

    type: Literal["slab"] = "slab"
    planes: Annotated[tuple[tuple[int, int, int], ...], Field(min_length=1)] = ((1, 0, 0), (1, 1, 0), (1, 1, 1))
    layers: Annotated[int, Field(ge=1, le=20)] = 3
    vacuum: Annotated[float, Field(ge=4, le=40)] = 10.0
    amplitude: Annotated[float, Field(ge=0, le=1)] = 0.05
    draws: Annotated[PositiveInt, Field(le=9999)] = 5


Scan = Annotated[
    LatticeScanSpec | ShearScanSpec | StrainScanSpec | RattleScanSpec | VacancyScanSpec | SlabScanSpec,
    Field(discriminator="type"),
]


class CrystalsSpaceSpec(EnergySpaceSpec):
    """Crystals and scans of them, computed for their energy. Each scan of each crystal is a system.

    Attributes:
        crystals: Crystals by name.
        scans: Scans that are made of each crystal.
        seed: Start of every random displacement.
        relaxed: Whether a candidate is relaxed before, as the calculator's ``relaxation`` says.
        cost: Predicted cost of an evaluation.
    """

    opener: ClassVar[str] = "tansaku.spaces.crystals:CrystalsSpace"
    type: Literal["crystals"] = "crystals"
    crystals: Annotated[dict[PartName, PrototypeSpec], Field(min_length=1)]
    scans: Annotated[tuple[Scan, ...], Field(min_length=1)]
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    @property
    def elements(self) -> frozenset[str]:
        """Elements of all crystals."""
        return frozenset(element for crystal in self.crystals.values() for element in crystal.elements)

    @model_validator(mode="after")
    def _scans_are_told_apart(self) -> CrystalsSpaceSpec:
        seen: set[str] = set()
        for number, scan in enumerate(self.scans):
            unknown = [name for name in scan.of or () if name not in self.crystals]
            if unknown:
                raise ValueError(
                    f"scans[{number}].of: {unknown[0]!r} is not a crystal of the space; expected {', '.join(self.crystals)}"
                )
            for crystal in scan.of or self.crystals:
                system = f"{crystal}-{scan.called}"
                if system in seen:
                    raise ValueError(f"scans[{number}]: a second scan makes the system {system!r}; give it a name")
                seen.add(system)
        return self


def _check_range(key: str, steps: StepsSpec, least: float, most: float) -> None:
    if steps.start < least or steps.stop > most:
        raise ValueError(f"{key}: {steps.start:g} … {steps.stop:g}; expected {least:g} … {most:g}")
