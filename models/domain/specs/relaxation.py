"""Relaxation of a structure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tansaku.models.domain.specs.base import PositiveFloat, PositiveInt, Spec


class RelaxationSpec(Spec):
    """Relaxation of a structure.

    Attributes:
        cell: ``fixed``; ``normal``: free along the boundary normal at zero normal stress; ``full``: free in all directions at
            no stress, where no atom is held.
        translation: ``held``: marked atoms keep their in-plane positions while everything else relaxes; ``free``: all atoms
            relax freely.
        fmax: Largest force on an atom at convergence [eV/Å]. At 0.01 one boundary energy in five was more than 1 mJ/m^2 off
            its converged value, at 0.001 one in twenty (NiAlH_jea, 100 candidates), for a third more time.
        max_steps: Steps of the minimiser after which the relaxation counts as not converged.
        unconverged: A relaxation that does not converge: ``fail``: has no result; ``keep``: has that of its last step, for a
            cheap look (not with types vasp and atomate2).
    """

    cell: Literal["fixed", "normal", "full"] = "fixed"
    translation: Literal["held", "free"] = "held"
    fmax: PositiveFloat = 0.001
    max_steps: PositiveInt = 2000
    # Added after the first release: without this key, specs and their hashes are unchanged.
    unconverged: Annotated[Literal["fail", "keep"], Field(exclude_if=lambda ending: ending == "fail")] = "fail"
