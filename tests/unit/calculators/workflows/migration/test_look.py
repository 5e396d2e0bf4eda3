"""Cheap looks at barriers, beside the full evaluation of the same crystals."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tansaku.calculators.engines.emt import EmtCalculator
from tansaku.calculators.workflows.migration.checkpoint import Checkpoint
from tansaku.calculators.workflows.migration.report import describe
from tansaku.calculators.workflows.migration_barrier import MigrationBarrier, migration_barrier
from tansaku.models.domain.specs.workflow import MigrationBarrierSpec

COPPER = {"ion": "Cu", "max_hop": 2.9, "image_distance": 5.0}
FULL = 0.7914
"""Barrier of the full evaluation [eV], see ``test_migration_barrier``."""


def copper() -> Atoms:
    return bulk("Cu", "fcc", a=3.65, cubic=True)


def looked(atoms: Atoms, steps: int, **changes) -> MigrationBarrier:
    return migration_barrier(EmtCalculator(), atoms, MigrationBarrierSpec(**{**COPPER, "midpoint_steps": steps, **changes}))


def test_a_few_steps_are_near_the_barrier_at_a_fraction_of_its_cost():
    static, few = looked(copper(), 0), looked(copper(), 5, image_distance=6.5)
    assert static.barrier(1) > FULL + 0.2
    assert few.barrier(1) == pytest.approx(FULL, abs=0.02)
    assert 0 < few.spread < static.spread
    # A rough crystal, one vacancy, one hop: no second derivatives, no curvatures at the midpoint.
    assert few.evaluations <= 16
    assert [hop["method"] for hop in describe(few, 1)["hops"]] == ["look"]


def test_without_a_symmetry_the_ion_stays_in_the_plane_across_the_hop():
    """Copper on two kinds of site in nickel."""
    atoms = bulk("Ni", "fcc", a=3.6, cubic=True) * (1, 1, 2)
    atoms.symbols[(atoms.positions[:, 2] < 0.1) | (np.arange(len(atoms)) == 2)] = "Cu"
    found = looked(atoms, 4)
    crystal = found.crystal
    (hop,) = [item for item in found.hops if crystal.supercell.swap(item.hops.hop, crystal.network) is None]
    ion = int(np.searchsorted(hop.result.kept, crystal.supercell.index(hop.hops.hop.first, (0, 0, 0))))
    start = crystal.supercell.host.positions[hop.hops.hop.first]
    along = crystal.supercell.place(hop.hops.hop) - start
    moved = hop.result.positions[ion] - start - 0.5 * along
    assert abs(moved @ along) < 1e-8 < np.linalg.norm(moved)
    others = np.arange(len(hop.result.kept)) != ion
    shifts = hop.result.positions[others] - crystal.supercell.atoms.positions[hop.result.kept[others]]
    assert shifts.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-10)


def test_a_killed_look_goes_on_and_ends_in_the_same_bits(tmp_path, limited):
    spec = MigrationBarrierSpec(**COPPER, midpoint_steps=2)
    whole = migration_barrier(EmtCalculator(), copper(), spec)
    checkpoint = Checkpoint(tmp_path / "parts", "key")
    with pytest.raises(limited.PowerCut):
        migration_barrier(limited(whole.evaluations - 1), copper(), spec, checkpoint)
    again = migration_barrier(limited(4), copper(), spec, checkpoint)
    assert describe(again, 1) == describe(whole, 1)
