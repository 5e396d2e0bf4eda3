"""A cheap look at a barrier: a few steps half way along each hop and in each end state, in a crystal with little stress left.

Nothing is asked of the midpoints: not whether they are converged, not whether they are saddle points.
"""

from __future__ import annotations

from ase.constraints import FixedPlane

from tansaku.calculators.workflows.migration.crystal import Carrier, Crystal
from tansaku.calculators.workflows.migration.hops import HopResult, midpoint_start, restrict
from tansaku.calculators.workflows.migration.network import HopClass
from tansaku.calculators.workflows.migration.springs import springs
from tansaku.calculators.workflows.pinned_ion import KeepCentre

ROUGH = 0.005
"""Largest stress times the volume per atom after the crystal's relaxation [eV]."""


def look_at_carrier(crystal: Crystal, site: int) -> Carrier:
    """Takes a few steps with the carrier on a site."""
    kept = crystal.kept(crystal.supercell.index(site, (0, 0, 0)))
    atoms = crystal.atoms(kept)
    state = crystal.relaxer.at_fixed_cell(atoms, springs(atoms))
    return Carrier(site, state, spread=0.0, starts=1)


def look_at_hop(crystal: Crystal, hop_class: HopClass, carriers: dict[int, Carrier]) -> HopResult:
    """Takes a few steps from half way along a hop.

    They keep the symmetry that exchanges the hop's ends; where there is none, the ion stays in the plane across the hop. A
    midpoint below both ends is a state on the way.

    Args:
        carriers: End states by site, for one site of each orbit.
    """
    hop = hop_class.hop
    passage, start = midpoint_start(crystal, hop)
    mapping = crystal.supercell.swap(hop, crystal.network)
    bound = None
    if mapping is not None:
        bound = restrict(mapping, passage.kept, passage.ion)
    else:
        along = crystal.supercell.place(hop) - crystal.supercell.host.positions[hop.first]
        start.set_constraint([FixedPlane(passage.ion, along), KeepCentre(passage.ion)])
    curvature = springs(start)
    state = crystal.relaxer.at_fixed_cell(start, curvature, bound)
    ends = tuple(carriers[crystal.network.orbits[site]].state.energy for site in (hop.second, hop.first))
    return HopResult(
        method="look",
        energy=max(state.energy, *ends),
        profile=((0.0, ends[0]), (0.5, state.energy), (1.0, ends[1])),
        intermediate=state.energy if state.energy < min(ends) else None,
        eigenvalues=(),
        remaining=state.remaining(curvature),
        note="",
        kept=passage.kept,
        positions=state.positions,
    )
