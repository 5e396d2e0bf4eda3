"""Boundaries in any plane of crystals of any elements: inversion at every shift, content, folding, and strained grains."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tansaku.calculators.structures.compound_boundary import SlabPair, content_of, formula_unit, inversion_images
from tansaku.calculators.structures.compound_crystal import compound_crystal
from tansaku.calculators.structures.grain_pair import crystal_boundary, general_pair
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.grain_boundary import GeneralBoundarySpec
from tests.unit.calculators.structures.test_compound_boundary import (
    BADDELEYITE,
    HAEMATITE,
    MGO,
    RUTILE,
    SRTIO3,
    electrostatic,
)

TWIST = {"axis": [0, 0, 1], "sigma": 5, "plane": [0, 0, 1], "kind": "twist"}
MIXED = {"axis": [0, 0, 1], "sigma": 5, "plane": [1, 0, 1]}
POLAR = {"axis": [0, 0, 1], "sigma": 5, "plane": [1, 1, 1]}  # of layers of Mg and of O
TILT = {"axis": [0, 0, 1], "sigma": 5, "plane": [1, 0, 0], "kind": "tilt"}
INCOHERENT = {"axis": [1, 1, 0], "sigma": 3, "plane": [0, 0, 1]}
STRAINED = {"planes": [[1, 0, 0], [1, 1, 0]], "directions": [[0, 0, 1], [0, 0, 1]], "max_strain": 0.011}
HEXAGONAL = {"planes": [[0, 0, 1], [0, 0, 1]], "directions": [[3, 1, 0], [3, 2, 0]]}  # Σ7 about the main axis
MONOCLINIC = {"planes": [[1, 0, 0], [1, 0, 0]], "directions": [[0, 1, 0], [0, -1, 0]]}
CASES = [(MGO, TWIST), (MGO, TILT), (MGO, MIXED), (MGO, INCOHERENT), (SRTIO3, TWIST), (RUTILE, TWIST), (HAEMATITE, HEXAGONAL)]
CASES += [(MGO, STRAINED), (BADDELEYITE, MONOCLINIC)]


def pair_of(atoms, given):
    crystal = compound_crystal(atoms, "space.crystal")
    return general_pair(crystal_boundary(crystal, GeneralBoundarySpec.model_validate(given), "space.boundaries.general[0]"))


def both_of(pair):
    return pair.lower, pair.upper


def slabs_of(pair, thickness=6.0):
    """All pairs of slabs."""
    lower, upper = (
        [planes.slab(cut, planes.steps_for(cut, thickness)) for cut in range(len(planes.cuts))]
        for planes in both_of(pair.fitted())
    )
    return [SlabPair(first, second, (1, 1), pair.parts, not pair.strained) for first in lower for second in upper]


def whole(atoms, pair, thickness=6.0):
    """Those that are made of whole formula units."""
    unit = formula_unit(atoms.numbers)
    return [slabs for slabs in slabs_of(pair, thickness) if content_of(slabs.counts, unit)]


@pytest.mark.parametrize(("atoms", "given"), [*CASES, (SRTIO3, TILT), (MGO, POLAR)])
def test_the_inversion_takes_each_boundary_to_the_other_at_every_shift(atoms, given):
    random = np.random.default_rng(0)
    for slabs in slabs_of(pair_of(atoms, given))[:4]:
        for _ in range(3):
            cell = slabs.cell(random.random(2), 1.2)
            images = inversion_images(cell)
            apart = cell.get_scaled_positions(wrap=False) + cell.get_scaled_positions(wrap=False)[images]
            assert np.abs((apart - np.round(apart)) @ cell.cell.array).max() < 1e-6
            assert np.array_equal(cell.numbers[images], cell.numbers)
            assert np.array_equal(cell.arrays["grain"][images], cell.arrays["grain"])
            assert sorted(images) == list(range(len(cell)))


@pytest.mark.parametrize(("atoms", "given"), CASES)
def test_cells_have_as_many_atoms_as_their_crystal_and_are_neutral(atoms, given):
    several = whole(atoms, pair_of(atoms, given))
    assert several
    density = len(atoms) / atoms.get_volume()
    for slabs in several:
        cell = slabs.cell(np.array([0.3, 0.1]), 0.0)
        assert len(cell) == slabs.count
        # Slabs without an opening fill their cell; a strained one has another volume.
        planes = slabs.lower.thickness + slabs.upper.thickness
        assert len(cell) == pytest.approx(density * slabs.area * planes, rel=0.03 if not slabs.folds else 1e-3, abs=8)
        assert cell.cell[2, 2] == pytest.approx(planes)
        unit = formula_unit(atoms.numbers)
        assert len({count // unit[number] for number, count in slabs.counts.items()}) == 1


@pytest.mark.parametrize(("atoms", "given"), [(MGO, TILT), (MGO, INCOHERENT), (SRTIO3, TWIST), (RUTILE, TWIST)])
def test_shifts_that_make_the_same_boundary_have_equal_electrostatic_energies(atoms, given):
    # Over a thin grain the boundaries feel how the other grains lie above each other.
    slabs, shift = whole(atoms, pair_of(atoms, given), 15.0)[0], np.array([0.137, 0.288])

    def energy(at):
        return electrostatic(slabs.cell(np.asarray(at), 0.0, 0.3))

    wanted = energy(shift)
    images = {tuple(np.round((matrix @ shift + further) % 1.0, 6)) for matrix, further in slabs.equivalents()}
    assert len(images) > 1
    for image in sorted(images)[:5]:
        assert energy(image) == pytest.approx(wanted, abs=0.01)
    for step in ((0, 1), (-2, 3)):
        assert energy(shift + step) == pytest.approx(wanted, abs=0.01)
    assert abs(energy(shift + np.array([0.35, 0.2])) - wanted) > 0.03


def test_terminations_the_other_way_round_are_the_same_where_symmetry_exchanges_the_grains():
    slabs = next(item for item in slabs_of(pair_of(SRTIO3, TWIST), 12.0) if item.lower.thickness != item.upper.thickness)
    assert slabs.exchangeable
    assert not any(item.exchangeable for item in slabs_of(pair_of(SRTIO3, TILT)))
    other = replace(
        slabs, lower=replace(slabs.upper, planes=slabs.lower.planes), upper=replace(slabs.lower, planes=slabs.upper.planes)
    )
    # The exchange takes a shift to another: over a grid of them the energies are the same.
    grid = [np.array([i, j]) / 4.0 for i in range(4) for j in range(4)]
    first, second = (sorted(electrostatic(item.cell(shift, 0.0, 0.3)) for shift in grid) for item in (slabs, other))
    assert first == pytest.approx(second, abs=0.01)
    assert first[-1] - first[0] > 0.1


def test_both_grains_take_half_of_the_misfit():
    pair = pair_of(MGO, STRAINED)
    assert pair.misfit == pytest.approx(
        7 / (5 * math.sqrt(2)) - 1 if 5 * math.sqrt(2) < 7 else 5 * math.sqrt(2) / 7 - 1, abs=1e-3
    )
    fitted = pair.fitted()
    assert fitted.misfit < 1e-9
    stretches = []
    for planes, strained in zip(both_of(pair), both_of(fitted), strict=True):
        before, after = planes.vectors[:2, :2], strained.vectors[:2, :2]
        stretches.append(np.linalg.svd(np.linalg.solve(before, after), compute_uv=False) - 1.0)
        assert strained.spacing == pytest.approx(planes.spacing)
    assert [np.abs(stretch).max() for stretch in stretches] == pytest.approx([0.5 * pair.misfit] * 2, rel=0.02)
    assert (stretches[0].sum() > 0) != (stretches[1].sum() > 0)
    assert pair.strained
    (slabs,) = whole(MGO, pair)
    assert slabs.equivalents()[0][0] == pytest.approx(np.eye(2))
    assert len(slabs.equivalents()) == 1


@pytest.mark.parametrize(("atoms", "given"), [(SRTIO3, TWIST), (MGO, TILT), (HAEMATITE, HEXAGONAL), (MGO, STRAINED)])
def test_a_relaxed_crystal_keeps_its_planes_and_their_atoms(atoms, given):
    pair, random = pair_of(atoms, given), np.random.default_rng(3)
    crystal = pair.lower.crystal
    larger = crystal.atoms()
    larger.set_cell(larger.cell.array * 1.013, scale_atoms=True)
    larger.positions += random.normal(scale=1e-3, size=larger.positions.shape)
    other = pair.of(crystal.moved(larger)).fitted()
    assert other.lower.vectors[:2] == pytest.approx(1.013 * pair.fitted().lower.vectors[:2], rel=1e-6, abs=1e-9)
    assert np.array_equal(other.lower.vectors[:2].round(9), other.upper.vectors[:2].round(9))
    for before, after in zip(both_of(pair.fitted()), both_of(other), strict=True):
        for cut in range(len(before.cuts)):
            steps = before.steps_for(cut, 9.0)
            assert sorted(before.slab(cut, steps).numbers) == sorted(after.slab(cut, steps).numbers)


def test_thickened_cells_of_unlike_planes_keep_what_relaxed():
    slabs = whole(MGO, pair_of(MGO, TILT))[0]
    thick, shift = slabs.thicker(7.0), np.array([0.1, 0.7])
    start = slabs.cell(shift, 1.0, 0.3)
    relaxed = start.copy()
    relaxed.positions += np.outer(start.arrays["grain"], [0.15, -0.1, 0.25])
    built, moved = slabs.thickened(thick, shift, start, relaxed)
    assert built.get_chemical_formula() == thick.cell(shift, 0.0, start.info["opening"]).get_chemical_formula()
    ways, upper = moved.positions - built.positions, built.arrays["grain"] == 1
    assert ways[upper] == pytest.approx(np.tile([0.15, -0.1, 0.25], (upper.sum(), 1)))
    assert ways[~upper] == pytest.approx(0.0)
    # Each grain grows by pairs of its own planes.
    for old, new in ((slabs.lower, thick.lower), (slabs.upper, thick.upper)):
        steps = (new.thickness - old.thickness) / (2.0 * old.planes.spacing)
        assert steps == pytest.approx(round(steps))
        assert new.thickness - old.thickness >= 7.0


def test_names_and_angles():
    crystal = compound_crystal(MGO, "space.crystal")

    def found(**given):
        return crystal_boundary(crystal, GeneralBoundarySpec.model_validate(given), "key")

    assert (found(**TWIST).name, found(**TWIST).kind) == ("s005-001-001-t3687", "twist")
    assert (found(**POLAR).name, found(**POLAR).kind) == ("s005-111-715-t3687", "mixed")
    turned = found(planes=[[0, 0, 1], [0, 0, 1]], directions=[[1, 0, 0], [4, 3, 0]])
    assert (turned.sigma, turned.angle) == (5, pytest.approx(36.87, abs=0.01))
    rutile = compound_crystal(RUTILE, "space.crystal")
    twist = crystal_boundary(rutile, GeneralBoundarySpec.model_validate(TWIST), "key")
    assert (twist.name, general_pair(twist).misfit) == ("s005-001-001-t3687", pytest.approx(0.0, abs=1e-9))
    assert general_pair(twist).lower.area == pytest.approx(5 * 4.594**2)
    haematite = crystal_boundary(
        compound_crystal(HAEMATITE, "space.crystal"), GeneralBoundarySpec.model_validate(HEXAGONAL), "key"
    )
    assert haematite.angle == pytest.approx(21.79, abs=0.01)
    assert replace(haematite, sigma=7).name.startswith("s007-001-001-d")


@pytest.mark.parametrize(
    ("atoms", "given", "message"),
    [
        (MGO, {"axis": [0, 0, 1], "sigma": 7, "plane": [0, 0, 1]}, r"general\[0\]: axis \[0, 0, 1\], sigma 7: no coincidence"),
        (
            MGO,
            TWIST | {"plane": [1, 0, 0]},
            r"plane \[1, 0, 0\] makes a tilt boundary; a twist boundary needs a normal",
        ),
        (MGO, STRAINED | {"max_strain": 0.001}, r"no common period up to 60 Å within max_strain 0.001; the smallest strain"),
        (
            MGO,
            STRAINED | {"directions": [[1, 0, 0], [0, 0, 1]]},
            r"direction \[1, 0, 0\] does not lie in the plane \[1, 0, 0\]",
        ),
        (
            MGO,
            {"planes": [[1, 0, 0], [0, 1, 0]], "directions": [[0, 0, 1], [0, 0, 1]]},
            r"general\[0\]: both grains have the same orientation",
        ),
        (
            RUTILE,
            TWIST | {"axis": [1, 1, 0], "plane": [1, 1, 0]},
            r"general\[0\].axis: \[1, 1, 0\]; coincidence lattices are known",
        ),
        (HAEMATITE, TWIST, r"general\[0\].axis: \[0, 0, 1\]; .* expected planes and directions"),
    ],
)
def test_boundaries_that_do_not_exist_are_refused(atoms, given, message):
    with pytest.raises(ConfigurationError, match=message):
        pair_of(atoms, given)
