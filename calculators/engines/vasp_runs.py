"""Runs of VASP by atomate2's makers: how they are started, and what emmet's documents say of them.

Custodian's remedies that change the level of theory are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units

from tansaku.calculators.engines.atomate2 import run_jobs
from tansaku.calculators.engines.vasp_inputs import by_element
from tansaku.models.domain.errors import CalculationError, TransientError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict

POLL = 1.0
"""Time between two checks of VASP by custodian [s]."""

_KILOBAR = -units.GPa / 10.0
"""VASP's stress [kbar] in ASE's unit and sign [eV/Å^3]."""

_KEPT = ("OUTCAR", "vasprun.xml", "INCAR", "KPOINTS", "POSCAR", "CONTCAR", "custodian.json")
"""Files kept with a result; a POTCAR is licensed and stays where it was."""


@dataclass(frozen=True)
class Run:
    """Results of a VASP run from emmet's document; atoms sorted by element.

    Attributes:
        calculation: emmet's ``Calculation``.
        corrections: Errors that custodian mended, in its words.
        folder: Where the run's files are.
    """

    calculation: Any
    corrections: tuple[str, ...]
    folder: Path

    @property
    def version(self) -> str:
        """VASP's."""
        return str(self.calculation.vasp_version).strip()

    @property
    def inputs(self) -> Any:  # noqa: ANN401 - emmet's
        """Inputs as VASP reports them."""
        return self.calculation.input

    @property
    def ionic_steps(self) -> list[Any]:
        """One for each set of positions."""
        return list(self.calculation.output.ionic_steps)

    @property
    def step(self) -> Any:  # noqa: ANN401 - emmet's
        """The last ionic step."""
        return self.ionic_steps[-1]

    @property
    def scf_steps(self) -> list[int]:
        """Steps to self-consistency of each ionic step."""
        return [len(step.electronic_steps or ()) for step in self.ionic_steps]

    @property
    def terms(self) -> dict[str, float]:
        """Parts of the energy [eV]."""
        free, without = float(self.step.e_fr_energy), float(self.step.e_wo_entrp)
        return {"free_energy": free, "entropy_energy": free - without}

    @property
    def files(self) -> dict[str, Path]:
        """Files that are kept, by name, compressed as atomate2 leaves them."""
        found = {name: [self.folder / f"{name}{ending}" for ending in ("", ".gz")] for name in _KEPT}
        return {path.name: path for paths in found.values() for path in paths if path.is_file()}

    def forces(self, structure: Atoms) -> FloatArray:
        """Forces in the order of a structure's atoms [eV/Å], shape ``(n_atoms, 3)``."""
        return _finite(_unsorted(np.asarray(self.step.forces, dtype=np.float64), structure))

    def stress(self) -> FloatArray:
        """Stress [eV/Å^3], shape ``(3, 3)``."""
        return _finite(np.asarray(self.step.stress, dtype=np.float64) * _KILOBAR)

    def final(self, structure: Atoms) -> Atoms:
        """Final atoms, in the order and the periodic images of the given ones."""
        atoms: Atoms = structure.copy()
        atoms.set_constraint()
        left = self.calculation.output.structure
        places = _unsorted(np.asarray(left.frac_coords), structure)
        before = structure.get_scaled_positions(wrap=False)
        atoms.set_cell(np.asarray(left.lattice.matrix))
        moved = places - before
        atoms.set_scaled_positions(before + moved - np.round(moved))
        return atoms


def _unsorted(rows: FloatArray, structure: Atoms) -> FloatArray:
    found = np.empty_like(rows)
    found[by_element(structure)] = rows
    return found


def _finite(values: FloatArray) -> FloatArray:
    if not np.isfinite(values).all():
        raise CalculationError("nan", "vasp gave a number that is not finite")
    return values


def maker_keywords(command: str) -> JsonDict:
    """Keywords of every maker: how VASP is started and read, whatever a user's atomate2 settings say.

    Args:
        command: Words that start VASP, split as a shell would.
    """
    from custodian.vasp.handlers import FrozenJobErrorHandler, PotimErrorHandler, StdErrHandler, VaspErrorHandler

    return {
        "write_input_set_kwargs": {"apply_incar_updates": False},
        "run_vasp_kwargs": {
            "vasp_cmd": command,
            "vasp_gamma_cmd": command,
            "handlers": (VaspErrorHandler(), PotimErrorHandler(), FrozenJobErrorHandler(), StdErrHandler()),
            "custodian_kwargs": {"polling_time_step": POLL},
        },
        "task_document_kwargs": {"run_bader": False, "run_ddec6": False},
        # Whether it converged is judged here.
        "stop_children_kwargs": {"handle_unsuccessful": False},
    }


def run_vasp_jobs(jobs: list[Any], folder: Path) -> list[Any]:
    """Runs makers' jobs one after the other.

    Args:
        jobs: Made by atomate2's makers.
        folder: Existing folder for the jobs' own.

    Returns:
        emmet's documents.

    Raises:
        TransientError: VASP ended without a result.
    """
    from custodian.custodian import CustodianError

    try:
        return run_jobs(jobs, folder)
    except (CustodianError, FileNotFoundError) as error:
        words = " ".join(_said(folder).split()[-40:])
        raise TransientError(f"vasp ended without a result: {' '.join(str(error).split())} {words}".strip()) from error


def _said(folder: Path) -> str:
    """Last lines of VASP's error output."""
    paths = sorted(folder.glob("**/std_err.txt*"), key=lambda path: path.stat().st_mtime)
    return paths[-1].read_text(errors="replace") if paths and paths[-1].suffix == ".txt" else ""


def corrections_of(custodian: list[Any] | None) -> tuple[str, ...]:
    """Errors that custodian mended."""
    found = [correction for step in custodian or () for correction in step.corrections or ()]
    return tuple(str(error) for correction in found for error in correction["errors"])
