"""Excess volume and stress of a relaxed boundary, as quantities of its outcome."""

from __future__ import annotations

from tansaku.calculators.structures.grain_orientation import grain_axes
from tansaku.calculators.structures.perfect_crystal import crystal_of
from tansaku.calculators.workflows.boundary_energy import BulkReference
from tansaku.calculators.workflows.boundary_stress import (
    GrainCrystal,
    Straining,
    boundary_stress,
    elastic_opening,
    normal_stress,
)
from tansaku.calculators.workflows.grain_check import Stiffness
from tansaku.models.domain.records import Quantity
from tansaku.tasks.node.jobs.document import BOUNDARY_STRESS, EXCESS_VOLUME
from tansaku.tasks.node.jobs.thicker import RelaxedBoundary


def excess_quantities(
    relaxed: RelaxedBoundary, bulk: BulkReference, stiffness: Stiffness | None, straining: Straining
) -> dict[str, Quantity]:
    """Computes the excess of a boundary, relaxed along its normal, over as many atoms of the crystal, by area.

    Args:
        relaxed: The boundary.
        bulk: The crystal at the lattice parameter of the campaign.
        stiffness: Of that crystal; None: it is not known, and the stress of the boundary cannot be computed.
        straining: Gives the energies of a strained cell with rigid blocks.

    Returns:
        The excess volume, without what the grains are stretched by a stress that the relaxation has left along the normal; and
        the excess stress in the plane, where it can be computed.
    """
    volume, found = _opening(relaxed), relaxed.found
    normal = normal_stress(found)
    if stiffness is None or bulk.stress is None or normal is None:
        return {EXCESS_VOLUME: Quantity(value=volume, unit="Angstrom")}
    info = relaxed.start.info
    axis, plane = ([int(index) for index in info[key]] for key in ("axis", "plane"))
    perfect = crystal_of(str(info["structure"]), str(info["element"]), bulk.lattice_parameter)
    crystal = GrainCrystal(bulk.stress, 1.0 / perfect.atoms_per_volume, stiffness, grain_axes(perfect, axis, plane))
    volume -= elastic_opening(found, crystal, normal)
    stress = boundary_stress(found, crystal, normal, straining)
    return {EXCESS_VOLUME: Quantity(value=volume, unit="Angstrom")} | {
        f"{BOUNDARY_STRESS}{name}": Quantity(value=value, unit="J/m^2") for name, value in stress.items()
    }


def _opening(relaxed: RelaxedBoundary) -> float:
    """Volume of the cell less that of as many atoms of the unstrained crystal, by area [Å].

    Planes that meet in a boundary without an opening have the crystal's distance, however many of them were removed.
    """
    info, travelled = relaxed.start.info, relaxed.travelled
    opening = float(travelled["final_translation"][2] + travelled["expansion"])
    if "removed_atoms" not in info:
        return opening
    return opening + int(info["removed_atoms"]) * float(info["atomic_volume"]) / relaxed.found.area
