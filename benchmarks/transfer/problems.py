"""Pairs of a target and a source: the shipped boundaries split in two, made-up compositions, or any two tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from math import sqrt
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray
from tansaku.models.domain.ports import TabulatedSpace
from tansaku.models.engine.transfer.data import SourceData, observed_source, part
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.configuration.campaign_files import load_campaign

BOUNDARIES = Path(__file__).parents[1] / "boundaries" / "al-110-grid-table.yaml"

MOST = 300
"""Most source observations, as in a campaign."""

BOUNDARY_SOURCE = 100
"""Source observations of the split boundary table: fewer, because fits to several hundred take the time of this benchmark."""

CORRELATION = 0.85
"""Correlation of the made-up target's smooth part with the source's: about that of the ranks of Li and Na barriers in
tavorites."""

_IONS = {
    "m": {2: 9, 3: 8, 4: 5, 5: 2},
    "x": {4: 2, 5: 2, 6: 2},
    "z": {1: 3, 2: 1},
}
_CHARGE = 7  # charges of M and X less that of Z: what four oxygens less one alkali ion leave
_COLUMNS = 3
_NOISE = 0.3


Harm = Literal["shuffled", "reversed"]


@dataclass(frozen=True)
class Problem:
    """A target to be searched and a source that is known.

    Attributes:
        name: Short name.
        description: What the two are.
        pool: The target's candidates.
        values: Their objective, smaller is better, NaN where it fails, shape ``(n,)``.
        source: The source.
        unit: Of the objective.
        evaluations: How many a run makes.
        seeds: How many runs each method makes.
        redraw: Makes the landscape of a run; None: all runs have the same one.
        harm: The source's values ``shuffled``, or ``reversed`` about their middle (an anticorrelated system); None: as they
            are.
    """

    name: str
    description: str
    pool: CandidatePool
    values: FloatArray
    source: SourceData
    unit: str
    evaluations: int
    seeds: int = 10
    redraw: Callable[[int], Problem] | None = None
    harm: Harm | None = None

    def harmful(self, kind: Harm) -> Problem:
        """The same problem with a misleading source."""
        return replace(self, name=f"{self.name}, {kind}", harm=kind)

    def drawn(self, seed: int) -> Problem:
        """The problem of run ``seed``: with its own landscape where there are several, and with the harmed source."""
        fresh = self if self.redraw is None else self.redraw(seed)
        source, values = fresh.source, fresh.source.values
        if self.harm == "shuffled":
            source = replace(source, values=np.random.default_rng(seed).permutation(values))
        elif self.harm == "reversed":
            source = replace(source, values=values.max() + values.min() - values)
        return replace(self, pool=fresh.pool, values=fresh.values, source=source)

    def shortened(self, evaluations: int, seeds: int) -> Problem:
        """The same problem with fewer evaluations and runs."""
        return replace(self, evaluations=min(evaluations, self.evaluations), seeds=seeds)


def boundaries(sources: tuple[str, ...] = ("s009-114", "s009-221", "s003-112", "s011-332")) -> Problem:
    """The shipped table of grain boundaries: four of its systems are the source, the other three the target."""
    space, _ = _opened(BOUNDARIES)
    pool, values = space.pool(), space.values()
    inside = np.isin(np.asarray(pool.systems), sources)[pool.system_codes]
    known = np.flatnonzero(inside & ~np.isnan(values))
    others = np.flatnonzero(~inside)
    source = observed_source("four boundaries", pool, known, values[known], "minimize", BOUNDARY_SOURCE)
    return Problem(
        name="boundaries",
        description=f"three boundaries of the shipped table, {BOUNDARY_SOURCE} candidates of the other four known",
        pool=part(pool, others),
        values=values[others],
        source=source,
        unit="mJ/m2",
        evaluations=45,
        seeds=6,
    )


def compositions(seed: int = 0, correlation: float = CORRELATION) -> Problem:
    """Made-up barriers of 159 compositions with one ion each on three sites, for two alkali ions.

    Every ion has three made-up features. A barrier is a sum over the sites of a smooth random function of its ion's features
    and of one of the features of M and X together, plus a part of each composition's own (30 % of the deviation), in units of
    0.25 eV. The target's functions are ``correlation`` times the source's plus independent ones, so that the smooth
    parts correlate by that much; the target lies 0.2 eV higher. Every seed gives other ions and functions.
    """
    rng = np.random.default_rng(seed)
    charges = {site: np.repeat(list(ions), list(ions.values())) for site, ions in _IONS.items()}
    features = {site: rng.uniform(size=(len(charge), _COLUMNS)) for site, charge in charges.items()}
    for site, charge in charges.items():
        features[site][:, 0] = (charge - charge.min()) / max(1, np.ptp(charge))
    # The two ions without a crystal of their own: the fifth M of charge 4 is the second X of charge 4.
    same = (int(np.flatnonzero(charges["m"] == 4)[-1]), int(np.flatnonzero(charges["x"] == 4)[-1]))
    chosen = np.array(
        [
            (m, x, z)
            for m, x, z in product(*(range(len(charge)) for charge in charges.values()))
            if charges["m"][m] + charges["x"][x] - charges["z"][z] == _CHARGE and (m, x) != same
        ]
    )
    first, second = (_landscape(features, chosen, rng) for _ in range(2))
    source_values = 0.5 + 0.25 * first
    target_values = 0.7 + 0.25 * (correlation * first + sqrt(1.0 - correlation**2) * second)
    noise = 0.25 * _NOISE * rng.standard_normal((2, len(chosen)))
    pool = _composition_pool(features, chosen)
    everything = np.arange(len(pool))
    source = observed_source("lithium", pool, everything, source_values + noise[0], "minimize", MOST)
    return Problem(
        name="compositions",
        description=f"159 made-up compositions, all 159 of a source known, smooth parts correlated by {correlation}",
        pool=pool,
        values=target_values + noise[1],
        source=source,
        unit="eV",
        evaluations=40,
        seeds=10,
        redraw=compositions,
    )


def tables(target: Path, source: Path) -> Problem:
    """Any two campaign files on tables with the same features.

    Raises:
        ConfigurationError: A file is no campaign on a table.
    """
    (space, direction), (known_space, _) = _opened(target), _opened(source)
    sign = 1.0 if direction == "minimize" else -1.0
    known = np.flatnonzero(~np.isnan(known_space.values()))
    return Problem(
        name=target.stem,
        description=f"{target.name} with {source.name} as the source",
        pool=space.pool(),
        values=sign * space.values(),
        source=observed_source(source.stem, known_space.pool(), known, known_space.values()[known], direction, MOST),
        unit=load_campaign(target).spec.objective.unit,
        evaluations=min(60, len(space.pool())),
    )


def _opened(path: Path) -> tuple[TabulatedSpace, str]:
    loaded = load_campaign(path)
    space = open_space(loaded.spec.space, loaded.base_path)
    if not isinstance(space, TabulatedSpace):
        raise ConfigurationError(f"{str(path)!r}: a {loaded.spec.space.type} space has no recorded values, expected a table")
    return space, loaded.spec.objective.direction


def _landscape(features: dict[str, FloatArray], chosen: npt.NDArray[np.int64], rng: np.random.Generator) -> FloatArray:
    """A smooth random function of the ions' features with unit variance over the compositions, shape ``(n,)``."""
    parts = [_waves(features[site][chosen[:, i]], rng) for i, site in enumerate(features)]
    both = np.column_stack([features["m"][chosen[:, 0], 1], features["x"][chosen[:, 1], 1]])
    total = np.sum([*parts, 1.0 * _waves(both, rng)], axis=0)
    return np.asarray((total - total.mean()) / total.std())


def _waves(x: FloatArray, rng: np.random.Generator, count: int = 40) -> FloatArray:
    frequencies = 4.0 * rng.standard_normal((x.shape[1], count))
    phases, heights = rng.uniform(0.0, 2.0 * np.pi, count), rng.standard_normal(count)
    return np.asarray(np.cos(x @ frequencies + phases) @ heights / sqrt(count / 2))


def _composition_pool(features: dict[str, FloatArray], chosen: npt.NDArray[np.int64]) -> CandidatePool:
    n = len(chosen)
    groups = {
        site: FeatureGroup.compact(site, rows, chosen[:, i].astype(np.intp), tuple(f"{site}{j}" for j in range(_COLUMNS)))
        for i, (site, rows) in enumerate(features.items())
    }
    return CandidatePool(
        ids=np.array([f"c{i:03d}" for i in range(n)]),
        systems=("all",),
        system_codes=np.zeros(n, dtype=np.intp),
        surfaces=("all",),
        surface_codes=np.zeros(n, dtype=np.intp),
        groups=groups,
        cost=np.ones(n),
    )
