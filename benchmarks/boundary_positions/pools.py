"""A tilt boundary of aluminium of which every candidate was relaxed, with starts on mirror planes and without.

The energies are those of the potential of Mishin et al. (1999), between rigid blocks with slabs of 14 Å. The file
``Al99.eam.alloy`` is not shipped; the NIST Interatomic Potentials Repository has it.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate
from tansaku.tasks.node.jobs.opened import opened_space

TABLES = Path(__file__).with_name("tables")

POSITIONS = ("special", "general")
"""Translations of a grid that begins at zero, on mirror planes, and of one that has none there (``positions: general``)."""

PLANE = (3, 3, 10)
"""Σ59, of which searches with starts on mirror planes often miss the lowest structure."""

SAVED = 50
"""Candidates after which a table that is computed is saved."""


def document(positions: str, candidate: str, folder: Path) -> JobDocument:
    """The job of a candidate.

    Args:
        positions: One of :data:`POSITIONS`.
        candidate: Its id.
        folder: Has the potential.
    """
    period: JsonDict = {"normal": [0.3], "in_plane": {"step": 0.3}, "along_axis": {"step": 0.3}}
    return JobDocument.model_validate(
        {
            "campaign": "benchmark",
            "candidate": candidate,
            "space": {
                "type": "grain_boundary",
                "crystal": {"structure": "fcc", "element": "Al", "lattice_parameter": 4.05, "own_lattice_parameter": 4.05},
                "axis": [1, 1, 0],
                "boundaries": {"planes": [list(PLANE)]},
                "cell": {"boundaries": 1, "relaxed": 14, "reach": 7},
                "translation": period | ({"positions": "general"} if positions == "general" else {}),
            },
            "calculator": {
                "type": "lammps",
                "potential": "Al99.eam.alloy",
                "relaxation": {"cell": "fixed", "translation": "free", "fmax": 0.005},
            },
            "objective": {"unit": "mJ/m2"},
            "base_path": str(folder),
        }
    )


@cache
def pool(positions: str) -> CandidatePool:
    """All candidates."""
    job = document(positions, "", Path())
    return opened_space(job.space, job.base_path).pool()


@cache
def values(positions: str) -> FloatArray:
    """Returns the candidates' energies, NaN where the relaxation failed [mJ/m^2], shape ``(n_candidates,)``."""
    known = _read(positions)
    return np.array([known[str(candidate)] for candidate in pool(positions).ids])


def compute(positions: str, folder: Path) -> None:
    """Relaxes what a table lacks.

    Args:
        positions: One of :data:`POSITIONS`.
        folder: Has the potential.
    """
    known = _read(positions)
    missing = [str(candidate) for candidate in pool(positions).ids if str(candidate) not in known]
    with tempfile.TemporaryDirectory() as scratch:
        for number, candidate in enumerate(missing, start=1):
            try:
                value = evaluate(document(positions, candidate, folder), Path(scratch)).value
            except CalculationError:
                value = None
            known[candidate] = float("nan") if value is None else round(value, 2)
            if number % SAVED == 0 or number == len(missing):
                _write(positions, known)


def _read(positions: str) -> dict[str, float]:
    path = TABLES / f"{positions}.parquet"
    if not path.exists():
        return {}
    columns = parquet.read_table(path).to_pydict()
    return dict(zip(columns["candidate"], columns["energy"], strict=True))


def _write(positions: str, known: dict[str, float]) -> None:
    path = TABLES / f"{positions}.parquet"
    part = path.with_suffix(".part")
    parquet.write_table(pa.table({"candidate": list(known), "energy": list(known.values())}), part, compression="zstd")
    part.replace(path)
