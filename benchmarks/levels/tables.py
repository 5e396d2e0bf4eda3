"""Tables of two levels: public ones of theory (chem-MFBO: Sabanza-Gil et al. 2025), and looks at the shipped tavorites."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata

from benchmarks.composition.problem import TABLE, Problem, from_table
from tansaku.models.domain.errors import MissingComponentError
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray, IntArray
from tansaku.models.engine.transfer.data import SourceData, part

COSTS = {"cofs": 0.065, "freesolv": 0.1, "polarizability": 0.167}
"""Cost of the cheap level in units of the wanted one's, as the source states it."""

SHAPES = ("as they are", "damped", "weak", "shuffled")
"""``damped``: cheap values of half of the rows are shuffled among each other; ``shuffled``: of all rows; ``weak``: they are the
wanted ones' normal scores with noise, so that their rank correlation is 0.4."""

RELAXED = TABLE.with_name("relaxed.parquet")
"""Barriers of the tavorites in crystals that are relaxed to the end."""

LOOKS = TABLE.with_name("looks.parquet")
"""Looks at the tavorites, as ``tansaku export --observations`` writes them."""

SETTINGS = Path(__file__).with_name("settings.json")
"""The look, chosen on lithium, and its cost measured there, in units of a full evaluation."""

KINDS = ("", " long", " less 1", " less 2", " less 3", " below", " below long")
TAVORITES = {f"{ion}{kind}": (ion, kind) for ion in ("Li", "Na") for kind in KINDS}
"""Ion and kind of each table of tavorites: all compositions, the same with a larger budget, those without the best few, or the
goal of all low barriers."""

BELOW = 0.3
"""Sodium barriers that count as low [eV]; of lithium as large a share."""

BUDGET, BUDGET_OF_BEST = 50.0, 25.0
"""Cost of a search, in units of a wanted value; of one for the best tavorite. Long ones have twice as much."""

_LINEAR = 2.0 * np.sin(0.4 * np.pi / 6.0)
"""Correlation of normal values whose rank correlation is 0.4."""

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
        values: Of the cheap and the wanted level, the lower the better, NaN where one failed, shape ``(n, 2)``.
        cost: Of the cheap level; the wanted one costs 1.
        budget: Cost of a search.
        threshold: All values below it are wanted; None: the best one is.
        given: The candidates, where they have more than these features.
        source: Full values of another table: of sodium, those of lithium.
    """

    name: str
    features: FloatArray
    values: FloatArray
    cost: float
    budget: float = BUDGET
    threshold: float | None = None
    given: CandidatePool | None = None
    source: SourceData | None = None

    def pool(self) -> CandidatePool:
        """The candidates, one system."""
        if self.given is not None:
            return self.given
        n, width = self.features.shape
        same = np.zeros(n, dtype=np.intp)
        columns = tuple(f"feature_{number}" for number in range(width))
        group = FeatureGroup.compact("features", self.features, np.arange(n), columns)
        ids = np.array([f"{number:05d}" for number in range(n)])
        return CandidatePool(ids, ("table",), same, ("table",), same, {"features": group}, np.ones(n))

    def wanted(self) -> IntArray:
        """Candidates that a search is to find: all below the threshold, or the best one."""
        full = self.values[:, 1]
        return np.array([np.nanargmin(full)]) if self.threshold is None else np.flatnonzero(full <= self.threshold)


def read_table(folder: Path | None, name: str, shape: str = SHAPES[0]) -> LevelTable:
    """Reads a table; both levels are to be maximised in the files of public ones.

    Args:
        folder: Holds ``NAME.csv`` of a public table.
        name: One of :data:`COSTS` or :data:`TAVORITES`.
        shape: One of :data:`SHAPES`.

    Raises:
        MissingComponentError: Features of molecules need RDKit, which is not installed.
    """
    table = _tavorites(*TAVORITES[name]) if name in TAVORITES else _public(folder or Path(), name)
    values, rng = table.values.copy(), np.random.default_rng(_SEED)
    if shape == "weak":
        scores = norm.ppf((rankdata(values[:, 1]) - 0.5) / len(values))
        values[:, 0] = _LINEAR * scores + np.sqrt(1.0 - _LINEAR**2) * rng.standard_normal(len(values))
    else:
        moved = {"as they are": 0, "damped": len(values) // 2, "shuffled": len(values)}[shape]
        chosen = rng.permutation(len(values))[:moved]
        values[chosen, 0] = values[rng.permutation(chosen), 0]
    return replace(table, values=values)


def _public(folder: Path, name: str) -> LevelTable:
    frame = pd.read_csv(folder / f"{name}.csv")
    values = -frame[[_CHEAP, _WANTED]].to_numpy(dtype=np.float64)
    rest = frame.drop(columns=[_CHEAP, _WANTED])
    rows = _fingerprints(list(rest[_SMILES])) if _SMILES in rest else rest.to_numpy(dtype=np.float64)
    return LevelTable(name, _scaled(rows), values, COSTS[name])


def _scaled(rows: FloatArray) -> FloatArray:
    """Columns that vary, from 0 to 1."""
    span = np.ptp(rows, axis=0)
    return np.asarray((rows[:, span > 0.0] - rows.min(axis=0)[span > 0.0]) / span[span > 0.0])


@lru_cache(maxsize=4)
def _tavorites(ion: str, kind: str) -> LevelTable:
    """Compositions of an ion whose full values are barriers."""
    problem = from_table(RELAXED)
    rows = problem.sodium if ion == "Na" else problem.lithium
    left_out = int(kind.removeprefix(" less ")) if " less " in kind else 0
    chosen = np.sort(np.argsort(rows.values, kind="stable")[left_out:])
    pool, full = part(rows.pool, chosen), rows.values[chosen]
    looked = pd.read_parquet(LOOKS).set_index("candidate")["value"]
    values = np.column_stack([looked.reindex(pool.ids).to_numpy(dtype=np.float64), full])
    features = _scaled(np.column_stack([group.values[group.index] for group in pool.groups.values()]))
    cost = float(json.loads(SETTINGS.read_text())["cost"])
    below = " below" in kind
    budget = (BUDGET if below else BUDGET_OF_BEST) * (2.0 if " long" in kind else 1.0)
    threshold = _threshold(problem, ion) if below else None
    source = problem.source if ion == "Na" else None
    return LevelTable(f"{ion}{kind}", features, values, cost, budget, threshold, pool, source)


def _threshold(problem: Problem, ion: str) -> float:
    """Below which an ion's barriers are low [eV]."""
    share = np.nanmean(problem.sodium.values < BELOW)
    return BELOW if ion == "Na" else float(np.nanquantile(problem.lithium.values, share))


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
