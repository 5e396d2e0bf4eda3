"""Energies of the elements by a calculator, to which formation energies refer."""

from __future__ import annotations

from ase.data import atomic_numbers, reference_states

from tansaku.calculators.structures.perfect_crystal import crystal_of
from tansaku.calculators.workflows.own_crystal import likely_crystal, own_crystal
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.specs.relaxation import RelaxationSpec

SIMPLE = ("fcc", "bcc", "hcp", "diamond")
"""Structures of elements that are computed as crystals."""

_BOX = 12.0  # edge of the cell of a molecule [Å]
_FMAX = 0.01


def reference_energy(calculator: Calculator, element: str) -> float:
    """Energy of an element as it usually is: its crystal at the calculator's own lattice parameter, or its molecule.

    Args:
        calculator: Computes it.
        element: Chemical symbol.

    Returns:
        [eV/atom]

    Raises:
        ConfigurationError: Its crystal is not a simple one, or the calculator cannot compute it.
    """
    usual = reference_states[atomic_numbers[element]] or {}
    structure = str(usual.get("symmetry"))
    try:
        if structure == "diatom":
            return _molecule(calculator, element, float(str(usual["d"])))
        if structure in SIMPLE:
            return _crystal(calculator, structure, element)
    except (CalculationError, ConfigurationError) as error:
        raise ConfigurationError(f"space.phases.references: compute; {element}: {error.message}") from error
    raise ConfigurationError(
        f"space.phases.references: compute; the usual crystal of {element} is none of {', '.join(SIMPLE)}",
        hint=f"compute it as you like and give its energy: phases: {{references: compute, energies: {{{element}: ...}}}}",
    )


def _crystal(calculator: Calculator, structure: str, element: str) -> float:
    own = own_crystal(calculator, likely_crystal(structure, element))
    cell = crystal_of(structure, element, own.lattice_parameter).unit_cell()
    return calculator.evaluate(cell).energy / len(cell)


def _molecule(calculator: Calculator, element: str, length: float) -> float:
    from ase import Atoms

    atoms = Atoms([element] * 2, positions=[(0.0, 0.0, 0.0), (0.0, 0.0, length)], cell=[_BOX] * 3, pbc=True)
    return calculator.evaluate(atoms, RelaxationSpec(translation="free", fmax=_FMAX)).energy / len(atoms)
