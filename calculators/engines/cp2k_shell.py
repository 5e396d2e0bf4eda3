"""CP2K by ASE, as campaigns need it: short paths, k-points, and no energy of a calculation that has not converged."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.calculators.calculator import CalculationFailed, SCFError, all_changes
from ase.calculators.cp2k import CP2K
from ase.units import Rydberg

PROGRAM = "cp2k_shell.psmp"
_LABEL = "cp2k"
_SHOWN = 300
"""Last characters of CP2K's output in an error."""


class Cp2kInFolder(CP2K):
    """CP2K's shell, started in its folder.

    CP2K keeps 80 characters of a project's name, so the name is no path. It continues after an SCF that has not converged, and
    ASE with it: here that is an error. ASE notices the end of the program by ``assert``, or by
    an answer that is no number.

    Args:
        directory: Folder of its files.
        cutoff: Of the plane waves of the density [Rydberg], as CP2K's input has it.
        kpts: Numbers of k-points along the three vectors (Monkhorst and Pack), None: only the centre of the zone.
        electronic_temperature: Of a Fermi-Dirac smearing [K], None: whole occupations.
        eps_scf: What the density may still change when the SCF is called converged, None: CP2K's own.
        keywords: Those of ASE.
    """

    _shell: Any = None  # ASE closes it, also where its start was refused

    def __init__(
        self,
        *,
        directory: str,
        cutoff: float = 400.0,
        kpts: Sequence[int] | None = None,
        electronic_temperature: float | None = None,
        eps_scf: float | None = None,
        **keywords: Any,  # noqa: ANN401 - ASE's keywords
    ) -> None:
        self._output = Path(directory) / f"{_LABEL}.out"
        super().__init__(  # type: ignore[no-untyped-call]
            command=f"cd {shlex.quote(directory)} && exec {PROGRAM}",
            label=_LABEL,
            cutoff=cutoff * Rydberg,
            stress_tensor=True,
            inp=_sections(kpts, electronic_temperature, eps_scf),
            **keywords,
        )

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] | None = None,
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Runs it, as ASE's calculators do."""
        begin = len(self._written())
        try:
            super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        except (AssertionError, ValueError) as error:
            raise CalculationFailed(f"CP2K has ended: {_last_words(self._written()[begin:])}") from error
        if "SCF run NOT converged" in self._written()[begin:]:
            self.results = {}
            raise SCFError("CP2K's SCF has not converged; keywords.max_scf is the number of its steps")

    def _written(self) -> str:
        return self._output.read_text(errors="replace") if self._output.exists() else ""


def _last_words(output: str) -> str:
    """CP2K frames by asterisks why it ends; without a frame, the end of its output."""
    framed = [line.strip().strip("*").strip(" /\\_|") for line in output.splitlines() if line.strip().endswith("*")]
    reason = " ".join(filter(None, framed[-6:]))
    return (reason or output.strip())[-_SHOWN:] or "it wrote nothing"


def _sections(kpts: Sequence[int] | None, electronic_temperature: float | None, eps_scf: float | None) -> str:
    """The part of CP2K's input that ASE has no keywords for."""
    scf = [] if eps_scf is None else [f"EPS_SCF {eps_scf:.3e}"]
    dft: list[str] = []
    if electronic_temperature is not None:
        smear = ["&SMEAR ON", "METHOD FERMI_DIRAC", f"ELECTRONIC_TEMPERATURE [K] {electronic_temperature:.6f}", "&END SMEAR"]
        scf += ["ADDED_MOS -1", *smear, "&MIXING", "METHOD BROYDEN_MIXING", "&END MIXING"]
    if kpts is not None:
        numbers = [int(number) for number in kpts]
        if len(numbers) != 3 or min(numbers) < 1:
            raise ValueError(f"kpts: {list(kpts)}; expected three whole numbers of 1 or more")
        # What other steps left behind cannot be extrapolated with k-points.
        dft += ["&QS", "EXTRAPOLATION USE_GUESS", "&END QS"]
        dft += ["&KPOINTS", "SCHEME MONKHORST-PACK {} {} {}".format(*numbers), "&END KPOINTS"]
    if scf:
        dft += ["&SCF", *scf, "&END SCF"]
    return "\n".join(["&FORCE_EVAL", "&DFT", *dft, "&END DFT", "&END FORCE_EVAL"]) if dft else ""
