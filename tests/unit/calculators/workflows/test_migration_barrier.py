"""The whole workflow on crystals whose vacancies ASE's effective-medium theory describes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tansaku.calculators.engines.emt import EmtCalculator
from tansaku.calculators.workflows.migration import hops
from tansaku.calculators.workflows.migration import refine as refining
from tansaku.calculators.workflows.migration.checkpoint import Checkpoint
from tansaku.calculators.workflows.migration.crystal import Carrier, Crystal, find_carrier
from tansaku.calculators.workflows.migration.curvature import crystal_curvature
from tansaku.calculators.workflows.migration.hops import around_midpoint, band_hop, find_saddle, hop_ends, relax_midpoint
from tansaku.calculators.workflows.migration.network import HopClass, find_network
from tansaku.calculators.workflows.migration.relaxing import Relaxer, Through
from tansaku.calculators.workflows.migration.report import describe, states
from tansaku.calculators.workflows.migration.supercell import make_supercell
from tansaku.calculators.workflows.migration_barrier import MigrationBarrier, checkpoint_key, migration_barrier
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.specs.workflow import MigrationBarrierSpec

COPPER = {"ion": "Cu", "max_hop": 2.9, "image_distance": 6.5, "fmax": 0.02}


def copper(a: float = 3.65) -> Atoms:
    return bulk("Cu", "fcc", a=a, cubic=True)


def alloy() -> Atoms:
    """Cu in layers between two of Ni: hops in the layer, none through it up to the nearest neighbours."""
    atoms = bulk("Ni", "fcc", a=3.6, cubic=True) * (1, 1, 2)
    atoms.symbols[atoms.positions[:, 2] < 0.1] = "Cu"
    return atoms


@pytest.fixture(scope="module")
def found() -> MigrationBarrier:
    return migration_barrier(EmtCalculator(), copper(), MigrationBarrierSpec(**COPPER))


@pytest.fixture(scope="module")
def crystal() -> Crystal:
    host = copper(3.59)
    network = find_network(host, "Cu", 2.9)
    return Crystal(network, make_supercell(host, 6.5), Relaxer(Through(EmtCalculator()), 0.02, 300), None)


@pytest.fixture(scope="module")
def summit() -> tuple[Crystal, HopClass, dict[int, Carrier], int]:
    """Copper in ordered AgCu: the middle of its hop in the layer is a summit between two saddle points."""
    host = bulk("Ag", "fcc", a=3.95, cubic=True)
    host.symbols[[1, 2]] = "Cu"
    relaxer = Relaxer(Through(EmtCalculator()), 0.02, 300)
    host = relaxer.host(host)
    network = find_network(host, "Cu", 2.9)
    supercell = make_supercell(host, 6.0)
    curvature = crystal_curvature(supercell, network.operations, relaxer.through)
    crystal = Crystal(network, supercell, relaxer, curvature)
    (hop,) = network.classes
    return crystal, hop, {site: find_carrier(crystal, site) for site in set(network.orbits.values())}, 3


def test_a_vacancy_hops_in_every_direction_of_a_cubic_crystal_over_one_barrier(found):
    assert found.supercell == (2, 2, 2)
    assert found.barrier(1) == found.barrier(2) == found.barrier(3)
    # 0.7 to 0.8 eV in experiment; the theory and the small cell are what they are.
    assert 0.6 < found.barrier(1) < 1.0
    assert found.host.cell.lengths() == pytest.approx([3.59] * 3, abs=0.01)
    assert found.spread < 1e-3
    (hop,) = found.hops
    assert hop.result.method == "midpoint"
    assert hop.result.eigenvalues[0] < -0.5
    assert hop.result.eigenvalues[1] > 0.1


def test_the_symmetric_midpoint_is_the_band_s_saddle_point(crystal):
    """The same saddle point by a climbing band, at many times the evaluations."""
    vacancy = find_carrier(crystal, 0)
    hop = crystal.network.classes[0].hop
    through = crystal.relaxer.through
    before = through.evaluations
    middle = relax_midpoint(crystal, hop, crystal.supercell.swap(hop, crystal.network))
    spent = through.evaluations - before
    before = through.evaluations
    band = band_hop(crystal, hop, {0: vacancy}, 3)
    assert band.energy == pytest.approx(middle.state.energy, abs=2e-3)
    assert through.evaluations - before > 2 * spent
    moved = band.positions[middle.passage.ion] - middle.state.positions[middle.passage.ion]
    assert np.linalg.norm(moved) < 0.05


def test_a_guess_of_the_curvature_changes_the_way_and_not_the_end(found, crystal):
    with_guess = found.carriers[0]
    host = found.host
    network = find_network(host, "Cu", 2.9)
    same_cell = Crystal(network, make_supercell(host, 6.5), crystal.relaxer, None)
    plain = find_carrier(same_cell, 0)
    assert plain.state.energy == pytest.approx(with_guess.state.energy, abs=1e-3)
    assert with_guess.state.steps < plain.state.steps


@pytest.mark.parametrize("evaluations", [12, 24])
def test_a_killed_evaluation_goes_on_and_ends_in_the_same_bits(found, tmp_path, evaluations, limited):
    spec = MigrationBarrierSpec(**COPPER)
    key = checkpoint_key(EmtCalculator(), copper(), spec)
    checkpoint = Checkpoint(tmp_path / "parts", key)
    with pytest.raises(limited.PowerCut):
        migration_barrier(limited(evaluations), copper(), spec, checkpoint)
    again = migration_barrier(limited(found.evaluations - evaluations + 20), copper(), spec, checkpoint)
    assert describe(again, 1) == describe(found, 1)
    kept = list((tmp_path / "parts").iterdir())
    assert {"host.json", "host.extxyz", "hop-0.json"} <= {path.name for path in kept}
    assert not [path for path in kept if path.name.startswith(".")]
    # All parts are there now: nothing is left to compute.
    assert describe(migration_barrier(limited(0), copper(), spec, checkpoint), 1) == describe(found, 1)
    checkpoint.clear()
    assert not (tmp_path / "parts").exists()


def test_parts_of_another_structure_or_setting_are_not_taken(tmp_path):
    spec = MigrationBarrierSpec(**COPPER)
    keys = {
        checkpoint_key(EmtCalculator(), copper(), spec),
        checkpoint_key(EmtCalculator(), copper(3.66), spec),
        checkpoint_key(EmtCalculator(), copper(), spec.model_copy(update={"fmax": 0.01})),
    }
    assert len(keys) == 3
    first, second, _ = (Checkpoint(tmp_path, key) for key in sorted(keys))
    first.save("host", {"cell": [1.0]})
    assert first.load("host") == {"cell": [1.0]}
    assert second.load("host") is None
    (tmp_path / "host.json").write_text("{half a fi")
    assert first.load("host") is None
    assert Checkpoint(None, "x").load("host") is None


def test_the_report_names_what_emmet_names(found):
    told = describe(found, 1)
    assert told["forward_barrier"] == pytest.approx(found.barrier(1))
    assert told["reverse_barrier"] == pytest.approx(found.barrier(1))
    assert told["energies"][told["ts_frame_index"]] == told["ts_energy"] == max(told["energies"])
    assert told["energies"][0] == told["energies"][-1] == 0.0
    assert sorted(told["frame_index"]) == told["frame_index"]
    assert len(told["frame_index"]) == len(told["energies"])
    assert told["networks"]["3d"]["limiting_hop"] == told["hops"][0]["hop"]
    assert told["hops"][0]["multiplicity"] == 24
    assert told["hops"][0]["forward_barrier"] == told["hops"][0]["reverse_barrier"]
    named = states(found)
    assert [atoms.info["state"] for atoms in named] == ["vacancy 0", f"saddle {told['hops'][0]['hop']}"]
    assert named[1].info["total_energy"] - named[0].info["total_energy"] == pytest.approx(found.barrier(1))
    assert [len(atoms) for atoms in named] == [31, 31]


def test_an_ion_between_layers_moves_in_two_dimensions_and_not_in_three():
    layers = migration_barrier(
        EmtCalculator(), alloy(), MigrationBarrierSpec(ion="Cu", dimensions=2, max_hop=2.7, image_distance=5.0, fmax=0.05)
    )
    assert layers.barrier(2) is not None
    assert layers.barrier(3) is None
    assert all(direction[2] == 0 for direction in layers.networks[1].directions)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"dimensions": 3, "max_hop": 2.7}, "no_path"),
        ({"max_steps": 1, "fmax": 0.001}, "not_converged"),
    ],
)
def test_what_gives_no_barrier_is_a_failure_with_a_reason(changes, reason):
    spec = {"ion": "Cu", "max_hop": 2.7, "image_distance": 5.0, "fmax": 0.05} | changes
    with pytest.raises(CalculationError) as caught:
        migration_barrier(EmtCalculator(), alloy(), MigrationBarrierSpec(**spec))
    assert caught.value.reason == reason


def test_an_ion_that_is_not_there_is_an_error_that_names_the_key():
    with pytest.raises(ConfigurationError, match=r"calculator\.workflow\.ion"):
        migration_barrier(EmtCalculator(), copper(), MigrationBarrierSpec(ion="Li"))


def test_an_ion_that_went_to_another_site_is_found_out(crystal):
    kept = crystal.kept(0)
    positions = crystal.supercell.atoms.positions[kept].copy()
    crystal.check(kept, positions, None)
    positions[0] += 0.9 * (crystal.supercell.atoms.positions[0] - positions[0])
    with pytest.raises(CalculationError) as caught:
        crystal.check(kept, positions, None)
    assert caught.value.reason == "drift"
    # The ion that is on its way may be anywhere.
    crystal.check(kept, positions, 0)


def test_a_framework_atom_that_left_its_place_is_found_out():
    host = alloy()
    network = find_network(host, "Cu", 2.7)
    crystal = Crystal(network, make_supercell(host, 5.0), Relaxer(Through(EmtCalculator()), 0.05, 100), None)
    kept = crystal.kept(crystal.supercell.index(network.sites[0], (0, 0, 0)))
    positions = crystal.supercell.atoms.positions[kept].copy()
    nickel = int(np.flatnonzero(crystal.supercell.atoms.numbers[kept] == 28)[0])
    positions[nickel, 2] += 1.5
    with pytest.raises(CalculationError) as caught:
        crystal.check(kept, positions, None)
    assert caught.value.reason == "framework"


def test_a_bent_band_starts_beside_the_straight_one_and_ends_on_the_same_saddle_point(crystal):
    vacancy = find_carrier(crystal, 0)
    hop = crystal.network.classes[0].hop
    # With a threshold that everything meets, a band ends where it starts.
    still = replace(crystal, relaxer=replace(crystal.relaxer, fmax=100.0))
    before = crystal.relaxer.through.evaluations
    straight = band_hop(still, hop, {0: vacancy}, 3)
    # However often ASE asks for them.
    assert crystal.relaxer.through.evaluations - before == 3
    bend = np.zeros_like(straight.positions)
    bend[0] = (0.1, -0.05, 0.02)
    bent = band_hop(still, hop, {0: vacancy}, 3, bend)
    assert straight.profile[0] == bent.profile[0]
    np.testing.assert_allclose(bent.positions - straight.positions, bend, atol=1e-12)
    relaxed = band_hop(crystal, hop, {0: vacancy}, 3, bend)
    assert relaxed.energy == pytest.approx(
        relax_midpoint(crystal, hop, crystal.supercell.swap(hop, crystal.network)).state.energy, abs=2e-3
    )


def test_the_lower_one_of_a_band_and_the_way_over_a_midpoint_stands(crystal):
    vacancy = find_carrier(crystal, 0)
    hop = crystal.network.classes[0].hop
    middle = relax_midpoint(crystal, hop, crystal.supercell.swap(hop, crystal.network))
    ends = hop_ends(crystal, hop, {0: vacancy})
    below, above = (
        around_midpoint(replace(middle, state=replace(middle.state, energy=energy)), ends, 3)
        for energy in (middle.state.energy - 0.1, middle.state.energy + 0.1)
    )
    assert (below.method, below.energy) == ("midpoint", middle.state.energy - 0.1)
    assert above.method == "band"
    assert above.energy == pytest.approx(middle.state.energy, abs=2e-3)
    # A midpoint from which nothing leads to the end says nothing of the way between them.
    deeper = tuple(replace(end, energy=end.energy - 0.05) for end in ends)
    lower = replace(middle, state=replace(middle.state, energy=middle.state.energy - 0.1))
    assert around_midpoint(lower, deeper, 3).method == "band"


def test_a_band_that_does_not_converge_soon_is_taken_to_its_saddle_point(summit, monkeypatch):
    """The band's barrier without the band's steps; by the band alone there is none."""
    crystal, hop, vacancies, images = summit
    through = crystal.relaxer.through
    before = through.evaluations
    band = find_saddle(crystal, hop, vacancies, images)
    spent = through.evaluations - before
    assert band.method == "band"
    monkeypatch.setattr(hops, "ROUGH_STEPS", 4)
    before = through.evaluations
    found = find_saddle(crystal, hop, vacancies, images)
    assert found.method == "refined"
    assert "did not converge" in found.note
    assert found.energy == pytest.approx(band.energy, abs=2e-3)
    assert through.evaluations - before < 2 * spent
    assert found.eigenvalues[0] < -0.5 < 0.0 < found.eigenvalues[1]
    energies = [energy for _, energy in found.profile]
    assert max(energies) == found.energy
    assert [x for x, _ in found.profile] == sorted(x for x, _ in found.profile)
    assert energies[0] == pytest.approx(energies[-1], abs=1e-6)
    soon = replace(crystal, relaxer=replace(crystal.relaxer, max_steps=4))
    with pytest.raises(CalculationError) as caught:
        band_hop(soon, hop.hop, vacancies, images)
    assert caught.value.reason == "not_converged"


def test_where_no_band_leads_to_a_saddle_point_one_is_looked_for_beside_the_summit(summit, monkeypatch):
    crystal, hop, vacancies, images = summit
    mapping = crystal.supercell.swap(hop.hop, crystal.network)
    middle = relax_midpoint(crystal, hop.hop, mapping)
    assert middle.unstable == 2
    ends = hop_ends(crystal, hop.hop, vacancies)
    band = around_midpoint(middle, ends, images)

    aside = refining.PUSH * refining.unit(middle.modes[-1])
    beside = refining.refine(middle.passage, middle.state.positions + aside, middle.modes[0])
    assert beside.state.energy == pytest.approx(band.energy, abs=2e-3)
    # As many steps do from beside the summit, and not from a band that has hardly begun.
    monkeypatch.setattr(hops, "ROUGH_STEPS", 1)
    monkeypatch.setattr(refining, "_MOST_STEPS", beside.state.steps)
    found = around_midpoint(middle, ends, images)
    assert found.method == "refined"
    assert "beside it" in found.note
    assert found.energy == pytest.approx(band.energy, abs=2e-3)
    assert found.energy < middle.state.energy
