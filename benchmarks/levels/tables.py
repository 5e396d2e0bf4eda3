"""Public tables of two levels of theory (chem-MFBO: Sabanza-Gil et al. 2025), as pools."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tansaku.models.domain.errors import MissingComponentError
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray

COSTS = {"cofs": 0.065, "freesolv": 0.1, "polarizability": 0.167}
"""Cost of the cheap level in units of the wanted one's, as the source states it."""

SHAPES = ("as they are", "damped", "shuffled")
"""``damped``: cheap values of half of the rows are shuffled among each other; ``shuffled``: of all rows."""

_BITS, _RADIUS, _COMPONENTS = 1024, 2, 10
_CHEAP, _WANTED = "LF", "HF"
_SMILES = "smiles"
_SEED = 0


@dataclass(frozen=True)
class LevelTable:
    """A table.

    Attributes:
        name: Of the table.
        features: Scaled to [0, 1] by column, shape ``(n, d)``.
        values: Of the cheap and the wanted level, the lower the better, shape ``(n, 2)``.
        cost: Of the cheap level; the wanted one costs 1.
    """

    name: str
    features: FloatArray
    values: FloatArray
    cost: float

    def pool(self) -> CandidatePool:
        """The candidates, one system."""
        n, width = self.features.shape
        same = np.zeros(n, dtype=np.intp)
        columns = tuple(f"feature_{number}" for number in range(width))
        group = FeatureGroup.compact("features", self.features, np.arange(n), columns)
        ids = np.array([f"{number:05d}" for number in range(n)])
        return CandidatePool(ids, ("table",), same, ("table",), same, {"features": group}, np.ones(n))


def read_table(folder: Path, name: str, shape: str = SHAPES[0]) -> LevelTable:
    """Reads a table; both levels are to be maximised in the files.

    Args:
        folder: Holds ``NAME.csv``.
        name: One of :data:`COSTS`.
        shape: One of :data:`SHAPES`.

    Raises:
        MissingComponentError: Features of molecules need RDKit, which is not installed.
    """
    frame = pd.read_csv(folder / f"{name}.csv")
    values = -frame[[_CHEAP, _WANTED]].to_numpy(dtype=np.float64)
    rest = frame.drop(columns=[_CHEAP, _WANTED])
    rows = _fingerprints(list(rest[_SMILES])) if _SMILES in rest else rest.to_numpy(dtype=np.float64)
    span = np.ptp(rows, axis=0)
    rows = (rows[:, span > 0.0] - rows.min(axis=0)[span > 0.0]) / span[span > 0.0]
    rng = np.random.default_rng(_SEED)
    moved = {"as they are": 0, "damped": len(values) // 2, "shuffled": len(values)}[shape]
    chosen = rng.permutation(len(values))[:moved]
    values[chosen, 0] = values[rng.permutation(chosen), 0]
    return LevelTable(name, rows, values, COSTS[name])


def _fingerprints(smiles: list[str]) -> FloatArray:
    """Principal components of Morgan fingerprints, shape ``(n, 10)``."""
    try:
        from rdkit import Chem
        from rdkit.Chem import rdFingerprintGenerator
    except ImportError as error:
        raise MissingComponentError(
            "features of molecules need RDKit, which is not installed", hint="pip install 'tansaku[bench]'"
        ) from error
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=_RADIUS, fpSize=_BITS)
    bits = np.array([generator.GetFingerprintAsNumPy(Chem.MolFromSmiles(text)) for text in smiles], dtype=np.float64)
    left, sizes, _ = np.linalg.svd(bits - bits.mean(axis=0), full_matrices=False)
    return np.asarray(left[:, :_COMPONENTS] * sizes[:_COMPONENTS])
