"""Which hops decide a barrier, by bounds of their saddle points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tansaku.calculators.workflows.migration.hops import HopResult
from tansaku.calculators.workflows.migration.network import Hop, HopClass
from tansaku.calculators.workflows.migration.percolation import percolate


@dataclass(frozen=True)
class ComputedHop:
    """A class of hops and its saddle point.

    Attributes:
        result: None where no way to the saddle point worked, or none was needed.
        failure: Why no way worked.
        least: Where the saddle point was not needed: it is not below [eV].
    """

    hops: HopClass
    result: HopResult | None
    failure: str
    least: float | None = None

    @property
    def known(self) -> bool:
        """Whether nothing more can be found out about the saddle point."""
        return self.least is None

    @property
    def most(self) -> float | None:
        """Energy that the saddle point is not above, None where none is known [eV]."""
        return None if self.result is None else self.result.energy

    def lowest(self, ends: float) -> float:
        """Energy that the saddle point is not below [eV]; one that was not found is not below the states it is between."""
        if self.least is not None:
            return self.least
        return ends if self.result is None else self.result.energy


def next_needed(
    sites: Mapping[int, float], hops: Sequence[ComputedHop], dimensions: int, through: Sequence[int] | None
) -> int | None:
    """Number of the hop whose saddle point is needed next; None once the barrier is known.

    It is known once the easiest network, by the most that saddle points can be, is no higher than the easiest one by the least
    that they can be, and its own highest saddle point is known.

    Args:
        sites: Energy of the carrier on each site [eV].
        dimensions: Of the network.
        through: As for :func:`percolate`.
    """
    members = [computed.hops.members for computed in hops]
    least = [computed.lowest(ends_of(sites, computed.hops.hop)) for computed in hops]
    worst = percolate(sites, members, [computed.most for computed in hops], through)[dimensions - 1]
    if worst is not None and not hops[worst.limiting].known:
        return worst.limiting
    best = percolate(sites, members, least, through)[dimensions - 1]
    if worst is not None and (best is None or best.level >= worst.level):
        return None
    if best is not None and not hops[best.limiting].known:
        return best.limiting
    unknown = [n for n, computed in enumerate(hops) if not computed.known and (worst is None or least[n] < worst.level)]
    return min(unknown, key=lambda number: least[number], default=None)


def ends_of(sites: Mapping[int, float], hop: Hop) -> float:
    """Energy of the higher one of the states that a hop is between [eV]."""
    return max(sites[hop.first], sites[hop.second])
