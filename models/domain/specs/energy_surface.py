"""Spec of the energy surface of an ion in a host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.base import FilePath, NamesFile, Sha256, Spec
from tansaku.models.domain.specs.crystals import PrototypeSpec
from tansaku.models.domain.specs.energy_space import EnergySpaceSpec
from tansaku.models.domain.specs.prototypes import CationText, OxideStructure, Volume
from tansaku.models.domain.specs.space_base import KeyPath, SpaceDescription, SpecFile

if TYPE_CHECKING:
    from tansaku.models.domain.specs.calculators.contract import CalculatorBase

ENERGY = "energy"
"""The property that an energy surface is about: energy of the cell with the ion [eV]."""

Repeats = Annotated[int, Field(ge=1, le=8)]


class OxideHostSpec(Spec):
    """A host of a named structure, in its primitive cell.

    Attributes:
        prototype: Structure.
        ions: Cations of its sites, in the order in which the structure's formula names them.
        volume: Volume of the cell, in units of the volume at which the bond valences fit best.
    """

    prototype: OxideStructure
    ions: Annotated[tuple[CationText, ...], Field(min_length=1, max_length=3)]
    volume: Volume = 1.0


class FileHostSpec(Spec):
    """A host from a file with one structure.

    Attributes:
        file: Path (relative to the spec) of a CIF, POSCAR or extxyz; every site has one element.
        sha256: Content hash of the file; filled in when the spec is resolved.
    """

    file: Annotated[FilePath, NamesFile("structure")]
    sha256: Sha256 | None = None


class PathFileSpec(Spec):
    """A path over the points of a grid.

    Attributes:
        file: ``path.extxyz`` that ``tansaku path`` wrote after a search (path relative to the spec).
        sha256: Content hash of the file; filled in when the spec is resolved.
    """

    file: Annotated[FilePath, NamesFile("structure")]
    sha256: Sha256 | None = None


class EnergySurfaceSpaceSpec(EnergySpaceSpec):
    """Positions of an ion in a host: points of a grid of its cell, folded by its space group.

    Attributes:
        host: The host without the ion: a named oxide, a file, or a crystal of a named structure in its primitive cell.
        ion: Element of the ion.
        grid: Largest step of the grid along a cell vector [Å].
        exclusion: Smallest distance between the ion and an atom, as a fraction of the sum of their covalent radii.
        supercell: Repeats of the host's cell in the cell that is computed.
        resolution: Distance up to which features distinguish positions well; positions farther apart are all about equally
            distant [Å].
        host_atoms: ``fixed``, or ``relaxed``: each evaluation relaxes the host around the ion, which is pinned to its point,
            while the cell and the mean position of the host's atoms stay; the calculator's ``relaxation`` gives ``fmax`` and
            ``max_steps``.
        along: A path of an earlier search with the same host, ion, supercell, grid and exclusion. Only its points are
            candidates, and in each evaluation the ion relaxes in the plane through its point that is perpendicular to the path;
            the calculator's ``relaxation`` gives ``fmax`` and ``max_steps``.
        charge: Charge of the cell that is computed [e], against a uniform background: 1 for a proton, H without its electron.
        relaxed: Must be false: the ion stays at its point, or in its plane.
        cost: Predicted cost of an evaluation.
    """

    description: ClassVar[SpaceDescription] = replace(
        EnergySpaceSpec.description,
        properties=(ENERGY,),
        learnable=False,
        keeps_free_energy=False,
        gridded=True,
        figures="paths",
        groups=("system",),
    )

    relaxing: ClassVar[str] = "space.host_atoms: relaxed"

    opener: ClassVar[str] = "tansaku.spaces.energy_surface:EnergySurfaceSpace"
    type: Literal["energy_surface"] = "energy_surface"
    host: OxideHostSpec | FileHostSpec | PrototypeSpec
    ion: Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")]
    grid: Annotated[float, Field(ge=0.05, le=2.0)] = 0.25
    exclusion: Annotated[float, Field(ge=0.0, le=1.5)] = 0.6
    supercell: tuple[Repeats, Repeats, Repeats] = (1, 1, 1)
    resolution: Annotated[float, Field(ge=0.25, le=100.0)] = 1.2
    host_atoms: Literal["fixed", "relaxed"] = "fixed"
    along: PathFileSpec | None = None
    charge: Annotated[int, Field(ge=-8, le=8)] = 0

    @property
    def elements(self) -> frozenset[str]:
        """The ion, and those of a named host."""
        match self.host:
            case FileHostSpec():
                return frozenset({self.ion})
            case PrototypeSpec(elements=elements):
                return frozenset({self.ion, *elements})
            case OxideHostSpec(ions=ions):
                return frozenset({self.ion, "O", *(ion.rstrip("+0123456789") for ion in ions)})

    @property
    def as_they_stand(self) -> bool:
        """Whether host and ion stay fixed."""
        return self.host_atoms == "fixed" and self.along is None

    @property
    def held_in_plane(self) -> JsonDict:
        """The path, and whether the host relaxes; empty without a path."""
        return {} if self.along is None else {"along": self.along.sha256, "host_atoms": self.host_atoms}

    @property
    def total_charge(self) -> int:
        """Charge of every cell [e]."""
        return self.charge

    @field_validator("ion", mode="before")
    @classmethod
    def _charge_is_the_cells(cls, value: object) -> object:
        if isinstance(value, str) and value.endswith(("+", "-")):
            raise ValueError(f"{value}: a charged ion; expected an element such as H, and the charge of the cell as charge: 1")
        return value

    @model_validator(mode="after")
    def _ion_stays(self) -> Self:
        if self.relaxed:
            raise ValueError("relaxed: true; a relaxed ion would leave its grid point; expected false, or host_atoms: relaxed")
        if self.cost.model == "measured":
            raise ValueError("cost.model: measured; every candidate has the same atoms; expected atoms")
        return self

    def check_use(self, calculator: CalculatorBase | None, *_learned: str) -> None:
        """Raises ValueError for a charge that the calculator does not know."""
        if self.charge and calculator is not None and not calculator.facts.charged:
            raise ValueError(
                f"space.charge: {self.charge}; a calculator of type {calculator.type} computes neutral cells only; expected 0, "
                "or a calculator that knows of charge such as gpaw"
            )

    def files(self) -> tuple[SpecFile, ...]:
        """The host's and the path's, where there are any."""
        named = {"host": self.host if isinstance(self.host, FileHostSpec) else None, "along": self.along}
        return tuple(
            SpecFile((key, "file"), given.file, given.sha256, largest="cif_bytes")
            for key, given in named.items()
            if given is not None
        )

    def with_hashes(self, hashes: Mapping[KeyPath, str]) -> Self:
        """The spec with the hashes of its files."""
        update: dict[str, Spec] = {}
        if isinstance(self.host, FileHostSpec):
            update["host"] = self.host.model_copy(update={"sha256": hashes["host", "file"]})
        if self.along is not None:
            update["along"] = self.along.model_copy(update={"sha256": hashes["along", "file"]})
        return self.model_copy(update=update)
