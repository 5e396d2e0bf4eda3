"""What a calculator keeps besides its numbers: checkpoints of an evaluation under way, files of one that is over."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ase import Atoms

from tansaku.calculators.engines.electronic import task_key
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.ports import CalculationResult, Calculator, ScratchCalculator
from tansaku.models.domain.specs.calculator import RelaxationSpec


@contextmanager
def scratch_of(
    calculator: Calculator, structure: Atoms, relaxation: RelaxationSpec | None, folder: Path
) -> Iterator[Calculator]:
    """A calculator that goes on where an attempt before this one was killed; itself where it keeps nothing.

    Its folder lies beside the job's, which is another one at each attempt, and is gone when the evaluation is over.

    Args:
        calculator: Computes.
        structure: Start of the evaluation.
        relaxation: How it is relaxed.
        folder: Of the job.
    """
    if not isinstance(calculator, ScratchCalculator):
        yield calculator
        return
    scratch = folder.parent / f".parts-{task_key(structure, relaxation, calculator.provenance)[:24]}"
    try:
        yield calculator.within(scratch)
    except CalculationError:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    shutil.rmtree(scratch, ignore_errors=True)


def take_files(result: CalculationResult, folder: Path) -> dict[str, str]:
    """Moves a result's files into the job's folder.

    Returns:
        Names of the files by name of the artifact.
    """
    for name, path in result.files.items():
        shutil.move(path, folder / name)
    return {name: name for name in result.files}
