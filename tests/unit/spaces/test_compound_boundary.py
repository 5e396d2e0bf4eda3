"""Spaces of boundaries of compounds: what a candidate holds, and what is refused."""

import numpy as np
import pytest
from ase.build import bulk
from ase.geometry import get_distances
from ase.io import read, write
from ase.neighborlist import neighbor_list
from ase.spacegroup import crystal
from pydantic import TypeAdapter, ValidationError
from pymatgen.core import Structure
from pymatgen.core.interface import GrainBoundaryGenerator
from pymatgen.core.surface import SlabGenerator

from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.specs.limits import DEFAULT_LIMITS, LimitsSpec
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.spaces.space_registry import open_space

DOCUMENT = {
    "type": "compound_boundary",
    "crystal": "srtio3.cif",
    "planes": [[1, 1, 1], [1, 1, 2]],
    "unit": {"phase": "tio2.cif", "rest": "sro.cif", "most": 4},
    "exchange": {"units": [-1, 0, 1], "seeds": 2},
    "thickness": 9,
    "step": 1.4,
}
SPEC = TypeAdapter(SpaceSpec)
TWIST = {"axis": [0, 0, 1], "sigma": 5, "plane": [0, 0, 1], "kind": "twist"}
TILT = {"axis": [0, 0, 1], "sigma": 5, "plane": [1, 0, 0]}
POLAR = {"axis": [0, 0, 1], "sigma": 5, "plane": [1, 1, 1]}
NEAR = {"planes": [[1, 0, 0], [1, 1, 0]], "directions": [[0, 0, 1], [0, 0, 1]], "max_strain": 0.011}


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "mgo.cif", bulk("MgO", "rocksalt", a=4.21, cubic=True))
    write(tmp_path / "sro.cif", bulk("SrO", "rocksalt", a=5.16, cubic=True))
    write(tmp_path / "nio.cif", bulk("NiO", "rocksalt", a=4.178, cubic=True))
    write(
        tmp_path / "li2o.cif",
        crystal(["O", "Li"], [(0, 0, 0), (0.25, 0.25, 0.25)], spacegroup=225, cellpar=[4.62] * 3 + [90] * 3),
    )
    write(tmp_path / "zns.cif", bulk("ZnS", "zincblende", a=5.41, cubic=True))
    rutile = {"basis": [(0, 0, 0), (0.305, 0.305, 0)], "spacegroup": 136, "cellpar": [4.594, 4.594, 2.959, 90, 90, 90]}
    write(tmp_path / "tio2.cif", crystal(["Ti", "O"], **rutile))
    perovskite = {"basis": [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)], "spacegroup": 221, "cellpar": [3.905] * 3 + [90] * 3}
    write(tmp_path / "srtio3.cif", crystal(["Sr", "Ti", "O"], **perovskite))
    return tmp_path


@pytest.fixture
def space(folder):
    """``space(**keys)``: of SrTiO3."""

    def opened(limits=None, **keys):
        return open_space(SPEC.validate_python(DOCUMENT | keys), folder, limits)

    return opened


def binary(space, **keys):
    return space(crystal="mgo.cif", unit=None, exchange=None, **keys)


def test_a_system_is_a_plane_and_its_excess(space):
    opened = space()
    described = {entry["system"]: entry for entry in opened.describe_systems()}
    assert list(described) == ["111-TiO2m2", "111-TiO2p0", "111-TiO2p2", "112-TiO2m2", "112-TiO2p0", "112-TiO2p2"]
    assert described["112-TiO2m2"]["unit"] == "TiO2"
    assert described["112-TiO2m2"]["plane"] == [1, 1, 2]
    assert sum(entry["candidates"] for entry in described.values()) == len(opened.pool())
    assert opened.elements() == {"Sr", "Ti", "O"}


def test_the_pool_has_a_line_over_the_potential_for_each_system(space):
    opened = space(unit=DOCUMENT["unit"] | {"lowest": "-1200 meV"})
    lines = opened.pool().lines
    assert (lines.unit, lines.groups.tolist(), lines.lowest) == ("TiO2", [0, 0, 0, 1, 1, 1], -1.2)
    atoms = opened.structure("112-TiO2m2-t0-1-m1-x01-y02-s0")
    area = np.linalg.norm(np.cross(*atoms.cell[:2]))
    # Two units fewer in a cell, one at each of its boundaries.
    assert lines.slopes[3] == pytest.approx(16.02177 / area, rel=1e-6)
    assert lines.slopes[4] == 0.0
    assert space().pool().lines.lowest is None
    assert binary(space, planes=[[2, 1, 0]]).pool().lines is None


def test_a_unit_without_a_crystal_has_its_energy_from_the_spec(space):
    oxygen = {"formula": "O2", "energy": "-9.8 eV", "most": 2}
    opened = space(planes=[[2, 1, 0]], unit=oxygen, exchange={"units": [-1]})
    assert (opened.unit_name, opened.unit_energies["phase"], dict(opened.phases)) == ("O", -4.9, {})
    atoms = opened.structure(str(next(name for name in opened.pool().ids if "Om2" in str(name))))
    assert atoms.symbols.count("O") == 3 * atoms.symbols.count("Sr") - 2
    assert atoms.info["phases"] == "O2 -9.8 eV"
    assert space().unit_energies == {}


def test_every_candidate_is_made_of_its_formula_units(space):
    opened = space()
    for candidate in opened.pool().ids[::5]:
        atoms = opened.structure(str(candidate))
        units, excess = atoms.info["formula_units"], atoms.info["excess_units"]
        counts = atoms.symbols.formula.count()
        assert counts == {"Sr": units, "Ti": units + excess, "O": 3 * units + 2 * excess}
        assert atoms.info["system"].endswith(f"{'m' if excess < 0 else 'p'}{abs(excess)}")


def surroundings(atoms, index):
    """Elements and distances [Å] of the atoms within 3.5 Å of an atom."""
    first, second, distances = neighbor_list("ijd", atoms, 3.5)
    near = zip(second[first == index], distances[first == index], strict=True)
    return [atoms.symbols[index], *sorted((round(float(distance), 4), atoms.symbols[i]) for i, distance in near)]


@pytest.mark.parametrize(
    ("file", "plane", "axis", "sigma", "repeats"),
    # pymatgen's planar cells are those of the crystal's cubes, which hold 2 or 4 of the smallest.
    [
        ("nio.cif", (2, 1, 0), (0, 0, 1), 5, 2),
        ("li2o.cif", (1, 1, 2), (1, -1, 0), 3, 2),
        ("li2o.cif", (1, 1, 1), (1, 1, 1), 3, 4),
        ("tio2.cif", (1, 0, 1), None, None, 1),
    ],
)
def test_cells_have_the_area_that_pymatgen_finds_and_the_crystal_in_their_middle(
    space, folder, file, plane, axis, sigma, repeats
):
    opened = space(crystal=file, unit=None, exchange=None, planes=[plane], thickness=14)
    whole = Structure.from_file(folder / file)
    if axis is None:
        cell = SlabGenerator(whole, plane, 10, 0, center_slab=False).oriented_unit_cell.lattice.matrix
    else:
        maker = GrainBoundaryGenerator(whole)
        angle = maker.get_rotation_angle_from_sigma(sigma, axis)[-1]
        cell = maker.gb_from_parameters(axis, angle, expand_times=2, plane=plane).lattice.matrix
    cells = {item.rsplit("-x", 1)[0]: opened.structure(item) for item in map(str, opened.pool().ids)}
    perfect = read(folder / file)
    around = [surroundings(perfect, index) for index in range(len(perfect))]
    for atoms in cells.values():
        planar = float(np.linalg.norm(np.cross(*atoms.cell[:2])))
        assert np.linalg.norm(np.cross(*cell[:2])) == pytest.approx(repeats * planar, rel=1e-6)
        height = atoms.cell[2, 2] - 2.0 * atoms.info["opening"]
        assert len(atoms) / (planar * height) == pytest.approx(len(whole) / whole.volume, rel=1e-6)
        assert atoms.symbols.formula.reduce()[0] == perfect.symbols.formula.reduce()[0]
        middle = np.abs(atoms.positions[:, 2]).argsort()[:3]
        assert all(surroundings(atoms, index) in around for index in middle)
        inverted = atoms.copy()
        inverted.positions *= -1.0
        distances = get_distances(inverted.positions, atoms.positions, cell=atoms.cell, pbc=True)[1]
        assert distances.min(axis=1).max() < 1e-9
        assert (atoms.numbers[distances.argmin(axis=1)] == atoms.numbers).all()
        assert (atoms.arrays["grain"][distances.argmin(axis=1)] == atoms.arrays["grain"]).all()


def test_cells_of_a_cubic_crystal_know_their_sigma(space, folder):
    opened = binary(space, planes=[[3, 1, 0], [2, 1, 1], [3, 3, 2]])
    ids = [str(candidate) for candidate in opened.pool().ids]
    found = {name: opened.structure(next(item for item in ids if item.startswith(name))) for name in ("310", "211")}
    assert {name: atoms.info["sigma"] for name, atoms in found.items()} == {"310": 5, "211": 3}
    assert opened.crystal.sigma((3, 3, 2)) == 11
    assert opened.crystal.sigma((6, 2, 0)) == 5
    # Indices by other cells are not those of a cube.
    write(folder / "primitive.cif", bulk("MgO", "rocksalt", a=4.21))
    for file in ("primitive.cif", "tio2.cif"):
        other = space(crystal=file, unit=None, exchange=None, planes=[[1, 0, 1]])
        assert "sigma" not in other.structure(str(other.pool().ids[0])).info


def test_the_pool_knows_how_many_atoms_a_cell_has(space):
    opened = space()
    pool = opened.pool()
    for place in range(0, len(pool), 7):
        assert pool.cost[place] == len(opened.structure(str(pool.ids[place])))


def test_folding_leaves_a_part_of_the_shifts(space):
    folded, every = (len(binary(space, planes=[[2, 1, 0]], fold=fold).pool()) for fold in (True, False))
    assert every / 4 <= folded < every / 2


def test_an_id_outside_the_pool_is_refused(space):
    with pytest.raises(NotFoundError, match="'112-t0-0-x99-y00' is not in the space"):
        space().structure("112-t0-0-x99-y00")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"planes": [[0, 0, 0]]}, r"planes\[0\]: \[0, 0, 0\]; expected three indices that are not all zero"),
        ({"planes": [[10**20, 1, 0]]}, "less than or equal to 1000"),
        ({"planes": [[1, 1, 2], [1, 1, 2]]}, "planes: one is listed twice"),
        ({"thickness": 5}, "exchange.layer: 3; expected less than half of thickness, 5"),
        ({"unit": None}, r"exchange.units: \[-1, 0, 1\]; without unit expected numbers up to 0"),
        ({"unit": {}}, "phase, or formula with energy: expected one of both"),
        (
            {"unit": DOCUMENT["unit"] | {"formula": "O", "energy": "-5 eV"}},
            "phase, or formula with energy: expected one of both",
        ),
        ({"unit": {"formula": "O"}}, "phase, or formula with energy: expected one of both"),
        ({"unit": {"formula": "O", "energy": "-5 K"}}, "energy: 'K' .* cannot be converted to 'eV'"),
        ({"unit": {"phase": "tio2.cif", "sha256": ["0" * 64] * 2}}, "sha256: 2 hashes of 1 files; expected one for each"),
        ({"unit": DOCUMENT["unit"] | {"lowest": "0.1 eV"}}, "lowest: 0.1 eV; expected an energy below 0 eV"),
        ({"unit": DOCUMENT["unit"] | {"lowest": "-1 K"}}, "lowest: 'K' .* cannot be converted to 'eV'"),
        ({"exchange": {"units": [1, 1]}}, r"units: \[1, 1\]; expected each number once"),
        (
            {"cell": {"boundaries": 1}},
            "cell: .* would have a dipole where planes are polar: .* boundaries, remove it",
        ),
    ],
)
def test_keys_that_contradict_each_other_are_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        SPEC.validate_python(DOCUMENT | keys)


def general(*boundaries, **keys):
    return {
        "crystal": "mgo.cif",
        "unit": None,
        "exchange": None,
        "planes": [],
        "boundaries": {"general": list(boundaries)},
    } | keys


def test_boundaries_in_any_plane_are_listed_beside_symmetric_ones(space):
    opened = space(**general(TWIST, TILT, planes=[[2, 1, 0]], step=0.7))
    rows = {row["system"]: row for row in opened.describe_systems()}
    assert list(rows) == ["210", "s005-001-001-t3687", "s005-100-4_m3_0-t3687"]
    assert (rows["210"]["boundary"], rows["210"]["upper_plane"], rows["210"]["misfit"]) == (None, [2, 1, 0], 0.0)
    row = rows["s005-100-4_m3_0-t3687"]
    assert (row["plane"], row["upper_plane"], row["kind"], row["misfit"]) == ([1, 0, 0], [4, -3, 0], "tilt", pytest.approx(0))
    assert row["boundary"] == row["system"]
    candidate = next(str(name) for name in opened.pool().ids if str(name).startswith("s005-001-001-t3687-t0-0-x00-y0"))
    atoms = opened.structure(candidate)
    assert (atoms.info["sigma"], atoms.info["plane"], atoms.info["upper_plane"]) == (5, "0 0 1", "0 0 1")
    lower, upper = np.reshape(atoms.info["orientations"], (2, 3, 3))
    # The grains are turned against each other by the angle of the boundary.
    assert np.trace(lower.T @ upper) == pytest.approx(1.0 + 2.0 * 0.8)
    count, pool = len(atoms), opened.pool()
    assert count == pool.cost[list(pool.ids).index(candidate)] == 100


def test_candidates_of_general_boundaries_exchange_units(space):
    keys = {"planes": [], "boundaries": {"general": [TWIST, TILT]}, "exchange": {"units": [-1, 0, 1], "seeds": 1}, "step": 2.0}
    opened = space(**keys)
    lines, systems = opened.pool().lines, [row["system"] for row in opened.describe_systems()]
    # Terminations of both grains are independent; two grains that symmetry exchanges list each pair once.
    pairs = {name[: name.index("-x")] for name in map(str, opened.pool().ids)}
    assert {name for name in pairs if name.startswith("s005-001-001-t3687-TiO2p0-t")} == {"s005-001-001-t3687-TiO2p0-t0-1"}
    tilts = {name.removeprefix("s005-100-4_m3_0-t3687-TiO2") for name in pairs if "100-4_m3_0" in name}
    assert tilts == {"m4-t0-1", "m4-t0-0-p1", "m2-t0-1-p1", "p2-t1-0-m1", "p4-t1-0", "p4-t1-1-m1"}
    assert dict(zip(systems, lines.groups.tolist(), strict=True)) == {name: int("100-4" in name) for name in systems}
    for candidate in opened.pool().ids[::9]:
        atoms = opened.structure(str(candidate))
        units, excess = atoms.info["formula_units"], atoms.info["excess_units"]
        assert atoms.symbols.formula.count() == {"Sr": units, "Ti": units + excess, "O": 3 * units + 2 * excess}


@pytest.mark.parametrize(
    ("boundaries", "keys", "message"),
    [
        ([TWIST | {"sigma": 7}], {}, r"space.boundaries.general\[0\]: axis \[0, 0, 1\], sigma 7: no coincidence lattice"),
        ([TWIST, TWIST], {}, r"space.boundaries.general\[1\]: the boundary s005-001-001-t3687 is listed already"),
        ([TWIST | {"plane": [1, 0, 0]}], {}, "makes a tilt boundary; a twist boundary needs a normal parallel to the axis"),
        (
            [TWIST],
            {"max_atoms": 99},
            "space.max_atoms: 99; a cell of s005-001-001-t3687 has 100 atoms, expected as many or more",
        ),
        ([], {"planes": [[3, 1, 0]], "max_atoms": 40}, r"space.max_atoms: 40; a cell of \[3, 1, 0\] has \d+ atoms"),
        (
            [POLAR],
            {},
            r"general\[0\]: planes \[1, 1, 1\] / \[7, 1, 5\]: no pair of terminations, .* nearest leaves Mg4, and has a charge",
        ),
        ([NEAR | {"max_strain": 0.001}], {}, "space.boundaries: planes .* no common period up to 60 Å within max_strain 0.001"),
    ],
)
def test_general_boundaries_that_cannot_be_built_are_refused(space, boundaries, keys, message):
    given = general(*boundaries, **keys)
    with pytest.raises(ConfigurationError, match=message):
        space(**(given if boundaries else given | {"boundaries": None})).pool()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (general(TWIST | {"plane": [0, 0, 0, 1]}), r"general\[0\].plane: \[0, 0, 0, 1\]; expected three indices"),
        (
            general(TWIST | {"ratio": [8, 3], "max_strain": 0.01}),
            r"general\[0\].ratio: \[8, 3\]; expected planes and directions",
        ),
        (general(TWIST, boundaries=None), "planes: none; expected planes of symmetric boundaries, or boundaries"),
        (general({"axis": [0, 0, 1]}), "expected axis, sigma or angle, and plane"),
    ],
)
def test_keys_of_general_boundaries_that_contradict_each_other_are_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        SPEC.validate_python(DOCUMENT | keys)


@pytest.mark.parametrize("plane", [[1, 0, 0], [1, 1, 0], [0, 1, -1]])
def test_planes_without_a_boundary_are_refused_in_new_campaigns(space, plane):
    with pytest.raises(ConfigurationError, match=r"space.planes: .*half a turn about its normal leaves the crystal as it is"):
        space(DEFAULT_LIMITS, planes=[plane]).pool()
    assert len(space(planes=[plane]).pool())  # a stored one


def test_new_keys_leave_specs_without_them_unchanged():
    written = SPEC.validate_python(DOCUMENT).model_dump()
    assert not {"boundaries", "max_atoms"} & set(written)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"crystal": "none.cif"}, "space.crystal: no file"),
        ({"crystal": "zns.cif", "unit": None, "exchange": None}, "space.crystal: the crystal .* no centre of inversion"),
        ({"unit": {"phase": "mgo.cif"}}, "space.unit.phase: MgO is no part of SrTiO3"),
        ({"unit": {"phase": "srtio3.cif"}}, "space.unit.phase: SrTiO3 is no part of SrTiO3"),
        ({"unit": {"formula": "Xx2", "energy": "-5 eV"}}, "space.unit.formula: Xx2: 'Xx' is no element"),
        ({"unit": {"formula": "Mg", "energy": "-5 eV"}}, "space.unit.formula: Mg is no part of SrTiO3"),
        ({"unit": {"phase": "tio2.cif", "rest": "tio2.cif"}}, "space.unit.rest: TiO2; expected SrO, which SrTiO3 is without"),
        ({"planes": [[1, 1, 2], [2, -1, 1]]}, r"space.planes: \[2, -1, 1\] is the same plane as \[1, 1, 2\] by the crystal's"),
        ({"planes": [[1, 1, 2], [2, 2, 4]]}, r"space.planes: \[2, 2, 4\] is the same plane as \[1, 1, 2\]"),
        ({"planes": [[97, 1, 0]]}, r"space.planes: \[97, 1, 0\]: planes of atoms are nearer to each other than 0.1 Å"),
        ({"sha256": "0" * 64}, "space.crystal: .srtio3.cif. has SHA-256 .*, expected 000"),
    ],
)
def test_files_that_do_not_fit_are_refused(space, keys, message):
    with pytest.raises(ConfigurationError, match=message):
        space(**keys).pool()


def test_a_crystal_whose_planes_are_others_after_its_relaxation_is_refused(space):
    opened = space(exchange=None, planes=[[1, 1, 1]])
    candidate, relaxed = str(opened.pool().ids[0]), opened.crystal.atoms()
    relaxed.positions[-1] += 0.6  # An oxygen atom leaves its plane for that of titanium.
    with pytest.raises(ConfigurationError, match=r"space.crystal: planes of atoms of \[1, 1, 1\] are others after"):
        opened.built(candidate, opened.crystal.moved(relaxed))


def test_a_plane_without_whole_formula_units_is_refused(space):
    # Surfaces of (1 1 1) are SrO3 or Ti, and only one with the other is neutral; four TiO2 fewer are more than the limit.
    with pytest.raises(ConfigurationError, match=r"space.planes: .*: no pair of terminations, with what is removed"):
        space(exchange={"units": [-2]}, planes=[[1, 1, 1]], unit={"phase": "tio2.cif", "most": 1}).pool()


def test_cells_above_the_limit_are_refused(space):
    with pytest.raises(ConfigurationError, match=r"space\.thickness: atoms in a cell of"):
        space(limits=LimitsSpec(atoms=20)).pool()
    with pytest.raises(ConfigurationError, match=r"space\.supercell: atoms"):
        space(limits=LimitsSpec(atoms=300), supercell=(4, 4, 4))
    with pytest.raises(ConfigurationError, match=r"space\.step: candidates"):
        space(limits=LimitsSpec(pool=10)).pool()


def test_the_spec_takes_the_hashes_of_its_files(folder):
    spec = SPEC.validate_python(DOCUMENT)
    files = {item.key: file_sha256(folder / item.path) for item in spec.files()}
    hashed = spec.with_hashes(files)
    assert [item.sha256 for item in hashed.files()] == list(files.values())
    assert hashed.sha256 == file_sha256(folder / "srtio3.cif")


def test_random_choices_differ_and_are_repeatable(space):
    opened, again = space(), space()
    several = [str(name) for name in opened.pool().ids if str(name).startswith("112-TiO2m2-t0-1-m1-x01-y02")]
    assert len(several) == 2
    first, second = (opened.structure(name) for name in several)
    assert not np.allclose(first.positions, second.positions)
    assert np.array_equal(again.structure(several[0]).positions, first.positions)


def automatic(**keys):
    given = {"axes": [[0, 0, 1], [1, 1, 0]], "max_sigma": 11} | keys
    return general(boundaries={name: value for name, value in given.items() if value is not None}, step=2.0)


def listed_planes(axis, largest):
    """Kinds of symmetric tilts about an axis up to a Σ, by trying all planes."""
    found = {}
    indices = range(-7, 8)
    for plane in ((h, k, ell) for h in indices for k in indices for ell in indices):
        square = sum(index**2 for index in plane)
        if np.dot(plane, axis) or np.gcd.reduce(plane) != 1:
            continue
        sigma = square if square % 2 else square // 2
        if 1 < sigma <= largest:
            found[tuple(sorted(map(abs, plane)))] = sigma
    return found


def test_all_symmetric_tilts_up_to_a_sigma_are_listed(space):
    opened = space(**automatic(max_sigma=25))
    rows = opened.describe_systems()
    # In a cube all planes with the same indices but for order and signs are one.
    known = {tuple(sorted(map(abs, row["plane"]))): row for row in rows}
    about = {axis: listed_planes(axis, 25) for axis in ((0, 0, 1), (1, -1, 0))}
    assert len(rows) == len(known)
    assert set(known) == {plane for planes in about.values() for plane in planes}
    assert known[1, 1, 3]["axis"] == [1, -1, 0]
    assert known[1, 1, 3]["angle"] == pytest.approx(2.0 * np.degrees(np.arctan(np.sqrt(2.0) / 3.0)))
    for axis, planes in about.items():
        for plane, sigma in planes.items():
            candidate = next(str(name) for name in opened.pool().ids if str(name).startswith(f"{known[plane]['system']}-t"))
            info = opened.structure(candidate).info
            assert info["sigma"] == sigma
            assert info["angle"] == known[plane]["angle"], axis


def test_a_window_of_angles_and_planes_beside_it(space):
    every = {row["system"]: row["angle"] for row in space(**automatic()).describe_systems()}
    window = space(**automatic(angles=[30, 60])).describe_systems()
    assert {row["system"] for row in window} == {name for name, angle in every.items() if 30 <= angle <= 60}
    both = space(**(automatic() | {"planes": [[0, 3, 1]]})).describe_systems()
    # The plane that is listed is not listed again as (3 1 0).
    assert {row["system"] for row in both} == {*every, "031"} - {"310"}
    assert next(row for row in both if row["system"] == "031")["angle"] is None


def test_boundaries_that_do_not_fit_are_refused_or_left_out_by_name(space):
    with pytest.raises(ConfigurationError, match=r"space.max_atoms: 60; a cell of \[\d, \d, \d\] has \d+ atoms"):
        space(**automatic(), max_atoms=60).pool()
    opened = space(**automatic(unfit="left_out"), max_atoms=60)
    kept = {row["system"]: row["atoms"] for row in opened.describe_systems()}
    assert kept
    assert max(kept.values()) <= 60
    every = {row["system"] for row in space(**automatic()).describe_systems()}
    lost = opened.left_out()
    assert len(lost) == len(every) - len(kept)
    assert all("space.max_atoms: 60; a cell of" in said for said in lost)
    assert not space(**automatic()).left_out()
    with pytest.raises(ConfigurationError, match=r"no boundary is left; the first that is left out: space.max_atoms: 5"):
        space(**automatic(unfit="left_out"), max_atoms=5).pool()


def test_a_table_lists_what_the_file_could_list(space, folder):
    (folder / "list.csv").write_text("axis,sigma,plane,kind\n0 0 1,5,0 0 1,twist\n0 0 1,5,1 0 0,\n", encoding="utf-8")
    listed = space(**general(boundaries={"list": "list.csv"}))
    written = space(**general(TWIST, TILT))
    assert listed.pool().ids.tolist() == written.pool().ids.tolist()
    assert listed.describe_systems() == written.describe_systems()
    spec = SPEC.validate_python(DOCUMENT | general(boundaries={"list": "list.csv"}))
    hashes = {item.key: file_sha256(folder / item.path) for item in spec.files()}
    resolved = spec.with_hashes(hashes)
    assert resolved.boundaries.sha256 == hashes["boundaries", "list"]
    (folder / "list.csv").write_text("axis,sigma,plane\n0 0 1,5,1 0 0\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"boundaries\.list"):
        open_space(resolved, folder).pool()


def test_rows_that_cannot_be_built_are_refused_or_left_out(space, folder):
    (folder / "list.csv").write_text("axis,sigma,plane\n0 0 1,5,0 0 1\n0 0 1,7,0 0 1\n0 0 1,5,0 0 1\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"list: row 2: axis \[0, 0, 1\], sigma 7: no coincidence lattice"):
        space(**general(boundaries={"list": "list.csv"})).pool()
    opened = space(**general(boundaries={"list": "list.csv", "unfit": "left_out"}))
    assert [row["system"] for row in opened.describe_systems()] == ["s005-001-001-t3687"]
    first, second = opened.left_out()
    assert "row 2: axis [0, 0, 1], sigma 7" in first
    assert "row 3: the boundary s005-001-001-t3687 is listed already" in second
    (folder / "list.csv").write_text("axis,sigma,plane\n0 0 1,five,0 0 1\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="row 1, column 'sigma': 'five'"):
        space(**general(boundaries={"list": "list.csv", "unfit": "left_out"})).pool()


def test_many_that_are_left_out_are_named_in_one_line(space):
    lines = space(**automatic(unfit="left_out", max_sigma=60), max_atoms=60).left_out()
    assert len(lines) == 21
    assert "left out for such reasons, " in lines[-1]


@pytest.mark.parametrize(
    ("crystal", "keys", "message"),
    [
        ("tio2.cif", {}, r"space.boundaries.max_sigma: 11; .* and tio2.cif is none: expected planes, general or list"),
        ("mgo.cif", {"axes": [[1, 2, 3]]}, r"space.boundaries.axes\[0\]: \[1, 2, 3\] lies in no mirror plane"),
    ],
)
def test_a_largest_sigma_needs_a_cube_and_a_mirror_plane(space, crystal, keys, message):
    with pytest.raises(ConfigurationError, match=message):
        space(**(automatic(**keys) | {"crystal": crystal})).pool()


@pytest.mark.parametrize(
    ("boundaries", "message"),
    [
        ({}, "general, list, max_sigma: expected one of them, and only one"),
        ({"max_sigma": 5}, "axes, max_sigma: expected both or none of them"),
        ({"list": "a.csv", "angles": [1, 2]}, r"angles: \[1.0, 2.0\]; expected max_sigma beside it"),
        ({"max_sigma": 5, "axes": [[0, 0, 1]], "angles": [2, 1]}, "the first must be below the second"),
        ({"max_sigma": 5, "axes": [[0, 0, 0]]}, r"axes\[0\]: \[0, 0, 0\]; expected three indices that are not all zero"),
        ({"general": [TWIST], "sha256": "0" * 64}, "sha256: given without list; remove it"),
    ],
)
def test_selections_that_contradict_themselves_are_refused(boundaries, message):
    with pytest.raises(ValidationError, match=message):
        SPEC.validate_python(DOCUMENT | general(boundaries=boundaries))


OXYGEN = {"formula": "O", "energy": "-4.9 eV", "lowest": "-3 eV"}


def test_a_second_unit_is_counted_beside_the_first(space):
    keys = {"planes": [[2, 1, 0]], "second_unit": OXYGEN, "exchange": {"units": [-1, 0], "second": [0, 1], "seeds": 1}}
    opened = space(**keys)
    described = {row["system"]: row for row in opened.describe_systems()}
    assert {"210-TiO2p0-Op0", "210-TiO2p0-Om2", "210-TiO2m2-Op0", "210-TiO2m2-Om2"} <= set(described)
    assert (described["210-TiO2m2-Om2"]["second_excess"], described["210-TiO2m2-Om2"]["second_unit"]) == (-2, "O")
    assert "second_unit" not in space().describe_systems()[0]
    assert opened.pool().lines.second == ("O", -3.0)
    assert opened.unit_energies == {"second": -4.9}
    for candidate in opened.pool().ids[::7]:
        atoms = opened.structure(str(candidate))
        units, excess, second = (atoms.info[key] for key in ("formula_units", "excess_units", "second_units"))
        found = {"Sr": units, "Ti": units + excess, "O": 3 * units + 2 * excess + second}
        assert atoms.symbols.formula.count() == found
    with_default = space(**keys | {"second_unit": {"formula": "O", "energy": "-4.9 eV"}})
    assert with_default.pool().lines.second == ("O", -1.5)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"second_unit": {"phase": "sro.cif"}},
            "space.second_unit: SrO; where SrTiO3 is stable, the chemical potential of TiO2 gives that of SrO",
        ),
        ({"second_unit": {"phase": "mgo.cif"}}, "second_unit: .* is no part of"),
    ],
)
def test_a_second_unit_without_a_potential_of_its_own_is_refused(space, keys, message):
    with pytest.raises(ConfigurationError, match=message):
        space(**keys)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"unit": None, "exchange": None, "second_unit": OXYGEN}, "second_unit: given without unit; expected unit"),
        ({"second_unit": {"phase": "a.cif", "rest": "b.cif"}}, "second_unit.rest: b.cif; expected lowest"),
        ({"exchange": {"second": [1]}}, r"exchange.second: \[1\]; expected second_unit beside it"),
        ({"second_unit": OXYGEN, "exchange": {"second": [1, 1]}}, r"second: \[1, 1\]; expected each number once"),
    ],
)
def test_keys_of_two_units_that_contradict_each_other_are_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        SPEC.validate_python(DOCUMENT | keys)
