"""The file with a few steps of a relaxation, beside the final structure."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tansaku.models.domain.ports import CalculationResult
from tansaku.tasks.node.jobs.document import STEPS_FILE

_FEWEST = 3
"""Steps of which a file is written: of two, one is the start and the other the end."""


def write_steps(result: CalculationResult, folder: Path) -> dict[str, str]:
    """Writes the steps that a calculator kept; returns the file by name of the artifact, nothing where there are too few."""
    kept = result.kept_steps
    if kept is None or len(kept.numbers) < _FEWEST:
        return {}
    np.savez_compressed(
        folder / STEPS_FILE,
        numbers=kept.numbers,
        positions=kept.positions.astype(np.float32),
        cells=kept.cells,
        energies=kept.energies,
    )
    return {STEPS_FILE: STEPS_FILE}
