"""One run of a program of the site: a folder with its input, the process, and its checked result.

The program starts in the folder, without a shell. It finds ``structure.extxyz`` (every digit), ``request.json`` (keywords,
ranks, threads) and its own files by name; ``checkpoint/`` is a folder that stays until the evaluation is finished, also over
killed attempts. It leaves ``result.json``: ``energy`` [eV], ``forces`` [eV/Å], and, if it has them, ``stress`` (Voigt or 3x3,
ASE's sign) [eV/Å^3], ``energies`` of atoms [eV], ``units``, ``details``; or ``failure`` with ``reason`` and ``message``.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import psutil
from ase import Atoms
from pydantic import ConfigDict, Field, ValidationError

from tansaku.models.domain.errors import CalculationError, ConfigurationError, TransientError
from tansaku.models.domain.identifiers import printable
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict, Record
from tansaku.models.domain.secret_variables import WITHOUT_SECRETS
from tansaku.models.domain.specs.commands import CHECKPOINT, LOG, REQUEST, RESULT, STRUCTURE, CommandSpec, Reason
from tansaku.models.domain.wording import first_problem

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
            atoms: The structure.
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
        command = [*WITHOUT_SECRETS, found_program(self.name, words[0]), *words[1:]]
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
            found = ProgramResult.model_validate(json.loads(file.read_text(encoding="utf-8")))
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


def found_program(name: str, word: str) -> str:
    """Path of a program.

    Args:
        name: Of the command, for the message.
        word: An absolute path, or a name on PATH.

    Raises:
        ConfigurationError: It is not there.
    """
    path = shutil.which(word)
    if path is None:
        raise ConfigurationError(
            f"calculator.command: {name}: no program {word!r} on this machine",
            hint=f"the site file says so under commands.{name}; expected an absolute path, or a name on PATH",
        )
    return path


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
