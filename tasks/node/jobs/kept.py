"""Files of calculators: checkpoints of an evaluation in progress, files of a finished one, and the structure it ended with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import gettempdir

import numpy as np
from ase import Atoms

from tansaku.calculators.engines.electronic import task_key
from tansaku.calculators.structures.extended_xyz import read_extended_xyz
from tansaku.models.domain.errors import CalculationError, ConfigurationError, DiskFullError, TansakuError
from tansaku.models.domain.ports import CalculationResult, Calculator, ScratchCalculator
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.tasks.node.jobs.guard import add_folder
from tansaku.tasks.node.jobs.spool_files import lacks_room, lacks_space

_FULL = ".disk-full"
"""Touched when a job finds the disk full: the files of that job are deleted before others that failed for it have looked."""

_LITTLE = 2**20  # free space with which a program that fails has filled the disk [bytes]
_LONGEST = 1000  # of the words of a program in a message


@contextmanager
def scratch_of(
    calculator: Calculator, structure: Atoms, relaxation: RelaxationSpec | None, folder: Path
) -> Iterator[Calculator]:
    """Returns a calculator that continues a killed attempt; the same calculator if it has no checkpoints.

    Its folder is next to the job's, which differs between attempts, and is deleted when the evaluation is finished, or when
    it filled the disk.

    Args:
        structure: Initial structure of the evaluation.

    Raises:
        DiskFullError: The calculation failed while the disk was full, whatever its program took for the cause.
    """
    scratch, mark = None, folder.parent / _FULL
    seen = _changed(mark)
    if isinstance(calculator, ScratchCalculator):
        scratch = folder.parent / f".parts-{task_key(structure, relaxation, calculator.provenance)[:24]}"
        add_folder(scratch)
        calculator = calculator.within(scratch)
    try:
        yield calculator
    except (TansakuError, OSError) as error:
        # Programs write to the job's disk and to that of temporary files; what they say of it alone is not believed.
        disks = {str(folder.parent), gettempdir()}
        seen_full = lacks_room(error) or any(lacks_space(Path(disk), _LITTLE) for disk in disks)
        full = seen_full or _changed(mark) != seen
        if seen_full:
            _touch(mark)
        if scratch is not None and (full or isinstance(error, CalculationError)):
            shutil.rmtree(scratch, ignore_errors=True)
        if seen_full:
            _touch(mark)  # once more: the disk may have had no room for the first one
        if full:
            raise DiskFullError(folder.parent, str(error)[:_LONGEST]) from error
        raise
    if scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)


def _changed(mark: Path) -> int:
    """Returns when a mark was last touched [ns], 0 if it never was."""
    try:
        return mark.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _touch(mark: Path) -> None:
    with suppress(OSError):
        mark.touch()


def take_files(result: CalculationResult, folder: Path) -> dict[str, str]:
    """Moves a result's files into the job's folder.

    Returns:
        Names of the files by name of the artifact.
    """
    for name, path in result.files.items():
        shutil.move(path, folder / name)
    return {name: name for name in result.files}


def begun_from(text: str | None, candidate: str, built: Atoms) -> Atoms:
    """The structure that a space builds, with cell and positions of an earlier job of the candidate.

    Args:
        text: Extended XYZ of that job; None: the structure stays as it is built.

    Raises:
        ConfigurationError: It is of another candidate, or has other atoms.
    """
    if text is None:
        return built
    found = searched_structure(text, candidate)
    if not np.array_equal(found.numbers, built.numbers):
        raise ConfigurationError(f"start: atoms {found.symbols}, expected those of {candidate!r}: {built.symbols}")
    begin: Atoms = built.copy()
    begin.set_cell(found.cell.array)
    begin.set_positions(found.positions, apply_constraint=False)
    return begin


def searched_structure(text: str, candidate: str) -> Atoms:
    """Returns the structure of an earlier job of the candidate.

    Args:
        text: Extended XYZ.

    Raises:
        ConfigurationError: It is of another candidate.
    """
    atoms: Atoms = next(read_extended_xyz(text))
    if atoms.info.get("candidate") != candidate:
        raise ConfigurationError(f"start: a structure of candidate {atoms.info.get('candidate')!r}, expected {candidate!r}")
    atoms.calc = None
    return atoms
