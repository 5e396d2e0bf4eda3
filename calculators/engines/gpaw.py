"""Density-functional theory by GPAW in plane waves.

Mortensen et al., J. Chem. Phys. 160, 092503 (2024), doi:10.1063/5.0182685. One process computes in place; several MPI ranks are
processes of their own (:mod:`tansaku.calculators.engines.gpaw_ranks`) that run the same code.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TextIO

import numpy as np
from ase import Atoms
from ase.units import Hartree

from tansaku.calculators.engine import Engine, Probe, not_installed
from tansaku.calculators.engines.ase_evaluation import evaluate_with_ase
from tansaku.calculators.engines.electronic import check_elements, initial_moments, structure_grid, task_key, total_charge
from tansaku.calculators.engines.energy_partition import check_ewald, partition
from tansaku.calculators.engines.gpaw_parameters import gpaw_parameters
from tansaku.calculators.engines.own_calculator import OwnCalculator
from tansaku.calculators.engines.relaxation import check_axes, check_input
from tansaku.calculators.engines.universal import installed
from tansaku.calculators.frozen_files import watch
from tansaku.models.domain.errors import CalculationError, ConfigurationError, MissingComponentError
from tansaku.models.domain.findings import Finding
from tansaku.models.domain.identifiers import content_hash, file_sha256
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import JsonDict, Provenance
from tansaku.models.domain.specs.calculators.contract import settings_of
from tansaku.models.domain.specs.calculators.gpaw import GpawSpec
from tansaku.models.domain.specs.parallel import SERIAL, ParallelSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec

PROBE = """
import gpaw
from tansaku.calculators.engines.gpaw import find_setups
from tansaku.models.domain.errors import MissingComponentError
print(gpaw.__version__)
for xc in ("LDA", "PBE", "RPBE", "revPBE"):
    try:
        found = find_setups(xc)
        print(f"{xc} setups of {len(found.elements)} elements")
    except MissingComponentError:
        pass
"""


@dataclass(frozen=True)
class Setups:
    """The PAW data sets of a functional.

    Attributes:
        elements: Chemical symbols.
        hashes: SHA-256 of each file by its name.
    """

    folder: Path
    elements: frozenset[str]
    hashes: dict[str, str]

    @property
    def sha256(self) -> str:
        """Hash of their names and contents."""
        return content_hash(self.hashes)


@lru_cache(maxsize=8)
def find_setups(xc: str) -> Setups:
    """The data sets that GPAW uses with a functional.

    Raises:
        MissingComponentError: There are none on GPAW's search path.
    """
    from gpaw import setup_paths

    for folder in map(Path, setup_paths):
        # Others, such as Al.11.PBE.gz, are taken on request only.
        plain = (
            [path for path in folder.iterdir() if re.fullmatch(rf"[A-Z][a-z]?\.{xc}(\.gz)?", path.name)]
            if folder.is_dir()
            else []
        )
        named = {path.name: file_sha256(path) for path in sorted(plain)}
        if named:
            elements = frozenset(name.partition(".")[0] for name in named)
            return Setups(folder, elements, named)
    looked = ", ".join(map(str, setup_paths)) or "nowhere"
    raise MissingComponentError(
        f"calculator type gpaw has no {xc} setups (looked in {looked})", hint="pip install gpaw-data, or set GPAW_SETUP_PATH"
    )


def examine(probe: Probe) -> Finding:
    """Returns whether GPAW starts, and which setups it finds."""
    if absent := not_installed(GpawSpec, "(docs/guide/density-functional-theory.md lists what it is compiled with)"):
        return absent
    hint = "compile it again with the MPI of this environment: docs/guide/density-functional-theory.md"
    said = probe("gpaw", PROBE, hint)
    if isinstance(said, Finding):
        return said
    version, *setups = said.splitlines()
    if not setups:
        hint = "pip install gpaw-data, or set GPAW_SETUP_PATH"
        return Finding(name="gpaw", state="missing", detail=f"version {version} starts, but has no setups", hint=hint)
    return Finding(name="gpaw", state="ok", detail=f"version {version} starts; {', '.join(setups)}")


CHECKPOINT_INTERVAL = 300.0
"""Time between two checkpoints of a calculation that has a folder [s]."""

DENSITY_FILE = GpawSpec.facts.fields["density"]
LOG_FILE = "gpaw.txt"
STATE_FILE = "state.gpw"

_TERMS = ("kinetic", "coulomb", "zero", "external", "xc", "entropy")


class GpawCalculator:
    """``Calculator`` on GPAW.

    Args:
        spec: Level of theory.
        parallel: Ranks and threads.
        folder: Where checkpoints, log and density go; None: nothing is kept.
        interval: Time between two checkpoints [s].

    Raises:
        MissingComponentError: GPAW or its setups are not installed.
        ConfigurationError: They are not the ones that were hashed.
    """

    def __init__(
        self,
        spec: GpawSpec,
        parallel: ParallelSpec = SERIAL,
        folder: Path | None = None,
        interval: float = CHECKPOINT_INTERVAL,
    ) -> None:
        installed("gpaw", "gpaw")
        if spec.partition:
            check_ewald()
        self._spec = spec
        self._parallel = parallel
        self._folder = folder
        self._interval = interval
        self._setups = find_setups(spec.xc)
        watch({name: self._setups.folder / name for name in self._setups.hashes}, self._setups.hashes)
        if spec.setups_sha256 not in (None, self._setups.sha256):
            raise ConfigurationError(
                f"calculator.setups_sha256: the {spec.xc} setups in {self._setups.folder} have {self._setups.sha256}, expected "
                f"{spec.setups_sha256}",
                hint="install the version of gpaw-data that the campaign was made with",
            )
        self._provenance = Provenance(
            code="gpaw",
            code_version=importlib.metadata.version("gpaw"),
            model=spec.xc,
            model_sha256=self._setups.sha256,
            settings=settings_of(spec) | {"setups_sha256": self._setups.sha256, "basis": "pw", "minimizer": "lbfgs"},
        )

    @property
    def provenance(self) -> Provenance:
        """Version, functional, hash of its setups and everything else that numbers depend on."""
        return self._provenance

    def within(self, folder: Path) -> GpawCalculator:
        """The calculator with a folder for its files, as a ``ScratchCalculator``."""
        return GpawCalculator(self._spec, self._parallel, folder, self._interval)

    def evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None = None) -> CalculationResult:
        """Computes a structure, relaxed if asked for, as a ``Calculator``."""
        check_input(structure)
        check_axes(structure, relaxation)
        check_elements(structure, self._setups.elements, f"gpaw with {self._spec.xc}")
        task = GpawTask(structure, relaxation, self._spec, self._provenance, self._folder, self._interval)
        if self._parallel.ranks == 1:
            return compute(task)
        from tansaku.calculators.engines.gpaw_ranks import compute_in_ranks

        return compute_in_ranks(task, self._parallel)

    def close(self) -> None:
        """Nothing to release."""


@dataclass(frozen=True)
class GpawTask:
    """One evaluation.

    Attributes:
        structure: Has been checked.
        relaxation: None: as it is.
        spec: Level of theory.
        provenance: The calculator's.
        folder: For checkpoints and files, None: nothing is kept.
        interval: Time between two checkpoints [s].
    """

    structure: Atoms
    relaxation: RelaxationSpec | None
    spec: GpawSpec
    provenance: Provenance
    folder: Path | None
    interval: float


def compute(task: GpawTask) -> CalculationResult:
    """Computes a structure; under MPI all ranks call it together.

    Raises:
        CalculationError: ``not_converged``, ``exploded`` or ``nan``.
    """
    import gpaw
    from gpaw.mpi import world

    started = time.perf_counter()
    folder = task.folder
    if folder is not None and world.rank == 0:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    world.barrier()
    key = task_key(task.structure, task.relaxation, task.provenance)
    grid = structure_grid(task.structure, task.spec.kpoint_density)
    start = task.structure.copy()
    resumed = folder is not None and _key_of(folder) == key
    log = folder / LOG_FILE if folder is not None else None
    start.set_initial_magnetic_moments(initial_moments(start, task.spec.magnetic_moments) if task.spec.spin else None)
    watch = _Watch(folder, key, task.interval)
    through = _Gpaw(gpaw_parameters(task.spec, grid, total_charge(task.structure)), watch, log)
    if resumed and folder is not None:
        start.cell, start.positions = through.resume(folder / STATE_FILE)
    try:
        result = evaluate_with_ase(start, task.relaxation, through, task.provenance)
    except gpaw.KohnShamConvergenceError as error:
        said = " ".join(str(error).split()) or "no self-consistent density"
        raise CalculationError("not_converged", f"gpaw: {said} ({task.spec.scf_steps} steps allowed)") from error
    calculator = through.inner
    details = {
        "kpoints": list(grid),
        "irreducible_kpoints": len(calculator.dft.ibzwfs.ibz),
        "electrons": float(calculator.get_number_of_electrons()),
        "bands": int(calculator.get_number_of_bands()),
        "scf_steps": watch.count,
        "resumed": resumed,
        "ranks": int(world.size),
    }
    files = _files(calculator, task) if folder is not None else {}
    parts = _gpaw_partition(calculator, result.energy, task.spec.xc) if task.spec.partition else {}
    terms = _terms(calculator) | gpaw_gap(calculator) | parts
    through.end()
    return replace(result, terms=terms, details=details, files=files, wall_time=time.perf_counter() - started)


class _Gpaw(OwnCalculator):
    """ASE calculator around GPAW's, which stops once a relaxation has left the symmetry that it began with."""

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012 - ASE's base class says so

    def __init__(self, parameters: JsonDict, watch: _Watch, log: Path | None) -> None:
        super().__init__()
        self.inner: Any = None
        self._parameters = parameters
        self._watch = watch
        self._log = log
        self._text: TextIO | None = None

    def resume(self, state: Path) -> tuple[FloatArray, FloatArray]:
        """Continues from a checkpoint; returns its cell and positions [Å]."""
        import gpaw

        self.inner = gpaw.GPAW(str(state), txt=self._open("a"))
        self._watch.look_at(self.inner)
        return self.inner.atoms.cell.array, self.inner.atoms.positions

    def compute(self, _atoms: Atoms, _properties: Sequence[str], _changes: Sequence[str]) -> None:
        """Energy [eV], forces [eV/Å] and Voigt stress [eV/Å^3]."""
        from gpaw.new.symmetry import SymmetryBrokenError

        if self.inner is None:
            self._begin("w")
        try:
            self._take()
        except SymmetryBrokenError:
            self._begin("a")
            self._take()

    def _begin(self, mode: Literal["w", "a"]) -> None:
        import gpaw

        self.inner = gpaw.GPAW(**self._parameters, txt=self._open(mode))
        self._watch.look_at(self.inner)

    def _take(self) -> None:
        self.results = {name: self.inner.calculate_property(self.atoms, name) for name in self.implemented_properties}

    def end(self) -> None:
        """Ends the log: GPAW would write its last lines when its objects are let go, after the file has been hashed."""
        if self._text is not None:
            self.inner.timer.write(self.inner.log)
            self._text.close()
            self._text = None

    def _open(self, mode: Literal["w", "a"]) -> TextIO | None:
        from gpaw.mpi import world

        self.end()
        if self._log is not None and world.rank == 0:
            # By lines, so that it can be followed.
            self._text = self._log.open(mode, buffering=1)
        return self._text


class _Watch:
    """Counts steps to self-consistency, and keeps a checkpoint from time to time."""

    def __init__(self, folder: Path | None, key: str, interval: float) -> None:
        self.count = 0
        self._calculator: Any = None
        self._folder = folder
        self._key = key
        self._interval = interval
        self._kept = time.monotonic()

    def look_at(self, calculator: Any) -> None:  # noqa: ANN401 - untyped
        """Watches a calculator of GPAW's."""
        self._calculator = calculator
        calculator.hooks["scf_step"] = self

    def __call__(self, _: Any) -> None:  # noqa: ANN401 - GPAW's own, not looked at
        """A step is over."""
        from gpaw.mpi import world

        self.count += 1
        if self._folder is None or not world.max_scalar(float(time.monotonic() - self._kept >= self._interval)):
            return
        # The state goes first: a key without its state would be of another one.
        aside = self._folder / f".{STATE_FILE}"
        self._calculator.write(str(aside), mode="all")
        if world.rank == 0:
            _key_file(self._folder).unlink(missing_ok=True)
            aside.rename(self._folder / STATE_FILE)
            key = self._folder / ".key"
            key.write_text(json.dumps({"key": self._key}))
            key.rename(_key_file(self._folder))
        world.barrier()
        self._kept = time.monotonic()


def _key_file(folder: Path) -> Path:
    return folder / "state.json"


def _key_of(folder: Path) -> str | None:
    """Key of the checkpoint in a folder, None where there is none."""
    try:
        found = json.loads(_key_file(folder).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return str(found["key"]) if (folder / STATE_FILE).is_file() else None


def _terms(calculator: Any) -> dict[str, float]:  # noqa: ANN401 - untyped
    from ase.units import Hartree

    energies = calculator.dft.energies
    known = {**energies._energies, "kinetic": energies.kinetic}
    return {
        "free_energy": float(energies.total_free * Hartree),
        **{f"{name}_energy": float(known[name] * Hartree) for name in _TERMS if name in known},
    }


def _files(calculator: Any, task: GpawTask) -> dict[str, Path]:  # noqa: ANN401 - untyped
    """Writes the files that are stored with a result."""
    from gpaw.mpi import world

    folder = task.folder
    if folder is None:
        return {}
    files = {LOG_FILE: folder / LOG_FILE}
    if task.spec.density:
        found = calculator.dft.densities().pseudo_densities().gather()
        atoms = calculator.atoms
        if world.rank == 0:
            np.savez_compressed(
                folder / DENSITY_FILE,
                density=found.data,
                cell=atoms.cell.array,
                numbers=atoms.numbers,
                positions=atoms.positions,
            )
        files[DENSITY_FILE] = folder / DENSITY_FILE
    return files


def _resolve(spec: GpawSpec, _: Path) -> GpawSpec:
    GpawCalculator(spec)
    return spec.model_copy(update={"setups_sha256": find_setups(spec.xc).sha256})


def _own_files(spec: GpawSpec, _: Path) -> list[Path]:
    shipped, found = importlib.util.find_spec("gpaw_data"), find_setups(spec.xc)
    places = shipped.submodule_search_locations if shipped is not None else None
    if any(found.folder.is_relative_to(place) for place in places or ()):
        return []
    return [found.folder / name for name in found.hashes]


ENGINE = Engine[GpawSpec](
    open=lambda spec, _, parallel: GpawCalculator(spec, parallel),
    resolve=_resolve,
    elements=lambda spec, _: find_setups(spec.xc).elements,
    own_files=_own_files,
    examine=examine,
)


_PARTLY = 0.01
"""Part of a band by which the electrons of a spin may miss a whole number: smearing and rounding."""


def _gpaw_partition(calculator: Any, energy: float, xc: str) -> dict[str, float]:  # noqa: ANN401 - untyped
    """Hartree, ion-ion, one-electron, exchange-correlation and cohesive energy [eV].

    The density is the smooth one with its compensation charges, which holds the valence electrons. One-electron energies have
    GPAW's own zero. The total energy that is divided is the one since all valence electrons were far away
    (:func:`valence_energy`). The cohesive energy is the energy of GPAW's reference atoms (neutral, spherical, without spin)
    less the crystal's.

    Args:
        energy: Total energy as GPAW gives it, relative to its reference atoms [eV].
    """
    found = calculator.dft.densities().pseudo_densities().gather(broadcast=True).data
    density = np.asarray(found.sum(axis=0) if found.ndim == 4 else found, dtype=np.float64)
    atoms = calculator.atoms
    charges = [float(setup.Nv) for setup in calculator.dft.setups]
    eigenvalues = float(calculator.dft.energies._energies["band"] * Hartree)
    absolute = energy + sum(valence_energy(symbol, xc) for symbol in atoms.get_chemical_symbols())
    return {
        **partition(absolute, atoms, density, charges, eigenvalues),
        "cohesive_energy": -energy,
    }


def gpaw_gap(calculator: Any) -> dict[str, float]:  # noqa: ANN401 - untyped
    """The gap between the highest occupied and the lowest empty band [eV], over the k-points that were computed.

    It is 0 for a metal, and where the number of electrons of a spin leaves a band half filled, which GPAW itself rounds to a
    full one. Empty where no empty band was computed.

    Args:
        calculator: GPAW's, converged.
    """
    electrons, moment = float(calculator.get_number_of_electrons()), float(calculator.dft.magmoms()[0][2])
    filled = [(electrons + moment) / 2, (electrons - moment) / 2]
    if any(abs(bands - round(bands)) > _PARTLY for bands in filled):
        return {"band_gap": 0.0}
    highest, lowest = (float(level) for level in calculator.get_homo_lumo())
    return {"band_gap": max(0.0, lowest - highest)} if np.isfinite(lowest) else {}


def valence_electrons(symbol: str, xc: str) -> int:
    """Number of valence electrons in GPAW's setup of an atom."""
    from gpaw.setup_data import SetupData

    return int(SetupData(symbol, xc).Nv)


@lru_cache(maxsize=256)
def valence_energy(symbol: str, xc: str) -> float:
    """Energy of GPAW's reference atom since its valence electrons were far away [eV]: its total energy less that of its core.

    The core's density is frozen, so this is the sum of the ionisation energies but for how the core relaxes.
    """
    from gpaw.setup_data import SetupData
    from gpaw.xc import XC

    setup = SetupData(symbol, xc)
    radial = setup.rgd
    core = setup.nc_g / np.sqrt(4.0 * np.pi)
    electrostatic = 0.5 * radial.integrate(core * radial.poisson(core), -1) - setup.Z * radial.integrate(core, -1)
    exchange = XC(xc).calculate_spherical(radial, core[np.newaxis].copy(), np.zeros((1, len(core))))
    ion = setup.e_kinetic_core + electrostatic + (exchange if setup.Nc else 0.0)
    return float((setup.e_total - ion) * Hartree)
