"""Cells with two equal boundaries of any crystal: symmetry, content, and shifts that make the same boundary."""

from dataclasses import replace

import numpy as np
import pytest
import spglib
from ase.build import bulk
from ase.neighborlist import neighbor_list
from ase.spacegroup import crystal
from pymatgen.analysis.ewald import EwaldSummation
from pymatgen.io.ase import AseAtomsAdaptor

from tansaku.calculators.structures.compound_boundary import (
    Content,
    SlabPair,
    content_of,
    fewest_near,
    formula_unit,
    inversion_images,
    nearest_in,
    without_atoms,
)
from tansaku.calculators.structures.compound_crystal import compound_crystal
from tansaku.calculators.structures.grain_pair import symmetric_pair
from tansaku.models.domain.errors import ConfigurationError

# Howard, Hill and Reichert, Acta Cryst. B44, 116 (1988), rounded.
BADDELEYITE = crystal(
    ["Zr", "O", "O"],
    basis=[(0.275, 0.040, 0.208), (0.070, 0.332, 0.345), (0.450, 0.757, 0.479)],
    spacegroup=14,
    cellpar=[5.15, 5.21, 5.32, 90, 99.2, 90],
)
CHARGES = {"Mg": 2, "O": -2, "Ti": 4, "Sr": 2, "Zr": 4, "Fe": 3}
MGO = bulk("MgO", "rocksalt", a=4.21, cubic=True)
RUTILE = crystal(["Ti", "O"], basis=[(0, 0, 0), (0.305, 0.305, 0)], spacegroup=136, cellpar=[4.594, 4.594, 2.959, 90, 90, 90])
SRTIO3 = crystal(
    ["Sr", "Ti", "O"], basis=[(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)], spacegroup=221, cellpar=[3.905] * 3 + [90] * 3
)
HAEMATITE = crystal(
    ["Fe", "O"], basis=[(0, 0, 0.355), (0.306, 0, 0.25)], spacegroup=167, cellpar=[5.04, 5.04, 13.75, 90, 90, 120]
)
SHIFT = np.array([0.137, 0.288])


def slabs_of(atoms, plane, thickness=6.0):
    planes = compound_crystal(atoms, "space.crystal").planes(plane)
    return [planes.slab(cut, planes.steps_for(cut, thickness)) for cut in range(len(planes.cuts))]


def twinned(lower, upper, repeats=(1, 1)):
    """The upper slab is turned by 180 degrees."""
    return SlabPair(lower, replace(upper, planes=symmetric_pair(upper.planes).upper), repeats)


def pairs_of(atoms, plane):
    """All pairs of terminations whose cell is made of whole formula units."""
    slabs, unit = slabs_of(atoms, plane), formula_unit(atoms.numbers)
    several = [twinned(lower, upper) for lower in slabs for upper in slabs]
    return [pair for pair in several if content_of(pair.counts, unit)]


def electrostatic(atoms):
    structure = AseAtomsAdaptor.get_structure(atoms)
    structure.add_oxidation_state_by_element(CHARGES)
    return float(EwaldSummation(structure, acc_factor=8).total_energy)


def space_group(atoms):
    found = spglib.get_symmetry_dataset(
        (atoms.cell.array.tolist(), atoms.get_scaled_positions().tolist(), atoms.numbers.tolist()), symprec=1e-4
    )
    return found.number


CASES = [(MGO, (2, 1, 0)), (MGO, (1, 1, 1)), (RUTILE, (1, 0, 1)), (RUTILE, (2, 1, 0)), (SRTIO3, (1, 1, 2)), (SRTIO3, (3, 1, 0))]
CASES += [(BADDELEYITE, (2, 1, -3)), (HAEMATITE, (1, 0, -2)), (HAEMATITE, (0, 0, 1))]


@pytest.mark.parametrize(("atoms", "plane"), CASES)
def test_every_cell_has_a_centre_of_inversion_and_no_other_symmetry_at_a_general_shift(atoms, plane):
    for pair in pairs_of(atoms, plane):
        assert space_group(pair.cell(SHIFT, 1.0)) == 2


@pytest.mark.parametrize(("atoms", "plane"), CASES)
def test_shifts_that_symmetry_makes_equal_have_equal_electrostatic_energies(atoms, plane):
    pair = pairs_of(atoms, plane)[0]
    wanted = electrostatic(pair.cell(SHIFT, 0.0, 0.3))
    images = {tuple(np.round((matrix @ SHIFT + shift) % 1.0, 6)) for matrix, shift in pair.equivalents()}
    assert len(images) > 1
    for image in sorted(images):
        assert electrostatic(pair.cell(np.array(image), 0.0, 0.3)) == pytest.approx(wanted, abs=1e-3)
    other = electrostatic(pair.cell(SHIFT + 0.05, 0.0, 0.3))
    assert abs(other - wanted) > 0.01


@pytest.mark.parametrize(("atoms", "plane"), [(MGO, (1, 1, 1)), (RUTILE, (1, 0, 1)), (SRTIO3, (1, 1, 2))])
def test_terminations_the_other_way_round_are_the_mirror_image(atoms, plane):
    first, second = slabs_of(atoms, plane)[:2]
    one_way = electrostatic(twinned(first, second).cell(SHIFT, 0.0, 0.3))
    assert electrostatic(twinned(second, first).cell(-SHIFT, 0.0, 0.3)) == pytest.approx(one_way, abs=1e-3)


def test_grains_that_a_symmetry_of_the_crystal_turns_make_the_perfect_crystal_at_one_shift():
    (slab,) = slabs_of(MGO, (1, 0, 0))
    groups = [space_group(twinned(slab, slab).cell(np.array([x, y]) / 2.0, 0.5)) for x in (0, 1) for y in (0, 1)]
    assert groups.count(225) == 1


def test_grains_move_apart_until_no_two_atoms_are_too_near():
    (slab,) = slabs_of(MGO, (3, 1, 0))
    pair = twinned(slab, slab)
    near, far = (pair.cell(np.zeros(2), closest) for closest in (0.0, 1.9))
    assert near.info["opening"] == 0.0
    assert far.info["opening"] > 0.5
    distances = far.get_all_distances(mic=True)
    assert distances[np.ix_(far.arrays["grain"] == 0, far.arrays["grain"] == 1)].min() >= 1.9
    assert far.cell[2, 2] == pytest.approx(near.cell[2, 2] + 2 * far.info["opening"])


def test_a_relaxed_crystal_keeps_the_number_of_planes():
    crystal_of = compound_crystal(MGO, "space.crystal")
    larger = crystal_of.atoms()
    larger.set_cell(larger.cell.array * 1.03, scale_atoms=True)
    planes, stretched = crystal_of.planes((3, 1, 0)), crystal_of.moved(larger).planes((3, 1, 0))
    steps = planes.steps_for(0, 8.0)
    assert len(planes.slab(0, steps).numbers) == len(stretched.slab(0, steps).numbers)
    assert stretched.slab(0, steps).thickness == pytest.approx(1.03 * planes.slab(0, steps).thickness)


@pytest.mark.parametrize("scale", [0.99, 1.013, 1.02])
def test_slabs_of_a_relaxed_crystal_hold_the_same_atoms_where_a_gap_is_around_the_centre(scale):
    crystal_of = compound_crystal(BADDELEYITE, "space.crystal")
    larger = crystal_of.atoms()
    larger.set_cell(larger.cell.array * scale, scale_atoms=True)
    larger.positions += np.outer(np.arange(len(larger)) % 3 - 1, larger.cell.array[0])
    for plane in ((1, 0, 0), (1, 1, 0), (0, 0, 1)):
        planes, stretched = crystal_of.planes(plane), crystal_of.moved(larger).planes(plane)
        assert stretched.cuts == pytest.approx([scale * cut for cut in planes.cuts], abs=1e-6)
        for cut in range(len(planes.cuts)):
            steps = planes.steps_for(cut, 8.0)
            assert sorted(stretched.slab(cut, steps).numbers) == sorted(planes.slab(cut, steps).numbers)


@pytest.mark.parametrize("repeats", [(2, 2, 2), (7, 7, 2), (13, 1, 5)])
def test_indices_refer_to_the_cell_of_the_file_however_large_it_is(repeats):
    whole = compound_crystal(MGO, "space.crystal").planes((3, 1, 2))
    indices = tuple(np.array((3, 1, 2)) * repeats)
    planes = compound_crystal(MGO.repeat(repeats), "space.crystal").planes(indices)
    assert planes.spacing == pytest.approx(whole.spacing)
    assert planes.area == pytest.approx(whole.area)
    assert abs(planes.frame[2] @ np.array((3, 1, 2)) / np.sqrt(14)) == pytest.approx(1.0)
    other = compound_crystal(MGO.repeat(repeats), "space.crystal").planes((3, 1, 2))
    assert other.frame[2] @ (np.array((3, 1, 2)) / repeats) == pytest.approx(np.linalg.norm(np.array((3, 1, 2)) / repeats))


def test_a_composition_is_written_in_formula_units():
    bulk_unit, titania = formula_unit(SRTIO3.numbers), formula_unit(RUTILE.numbers)
    assert content_of({38: 4, 22: 4, 8: 12}, bulk_unit) == Content(4, 0)
    assert content_of({38: 4, 22: 5, 8: 14}, bulk_unit, (titania, 2)) == Content(4, 1)
    assert content_of({38: 5, 22: 3, 8: 11}, bulk_unit, (titania, 2)) == Content(5, -2)
    assert content_of({38: 5, 22: 3, 8: 11}, bulk_unit, (titania, 1)) is None
    assert content_of({38: 4, 22: 5, 8: 12}, bulk_unit, (titania, 9)) is None  # a charged cell


def test_atoms_are_taken_from_both_boundaries_alike():
    (slab,) = slabs_of(MGO, (2, 1, 0), 12.0)
    pair = twinned(slab, slab, (2, 1))
    atoms = pair.cell(SHIFT, 1.5)
    atoms.info["opening"] = 0.0
    assert fewest_near(pair, 2.0)[12] >= 2
    for seed in range(3):
        left = without_atoms(atoms, pair, {12: 2, 8: 2}, 2.0, seed)
        assert len(left) == len(atoms) - 8
        assert space_group(left) == 2
        assert left.symbols.formula.count() == {"Mg": 52 - 4, "O": 52 - 4}


def test_coordinates_with_too_few_digits_are_named():
    rough = RUTILE.repeat((1, 1, 2))
    rough.positions[0, 0] += 0.01
    with pytest.raises(ConfigurationError, match="has no centre of inversion") as error:
        compound_crystal(rough, "space.crystal")
    assert error.value.hint == "within 0.05 Å it is P4_2/mnm, and within 0.001 Å not: write coordinates with more digits"


def test_a_crystal_without_a_centre_of_inversion_is_refused():
    with pytest.raises(ConfigurationError, match=r"space.crystal: the crystal \(F-43m\) has no centre of inversion"):
        compound_crystal(bulk("ZnS", "zincblende", a=5.41, cubic=True), "space.crystal")


@pytest.mark.parametrize(("atoms", "plane"), [(MGO, (3, 1, 0)), (SRTIO3, (1, 1, 2)), (RUTILE, (1, 0, 1))])
@pytest.mark.parametrize("repeats", [(1, 1), (2, 1)])
def test_a_thickened_cell_is_the_one_that_is_built_and_keeps_what_relaxed(atoms, plane, repeats):
    pair = pairs_of(atoms, plane)[0]
    thin = SlabPair(pair.lower, pair.upper, repeats)
    thick = thin.thicker(7.0)
    assert thick.thinnest - thin.thinnest >= 7.0
    start = thin.cell(SHIFT, 1.0, 0.3)
    relaxed = start.copy()
    relaxed.set_cell(start.cell.array + np.array([[0, 0, 0], [0, 0, 0], [0.3, -0.2, 0.5]]))  # the upper grain follows below
    top = int(np.where(start.arrays["grain"] == 0, start.positions[:, 2], -np.inf).argmax())
    relaxed.positions += np.outer(start.arrays["grain"], [0.15, -0.1, 0.25])
    relaxed.positions[top, 0] += 0.2
    built, moved = thin.thickened(thick, SHIFT, start, relaxed)
    assert built.get_chemical_formula() == thick.cell(SHIFT, 1.0, 0.3).get_chemical_formula()
    assert moved.cell.array - built.cell.array == pytest.approx(relaxed.cell.array - start.cell.array)
    ways = moved.positions - built.positions
    upper = built.arrays["grain"] == 1
    assert ways[upper] == pytest.approx(np.tile([0.15, -0.1, 0.25], (upper.sum(), 1)))
    own = np.flatnonzero(np.abs(ways[:, 0] - 0.2) < 1e-6)
    assert len(own) == 1
    assert built.positions[own[0], 2] == pytest.approx(built.positions[~upper, 2].max())
    assert np.abs(ways[~upper]).sum() == pytest.approx(0.2)


@pytest.mark.parametrize(("atoms", "plane"), [(MGO, (3, 1, 0)), (SRTIO3, (1, 1, 2)), (RUTILE, (1, 0, 1))])
def test_a_cell_that_is_cut_out_has_the_boundaries_and_less_of_the_grains(atoms, plane):
    pair = pairs_of(atoms, plane)[0]
    thin = SlabPair(pair.lower, pair.upper)
    thick = thin.thicker(14.0)
    start = thick.cell(SHIFT, 1.0, 0.3)
    relaxed = start.copy()
    relaxed.set_cell(start.cell.array + np.array([[0, 0, 0], [0, 0, 0], [0.3, -0.2, 0.5]]))
    relaxed.positions += np.outer(start.arrays["grain"], [0.15, -0.1, 0.25])
    top = int(np.where(start.arrays["grain"] == 0, start.positions[:, 2], -np.inf).argmax())
    relaxed.positions[top, 0] += 0.2
    relaxed.positions[top, 0] += relaxed.cell[0, 0]  # a calculator may give an atom in the next cell
    cut = thick.thinned(thin, SHIFT, start, relaxed)
    assert cut.get_chemical_formula() == thin.cell(SHIFT, 1.0, 0.3).get_chemical_formula()

    def across(cell):
        """Distances across both boundaries, up to 3 Å."""
        first, second, lengths = neighbor_list("ijd", cell, 3.0)
        return np.sort(lengths[cell.arrays["grain"][first] != cell.arrays["grain"][second]])

    relaxed.arrays["grain"] = start.arrays["grain"]
    assert len(across(relaxed))
    assert across(cut) == pytest.approx(across(relaxed), abs=1e-6)


def test_a_cell_that_is_cut_out_lacks_the_atoms_that_were_taken_away():
    pair = pairs_of(MGO, (3, 1, 0))[0]
    thin, thick = SlabPair(pair.lower, pair.upper), SlabPair(pair.lower, pair.upper).thicker(6.0)
    start = without_atoms(thick.cell(SHIFT, 1.0), thick, {12: 1, 8: 1}, 2.5, 0)
    cut = thick.thinned(thin, SHIFT, start, start)
    assert len(thin.cell(SHIFT, 1.0)) - len(cut) == 4
    assert cut.symbols.formula.count()["Mg"] == cut.symbols.formula.count()["O"]


def test_grains_are_as_thick_as_a_number_of_atoms_allows():
    pair = pairs_of(MGO, (3, 1, 0))[0]
    thick = SlabPair(pair.lower, pair.upper, (2, 1)).thicker(14.0)
    thin = thick.thinner(120, 3.0)
    assert thin.count <= 120 < thin.thicker(0.1).count
    assert thin.thicker(thick.thinnest - thin.thinnest).count == thick.count
    assert thick.thinner(thick.count, 3.0).count == thick.count
    assert thick.thinner(120, thin.thinnest + 0.1) is None


def test_atoms_that_were_taken_away_are_missing_in_the_thickened_cell():
    pair = pairs_of(MGO, (3, 1, 0))[0]
    thin, thick = SlabPair(pair.lower, pair.upper), SlabPair(pair.lower, pair.upper).thicker(6.0)
    start = without_atoms(thin.cell(SHIFT, 1.0), thin, {12: 1, 8: 1}, 2.5, 0)
    built, moved = thin.thickened(thick, SHIFT, start, start)
    assert len(thick.cell(SHIFT, 1.0)) - len(built) == 4
    assert moved.positions == pytest.approx(built.positions)
    images = inversion_images(built)  # the holes of both boundaries are images of each other
    assert np.array_equal(images[images], np.arange(len(built)))
    assert np.array_equal(built.numbers[images], built.numbers)


def test_a_crystal_in_a_cell_of_the_slab_s_has_its_atoms_at_the_same_places():
    pair = pairs_of(MGO, (3, 1, 0))[0]
    slabs = SlabPair(pair.lower, pair.upper, (2, 1))
    crystal = slabs.bulk(20)
    assert space_group(crystal) == 225
    lower = slabs.cell(SHIFT, 1.0)
    lower = lower[lower.arrays["grain"] == 0]
    assert np.array_equal(crystal.numbers[nearest_in(crystal, lower.positions)], lower.numbers)
    with pytest.raises(ValueError, match="expected the same crystal"):
        nearest_in(crystal, lower.positions + 0.3)
