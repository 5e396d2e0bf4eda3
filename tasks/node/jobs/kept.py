"""Calculator files: checkpoints of an evaluation in progress, and files of a finished one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ase import Atoms

from tansaku.calculators.engines.electronic import task_key
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.ports import CalculationResult, Calculator, ScratchCalculator
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.tasks.node.jobs.guard import add_folder


@contextmanager
def scratch_of(
    calculator: Calculator, structure: Atoms, relaxation: RelaxationSpec | None, folder: Path
) -> Iterator[Calculator]:
    """Returns a calculator that continues a killed attempt; the same calculator if it has no checkpoints.

    Its folder is next to the job's, which differs between attempts, and is deleted when the evaluation is finished.

    Args:
        calculator: The calculator.
        structure: Initial structure of the evaluation.
        relaxation: How it is relaxed.
        folder: Folder of the job.
    """
    if not isinstance(calculator, ScratchCalculator):
        yield calculator
        return
    scratch = folder.parent / f".parts-{task_key(structure, relaxation, calculator.provenance)[:24]}"
    add_folder(scratch)
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
