"""Programs defined in the site file and called by name; one process per set of positions.

One run of a program of the site: a folder with its input, the process, and its checked result.
The program starts in the folder, without a shell. It finds ``structure.extxyz`` (every digit), ``request.json`` (keywords,
ranks, threads) and its own files by name; ``checkpoint/`` is a folder that stays until the evaluation is finished, also over
killed attempts. It leaves ``result.json``: ``energy`` [eV], ``forces`` [eV/Å], and, if it has them, ``stress`` (Voigt or 3x3,
ASE's sign) [eV/Å^3], ``energies`` of atoms [eV], ``units``, ``details``; or ``failure`` with ``reason`` and ``message``.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import psutil
from ase import Atoms
from pydantic import ConfigDict, Field, ValidationError

from tansaku.calculators.engine import Engine, Probe
from tansaku.calculators.engines.ase_evaluation import evaluate_with_ase
from tansaku.calculators.engines.electronic import check_elements, task_key
from tansaku.calculators.engines.in_folder import FolderCalculator, KeptPositions
from tansaku.calculators.engines.own_calculator import OwnCalculator
from tansaku.calculators.frozen_files import freeze, watch
from tansaku.models.domain.errors import CalculationError, ConfigurationError, TransientError
from tansaku.models.domain.findings import Finding
from tansaku.models.domain.identifiers import content_hash, file_sha256, printable
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import JsonDict, Provenance, Record
from tansaku.models.domain.secret_variables import WITHOUT_SECRETS
from tansaku.models.domain.specs.calculators.command import CommandCalculatorSpec
from tansaku.models.domain.specs.calculators.contract import settings_of
from tansaku.models.domain.specs.calculators.keywords import check_keywords
from tansaku.models.domain.specs.commands import (
    CHECKPOINT,
    LOG,
    REQUEST,
    RESULT,
    STRUCTURE,
    CommandSpec,
    Reason,
    offered_commands,
)
from tansaku.models.domain.specs.parallel import SERIAL, ParallelSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.wording import first_problem


class CommandCalculator(FolderCalculator):
    """``Calculator`` on a program of the site; relaxes with L-BFGS.

    Args:
        spec: Names the program.
        parallel: Ranks and threads, which the request names.

    Raises:
        ConfigurationError: The site defines no such program, it is not there, does not start, takes no such keyword, or is not
            the one for which the campaign was created.
    """

    def __init__(self, spec: CommandCalculatorSpec, parallel: ParallelSpec = SERIAL) -> None:
        self._spec = resolve(spec)
        self._parallel = parallel
        hashes = file_hashes(spec.command)
        self._program, version = _started(spec.command, hashes)
        self._provenance = Provenance(
            code="command",
            code_version=version or (self._spec.command_sha256 or "")[:12],
            model=spec.command,
            model_sha256=self._spec.command_sha256 or "",
            settings=settings_of(self._spec) | {"minimizer": "lbfgs", "sha256": hashes},
        )

    @property
    def provenance(self) -> Provenance:
        """Name of the program, hash of its definition, of each file, keywords, and the version that it prints."""
        return self._provenance

    def _check(self, structure: Atoms) -> None:
        if self._program.spec.elements is not None:
            check_elements(structure, self._program.spec.elements, f"commands.{self._spec.command}.elements")

    def _evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None, folder: Path) -> CalculationResult:
        started = time.perf_counter()
        request: JsonDict = {
            "schema_version": 1,
            "keywords": self._spec.model_dump(mode="json")["keywords"],
            "ranks": self._parallel.ranks,
            "threads": self._parallel.threads,
            "mpiexec": self._parallel.mpiexec,
            "checkpoint": CHECKPOINT,
        }
        kept = KeptPositions(folder, task_key(structure, relaxation, self._provenance))
        through = _InProgram(self._program, request, kept)
        start = structure.copy()
        resumed = kept.restore(start)
        result = evaluate_with_ase(start, relaxation, through, self._provenance)
        details = {"runs": through.runs, "resumed": resumed} | ({"program": through.details} if through.details else {})
        return replace(result, details=details, wall_time=time.perf_counter() - started)


class _InProgram(OwnCalculator):
    """ASE calculator that starts the program for every set of positions."""

    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress"]  # noqa: RUF012 - ASE's base class says so

    def __init__(self, program: Program, request: JsonDict, kept: KeptPositions) -> None:
        super().__init__()
        self.runs = 0
        self.details: JsonDict = {}
        self._program = program
        self._request = request
        self._kept = kept

    @property
    def given(self) -> frozenset[str]:
        """Properties that the program returned last; before the first structure, all that it can return."""
        return frozenset(self.results) if self.runs else frozenset(self.implemented_properties)

    def compute(self, atoms: Atoms, properties: Sequence[str], _changes: Sequence[str]) -> None:
        """Runs the program."""
        self.results, self.details = self._program.run(atoms, self._request, self._kept.folder)
        self.runs += 1
        missing = [name for name in properties if name not in self.results]
        if missing:
            raise ConfigurationError(
                f"{self._program.name} gives no {missing[0]}, which this relaxation needs; expected relaxation.cell: fixed"
            )
        self._kept.keep(atoms)


def _started(name: str, hashes: Mapping[str, str]) -> tuple[Program, str]:
    """A program of the site and its version, empty if it is never asked for one.

    Args:
        hashes: Of its files, as :func:`file_hashes` finds them.

    Raises:
        ConfigurationError: The site defines no such program, it is not there, or does not start.
        TransientError: A file has changed since it was hashed.
    """
    definition = definition_of(name)
    path = _found_program(name, definition.argv[0])
    watch({definition.argv[0]: Path(path)})
    files = {Path(file).name: Path(file) for file in definition.files}
    # A script may find beside itself what the site file does not list; `tansaku check` says of which modules it knows.
    program = Program(name, definition, path, freeze(files, hashes, {file.resolve().parent for file in files.values()}))
    with tempfile.TemporaryDirectory(prefix="tsk-command-") as place:
        return program, program.version(Path(place))


def definition_of(name: str) -> CommandSpec:
    """Definition of a program in the site file.

    Raises:
        ConfigurationError: It does not know the name; names those that it knows.
    """
    offered = offered_commands()
    if name not in offered:
        known = f"expected one of {', '.join(sorted(offered))}" if offered else "this site defines none"
        raise ConfigurationError(
            f"calculator.command: {name!r} is not defined; {known}",
            hint="programs are defined in the site file, under commands",
        )
    return offered[name]


def definition_sha256(name: str) -> str:
    """Hash of what a program's numbers depend on: its arguments, and its files by content.

    Raises:
        ConfigurationError: The site does not know it, or a file is missing.
    """
    definition = definition_of(name)
    failures = sorted(definition.failures.items())
    return content_hash({"argv": list(definition.argv), "files": file_hashes(name), "failures": failures})


def file_hashes(name: str) -> dict[str, str]:
    """SHA-256 of each of a program's files, by its name in the folder of a run.

    Raises:
        ConfigurationError: The site does not know the program, or a file is missing.
    """
    found = {}
    for file in definition_of(name).files:
        try:
            found[Path(file).name] = file_sha256(Path(file))
        except OSError as error:
            raise ConfigurationError(
                f"calculator.command: {name}: file {file!r} cannot be read: {error.strerror}",
                hint=f"the site file names it under commands.{name}.files",
            ) from error
    return found


def resolve(spec: CommandCalculatorSpec) -> CommandCalculatorSpec:
    """The spec with the hash of its program's definition; a hash that it gives is checked.

    Raises:
        ConfigurationError: The program is not known, is another one, or takes no such keyword.
    """
    found = definition_sha256(spec.command)
    if spec.command_sha256 is not None and spec.command_sha256 != found:
        raise ConfigurationError(
            f"calculator.command: {spec.command} is not the program for which the campaign was created: its definition and "
            f"files have SHA-256 {found[:12]}, expected {spec.command_sha256[:12]}",
            hint="restore argv and files in the site file, or start another campaign: results of two programs are never mixed",
        )
    try:
        check_keywords(spec.keywords, definition_of(spec.command).keywords, spec.command)
    except ValueError as error:
        raise ConfigurationError(
            f"calculator.{error}", hint=f"the site file says so under commands.{spec.command}.keywords"
        ) from error
    return spec.model_copy(update={"command_sha256": found})


def _elements(spec: CommandCalculatorSpec, _: Path) -> frozenset[str] | None:
    known = definition_of(spec.command).elements
    return frozenset(known) if known is not None else None


def _notes(spec: CommandCalculatorSpec) -> Iterator[str]:
    """Notes on files that the program's numbers depend on and that the site file does not list."""
    definition = definition_of(spec.command)
    files = [Path(file) for file in definition.files]
    scripts = [Path(word) for word in definition.argv[1:] if word.startswith("/") and Path(word).is_file()]
    unlisted = [("its argv names", script) for script in scripts if script not in files]
    unlisted += [(f"{importer.name} imports", module) for importer, module in unlisted_modules([*files, *scripts])]
    for how, path in unlisted:
        yield f"commands.{spec.command}: {how} {path}, which is not in files: a change of it goes unnoticed"


def _examine(_: Probe) -> Finding:
    offered = offered_commands()
    if not offered:
        return Finding(name="command", state="optional", detail="the site file defines no programs for calculator command")
    for name in offered:
        try:
            definition_sha256(name)
            _started(name, file_hashes(name))
        except ConfigurationError as error:
            return Finding(name="command", state="warning", detail=error.message, hint=error.hint)
    return Finding(name="command", state="ok", detail=f"programs of this site: {', '.join(sorted(offered))}")


ENGINE = Engine[CommandCalculatorSpec](
    open=lambda spec, _, parallel: CommandCalculator(spec, parallel),
    resolve=lambda spec, _: resolve(spec),
    elements=_elements,
    examine=_examine,
    startable=lambda spec: _started(spec.command, file_hashes(spec.command)),
    notes=_notes,
)


def unlisted_modules(scripts: Iterable[Path]) -> tuple[tuple[Path, Path], ...]:
    """Modules and packages that scripts import from their own folder and that are not among them.

    Args:
        scripts: Files; those that are no Python are left out.

    Returns:
        A script, or a module found so, and what it imports; each module once.
    """
    listed = [script.resolve() for script in scripts]
    known, found = set(listed), []
    left = [(script, script.parent) for script in listed if script.suffix == ".py"]
    while left:
        script, folder = left.pop(0)
        for name in _imported(script):
            # A folder without __init__.py, such as an environment, gives way to an installed package of its name.
            places = (folder / name / "__init__.py", folder / f"{name}.py")
            module = next((path for path in places if path.is_file()), None)
            if module is not None and module not in known:
                known.add(module)
                found.append((script, module))
                left.append((module, folder))
    return tuple(found)


def _imported(script: Path) -> Iterator[str]:
    """First parts of the names that a file imports; none of one that this Python cannot read."""
    try:
        tree = ast.parse(script.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]


_TAIL = 1500
_LONGEST_VERSION = 20_000
_LARGEST_RESULT = 256 << 20
_UNITS = {"energy": "eV", "energies": "eV", "forces": "eV/Angstrom", "stress": "eV/Angstrom^3"}
_VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


class ProgramFailure(Record):
    """Reason for which a program gave no result."""

    reason: Reason
    message: Annotated[str, Field(max_length=2000)] = ""


class ProgramResult(Record):
    """Output of a program.

    Attributes:
        units: Of what is given; if it is there, it must say the units that are expected.
        details: Plain data that are kept with the result.
    """

    # Numbers that are not finite are a failed calculation, not a damaged file.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=True)

    energy: float | None = None
    forces: list[list[float]] | None = None
    stress: list[float] | list[list[float]] | None = None
    energies: list[float] | None = None
    units: dict[str, str] = Field(default_factory=dict)
    details: JsonDict = Field(default_factory=dict)
    failure: ProgramFailure | None = None


@dataclass(frozen=True)
class Program:
    """A program of the site that was found.

    Attributes:
        name: In the site file.
        spec: Its definition.
        path: Of the program itself.
        files: What runs read of the site, by name: copies, which do not change.
    """

    name: str
    spec: CommandSpec
    path: str
    files: Mapping[str, Path]

    def run(self, atoms: Atoms, request: JsonDict, folder: Path) -> tuple[dict[str, Any], JsonDict]:
        """Computes a structure.

        Args:
            request: What the program reads of the campaign and the site.
            folder: Where it runs; earlier files except its checkpoint are deleted.

        Returns:
            Properties as ASE calls them, and details.

        Raises:
            CalculationError: The program said so, or gave a number that is not finite.
            ConfigurationError: Its result is not what it should be.
            TransientError: It ended without a result, or took too long.
        """
        self._prepare(atoms, request, folder)
        status = self._execute([self.path, *self.spec.argv[1:]], folder)
        if status in self.spec.failures:
            raise CalculationError(self.spec.failures[status], f"{self.name}: exit status {status}: {self.tail(folder)}")
        if status != 0:
            said = f"exit status {status}" if status > 0 else f"signal {-status}"
            raise TransientError(f"{self.name}: ended with {said}: {self.tail(folder)}")
        return self._read(folder, len(atoms))

    def version(self, folder: Path) -> str:
        """First line that the program's own question for its version prints.

        Args:
            folder: An empty folder in which it may run.

        Raises:
            ConfigurationError: It does not start, or fails.
        """
        words = self.spec.version
        if words is None:
            return ""
        self.link(folder)
        command = [*WITHOUT_SECRETS, _found_program(self.name, words[0]), *words[1:]]
        try:
            with tempfile.TemporaryFile() as output:  # in memory, a program that never stops printing would end this one
                done = subprocess.run(  # noqa: S603 - argv of the site file, no shell
                    command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=60, check=False
                )
                output.seek(0)
                text = printable(output.read(_LONGEST_VERSION).decode("utf-8", "replace").strip(), keep="\n")
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ConfigurationError(f"calculator.command: {self.name} does not start: {error}") from error
        if done.returncode != 0:
            raise ConfigurationError(
                f"calculator.command: {self.name} does not work here: {' '.join(words)!r} ended with status {done.returncode}: "
                f"{text[-_TAIL:]}",
                hint=f"the site file defines it under commands.{self.name}",
            )
        return text.splitlines()[0][:200] if text else ""

    def link(self, folder: Path) -> None:
        """Makes the program's files appear in a folder."""
        for name, file in self.files.items():
            link = folder / name
            link.unlink(missing_ok=True)
            link.symlink_to(file)

    def tail(self, folder: Path) -> str:
        """End of the program's output, on one line."""
        try:
            with (folder / LOG).open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL))
                text = log.read(_TAIL).decode("utf-8", "replace")
        except OSError:
            return "no output"
        return printable(" | ".join(text.split("\n")).strip(" |")) or "no output"

    def _prepare(self, atoms: Atoms, request: JsonDict, folder: Path) -> None:
        try:
            (folder / CHECKPOINT).mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / RESULT).unlink(missing_ok=True)
            self.link(folder)
            (folder / STRUCTURE).write_text(_extended_xyz(atoms), encoding="ascii")
            (folder / REQUEST).write_text(json.dumps(request), encoding="ascii")
        except OSError as error:
            raise TransientError(f"{self.name}: {folder} cannot be prepared: {error.strerror}") from error

    def _execute(self, argv: Sequence[str], folder: Path) -> int:
        began = time.monotonic()
        with (folder / LOG).open("wb") as log:
            # In the worker's own process group, so that the end of a job ends the program too.
            process = subprocess.Popen(  # noqa: S603 - argv of the site file, no shell
                [*WITHOUT_SECRETS, *argv], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
            try:
                return process.wait(self.spec.timeout)
            except subprocess.TimeoutExpired as error:
                raise TransientError(
                    f"{self.name}: not finished within {time.monotonic() - began:.0f} s: {self.tail(folder)}"
                ) from error
            finally:
                _end(process)

    def _read(self, folder: Path, n_atoms: int) -> tuple[dict[str, Any], JsonDict]:
        file = folder / RESULT
        try:
            status = file.stat()
            if not stat.S_ISREG(status.st_mode):
                raise ConfigurationError(f"{self.name}: {RESULT} is no regular file")
            if status.st_size > _LARGEST_RESULT:
                raise ConfigurationError(f"{self.name}: {RESULT} is larger than {_LARGEST_RESULT >> 20} MiB")
            found = ProgramResult.model_validate(json.loads(file.read_text(encoding="utf-8"), parse_int=_whole))
        except FileNotFoundError as error:
            raise TransientError(f"{self.name}: ended without {RESULT}: {self.tail(folder)}") from error
        except ValidationError as error:
            raise ConfigurationError(f"{self.name}: {RESULT}: {first_problem(error)}") from error
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(f"{self.name}: {RESULT} is no JSON: {error}") from error
        if found.failure is not None:
            raise CalculationError(found.failure.reason, f"{self.name}: {printable(found.failure.message)}")
        for key, unit in found.units.items():
            if _UNITS.get(key) != unit:
                expected = _UNITS.get(key, f"no such key; known are {', '.join(_UNITS)}")
                raise ConfigurationError(f"{self.name}: {RESULT}: units.{key}: {unit!r}; expected {expected}")
        return self._properties(found, n_atoms), found.details

    def _properties(self, found: ProgramResult, n_atoms: int) -> dict[str, Any]:
        if found.energy is None or found.forces is None:
            missing = "energy" if found.energy is None else "forces"
            raise ConfigurationError(f"{self.name}: {RESULT}: {missing}: missing")
        properties: dict[str, Any] = {"energy": found.energy, "free_energy": found.energy}
        properties["forces"] = self._array("forces", found.forces, (n_atoms, 3))
        if found.energies is not None:
            properties["energies"] = self._array("energies", found.energies, (n_atoms,))
        if found.stress is not None:
            tensor = isinstance(found.stress[0], list) if found.stress else False
            stress = self._array("stress", found.stress, (3, 3) if tensor else (6,))
            properties["stress"] = np.array([stress[place] for place in _VOIGT]) if tensor else stress
        for name, value in properties.items():
            if not np.isfinite(value).all():
                raise CalculationError("nan", f"{self.name}: {RESULT}: {name} holds a number that is not finite")
        return properties

    def _array(self, key: str, value: object, shape: tuple[int, ...]) -> FloatArray:
        expected = " x ".join(map(str, shape))
        try:
            array = np.array(value, dtype=np.float64)
        except ValueError as error:
            raise ConfigurationError(f"{self.name}: {RESULT}: {key}: expected {expected} numbers") from error
        if array.shape != shape:
            got = " x ".join(map(str, array.shape))
            raise ConfigurationError(f"{self.name}: {RESULT}: {key}: {got} numbers; expected {expected}")
        return array


def _found_program(name: str, word: str) -> str:
    """Path of a program."""
    path = shutil.which(word)
    if path is None:
        raise ConfigurationError(
            f"calculator.command: {name}: no program {word!r} on this machine",
            hint=f"the site file says so under commands.{name}; expected an absolute path, or a name on PATH",
        )
    return path


def _whole(digits: str) -> float:
    """The number; of more digits than a float can have, infinity, which is no value."""
    return int(digits) if len(digits) <= sys.float_info.max_10_exp else float(digits)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a program that still runs, with all that it started."""
    if process.poll() is not None:
        return
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    process.kill()
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()


def _extended_xyz(atoms: Atoms) -> str:
    """The structure with every digit of its numbers, which ASE's own writer rounds."""
    cell = " ".join(repr(float(value)) for value in atoms.cell.array.ravel())
    rows = [
        f"{symbol} {' '.join(repr(float(value)) for value in position)}"
        for symbol, position in zip(atoms.get_chemical_symbols(), atoms.positions, strict=True)
    ]
    head = f'Lattice="{cell}" Properties=species:S:1:pos:R:3 pbc="T T T"'
    return "\n".join((str(len(atoms)), head, *rows, ""))
