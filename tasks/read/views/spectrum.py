"""Spectrum of the segregation energies at a boundary: computed ones, those that the model expects, and a skew-normal fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import skewnorm

from tansaku.models.domain.pool import BoolArray, FloatArray, IntArray
from tansaku.models.domain.records import Evaluation
from tansaku.spaces.segregation import SegregationSpace
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.origins import best_of, value_of
from tansaku.tasks.read.views.predictions import pool_expectation

FEWEST_FITTED = 20
"""Kinds of sites from which three numbers are fitted."""

_SHARPEST = 50.0
"""Largest shape: beyond it the distribution is half a normal one."""


@dataclass(frozen=True)
class SkewNormal:
    """The distribution to which Wagih, Larsen and Schuh 2020 (doi:10.1038/s41467-020-20083-6) fit their spectra.

    f(E) = exp(-x²/2) erfc(-αx/√2) / (√(2π) σ) with x = (E - μ)/σ.

    Attributes:
        location: μ [the energies' unit].
        width: σ [the energies' unit].
        shape: α; negative where the long tail is to low energies.
    """

    location: float
    width: float
    shape: float

    def range(self) -> tuple[float, float]:
        """Energies between which 99 % of the sites are."""
        low, high = skewnorm.ppf([0.005, 0.995], self.shape, self.location, self.width)
        return float(low), float(high)

    def density(self, energy: FloatArray) -> FloatArray:
        """Its density, shape of ``energy``."""
        return np.asarray(skewnorm.pdf(energy, self.shape, self.location, self.width))


@dataclass(frozen=True)
class Spectrum:
    """Segregation energies of all sites that have one, by rising energy.

    Attributes:
        candidates: Ids.
        energy: Computed, or the model's mean [the objective's unit], shape ``(n,)``.
        deviation: Of the model; 0 where the energy was computed.
        computed: Whether it was computed.
        members: Sites of the structure that are of this kind.
        coordination: Neighbours within the first gap of the crystal's distances.
        change: Largest difference of a neighbour's distance from the crystal's [Å].
        fit: None with fewer than twenty kinds of sites.
        published: The spectrum that the campaign's file gives for comparison.
        source: Where it stands.
    """

    candidates: tuple[str, ...]
    energy: FloatArray
    deviation: FloatArray
    computed: BoolArray
    members: IntArray
    coordination: IntArray
    change: FloatArray
    fit: SkewNormal | None
    unit: str
    published: SkewNormal | None = None
    source: str = ""

    def table(self) -> Mapping[str, Sequence[object]]:
        """Its columns."""
        return {
            "candidate": self.candidates,
            f"segregation_energy [{self.unit}]": self.energy.tolist(),
            "deviation": self.deviation.tolist(),
            "computed": self.computed.tolist(),
            "multiplicity": self.members.tolist(),
            "coordination": self.coordination.tolist(),
            "change [Å]": self.change.tolist(),
        }


def fit_skew_normal(energy: FloatArray, weights: FloatArray) -> SkewNormal:
    """The most probable skew-normal distribution of weighted energies.

    Args:
        energy: Shape ``(n,)``, not all the same.
        weights: How often each occurs, shape ``(n,)``.
    """
    from scipy.optimize import minimize

    centre = float(np.average(energy, weights=weights))
    spread = float(np.sqrt(np.average((energy - centre) ** 2, weights=weights)))
    scaled = (energy - centre) / spread

    def misfit(numbers: FloatArray) -> float:
        location, log_width, shape = numbers
        return -float(weights @ skewnorm.logpdf(scaled, shape, location, np.exp(log_width)))

    bounds = [(-5.0, 5.0), (-4.0, 3.0), (-_SHARPEST, _SHARPEST)]
    starts = [np.array([-0.5 * side, 0.2, side]) for side in (-3.0, -1.0, 1.0, 3.0)]
    best = min((minimize(misfit, start, bounds=bounds, method="L-BFGS-B") for start in starts), key=lambda found: found.fun)
    location, log_width, shape = (float(number) for number in best.x)
    return SkewNormal(centre + spread * location, spread * float(np.exp(log_width)), shape)


def segregation_spectrum(data: Campaign) -> Spectrum | None:
    """The spectrum of a campaign; None before the first value. Sites without a value have the model's, if there is one."""
    space = data.space
    if not isinstance(space, SegregationSpace):
        return None
    found: dict[str, list[Evaluation]] = {}
    for item in data.evaluations:
        found.setdefault(item.proposal.candidate, []).append(item)
    best = {candidate: best_of(several, data.sign) for candidate, several in found.items()}
    values = {candidate: value_of(item) for candidate, item in best.items() if item is not None}
    if not values:
        return None
    ids = [str(candidate) for candidate in data.pool.ids]
    energy = np.array([values.get(candidate, np.nan) for candidate in ids], dtype=np.float64)
    computed, deviation = np.isfinite(energy), np.zeros(len(ids))
    expected = None if computed.all() else pool_expectation(data)
    if expected is not None:
        energy = np.where(computed, energy, expected.mean)
        deviation = np.where(computed, 0.0, expected.deviation)
    order = np.array([place for place in np.argsort(energy, kind="stable") if np.isfinite(energy[place])])
    names = [ids[place] for place in order]
    sites = [space.site(name) for name in names]
    members = np.array([site.members for site in sites], dtype=np.intp)
    given = space.published
    enough = len(names) >= FEWEST_FITTED and np.ptp(energy[order]) > 0
    return Spectrum(
        candidates=tuple(names),
        energy=energy[order],
        deviation=deviation[order],
        computed=computed[order],
        members=members,
        coordination=np.array([site.coordination for site in sites], dtype=np.intp),
        change=np.array([site.change for site in sites]),
        fit=fit_skew_normal(energy[order], members.astype(np.float64)) if enough else None,
        published=None if given is None else SkewNormal(given.location, given.width, given.shape),
        source="" if given is None else given.source,
        unit=data.spec.objective.unit,
    )
