"""Our engines as ASE's optimisers see them."""

from __future__ import annotations

from collections.abc import Sequence

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes


class OwnCalculator(Calculator):
    """A calculator of ASE that computes all of its properties at once.

    A subclass names them in ``implemented_properties`` and stores them as ``results`` in :meth:`compute`.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] | None = None,
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Keeps a copy of the atoms, as ASE does, and computes it."""
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        self.compute(self.atoms if self.atoms is not None else Atoms(), properties or (), system_changes)

    def compute(self, atoms: Atoms, properties: Sequence[str], changes: Sequence[str]) -> None:
        """Stores energy [eV], forces [eV/Å], Voigt stress [eV/Å^3] and what else there is.

        Args:
            properties: Asked for, by ASE's names.
            changes: Parts of the atoms that differ from those of the last call, by ASE's names.
        """
        raise NotImplementedError
