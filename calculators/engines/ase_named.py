"""Calculators of ASE by name: made from a table of what is allowed, with keywords that are data and files that are hashed."""

from __future__ import annotations

import importlib
import importlib.metadata
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import ase
import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator, CalculationFailed, CalculatorError, SCFError

from tansaku.calculators.engine import Engine, Probe
from tansaku.calculators.engines.ase_evaluation import evaluate_with_ase
from tansaku.calculators.engines.electronic import TOTAL_CHARGE, check_elements, total_charge
from tansaku.calculators.engines.in_folder import FolderCalculator
from tansaku.calculators.frozen_files import freeze, watch
from tansaku.models.domain.errors import CalculationError, ConfigurationError, MissingComponentError, TansakuError
from tansaku.models.domain.findings import Finding
from tansaku.models.domain.identifiers import content_hash, file_sha256, printable
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.calculators.ase import AseCalculatorSpec
from tansaku.models.domain.specs.calculators.ase_table import ASE_CALCULATORS, AseEntry, ase_entry
from tansaku.models.domain.specs.calculators.contract import settings_of
from tansaku.models.domain.specs.relaxation import RelaxationSpec

_LONGEST_REASON = 500
_LONGEST_QUESTION = 60
"""Longest time that a program may take to print its version [s]."""


class NamedAseCalculator(FolderCalculator):
    """``Calculator`` on a calculator of ASE; relaxes with L-BFGS.

    Args:
        base_path: Folder of the campaign file.

    Raises:
        ConfigurationError: A file is missing, or is not the one that was hashed; or it cannot be made with these keywords.
        MissingComponentError: Its package or program is not installed.
    """

    def __init__(self, spec: AseCalculatorSpec, base_path: Path) -> None:
        self._entry = ase_entry(spec.name)
        self.molecules = self._entry.charge is not None
        # Twice: what is computed with is the copy, and the error of a missing file names the user's.
        self._spec = resolve(_frozen(resolve(spec, base_path), base_path), base_path)
        self._base_path = base_path
        version = installed_version(self._entry)
        watch({program: Path(shutil.which(program) or program) for program in self._entry.programs})
        self._kept: BaseCalculator | None = None
        with tempfile.TemporaryDirectory(prefix="tsk-ase-") as folder:
            made = self._make(Path(folder))
        if self._entry.kept:
            self._kept = made
        self._provenance = Provenance(
            code="ase",
            code_version=version,
            model=spec.name,
            model_sha256=self._spec.files_sha256 or "",
            settings=settings_of(self._spec) | {"minimizer": "lbfgs", "sha256": file_hashes(self._spec, base_path)},
        )

    @property
    def provenance(self) -> Provenance:
        """Version of package and program, name, keywords, and hash of all files and of each."""
        return self._provenance

    def close(self) -> None:
        """Nothing to release."""
        self._kept = None

    def _check(self, structure: Atoms) -> None:
        if self._entry.elements is not None:
            check_elements(structure, self._entry.elements, f"calculator.name: {self._spec.name}")

    def _evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None, folder: Path) -> CalculationResult:
        through: Any = self._kept or self._make(folder, structure)
        if self._kept is not None:
            through.reset()  # it must not remember the last structure
        try:
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                return evaluate_with_ase(structure, relaxation, through, self._provenance)
        except TansakuError:
            raise
        except SCFError as error:
            raise CalculationError("not_converged", f"{self._spec.name}: {_said(error)}") from error
        except (CalculationFailed, CalculatorError, ArithmeticError, ValueError, RuntimeError) as error:
            reason = "not_converged" if "converge" in str(error).lower() else "calculator"
            raise CalculationError(reason, f"{self._spec.name}: {_said(error)}") from error

    def _make(self, folder: Path, structure: Atoms | None = None) -> BaseCalculator:
        entry, spec = self._entry, self._spec
        module, name = entry.factory.split(":")
        keywords = spec.model_dump(mode="python")["keywords"]
        # Absolute: MatterSim takes a bare file name for one of its models, and fetches that.
        keywords |= {key: str((self._base_path / path).absolute()) for key, path in spec.files.items()}
        keywords |= {entry.folder: str(folder)} if entry.folder is not None else {}
        if entry.charge is not None and structure is not None and TOTAL_CHARGE in structure.info:
            keywords[entry.charge] = total_charge(structure)
        try:
            factory = cast("Callable[..., BaseCalculator]", getattr(importlib.import_module(module), name))
        except (ImportError, AttributeError, OSError) as error:
            raise MissingComponentError(
                f"calculator type ase, name {spec.name}: cannot be loaded: {error}", hint=entry.install or None
            ) from error
        try:
            return factory(**keywords)
        except (TypeError, ValueError, KeyError, OSError, RuntimeError) as error:
            raise ConfigurationError(f"calculator.keywords: {spec.name} cannot be made with them: {_said(error)}") from error


def installed_version(entry: AseEntry) -> str:
    """Version of the package that holds a calculator, and of the program that it starts.

    Raises:
        MissingComponentError: It, or a program that it starts, is not installed; the hint is how to install it.
    """
    for program in entry.programs:
        if shutil.which(program) is None:
            raise MissingComponentError(
                f"calculator type ase, name {entry.name}: needs the program {program}", hint=entry.install or None
            )
    if entry.distribution is None:
        return f"{ase.__version__}, {_printed_version(entry)}" if entry.version else str(ase.__version__)
    try:
        return importlib.metadata.version(entry.distribution)
    except importlib.metadata.PackageNotFoundError as error:
        raise MissingComponentError(
            f"calculator type ase, name {entry.name}: needs the package {entry.distribution}", hint=entry.install or None
        ) from error


def _printed_version(entry: AseEntry) -> str:
    argv = [entry.programs[0], *entry.version]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=_LONGEST_QUESTION, check=True)  # noqa: S603 - the table's
    except (OSError, subprocess.SubprocessError) as error:
        raise MissingComponentError(
            f"calculator type ase, name {entry.name}: {' '.join(argv)} does not run: {_said(error)}", hint=entry.install or None
        ) from error
    return next((printable(line.strip()) for line in done.stdout.splitlines() if line.strip()), entry.programs[0])


def resolve(spec: AseCalculatorSpec, base_path: Path) -> AseCalculatorSpec:
    """The spec with the hash of its files; a hash that it gives is checked.

    Raises:
        ConfigurationError: A file is missing, of the wrong kind, or not the one that was hashed.
    """
    hashes = file_hashes(spec, base_path)
    found = content_hash(hashes) if hashes else None
    if spec.files_sha256 is not None and found != spec.files_sha256:
        raise ConfigurationError(
            f"calculator.files_sha256: the files of {spec.name} have {found}, expected {spec.files_sha256}",
            hint="a file was changed since the campaign was made",
        )
    return spec.model_copy(update={"files_sha256": found})


def file_hashes(spec: AseCalculatorSpec, base_path: Path) -> dict[str, str]:
    """SHA-256 of each file, by its keyword; of a folder, that of its files' names and hashes.

    Raises:
        ConfigurationError: A file is missing or of the wrong kind.
    """
    shapes = ase_entry(spec.name).files
    return {key: _content(base_path / path, shapes[key], key) for key, path in sorted(spec.files.items())}


def _own_files(spec: AseCalculatorSpec, base_path: Path) -> list[Path]:
    resolve(spec, base_path)  # refuses files that were changed
    given = [base_path / path for path in spec.files.values()]
    return [file for path in given for file in ([path] if path.is_file() else [inner for _, inner in _inside(path)])]


def _content(path: Path, shape: str, key: str) -> str:
    if shape == "file" and path.is_file():
        return file_sha256(path)
    if shape == "folder" and path.is_dir():
        return content_hash([[name, file_sha256(file)] for name, file in _inside(path)])
    raise ConfigurationError(f"calculator.files.{key}: there is no {shape} {str(path)!r}")


def _inside(folder: Path) -> list[tuple[str, Path]]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return [(str(file.relative_to(folder)), file) for file in files]


def _frozen(spec: AseCalculatorSpec, base_path: Path) -> AseCalculatorSpec:
    """The spec with files and folders that do not change."""
    paths = {key: base_path / path for key, path in spec.files.items()}
    files: dict[str, Path] = {}
    for key, path in paths.items():
        files |= {f"{key}/{name}": file for name, file in (_inside(path) if path.is_dir() else [(path.name, path)])}
    copies = freeze(files, {name: file_sha256(file) for name, file in files.items()})
    for name, copy in copies.items():
        key, _, rest = name.partition("/")
        paths[key] = copy.parents[len(Path(rest).parts) - 1] if paths[key].is_dir() else copy
    return spec.model_copy(update={"files": {key: str(path) for key, path in paths.items()}})


def _said(error: BaseException) -> str:
    return printable(f"{type(error).__name__}: {error}")[:_LONGEST_REASON]


def _elements(spec: AseCalculatorSpec, _: Path) -> frozenset[str] | None:
    known = ase_entry(spec.name).elements
    return frozenset(known) if known is not None else None


def _examine(_: Probe) -> Finding:
    there, absent = [], []
    for name, entry in ASE_CALCULATORS.items():
        try:
            there.append(f"{name} {installed_version(entry)}" if entry.distribution is not None else name)
        except MissingComponentError:
            absent.append(name)
    detail = f"calculators of ASE: {', '.join(there)}" + (f"; not installed: {', '.join(absent)}" if absent else "")
    return Finding(name="ase", state="ok", detail=detail)


ENGINE = Engine[AseCalculatorSpec](
    open=lambda spec, base_path, _: NamedAseCalculator(spec, base_path),
    resolve=resolve,
    elements=_elements,
    own_files=_own_files,
    examine=_examine,
    startable=lambda spec: installed_version(ase_entry(spec.name)),
)
