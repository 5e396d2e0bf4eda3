"""Density-functional theory by Quantum ESPRESSO's ``pw.x``, run through ASE's profile of it.

Giannozzi et al., J. Phys.: Condens. Matter 29, 465901 (2017), doi:10.1088/1361-648X/aa8f79.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.calculators.calculator import all_changes
from ase.units import Rydberg

from tansaku.calculators.engine import Engine, Probe
from tansaku.calculators.engines.ase_evaluation import evaluate_with_ase
from tansaku.calculators.engines.electronic import check_elements, initial_moments, structure_grid, task_key
from tansaku.calculators.engines.in_folder import FolderCalculator, KeptPositions
from tansaku.calculators.engines.own_calculator import OwnCalculator
from tansaku.calculators.frozen_files import freeze, watch
from tansaku.models.domain.errors import CalculationError, ConfigurationError, MissingComponentError, TransientError
from tansaku.models.domain.findings import Finding
from tansaku.models.domain.identifiers import content_hash, file_sha256
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import JsonDict, Provenance
from tansaku.models.domain.secret_variables import WITHOUT_SECRETS
from tansaku.models.domain.specs.calculators.contract import settings_of
from tansaku.models.domain.specs.calculators.espresso import EspressoSpec
from tansaku.models.domain.specs.parallel import SERIAL, ParallelSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec

PROGRAM = "pw.x"
INSTALL_HINT = "apt-get install quantum-espresso quantum-espresso-data, or put pw.x on the PATH"

_OUTPUT = "espresso.pwo"
_SMEARING = {"fermi_dirac": "fermi-dirac", "methfessel_paxton": "methfessel-paxton", "marzari_vanderbilt": "marzari-vanderbilt"}
_EXTRAPOLATED = {"fermi_dirac": 1 / 2, "methfessel_paxton": 1 / 3, "marzari_vanderbilt": 0.0}
"""Share of -TS that is taken off the free energy to reach zero width."""

_TERMS = {
    "one_electron_energy": r"one-electron contribution",
    "hartree_energy": r"hartree contribution",
    "xc_energy": r"xc contribution",
    "ewald_energy": r"ewald contribution",
    "entropy_energy": r"smearing contrib\. \(-TS\)",
    "free_energy": r"!\s+total energy",
}
_NUMBER = r"\s*=\s*(-?\d+\.\d+)\s*Ry"


class EspressoCalculator(FolderCalculator):
    """``Calculator`` on ``pw.x``; a process for every set of positions, which starts from the last density.

    Args:
        spec: Level of theory.
        base_path: Folder of the campaign file.
        parallel: Ranks and threads.

    Raises:
        MissingComponentError: ``pw.x`` is not on the PATH.
        ConfigurationError: A pseudopotential is missing, of another element or functional, or not the one that was hashed.
    """

    def __init__(self, spec: EspressoSpec, base_path: Path, parallel: ParallelSpec = SERIAL) -> None:
        program = _found_program()
        self._spec = spec
        self._parallel = parallel
        self._program = program
        watch({PROGRAM: Path(program)})
        self._pseudopotentials = find_pseudopotentials(spec, base_path).frozen()
        self._provenance = Provenance(
            code="espresso",
            code_version=program_version(program),
            model=self._pseudopotentials.functional,
            model_sha256=self._pseudopotentials.sha256,
            settings=settings_of(spec)
            | {"pseudopotentials_sha256": self._pseudopotentials.sha256, "basis": "pw", "minimizer": "lbfgs"},
        )

    @property
    def provenance(self) -> Provenance:
        """Version, functional, hash of the pseudopotentials and everything else that numbers depend on."""
        return self._provenance

    def _check(self, structure: Atoms) -> None:
        check_elements(structure, self._pseudopotentials.files, "calculator.pseudopotentials")

    def _evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None, folder: Path) -> CalculationResult:
        started = time.perf_counter()
        grid = structure_grid(structure, self._spec.kpoint_density)
        command = [self._program]
        if self._parallel.ranks > 1:
            command = [self._parallel.mpiexec, "-n", str(self._parallel.ranks), self._program]
        kept = KeptPositions(folder, task_key(structure, relaxation, self._provenance))
        through = _PwX(self._parameters(grid, len(structure)), command, kept, self._spec, self._parallel.ranks)
        start = structure.copy()
        start.set_initial_magnetic_moments(initial_moments(start, self._spec.magnetic_moments) if self._spec.spin else None)
        resumed = through.resume(start)
        result = evaluate_with_ase(start, relaxation, through, self._provenance)
        details = {
            "kpoints": list(grid),
            **through.details,
            "resumed": resumed,
            "ranks": self._parallel.ranks,
        }
        return replace(
            result,
            terms=through.terms,
            details=details,
            files={_OUTPUT: folder / _OUTPUT},
            wall_time=time.perf_counter() - started,
        )

    def _parameters(self, grid: tuple[int, int, int], n_atoms: int) -> JsonDict:
        spec = self._spec
        system: JsonDict = {
            "ecutwfc": spec.cutoff / Rydberg,
            "ecutrho": (spec.density_cutoff or 4.0 * spec.cutoff) / Rydberg,
            "occupations": "smearing",
            "smearing": _SMEARING[spec.smearing.type],
            "degauss": spec.smearing.width / Rydberg,
            "nspin": 2 if spec.spin else 1,
        }
        return {
            "pseudopotentials": self._pseudopotentials.files,
            "pseudo_dir": str(self._pseudopotentials.folder),
            "kpts": grid,
            "input_data": {
                "control": {"calculation": "scf", "tprnfor": True, "tstress": True, "disk_io": "low"},
                "system": system,
                "electrons": {
                    "conv_thr": spec.energy_tolerance * n_atoms / Rydberg,
                    "electron_maxstep": spec.scf_steps,
                },
            },
        }


class _PwX(OwnCalculator):
    """ASE calculator around ASE's ``Espresso``: keeps what the latter does not read, and tells failures apart."""

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012 - ASE's base class says so

    def __init__(self, parameters: JsonDict, command: list[str], kept: KeptPositions, spec: EspressoSpec, ranks: int) -> None:
        super().__init__()
        self.terms: dict[str, float] = {}
        self.details: JsonDict = {}
        self._data = parameters
        self._command = command
        self._kept = kept
        self._folder = kept.folder
        self._spec = spec
        self._ranks = ranks
        self._scf_steps = 0
        self._has_density = False

    def resume(self, atoms: Atoms) -> bool:
        """Restores the positions of a killed evaluation; returns whether there was one."""
        resumed = self._kept.restore(atoms)
        self._has_density = resumed and (self._folder / "pwscf.save").is_dir()
        return resumed

    def compute(self, atoms: Atoms, _properties: Sequence[str], changes: Sequence[str]) -> None:
        """Energy at zero width and free energy [eV], forces [eV/Å] and Voigt stress [eV/Å^3]."""
        if "cell" in changes and self._scf_steps:
            # The grid of the density may be another one.
            self._has_density = False
        found = self._run(atoms)
        text = (self._folder / _OUTPUT).read_text(errors="replace")
        self.terms = {name: _last(pattern + _NUMBER, text, Rydberg) for name, pattern in _TERMS.items()}
        self._scf_steps += int(re.findall(r"convergence has been achieved in\s+(\d+)", text)[-1])
        self.details = {
            "irreducible_kpoints": int(re.findall(r"number of k points=\s*(\d+)", text)[-1]),
            "electrons": _last(r"number of electrons\s*=\s*(\d+\.\d+)", text, 1.0),
            "bands": int(re.findall(r"number of Kohn-Sham states=\s*(\d+)", text)[-1]),
            "scf_steps": self._scf_steps,
        }
        free = self.terms["free_energy"]
        energy = free - _EXTRAPOLATED[self._spec.smearing.type] * self.terms["entropy_energy"]
        self.results = {"energy": energy, "free_energy": free, "forces": found["forces"], "stress": found["stress"]}
        self._has_density = True
        self._kept.keep(atoms)

    def _run(self, atoms: Atoms) -> dict[str, Any]:
        from ase.calculators.espresso import Espresso, EspressoProfile

        data = self._data["input_data"]
        start = {"startingpot": "file", "startingwfc": "atomic+random"} if self._has_density else {}
        inner = Espresso(
            # ASE splits the command as a shell would; paths with blanks stay whole.
            profile=EspressoProfile(command=_joined(self._command), pseudo_dir=self._data["pseudo_dir"]),
            directory=self._folder,
            pseudopotentials=self._data["pseudopotentials"],
            kpts=self._data["kpts"],
            input_data=data | {"electrons": data["electrons"] | start},
        )
        try:
            inner.calculate(atoms, ["energy", "forces", "stress"], all_changes)
        except FileNotFoundError as error:
            raise MissingComponentError(f"{error.filename}: no such program", hint=INSTALL_HINT) from error
        except (subprocess.CalledProcessError, AssertionError, IndexError, ValueError, KeyError) as error:
            raise self._failure(error) from error
        ranks = int(re.findall(r"running on\s+(\d+)\s+processors", (self._folder / _OUTPUT).read_text(errors="replace"))[0])
        if ranks != self._ranks:
            raise ConfigurationError(
                f"{self._command[0]}: pw.x ran on {ranks} ranks, expected {self._ranks}",
                hint="the site's mpiexec must belong to the MPI that pw.x was built with",
            )
        return dict(inner.results)

    def _failure(self, error: Exception) -> Exception:
        """Reason for which a run gave no result."""
        output = self._folder / _OUTPUT
        text = output.read_text(errors="replace") if output.is_file() else ""
        if "convergence NOT achieved" in text:
            return CalculationError("not_converged", f"espresso: no self-consistent density in {self._spec.scf_steps} steps")
        said = re.findall(r"Error in routine.*\n(.*)", text)
        if said:
            return CalculationError("espresso", f"espresso: {said[-1].strip()}")
        errors = self._folder / "espresso.err"
        words = " ".join(errors.read_text(errors="replace").split()[-60:]) if errors.is_file() else ""
        code = f"exit status {error.returncode}" if isinstance(error, subprocess.CalledProcessError) else str(error)
        return TransientError(f"{PROGRAM} ended without a result ({code}) {words}".strip())


def _last(pattern: str, text: str, unit: float) -> float:
    return float(re.findall(pattern, text)[-1]) * unit


def _joined(command: list[str]) -> str:
    return subprocess.list2cmdline(command) if any(" " in word for word in command) else " ".join(command)


def _found_program() -> str:
    program = shutil.which(PROGRAM)
    if program is None:
        raise MissingComponentError(f"calculator type espresso needs the program {PROGRAM}", hint=INSTALL_HINT)
    return program


@lru_cache(maxsize=4)
def program_version(program: str) -> str:
    """Version that ``pw.x`` prints; it is started without input and ends at once.

    Raises:
        MissingComponentError: It does not start.
    """
    # It leaves files of its own where it is started.
    with tempfile.TemporaryDirectory(prefix="tsk-pw-") as folder:
        done = subprocess.run(  # noqa: S603 - found on PATH, no words from elsewhere
            [*WITHOUT_SECRETS, program],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    found = re.search(r"Program PWSCF v\.?\s*(\S+)", done.stdout)
    if found is None:
        raise MissingComponentError(
            f"{program} does not start: {(done.stderr or done.stdout).strip()[-200:]}", hint=INSTALL_HINT
        )
    return found[1]


def _resolve(spec: EspressoSpec, base_path: Path) -> EspressoSpec:
    return spec.model_copy(update={"pseudopotentials_sha256": find_pseudopotentials(spec, base_path).sha256})


def _examine(_: Probe) -> Finding:
    program = shutil.which(PROGRAM)
    if program is None:
        detail = f"no {PROGRAM} on the PATH; calculator espresso needs it"
        return Finding(name="espresso", state="optional", detail=detail, hint=INSTALL_HINT)
    try:
        version = program_version(program)
    except (MissingComponentError, subprocess.TimeoutExpired) as error:
        return Finding(name="espresso", state="missing", detail=str(error).splitlines()[0], hint=INSTALL_HINT)
    count = len([path for path in _DEBIAN_FOLDER.glob("*") if path.suffix.lower() == ".upf"])
    detail = f"{program} {version} starts; {count} pseudopotentials in {_DEBIAN_FOLDER}"
    if not count:
        hint = "apt-get install quantum-espresso-data, or give calculator.folder"
        return Finding(name="espresso", state="warning", detail=detail, hint=hint)
    return Finding(name="espresso", state="ok", detail=detail)


def _own_files(spec: EspressoSpec, base_path: Path) -> list[Path]:
    found = find_pseudopotentials(spec, base_path)
    return [] if found.folder == _DEBIAN_FOLDER else [found.folder / name for name in found.files.values()]


ENGINE = Engine[EspressoSpec](
    open=EspressoCalculator,
    resolve=_resolve,
    elements=lambda spec, _: frozenset(spec.pseudopotentials),
    own_files=_own_files,
    examine=_examine,
    startable=lambda _: program_version(_found_program()),
)


_DEBIAN_FOLDER = Path("/usr/share/espresso/pseudo")

_LARGEST = 64 * 2**20


@dataclass(frozen=True)
class Pseudopotentials:
    """Pseudopotential files of a spec, checked by reading their headers.

    Attributes:
        files: Name by element.
        functional: As the files name it.
        sha256: Hash of elements and contents.
        hashes: Hash of the content by element.
    """

    folder: Path
    files: dict[str, str]
    functional: str
    sha256: str
    hashes: dict[str, str]

    def frozen(self) -> Pseudopotentials:
        """The same, of files that do not change. Raises TransientError if they have changed since they were hashed."""
        hashes = {name: self.hashes[element] for element, name in self.files.items()}
        copies = freeze({name: self.folder / name for name in hashes}, hashes)
        return replace(self, folder=next(iter(copies.values())).parent)


def find_pseudopotentials(spec: EspressoSpec, base_path: Path) -> Pseudopotentials:
    """Finds and reads a spec's pseudopotentials.

    Raises:
        ConfigurationError: One is missing, damaged, of another element, or they are of different functionals.
    """
    folder = base_path / spec.folder if spec.folder is not None else _DEBIAN_FOLDER
    functionals: dict[str, str] = {}
    hashes: dict[str, str] = {}
    for element, name in sorted(spec.pseudopotentials.items()):
        key, path = f"calculator.pseudopotentials.{element}", folder / name
        if not path.is_file():
            hint = None if spec.folder is not None else "apt-get install quantum-espresso-data, or give calculator.folder"
            raise ConfigurationError(f"{key}: no file {name!r} in {folder}", hint=hint)
        if path.stat().st_size > _LARGEST:
            raise ConfigurationError(f"{key}: {name} is larger than {_LARGEST >> 20} MiB")
        found, functional = _read_upf(path.read_text(encoding="latin-1"))
        if found != element:
            raise ConfigurationError(f"{key}: {name} is of {found or 'no element'}, expected a UPF file of {element}")
        functionals[name] = functional
        hashes[element] = file_sha256(path)
    first, *others = functionals.items()
    for other in others:
        if other[1] != first[1]:
            raise ConfigurationError(
                f"calculator.pseudopotentials: {first[0]} is for {first[1]}, {other[0]} for {other[1]}; expected one functional"
            )
    sha256 = content_hash(hashes)
    if spec.pseudopotentials_sha256 not in (None, sha256):
        raise ConfigurationError(
            f"calculator.pseudopotentials_sha256: the files have {sha256}, expected {spec.pseudopotentials_sha256}",
            hint="a file was changed since the campaign was made",
        )
    return Pseudopotentials(folder.resolve(), dict(spec.pseudopotentials), first[1], sha256, hashes)


def _read_upf(text: str) -> tuple[str, str]:
    """Element and functional of a UPF file, of version 2 (attributes) or 1 (a header of lines)."""
    element = re.search(r"""element\s*=\s*["']\s*([A-Z][a-z]?)\s*["']""", text) or re.search(
        r"^\s*([A-Z][a-z]?)\s+Element", text, re.MULTILINE
    )
    functional = re.search(r"""functional\s*=\s*["']\s*([^"']*?)\s*["']""", text) or re.search(
        r"^\s*(\S.*?)\s+(?:PBE\s+)?Exchange-Correlation functional", text, re.MULTILINE
    )
    return (element[1] if element else ""), (" ".join(functional[1].split()).upper() if functional else "UNKNOWN")
