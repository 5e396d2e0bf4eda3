"""Energies of the elements by a calculator, to which formation energies refer."""

from __future__ import annotations

from ase.data import atomic_numbers, reference_states

from tansaku.calculators.structures.perfect_crystal import crystal_of
from tansaku.calculators.workflows.own_crystal import likely_crystal, own_crystal
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.ports import CalculationResult, Calculator
from tansaku.models.domain.specs.relaxation import RelaxationSpec

SIMPLE = ("fcc", "bcc", "hcp", "diamond")
"""Structures of elements that are computed as crystals."""

MOLECULE = "diatom"

NO_REFERENCE = "no_reference"
"""Reason of a failed evaluation of an element that the calculator cannot compute in its usual form."""

_KEY = "space.phases.references: compute"
_BOX = 12.0  # edge of the cell of a molecule [Å]
_FMAX = 0.01


def check_reference(element: str) -> None:
    """Raises ConfigurationError if an element's usual form is neither a simple crystal nor a molecule of two atoms."""
    if _usual_form(element) not in (*SIMPLE, MOLECULE):
        raise ConfigurationError(
            f"{_KEY}; the usual crystal of {element} is none of {', '.join(SIMPLE)}",
            hint=f"compute it as you like and give its energy: phases: {{references: compute, energies: {{{element}: ...}}}}",
        )


def reference_result(calculator: Calculator, element: str) -> CalculationResult:
    """An element as it usually is: its crystal at the calculator's own lattice parameter, or its relaxed molecule.

    Args:
        element: Chemical symbol.

    Raises:
        ConfigurationError: Its crystal is not a simple one.
        CalculationError: The calculator does not compute it.
    """
    check_reference(element)
    structure = _usual_form(element)
    try:
        return _molecule(calculator, element) if structure == MOLECULE else _crystal(calculator, structure, element)
    except ConfigurationError as error:  # what own crystals are refused for is no mistake of the file here
        raise CalculationError(NO_REFERENCE, f"{_KEY}; {element}: {error.message}") from error


def _usual_form(element: str) -> str:
    return str((reference_states[atomic_numbers[element]] or {}).get("symmetry"))


def _crystal(calculator: Calculator, structure: str, element: str) -> CalculationResult:
    own = own_crystal(calculator, likely_crystal(structure, element))
    return calculator.evaluate(crystal_of(structure, element, own.lattice_parameter).unit_cell())


def _molecule(calculator: Calculator, element: str) -> CalculationResult:
    from ase import Atoms

    length = float(str((reference_states[atomic_numbers[element]] or {})["d"]))
    atoms = Atoms([element] * 2, positions=[(0.0, 0.0, 0.0), (0.0, 0.0, length)], cell=[_BOX] * 3, pbc=True)
    return calculator.evaluate(atoms, RelaxationSpec(translation="free", fmax=_FMAX))
