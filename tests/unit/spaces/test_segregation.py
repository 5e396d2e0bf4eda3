"""Spaces of sites: what a candidate holds, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from pydantic import TypeAdapter, ValidationError

from tansaku.calculators.structures.extended_xyz import write_extended_xyz
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.specs.limits import LimitsSpec
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.spaces.space_registry import open_space

EDGE = 3.6
DOCUMENT = {
    "type": "segregation",
    "boundary": "hole.extxyz",
    "crystal": {"structure": "fcc", "element": "Cu", "lattice_parameter": EDGE},
    "solute": "Ag",
    "images": 10,
    "radius": 5,
}


def moved(path, to):
    """Writes the structure with its first atom somewhere else."""
    atoms = hole()
    atoms.positions[0] = to
    write_extended_xyz(path, atoms)


def hole(**info):
    atoms = bulk("Cu", "fcc", a=EDGE, cubic=True).repeat(3)
    del atoms[0]
    atoms.info = info
    return atoms


@pytest.fixture
def space(tmp_path):
    """``space(**keys)``: of copper without one atom."""
    write_extended_xyz(tmp_path / "hole.extxyz", hole())

    def opened(limits=None, **keys):
        return open_space(TypeAdapter(SpaceSpec).validate_python(DOCUMENT | keys), tmp_path, limits)

    return opened


def test_a_solute_replaces_one_atom_of_the_repeated_cell(space):
    # In the plane 10.8 Å are repeated to 21.6 Å; along the normal the file's cell stays.
    opened = space(images=16)
    perfect = opened.perfect()
    assert len(perfect) == 4 * 107
    for candidate in opened.pool().ids:
        atoms, site = opened.structure(str(candidate)), opened.site(str(candidate))
        [place] = np.flatnonzero(atoms.symbols == "Ag")
        assert place == site.place == int(candidate[3:])
        np.testing.assert_array_equal(atoms.positions, perfect.positions)
        assert atoms.info["multiplicity"] == site.members
    assert opened.crystal().cell.lengths() == pytest.approx([18.0] * 3)
    [crystal] = opened.crystals_with_defect()
    assert (crystal.symbols == "Ag").sum() == 1


def test_a_vacancy_removes_one_atom(space):
    opened = space(defect="vacancy", solute=None)
    candidate = str(opened.pool().ids[0])
    assert candidate.startswith("vacancy-")
    atoms, perfect, site = opened.structure(candidate), opened.perfect(), opened.site(candidate)
    assert len(atoms) == len(perfect) - 1
    assert np.linalg.norm(atoms.positions - site.position, axis=1).min() > 2.0
    [crystal] = opened.crystals_with_defect()
    assert len(crystal) == len(opened.crystal()) - 1


def test_an_interstitial_is_one_more_atom_and_the_crystal_has_two_kinds_of_places(space):
    opened = space(defect="interstitial", solute="H")
    candidate = str(opened.pool().ids[0])
    atoms, site = opened.structure(candidate), opened.site(candidate)
    assert len(atoms) == len(opened.perfect()) + 1
    assert atoms[-1].symbol == "H"
    assert atoms[-1].position == pytest.approx(site.position)
    distances = [
        crystal.get_distances(-1, range(len(crystal) - 1), mic=True).min() for crystal in opened.crystals_with_defect()
    ]
    assert {round(float(distance), 3) for distance in distances} == {round(EDGE / 2, 3), round(EDGE * np.sqrt(3) / 4, 3)}


def test_sites_end_where_the_change_is_small(space):
    changes = [space().site(str(candidate)).change for candidate in space().pool().ids]
    least = float(np.median(changes)) + 1e-6
    fewer = space(change=least).pool()
    assert len(fewer) == sum(change > least for change in changes) < len(changes)


def test_soap_describes_the_same_sites(space, require):
    require("dscribe")
    usual, described = space().pool(), space(soap={"cutoff": 4}, components=3).pool()
    assert usual.ids.tolist() == described.ids.tolist()
    assert described.groups["surroundings"].values.shape[1] <= 3
    # Three kinds of sites have three different surroundings.
    assert len(described.groups["surroundings"].values) == len(usual) == 3


def test_blocks_are_kept_and_an_added_atom_is_in_none(tmp_path):
    atoms = hole()
    atoms.set_array("block", (atoms.positions[:, 2] > 2 * EDGE - 0.1).astype(int))
    atoms.set_array("forces", np.zeros((len(atoms), 3)))
    write_extended_xyz(tmp_path / "hole.extxyz", atoms)
    spec = TypeAdapter(SpaceSpec).validate_python(DOCUMENT | {"defect": "interstitial", "solute": "H"})
    opened = open_space(spec, tmp_path)
    built = opened.structure(str(opened.pool().ids[0]))
    assert built.arrays["block"][:-1].max() == 1
    assert built.arrays["block"][-1] == 0
    assert set(built.arrays) == {"numbers", "positions", "block"}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"solute": None}, "solute: null; defect: substitution takes an element"),
        ({"defect": "vacancy"}, "solute: Ag; defect: vacancy takes no solute"),
        ({"solute": "Cu"}, "solute: Cu is the crystal's own element"),
        ({"cost": {"model": "measured"}}, "every candidate has the same atoms"),
    ],
)
def test_a_spec_that_contradicts_itself_is_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(SpaceSpec).validate_python(DOCUMENT | keys)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"boundary": "none.extxyz"}, "space.boundary: no file"),
        ({"solute": "Xx"}, "space.solute: 'Xx'; expected a chemical symbol"),
        ({"crystal": DOCUMENT["crystal"] | {"element": "Ni"}}, "hole.extxyz has Cu; expected Ni"),
        ({"change": 4.0}, "space.change: no atom of hole.extxyz differs"),
        ({"sha256": "0" * 64}, "space.boundary: .hole.extxyz. has SHA-256"),
    ],
)
def test_what_does_not_fit_is_named(space, keys, message):
    with pytest.raises(ConfigurationError, match=message):
        space(**keys).pool()


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_text("no structure"), "space.boundary"),
        (lambda path: write_extended_xyz(path, [hole(), hole()]), "holds 2 structures; expected one"),
        (lambda path: write_extended_xyz(path, hole(lattice_parameter=3.7)), "the grains of hole.extxyz have .3.7. Å"),
        (lambda path: path.write_text('1\npbc="T T F" Lattice="9 0 0 0 9 0 0 0 9"\nCu 0 0 0\n'), "is not periodic"),
        (lambda path: path.write_text('1\npbc="T T T"\nCu 0 0 0\n'), "is not periodic"),
        (lambda path: path.write_text('1\npbc="T T T" Lattice="9 0 0 0 9 0 0 0 0"\nCu 0 0 0\n'), "is not periodic"),
        # ASE ends the process in its list of neighbours.
        (lambda path: path.write_text('1\nLattice="9 0 0 0 9 0 0 0 9"\nCu 0 nan 0\n'), "a position .* is not a finite number"),
        # ASE reads as many lines as the number says, for hours.
        (lambda path: path.write_text("9999999999\n\nCu 0 0 0\n"), "line 1: 9999999999 atoms, and 2 lines follow"),
        (lambda path: moved(path, [0.0, 3.6, 0.3]), r"atoms 0 and \d+ of hole.extxyz are 0.30 Å apart; expected 1.27 or more"),
    ],
)
def test_a_file_that_is_no_boundary_is_refused(space, tmp_path, write, message):
    write(tmp_path / "hole.extxyz")
    with pytest.raises(ConfigurationError, match=message):
        space()


def test_large_cells_and_files_are_refused_by_the_limits(space):
    with pytest.raises(ConfigurationError, match=r"space\.images: atoms in a cell"):
        space(LimitsSpec(atoms=200), images=40)
    with pytest.raises(ConfigurationError, match=r"space\.boundary: bytes"):
        space(LimitsSpec(structure_bytes=1000))


def test_the_content_of_the_file_belongs_to_the_spec(space, tmp_path):
    spec = TypeAdapter(SpaceSpec).validate_python(DOCUMENT)
    [file] = spec.files()
    assert (file.key, file.path, file.sha256) == (("boundary",), "hole.extxyz", None)
    write_extended_xyz(tmp_path / "hole.extxyz", hole())
    hashed = spec.with_hashes({("boundary",): file_sha256(tmp_path / "hole.extxyz")})
    assert open_space(hashed, Path(tmp_path)).pool().ids.tolist() == space().pool().ids.tolist()
