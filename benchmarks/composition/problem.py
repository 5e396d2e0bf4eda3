"""Sodium tavorites (target) and lithium tavorites (source): from the table of barriers, or synthetic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.presets import PRESETS
from tansaku.models.engine.transfer.data import SourceData, observed_source, part
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.configuration.campaign_files import load_campaign

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "benchmarks" / "tavorite" / "observations.parquet"
CAMPAIGNS = {"Na": ROOT / "examples" / "tavorite-na.yaml", "Li": ROOT / "examples" / "tavorite-li.yaml"}

LEAST_ROWS = 20
"""Smallest number of finished rows of each ion."""

CORRELATION = 0.85
"""Correlation of the smooth parts of the synthetic sodium and lithium values."""

_NOISE = 0.3
_FINISHED = ("DONE", "FAILED")


@dataclass(frozen=True)
class Rows:
    """Compositions of one ion with their barriers.

    Attributes:
        pool: Those that are finished.
        values: Their barriers [eV], NaN where the evaluation failed, shape ``(n_rows,)``.
        of: How many compositions there are in all.
    """

    pool: CandidatePool
    values: FloatArray
    of: int

    @property
    def complete(self) -> bool:
        """Whether no composition is missing."""
        return len(self.pool) == self.of

    def describe(self) -> dict[str, int]:
        """Counts for the result."""
        return {"rows": len(self.pool), "of": self.of, "failed": int(np.isnan(self.values).sum())}


@dataclass(frozen=True)
class Problem:
    """Target and source of a search.

    Attributes:
        name: What the values are.
        sodium: The target.
        lithium: The source.
    """

    name: str
    sodium: Rows
    lithium: Rows

    @property
    def source(self) -> SourceData:
        """All lithium values."""
        known = np.flatnonzero(~np.isnan(self.lithium.values))
        pool = self.lithium.pool
        return observed_source("tavorite-li", pool, known, self.lithium.values[known], "minimize", len(pool))


def from_table(path: Path = TABLE) -> Problem:
    """Barriers that a campaign has computed, as `tansaku export --observations` writes them.

    Raises:
        ConfigurationError: Too few of them are finished.
    """
    table = pq.read_table(path, columns=["candidate", "state", "value", "unit"]).to_pylist()
    finished = {row["candidate"]: row for row in table if row["state"] in _FINISHED}
    units = {row["unit"] for row in finished.values() if row["value"] is not None}
    if not units <= {"eV"}:
        raise ConfigurationError(f"{path.name}: values in {', '.join(sorted(units))}, expected eV")
    rows = {}
    for ion in CAMPAIGNS:
        pool = _pool(ion)
        positions = np.array([i for i, name in enumerate(pool.ids) if name in finished], dtype=np.intp)
        found = [finished[str(name)]["value"] for name in pool.ids[positions]]
        values = np.array([np.nan if value is None else value for value in found], dtype=np.float64)
        if (~np.isnan(values)).sum() < LEAST_ROWS:
            raise ConfigurationError(
                f"{path.name}: {len(values)} of {len(pool)} {ion} compositions are finished, expected values of {LEAST_ROWS}",
                hint="--made-up runs on made-up values of all of them",
            )
        rows[ion] = Rows(part(pool, positions), values, len(pool))
    return Problem("barriers by CHGNet, not DFT", rows["Na"], rows["Li"])


def made_up(seed: int = 0) -> Problem:
    """Synthetic values for all compositions, drawn from the model ``abo`` on the real features.

    The smooth part of the logarithm of the sodium values correlates with that of the lithium values; independent noise is added
    for each composition. The values are of the order of the real ones.
    """
    rng = np.random.default_rng(seed)
    sodium, lithium = _pool("Na"), _pool("Li")
    draws = GPProposer(PRESETS["abo"]).prior_draws(sodium)
    shared, other = (_scaled(draws.draw(rng)) for _ in range(2))
    of_sodium = CORRELATION * shared + np.sqrt(1.0 - CORRELATION**2) * other
    noise = _NOISE * rng.standard_normal((2, len(sodium)))
    # The ids differ by the first ion only, so that both pools have the same order.
    return Problem(
        "made-up values",
        Rows(sodium, 0.65 * np.exp(0.5 * (of_sodium + noise[0])), len(sodium)),
        Rows(lithium, 0.37 * np.exp(0.4 * (shared + noise[1])), len(lithium)),
    )


def _scaled(values: FloatArray) -> FloatArray:
    return np.asarray((values - values.mean()) / values.std())


def _pool(ion: str) -> CandidatePool:
    loaded = load_campaign(CAMPAIGNS[ion])
    pool = open_space(loaded.spec.space, loaded.base_path).pool()
    return replace(pool, cost=np.ones(len(pool)))
