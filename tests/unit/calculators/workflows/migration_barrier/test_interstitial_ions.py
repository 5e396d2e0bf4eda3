"""The whole workflow on an interstitial ion, by ASE's effective-medium theory: hydrogen in aluminium and what may go wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.mep import NEB
from ase.optimize import BFGS

from tansaku.calculators.engines.emt import EmtCalculator
from tansaku.calculators.workflows.migration.checkpoint import Checkpoint
from tansaku.calculators.workflows.migration.report import describe, states
from tansaku.calculators.workflows.migration_barrier import (
    MigrationBarrier,
    check_structure,
    checkpoint_key,
    migration_barrier,
)
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.specs.workflow import MigrationBarrierSpec

HYDROGEN = {"ion": "H", "max_hop": 3.0, "mechanism": {"type": "interstitial"}}


def aluminium() -> Atoms:
    return bulk("Al", "fcc", a=4.0, cubic=True)


def spec(**changes: object) -> MigrationBarrierSpec:
    mechanism = {**HYDROGEN["mechanism"], **changes.pop("mechanism", {})}
    return MigrationBarrierSpec.model_validate({**HYDROGEN, **changes, "mechanism": mechanism})


@pytest.fixture(scope="module")
def found() -> MigrationBarrier:
    return migration_barrier(EmtCalculator(), aluminium(), spec())


def test_hydrogen_goes_from_octahedron_to_tetrahedron_to_octahedron_in_every_direction(found):
    assert [len(one.void.fractions) for one in found.sites] == [4, 8]
    octahedron, tetrahedron = (one.state.energy for one in found.carriers)
    assert tetrahedron - octahedron > 0.3
    assert all(one.rest.eigenvalue > 0 for one in found.sites)
    direct = found.hops[0]
    assert direct.hops.length == pytest.approx(np.sqrt(3.0), abs=0.01)
    assert found.barrier(1) == found.barrier(2) == found.barrier(3) == pytest.approx(direct.result.energy - octahedron)
    # The saddle point is a little above the tetrahedron, whose state is shallow.
    assert 1e-3 < direct.result.energy - tetrahedron < 0.02
    assert len(found.networks[0].sites) == 12
    assert found.networks[0].limiting == 0


def test_the_barrier_is_that_of_a_band_run_by_ase_alone(found):
    """Nothing of ours but the crystal's lattice parameter: 5 images, climbing, forces below 0.01 eV/Å."""
    host = found.host.repeat(2)
    a = found.host.cell.array[0, 0]
    ends = []
    for place in ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)):
        atoms = host + Atoms("H", positions=[np.array(place) * a])
        atoms.calc = EMT()
        BFGS(atoms, logfile=None).run(fmax=0.01)
        ends.append(atoms)
    images = [ends[0], *(ends[0].copy() for _ in range(5)), ends[1]]
    for image in images[1:-1]:
        image.calc = EMT()
    band = NEB(images, method="improvedtangent")
    band.interpolate("idpp")
    assert BFGS(band, logfile=None).run(fmax=0.1, steps=200)
    band.climb = True
    assert BFGS(band, logfile=None).run(fmax=0.01, steps=200)
    barrier = max(image.get_potential_energy() for image in images) - ends[0].get_potential_energy()
    assert found.barrier(1) == pytest.approx(barrier, abs=4e-3)


def test_the_report_names_sites_and_what_was_dropped(found):
    told = describe(found, 1)
    assert told["mechanism"] == "interstitial"
    assert [one["multiplicity"] for one in told["interstitials"]] == [4, 8]
    assert told["interstitials"][0]["energy"] == 0.0
    assert told["interstitials"][0]["clearance"] == pytest.approx(2.0, abs=0.01)
    assert told["dropped"] == []
    assert told["forward_barrier"] == pytest.approx(found.barrier(1))
    assert told["hops"][0]["forward_barrier"] > told["hops"][0]["reverse_barrier"]
    assert max(told["energies"]) == told["ts_energy"]
    assert sorted(told["frame_index"]) == told["frame_index"]
    assert json.loads(json.dumps(told)) == told
    named = states(found)
    assert [atoms.info["state"].split()[0] for atoms in named[:2]] == ["interstitial"] * 2
    assert {atoms.get_chemical_formula() for atoms in named} == {"HAl32"}
    assert len(found.host) == 4


def test_a_killed_evaluation_goes_on_and_ends_in_the_same_bits(found, tmp_path, limited):
    key = checkpoint_key(EmtCalculator(), aluminium(), spec())
    checkpoint = Checkpoint(tmp_path / "parts", key)
    with pytest.raises(limited.PowerCut):
        migration_barrier(limited(150), aluminium(), spec(), checkpoint)
    again = migration_barrier(EmtCalculator(), aluminium(), spec(), checkpoint)
    assert describe(again, 1) == describe(found, 1)
    kept = {path.name for path in (tmp_path / "parts").iterdir()}
    assert {"host.json", "void-0.json", "void-1.json", "interstitial-4.json", "interstitial-8.json", "hop-0.json"} <= kept
    # All parts are there now: nothing is left to compute.
    assert describe(migration_barrier(limited(0), aluminium(), spec(), checkpoint), 1) == describe(found, 1)


def test_a_place_on_a_ridge_is_no_site_and_leads_to_the_ones_beside_it():
    """Half way between two atoms no force acts on the ion, by symmetry; it does not stay there."""
    site = (0.25, 0.25, 0.5)
    told = describe(migration_barrier(EmtCalculator(), aluminium(), spec(mechanism={"sites": [site], "max_sites": 1})), 1)
    (ridge,) = told["dropped"]
    assert ridge["reason"] == "unstable"
    assert len(told["interstitials"]) >= 1
    assert all(one["eigenvalue"] > 0 for one in told["interstitials"])


@pytest.mark.parametrize(
    ("structure", "changes", "error", "message"),
    [
        (aluminium(), {"ion": "Xx"}, ConfigurationError, r"calculator\.workflow\.ion: 'Xx'; expected the symbol"),
        (aluminium(), {"ion": None}, ConfigurationError, r"calculator\.workflow\.ion: missing"),
        (aluminium(), {"mechanism": {"min_distance": 3.0}}, CalculationError, "no void of Al4 is 3 Å"),
        (aluminium(), {"mechanism": {"sites": [[0, 0, 0.1]]}}, CalculationError, "no void of Al4"),
    ],
)
def test_what_cannot_be_is_refused_before_an_evaluation(structure, changes, error, message, limited):
    with pytest.raises(error, match=message):
        migration_barrier(limited(0), structure, spec(**changes))


def test_an_ion_that_the_crystal_does_not_hold_leaves_no_vacancy():
    with pytest.raises(ConfigurationError, match=r"calculator\.workflow\.ion: 'H' is not in Al4.*interstitial"):
        check_structure(aluminium(), MigrationBarrierSpec(ion="H"))
    check_structure(aluminium(), MigrationBarrierSpec(ion="Al"))
    check_structure(aluminium(), spec())
