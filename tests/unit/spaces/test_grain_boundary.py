import csv
import hashlib
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from ase.neighborlist import neighbor_list

from tansaku.calculators.engines.electronic import kpoint_grid
from tansaku.models.domain.errors import ConfigurationError, MissingComponentError, NotFoundError
from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec
from tansaku.spaces.grain_boundary import GrainBoundarySpace

TEST_BED_TABLE = Path(__file__).resolve().parents[3] / "benchmarks/boundaries/test-bed.csv"
AL = {"structure": "fcc", "element": "Al", "lattice_parameter": 4.05}
TEST_BED = {
    "crystal": AL,
    "boundaries": {"max_sigma": 99, "angles": [20, 160]},
    "translation": {
        "normal": {"stop": 0.8, "step": 0.1},
        "in_plane": {"stop": 3.0, "step": 0.2},
        "along_axis": {"stop": 1.4, "step": 0.1},
    },
    "fold": False,
}
SMALL = {
    "crystal": AL,
    "boundaries": {"planes": [[1, 1, 3], [2, 2, 1]]},
    "translation": {"normal": [0.0, 0.3], "in_plane": {"step": 0.6}, "along_axis": [0.0, 0.7]},
}


def space(document=SMALL, **changes):
    return GrainBoundarySpace(GrainBoundarySpaceSpec.model_validate(document | changes), Path())


def test_the_test_bed():
    pool = space(TEST_BED).pool()
    assert len(pool) == 157_680 == 73 * 9 * 16 * 15
    assert len(pool.systems) == 38
    assert len(pool.surfaces) == 73
    assert (np.bincount(pool.surface_codes) == 2160).all()
    assert (pool.cost.min(), pool.cost.max()) == (36, 388)
    # The published table's exhaustive cost is 3.35e7.
    assert pool.cost.sum() == pytest.approx(3.35e7, rel=0.03)
    assert pool.groups["translation"].values.shape == (2160, 3)
    assert pool.groups["structure"].values.shape == (73, 100)
    # (1 1 2) and (1 1 1) fold to one angle, and so do all planes whose angles add up to 180 degrees.
    assert len(pool.groups["angle"].values) < 38


def test_the_test_bed_opens_in_little_memory():
    space(SMALL).pool()
    tracemalloc.start()
    try:
        space(TEST_BED).pool()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 150e6


def test_the_outline_is_the_pool_without_its_features():
    outline, pool = space().outline(), space().pool()
    assert not outline.groups
    assert pool.groups
    for name in ("ids", "system_codes", "surface_codes", "cost"):
        assert (getattr(outline, name) == getattr(pool, name)).all()
    assert (outline.systems, outline.surfaces) == (pool.systems, pool.surfaces)
    assert (outline.cost_descriptors.values == pool.cost_descriptors.values).all()


def test_ids_are_stable():
    """Ids are in users' databases: this hash may change only together with a migration."""
    ids = space(TEST_BED).pool().ids
    assert ids[0] == "s003-111-r0-x000-y000-z000"
    assert ids[-1] == "s099-7_7_10-r6-x300-y140-z080"
    assert hashlib.sha256("\n".join(ids).encode()).hexdigest() == (
        "9e7f3803f4d67aa3f6b95d6a1fe2f2a7786acfb44e8a42a46b5d99c680ca8807"
    )


def test_folded_ids_are_stable():
    ids = space(TEST_BED, boundaries={"max_sigma": 11}, translation={}, fold=True).pool().ids
    assert hashlib.sha256("\n".join(ids).encode()).hexdigest() == (
        "b32e0044511bff34df65b98a007259dd0fe5ad853d57f109034c1aa29aaef46d"
    )


def test_a_structure_is_what_its_id_and_features_say():
    opened = space()
    pool = opened.pool()
    for position in np.linspace(0, len(pool) - 1, 9).astype(int):
        candidate = str(pool.ids[position])
        atoms = opened.structure(candidate)
        row = pool.groups["translation"].values[pool.groups["translation"].index[position]]
        assert atoms.info["candidate"] == candidate
        assert atoms.info["surface"] == pool.surfaces[pool.surface_codes[position]]
        assert atoms.info["system"] == pool.systems[pool.system_codes[position]]
        assert candidate.startswith(atoms.info["surface"] + "-")
        np.testing.assert_array_equal(atoms.info["translation"], row)
        assert len(atoms) == pool.cost[position]
        assert atoms.info["area"] == pytest.approx(atoms.cell[0, 0] * atoms.cell[1, 1])
        x, y, z = (f"{round(100 * value):03d}" for value in row)
        assert candidate.endswith(f"-x{x}-y{y}-z{z}")


def test_metadata():
    info = space().structure("s011-113-r0-x000-y000-z030").info
    assert {
        key: info[key] for key in ("sigma", "plane", "axis", "removed_planes", "element", "structure", "lattice_parameter")
    } == {
        "sigma": 11,
        "plane": [1, 1, 3],
        "axis": [1, -1, 0],
        "removed_planes": 0,
        "element": "Al",
        "structure": "fcc",
        "lattice_parameter": 4.05,
    }
    assert info["angle"] == pytest.approx(50.4788, abs=1e-4)


@pytest.mark.parametrize(
    "candidate",
    [
        "",
        "nonsense",
        "s011-113-r9-x000-y000-z000",
        "s013-510-r0-x000-y000-z000",
        "s011-113-r0-x999-y000-z000",
        "s011-113-r0-x000-y000",
    ],
)
def test_ids_outside_the_pool_are_not_found(candidate):
    with pytest.raises(NotFoundError):
        space().structure(candidate)


def test_folded_away_ids_are_not_found():
    folded, whole = space(fold=True), space(fold=False)
    gone = sorted(set(whole.pool().ids) - set(folded.pool().ids))
    assert set(folded.pool().ids) < set(whole.pool().ids)
    assert len(gone) > len(whole.pool()) / 3
    for candidate in gone[:: len(gone) // 5]:
        whole.structure(str(candidate))
        with pytest.raises(NotFoundError):
            folded.structure(str(candidate))


def test_a_surface_without_structures_of_its_own_is_left_out():
    """A removed plane of the coherent twin is a mirror image of none removed."""
    twin = {"boundaries": {"planes": [[1, 1, 1]]}, "removed_planes": [0, 1], "translation": {"in_plane": {"step": 0.4}}}
    assert space(**twin, fold=False).pool().surfaces == ("s003-111-r0", "s003-111-r1")
    assert space(**twin, fold=True).pool().surfaces == ("s003-111-r0",)


def test_the_period_is_covered_by_steps_no_longer_than_asked_for():
    for plane in ([1, 1, 3], [1, 1, 2], [1, 1, 1]):
        opened = space(
            boundaries={"planes": [plane]}, fold=False, translation={"in_plane": {"step": 0.3}, "along_axis": {"step": 0.2}}
        )
        row = opened.describe_systems()[0]
        rows = opened.pool().groups["translation"].values
        x, y = np.unique(rows[:, 0]), np.unique(rows[:, 1])
        all_odd = all(number % 2 for number in plane)
        assert x.max() + np.diff(x)[0] == pytest.approx(row["period_in_plane"] / (2 if all_odd else 1))
        assert y.max() + np.diff(y)[0] == pytest.approx(row["period_along_axis"])
        assert np.diff(x).max() <= 0.3 + 1e-9
        assert np.diff(y).max() <= 0.2 + 1e-9


def test_cost_is_a_power_of_the_number_of_atoms():
    np.testing.assert_allclose(space(cost={"power": 3.0}).pool().cost, space().pool().cost ** 3)


def test_measured_cost_begins_with_its_anchor():
    atoms = space().pool().cost
    np.testing.assert_allclose(space(cost={"model": "measured"}).pool().cost, atoms / 100)
    found = space(cost={"model": "measured", "anchor": 3.0, "power": 2.0}).pool()
    np.testing.assert_allclose(found.cost, 3.0 * (atoms / 100) ** 2)
    np.testing.assert_array_equal(found.cost_descriptors.values[found.cost_descriptors.index, 0], atoms)


def test_an_anchor_that_nothing_uses_is_refused():
    with pytest.raises(ValueError, match="anchor: only model: measured"):
        space(cost={"anchor": 3.0})


def test_the_spacing_sets_the_thickness():
    thin, thick = (space(spacing=value).pool().cost.max() for value in (8.0, 30.0))
    assert thick > thin
    for value in (8.0, 16.0, 30.0):
        opened = space(spacing=value)
        atoms = opened.structure(str(opened.pool().ids[-1]))
        assert atoms.cell[2, 2] / 2.0 >= value


def test_full_removals_cover_the_repeat():
    surfaces = space(boundaries={"planes": [[1, 1, 2]]}, removed_planes="full", fold=False).pool().surfaces
    assert surfaces == tuple(f"s003-112-r{n}" for n in range(6))


def test_explicit_removals():
    assert space(removed_planes=[2, 1, 2], boundaries={"planes": [[2, 2, 1]]}, fold=False).pool().surfaces == (
        "s009-221-r1",
        "s009-221-r2",
    )


def test_bcc_and_the_cube_axis():
    opened = space(
        crystal={"structure": "bcc", "element": "Fe", "lattice_parameter": 2.86}, axis=[0, 0, 1], boundaries={"max_sigma": 5}
    )
    assert opened.pool().systems == ("s005-310", "s005-210")
    assert [row["angle"] for row in opened.describe_systems()] == pytest.approx([36.8699, 53.1301], abs=1e-4)


def test_the_window_of_angles_includes_its_ends():
    within = {"max_sigma": 11, "angles": [20, 160]}
    rows = space(TEST_BED, boundaries=within).describe_systems()
    ends = [rows[0]["angle"], rows[-1]["angle"]]
    assert space(TEST_BED, boundaries={**within, "angles": ends}).describe_systems() == rows
    narrower = space(TEST_BED, boundaries={**within, "angles": [ends[0] + 0.01, ends[1] - 0.01]})
    assert narrower.describe_systems() == rows[1:-1]


def test_describe_systems():
    rows = space(TEST_BED, boundaries={"max_sigma": 11, "angles": [20, 160]}).describe_systems()
    assert [row["system"] for row in rows] == ["s009-114", "s011-113", "s003-112", "s003-111", "s011-332", "s009-221"]
    twin = rows[3]
    assert (twin["sigma"], twin["plane"], twin["axis"]) == (3, [1, 1, 1], [1, -1, 0])
    assert twin["angle"] == pytest.approx(109.4712, abs=1e-4)
    assert twin["folded_angle"] == pytest.approx(70.5288, abs=1e-4)
    assert twin["period_in_plane"] == pytest.approx(4.05 * np.sqrt(1.5))
    assert twin["period_along_axis"] == pytest.approx(4.05 / np.sqrt(2))
    assert twin["surfaces"] == ["s003-111-r0"]
    assert (twin["atoms_min"], twin["atoms_max"], twin["candidates"]) == (36, 36, 2160)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"boundaries": {"max_sigma": 3, "angles": [1, 2]}}, r"space\.boundaries: no symmetric tilt boundary"),
        ({"boundaries": {"planes": [[1, 1, 3], [1, -1, 3]]}}, r"listed already"),
        ({"axis": [1, 2, 3]}, r"space\.axis"),
        ({"removed_planes": []}, r"space\.removed_planes"),
        ({"translation": {"normal": []}}, r"space\.translation\.normal"),
        ({"translation": {"in_plane": [0.0, 0.001]}}, r"space\.translation\.in_plane: 0 and 0\.001"),
        ({"translation": {"along_axis": {"start": 1.0, "stop": 0.5, "step": 0.1}}}, r"space\.translation\.along_axis: stop"),
        ({"translation": {"in_plane": {"step": 1e-6}}}, r"space\.translation\.in_plane: .* values requested"),
        (
            {
                "boundaries": {"max_sigma": 99},
                "translation": {
                    "normal": {"stop": 4.0, "step": 0.02},
                    "in_plane": {"stop": 10, "step": 0.02},
                    "along_axis": {"stop": 2, "step": 0.02},
                },
                "fold": False,
            },
            r"max_sigma.*step.*: candidates of the boundaries up to .*; expected at most",
        ),
    ],
)
def test_specs_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        space(**changes).pool()


def test_negative_translations_have_ids_of_their_own():
    opened = space(
        translation={"normal": [0.3], "in_plane": [-0.5, 0.5], "along_axis": [0.0]}, boundaries={"planes": [[2, 2, 1]]}
    )
    assert "s009-221-r1-xm050-y000-z030" in opened.pool().ids
    assert opened.structure("s009-221-r1-xm050-y000-z030").info["translation"] == [-0.5, 0.0, 0.3]
    said = GrainBoundarySpaceSpec.model_validate(SMALL).read_id("s009-221-r1-xm050-y000-z030")
    assert list(said.values()) == [(1.0, "1"), (-0.5, "Angstrom"), (0.0, "Angstrom"), (0.3, "Angstrom")]


def test_soap_is_a_further_group(require):
    require("dscribe")
    without, with_soap = space().pool(), space(soap=True).pool()
    assert set(with_soap.groups) - set(without.groups) == {"soap"}
    group = with_soap.groups["soap"]
    assert len(group.values) == len(with_soap.surfaces)
    thick = space(soap=True, spacing=30.0).pool().groups["soap"]
    np.testing.assert_allclose(group.values, thick.values, atol=1e-6 * np.abs(group.values).max())


def test_soap_without_its_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "dscribe.descriptors", None)
    with pytest.raises(MissingComponentError, match="dscribe") as caught:
        space(soap=True).pool()
    assert "tansaku[soap]" in str(caught.value)


def test_the_page_on_grain_boundaries_shows_the_38():
    opened = space(TEST_BED, translation={"normal": [0.3], "in_plane": [0.0], "along_axis": [0.0]})
    pool = opened.pool()
    atoms = dict(zip((pool.surfaces[code] for code in pool.surface_codes), pool.cost, strict=True))
    expected = [
        [
            f"{row['angle']:.2f}",
            str(row["sigma"]),
            f"({' '.join(map(str, row['plane']))})",
            f"{row['period_in_plane']:.2f}",
            f"{row['plane_spacing']:.3f}",
            ", ".join(map(str, row["removed_planes"])),
            ", ".join(f"{atoms[surface]:.0f}" for surface in row["surfaces"]),
        ]
        for row in opened.describe_systems()
    ]
    with TEST_BED_TABLE.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[1:] == expected


@pytest.mark.parametrize(
    ("plane", "element"), [((1, 1, 1), "fcc"), ((1, 1, 3), "fcc"), ((3, 3, 2), "bcc"), ((1, 1, 1), "diamond")]
)
def test_the_perfect_crystal_of_a_surface_is_perfect_and_of_its_width(plane, element):
    space = GrainBoundarySpace(
        GrainBoundarySpaceSpec.model_validate(
            {
                "crystal": {"structure": element, "element": "Al", "lattice_parameter": 4.05},
                "boundaries": {"planes": [plane]},
                "translation": {"normal": [0.0], "in_plane": [0.0], "along_axis": [0.0]},
                "spacing": 6.5,
            }
        ),
        Path("/nonexistent"),
    )
    pool = space.pool()
    for surface in pool.surfaces:
        perfect, cell = space.perfect(surface), space.structure(next(str(one) for one in pool.ids if one.startswith(surface)))
        np.testing.assert_allclose(perfect.cell.lengths()[:2], cell.cell.lengths()[:2])
        assert abs(len(perfect) - len(cell)) <= len(cell) // 2 + 1
        assert perfect.get_volume() / len(perfect) == pytest.approx(4.05**3 / {"fcc": 4, "bcc": 2, "diamond": 8}[element])
        reach = {"fcc": (0.8, 12), "bcc": (0.95, 8), "diamond": (0.55, 4)}[element]
        assert set(np.bincount(neighbor_list("i", perfect, reach[0] * 4.05))) == {reach[1]}
    with pytest.raises(NotFoundError):
        space.perfect("s999-111-r0")


def test_kpoints_tell_the_cost_where_it_is_learned_at_a_density():
    spec = {
        "crystal": {"structure": "fcc", "element": "Al", "lattice_parameter": 4.05},
        "boundaries": {"planes": [[1, 1, 1], [1, 1, 3]]},
        "translation": {"normal": [0.0], "in_plane": [0.0], "along_axis": [0.0]},
        "cost": {"model": "measured", "kpoint_density": 3.0, "anchor": 10.0, "power": 2.0},
    }
    space = GrainBoundarySpace(GrainBoundarySpaceSpec.model_validate(spec), Path("/nonexistent"))
    pool = space.pool()
    assert pool.cost_descriptors.columns == ("atoms", "kpoints")
    for position, candidate in enumerate(pool.ids):
        cell = space.structure(str(candidate))
        atoms, kpoints = pool.cost_descriptors.values[pool.cost_descriptors.index[position]]
        assert atoms == len(cell)
        assert kpoints == np.prod(kpoint_grid(cell.cell.array, 3.0))
        assert pool.cost[position] == pytest.approx(10.0 * (atoms / 100) ** 2 * kpoints / 10)
    sparse = GrainBoundarySpaceSpec.model_validate({**spec, "cost": {**spec["cost"], "kpoint_density": 1.0}})
    assert (GrainBoundarySpace(sparse, Path("/nonexistent")).pool().cost < pool.cost).all()
