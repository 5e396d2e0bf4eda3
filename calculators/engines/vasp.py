"""Density-functional theory by VASP, run by atomate2's makers: a jobflow flow, built and run where the evaluation runs.

Kresse, Furthmüller, Phys. Rev. B 54, 11169 (1996), doi:10.1103/PhysRevB.54.11169; Ganose et al., Digital Discovery 4, 1944
(2025), doi:10.1039/D5DD00019J. The makers write the inputs, custodian starts VASP and ends it when it hangs, emmet's documents
read what it leaves. What VASP says it read is compared with what was asked for.

A climbing-image band relaxed by VASP itself, through atomate2's maker for it: all images at once, each on ranks of its own.
Needs a VASP with the VTST tools: VASP's own band has no climbing image, so that its highest image lies below the saddle point.

Runs of VASP by atomate2's makers: how they are started, and what emmet's documents say of them.
Custodian's remedies that change the level of theory are left out.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import time
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from monty.io import zopen

from tansaku.calculators.engine import Engine, Probe, not_installed
from tansaku.calculators.engines.atomate2 import run_jobs
from tansaku.calculators.engines.electronic import check_elements
from tansaku.calculators.engines.in_folder import FolderCalculator
from tansaku.calculators.engines.motion import motion_without_blocks
from tansaku.calculators.engines.relaxation import Relaxed, check_cell_change, is_converged
from tansaku.calculators.engines.vasp_inputs import (
    POTCAR_HINT,
    PROGRAM,
    PROGRAM_HINT,
    as_structure,
    band_keywords,
    by_element,
    changed_tags,
    check_program,
    find_potcars,
    found_releases,
    generator_keywords,
    incar_of,
)
from tansaku.calculators.frozen_files import watch
from tansaku.models.domain.errors import CalculationError, ConfigurationError, TransientError
from tansaku.models.domain.findings import Finding
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import JsonDict, Provenance
from tansaku.models.domain.specs.calculators.contract import settings_of
from tansaku.models.domain.specs.calculators.vasp import VaspSpec
from tansaku.models.domain.specs.parallel import SERIAL, ParallelSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec


class VaspCalculator(FolderCalculator):
    """``Calculator`` on VASP: a relaxation is two jobs, the static one of what the first left.

    Args:
        spec: Level of theory.
        parallel: Ranks and threads.

    Raises:
        MissingComponentError: atomate2, VASP or a POTCAR is not there.
        ConfigurationError: A POTCAR is of another element or functional, or not the one that was hashed.
    """

    def __init__(self, spec: VaspSpec, parallel: ParallelSpec = SERIAL) -> None:
        self._potcars = find_potcars(spec)
        self._program = check_program(shutil.which(PROGRAM))
        watch({PROGRAM: Path(self._program)})
        watch(self._potcars.files, {name: file_sha256(path) for name, path in self._potcars.files.items()})
        self._spec = spec
        self._parallel = parallel
        self._provenance = Provenance(
            code="vasp",
            # VASP tells its own only when it has computed something.
            code_version=f"atomate2 {importlib.metadata.version('atomate2')}",
            model=spec.xc,
            model_sha256=self._potcars.sha256,
            settings=settings_of(spec)
            | {"potcars_sha256": self._potcars.sha256, "titels": self._potcars.titels, "basis": "pw", "minimizer": "cg"}
            | {name: importlib.metadata.version(name) for name in ("atomate2", "custodian", "pymatgen")},
        )

    @property
    def provenance(self) -> Provenance:
        """Functional, POTCARs and everything else that numbers depend on; a result's has VASP's own version."""
        return self._provenance

    def _check(self, structure: Atoms) -> None:
        check_elements(structure, self._potcars.titels, "calculator.potcars")

    def _evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None, folder: Path) -> CalculationResult:
        """The cell may be fixed or free in all directions; a killed calculation starts from the beginning."""
        if relaxation is not None and relaxation.cell == "normal":
            raise ConfigurationError("calculator.relaxation.cell: normal; with type vasp expected fixed or full")
        started = time.perf_counter()
        runs = _run(structure, relaxation, self._spec, self._command(), folder)
        for run, asked in zip(runs, ([relaxation] if relaxation is not None else []) + [None], strict=False):
            self._check_run(run, structure, asked)
        atoms, steps = structure.copy(), 0
        atoms.set_constraint()
        if relaxation is not None:
            atoms, steps = runs[0].final(structure), len(runs[0].ionic_steps) - 1
            check_cell_change(structure.cell.array, atoms.cell.array)
            _check_converged(runs[0], structure, relaxation)
        return replace(self._result(runs, structure, atoms, steps), wall_time=time.perf_counter() - started)

    def _result(self, runs: list[Run], structure: Atoms, atoms: Atoms, steps: int) -> CalculationResult:
        last = runs[-1]
        return CalculationResult(
            atoms=atoms,
            energy=float(last.step.e_0_energy),
            energies=None,
            forces=last.forces(structure),
            stress=last.stress()[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]],
            converged=True,
            steps=steps,
            wall_time=0.0,
            provenance=self._provenance.model_copy(update={"code_version": last.version}),
            terms=last.terms,
            details=_details(runs, self._parallel.ranks),
            files=last.files,
        )

    def _command(self) -> str:
        # atomate2 splits it as a shell would; site files hold both names to patterns without blanks.
        if self._parallel.ranks == 1:
            return self._program
        return f"{self._parallel.mpiexec} -n {self._parallel.ranks} {self._program}"

    def _check_run(self, run: Run, structure: Atoms, relaxation: RelaxationSpec | None) -> None:
        """Raises unless the density was converged, by the inputs that were asked for."""
        scf_steps = run.scf_steps[-1]
        if scf_steps >= self._spec.scf_steps:
            raise CalculationError("not_converged", f"vasp: no self-consistent density in {self._spec.scf_steps} steps")
        said = changed_tags(incar_of(self._spec, structure, relaxation), run.inputs.parameters | run.inputs.incar)
        titels = {titel.split()[1].partition("_")[0]: titel for titel in (entry.titel for entry in run.inputs.potcar_spec)}
        said += [
            f"POTCAR of {element} is {titels[element]}, expected {self._potcars.titels[element]}"
            for element in titels
            if titels[element].split() != self._potcars.titels[element].split()
        ]
        if said:
            raise CalculationError("level", f"vasp: another level of theory than requested: {'; '.join(said)}")


def _details(runs: list[Run], ranks: int) -> JsonDict:
    last = runs[-1]
    points = last.inputs.kpoints
    return {
        "kpoints": [int(number) for number in points.kpts[0]],
        "irreducible_kpoints": int(last.inputs.nkpoints or len(points.kpts)),
        "electrons": float(last.inputs.parameters["NELECT"]),
        "scf_steps": sum(sum(run.scf_steps) for run in runs),
        "corrections": [correction for run in runs for correction in run.corrections],
        "ranks": ranks,
    }


def _check_converged(run: Run, structure: Atoms, relaxation: RelaxationSpec) -> None:
    motion = motion_without_blocks(structure, relaxation)
    forces, cell = run.forces(structure), np.asarray(run.calculation.output.structure.lattice.matrix)
    steps = len(run.ionic_steps) - 1
    if not is_converged(Relaxed(steps, forces, run.stress(), cell), relaxation, motion):
        raise CalculationError(
            "not_converged",
            f"largest force {motion.largest_force(forces):.3g} eV/Å after {steps} steps; expected below {relaxation.fmax:g}",
        )


def _run(structure: Atoms, relaxation: RelaxationSpec | None, spec: VaspSpec, command: str, folder: Path) -> list[Run]:
    """A relaxation, if one is asked for, and a static run of what it left."""
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        # Of the packages': jobflow and pymatgen warn of what is deprecated in themselves, and of POTCARs they do not know.
        warnings.simplefilter("ignore")
        from atomate2.vasp.jobs.core import RelaxMaker, StaticMaker
        from atomate2.vasp.sets.core import RelaxSetGenerator, StaticSetGenerator

        keywords = _maker_keywords(command)
        jobs = []
        given = as_structure(structure, spec, relaxation)
        if relaxation is not None:
            generator = RelaxSetGenerator(**generator_keywords(spec, structure, relaxation))
            jobs.append(RelaxMaker(input_set_generator=generator, **keywords).make(given))
            given = jobs[0].output.structure
        generator = StaticSetGenerator(**generator_keywords(spec, structure, None))
        jobs.append(StaticMaker(input_set_generator=generator, **keywords).make(given))
        documents = _run_vasp_jobs(jobs, folder)
    return [
        Run(document.calcs_reversed[0], _corrections_of(document.custodian), Path(document.dir_name.partition(":")[2]))
        for document in documents
    ]


def _open(spec: VaspSpec, _: Path, parallel: ParallelSpec) -> VaspCalculator:
    if spec.band == "vtst":
        return VtstCalculator(spec, parallel)
    return VaspCalculator(spec, parallel)


def _resolve(spec: VaspSpec, _: Path) -> VaspSpec:
    return spec.model_copy(update={"potcars_sha256": find_potcars(spec).sha256})


def _examine(_: Probe) -> Finding:
    """Program, maker and POTCARs; nothing of VASP is started: without input it would wait or fail."""
    if absent := not_installed(VaspSpec):
        return absent
    program, releases = shutil.which(PROGRAM), found_releases()
    if program is None:
        detail = f"no {PROGRAM} on the PATH; calculator vasp needs it"
        return Finding(name="vasp", state="optional", detail=detail, hint=PROGRAM_HINT)
    if not releases:
        return Finding(name="vasp", state="warning", detail=f"{program}, but no POTCARs", hint=POTCAR_HINT)
    return Finding(name="vasp", state="ok", detail=f"{program}; POTCARs of {', '.join(releases)}")


ENGINE = Engine[VaspSpec](
    open=_open,
    resolve=_resolve,
    elements=lambda spec, _: frozenset(spec.potcars),
    examine=_examine,
    startable=lambda _: check_program(shutil.which(PROGRAM)),
)


_VTST = re.compile(r"^\s*VTST:", re.MULTILINE)


class VtstCalculator(VaspCalculator):
    """``Calculator`` on VASP that relaxes bands itself: a ``BandCalculator`` of the migration workflow."""

    def band(self, images: Sequence[Atoms], fmax: float, max_steps: int) -> tuple[CalculationResult, ...]:
        """Computes all images of a band, as a ``BandCalculator``; no files are kept."""
        between, ranks = len(images) - 2, self._parallel.ranks
        if ranks % between:
            raise ConfigurationError(
                f"calculator.workflow.images: {between}; VASP computes them side by side, {ranks} ranks must be a multiple"
            )
        with self._place() as folder:
            runs = _relax_band(images, self._spec, self._command(), folder, fmax=fmax, max_steps=max_steps)
            for run, image in zip(runs, images[1:-1], strict=True):
                self._check_run(run, image, None)
            return tuple(
                replace(self._result([run], image, run.final(image), len(run.ionic_steps) - 1), files={})
                for run, image in zip(runs, images[1:-1], strict=True)
            )


def _relax_band(
    images: Sequence[Atoms], spec: VaspSpec, command: str, folder: Path, *, fmax: float, max_steps: int
) -> list[Run]:
    """Relaxes the images between two ends.

    Args:
        fmax: Largest force on a band's atom [eV/Å].
    """
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")
        from atomate2.vasp.jobs.neb import NebFromImagesMaker
        from atomate2.vasp.run import JobType
        from atomate2.vasp.sets.core import NebSetGenerator

        keywords = _maker_keywords(command)
        keywords["task_document_kwargs"] = {}
        keywords["run_vasp_kwargs"] |= {
            "job_type": JobType.NEB,
            "vasp_job_kwargs": {"output_file": "vasp.out", "stderr_file": "std_err.txt"},
        }
        generator = NebSetGenerator(**band_keywords(spec, images[0], len(images) - 2, fmax, max_steps))
        maker = NebFromImagesMaker(input_set_generator=generator, **keywords)
        (document,) = _run_vasp_jobs([maker.make([as_structure(image, spec) for image in images])], folder)
    corrections = _corrections_of(document.custodian)
    runs = [
        Run(calculation, corrections, Path(place.partition(":")[2] or place))
        for calculation, place in zip(document.calculations, document.directories, strict=True)
    ]
    _check_climbing(runs[0])
    if any(len(run.ionic_steps) > max_steps for run in runs):
        raise CalculationError("not_converged", f"vasp: a band did not converge to {fmax:g} eV/Å in {max_steps} steps")
    return runs


def _check_climbing(run: Run) -> None:
    outcar = next(path for path in (run.folder / "OUTCAR", run.folder / "OUTCAR.gz") if path.is_file())
    with zopen(outcar, "rt", encoding="utf-8", errors="replace") as text:
        if _VTST.search(str(text.read())) is None:
            raise ConfigurationError(
                "calculator type vasp: the band's OUTCAR names no VTST tools, so nothing has climbed to the saddle point",
                hint="compile VASP with the VTST tools (theory.cm.utexas.edu/vtsttools), or leave calculator.band at ase",
            )


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


def _maker_keywords(command: str) -> JsonDict:
    """Keywords of every maker: how VASP is started and read, whatever a user's atomate2 settings say."""
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


def _run_vasp_jobs(jobs: list[Any], folder: Path) -> list[Any]:
    """Runs makers' jobs one after the other."""
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


def _corrections_of(custodian: list[Any] | None) -> tuple[str, ...]:
    """Errors that custodian mended."""
    found = [correction for step in custodian or () for correction in step.corrections or ()]
    return tuple(str(error) for correction in found for error in correction["errors"])
