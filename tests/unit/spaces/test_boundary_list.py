"""Boundaries that a table lists: three kinds of columns, one code path, and errors that name the cell."""

import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec
from tansaku.models.domain.specs.identity import identity
from tansaku.models.domain.specs.limits import DEFAULT_LIMITS
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.configuration.campaign_files import campaign_from_data, load_campaign

pytestmark = pytest.mark.needs("pymatgen")

SPACE = {
    "type": "grain_boundary",
    "crystal": {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.615},
    "cell": {"boundaries": 1},
    "translation": {"normal": [0.3], "in_plane": {"step": 0.8}, "along_axis": {"step": 0.8}},
}
ROTATED = "axis,sigma,plane,angle,kind,note\n0 0 1,5,0 0 1,,twist,first\n0 0 1,5,1 0 0,36.87,,second\n"
GENERAL = [
    {"axis": [0, 0, 1], "sigma": 5, "plane": [0, 0, 1], "kind": "twist"},
    {"axis": [0, 0, 1], "sigma": 5, "plane": [1, 0, 0], "angle": 36.87},
]
AXES = ",".join(f"{grain}{row}{i}" for row in (1, 2, 3) for grain in "LR" for i in (1, 2, 3))
# Numbers 1, 3, 18, 19 and 22 of Olmsted, Foiles and Holm 2009, doi:10.1016/j.actamat.2009.04.007.
OLMSTED = {
    "3,1,0,3,1,0,0,0,2,0,0,-2,1,-3,0,-1,3,0": (5, 36.87),
    "2,2,2,2,2,2,1,-1,0,-1,1,0,1,1,-2,-1,-1,2": (3, 60.0),
    "4,4,2,2,0,0,1,-1,0,0,1,1,1,1,-4,0,-3,3": (3, 60.0),
    "4,4,2,4,4,2,1,-1,0,-1,1,0,1,1,-4,-1,-1,4": (9, 38.94),
    "4,4,2,4,4,2,3,-3,0,1,1,-4,1,1,-4,-3,3,0": (9, 38.94),
}


def opened(folder, text, limits=DEFAULT_LIMITS, **boundaries):
    (folder / "list.csv").write_text(text, encoding="utf-8")
    spec = GrainBoundarySpaceSpec.model_validate(SPACE | {"boundaries": boundaries or {"list": "list.csv"}})
    return open_space(spec, folder, limits)


def test_a_table_lists_what_the_file_could_list(tmp_path):
    listed, written = opened(tmp_path, ROTATED), opened(tmp_path, "", general=GENERAL)
    assert listed.pool().ids.tolist() == written.pool().ids.tolist()
    assert list(listed.describe_systems()) == list(written.describe_systems())


def test_two_planes_with_a_direction_each(tmp_path):
    header = "plane_1,plane_2,direction_1,direction_2,max_strain\n"
    listed = opened(tmp_path, header + "1 0 0,4 3 0,0 0 1,0 0 1,\n1 0 0,1 1 0,0 0 1,0 0 1,0.02\n")
    pairs = [
        {"planes": [[1, 0, 0], [4, 3, 0]], "directions": [[0, 0, 1], [0, 0, 1]]},
        {"planes": [[1, 0, 0], [1, 1, 0]], "directions": [[0, 0, 1], [0, 0, 1]], "max_strain": 0.02},
    ]
    assert listed.pool().ids.tolist() == opened(tmp_path, "", general=pairs).pool().ids.tolist()


MAGNESIUM = {"crystal": {"structure": "hcp", "element": "Mg", "lattice_parameter": [3.1842, 5.1844]}}


def magnesium(folder, text):
    (folder / "list.csv").write_text(text, encoding="utf-8")
    spec = GrainBoundarySpaceSpec.model_validate(SPACE | MAGNESIUM | {"boundaries": {"list": "list.csv"}})
    return open_space(spec, folder, DEFAULT_LIMITS)


def test_boundaries_of_a_hexagonal_crystal(tmp_path):
    text = "axis,sigma,plane,ratio,max_strain\n0 0 0 1,7,0 0 0 1,,\n1 -2 1 0,17,-1 0 1 2,8 3,0.01\n"
    rows = magnesium(tmp_path, text).describe_systems()
    assert [row["system"] for row in rows] == ["s007-0001-0001-t2179", "s017-m1_0_1_2-1_0_m1_2-t8663"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("axis,sigma,plane\n0 0 1,7,0 0 0 1\n", "row 1, column 'axis': '0 0 1'; expected four whole numbers"),
        ("axis,sigma,plane\n0 0 0 1,7,1 0 1 0\n", "column 'plane': '1 0 1 0'; expected indices of which the first three add"),
        ("axis,sigma,plane,ratio\n1 -2 1 0,17,0 0 0 1,8/3\n", "column 'ratio': '8/3'; expected two whole numbers above 0"),
        (f"{AXES}\n{','.join(['1'] * 18)}\n", "columns L11 to R33 are those of cubic crystals, not of hcp"),
    ],
)
def test_a_wrong_cell_of_a_hexagonal_crystal_is_named(tmp_path, text, message):
    with pytest.raises(ConfigurationError, match=message):
        magnesium(tmp_path, text)


def test_a_row_may_have_an_angle_instead_of_sigma(tmp_path):
    text = "axis,sigma,angle,plane\n0 0 1,,36.9,0 0 1\n0 0 1,13,,0 0 1\n"
    assert [row["sigma"] for row in opened(tmp_path, text).describe_systems()] == [13, 5]


def test_three_axes_of_each_grain_as_in_the_public_list(tmp_path):
    """Two boundaries on the same planes, turned against each other by other angles, have names of their own."""
    found = opened(tmp_path, "\n".join([f"number,{AXES}", *(f"x,{row}" for row in OLMSTED)]) + "\n").describe_systems()
    assert sorted((row["sigma"], round(row["angle"], 2)) for row in found) == sorted(OLMSTED.values())
    assert len({row["system"] for row in found}) == len(OLMSTED)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("axis,sigma,plane\n0 0 1,5,0 0 1\n0 0,5,0 0 1\n", r"list: row 2, column 'axis': '0 0'; expected three whole numbers"),
        ("axis,sigma,plane\n0 0 1,,0 0 1\n", "row 1, column 'sigma': ''; expected a whole number from 3 to 9999"),
        ("axis,sigma,plane\n0 0 1,2,0 0 1\n", "row 1, column 'sigma': '2'; expected a whole number from 3"),
        ("axis,sigma,plane,kind\n0 0 1,5,0 0 1,turn\n", "row 1, column 'kind': 'turn'; expected twist, tilt, mixed or nothing"),
        ("axis,angle,plane\n0 0 1,,0 0 1\n", "row 1, column 'angle': ''; expected a number above 0 and up to 180$"),
        ("axis,sigma,plane,angle\n0 0 1,5,0 0 1,wide\n", "row 1, column 'angle': 'wide'; expected a number above 0"),
        ("axis,sigma,plane\n0 0 1,5,0 0 0\n", "row 1, column 'plane': '0 0 0'; expected indices that are not all zero"),
        ("\n", "has no columns; expected those of one kind: axis"),
        ("axis,sigma,plane\n0 0 1,7,0 0 1\n", "list: row 1: axis .*no coincidence lattice"),
        ("axis,sigma,plane\n0 0 1,5,0 0 1\n0 0 1,5,0 0 2\n", "list: row 2: the boundary s005-001-001-t3687 is listed already"),
        (
            "axis,plane\n0 0 1,0 0 1\n",
            "columns axis, plane; expected those of one kind: axis, sigma or angle, and plane; or plane_1",
        ),
        ("axis,sigma,plane\n", "has no rows"),
        (
            f"{AXES}\n3,1,0,3,1,0,0,1,2,0,0,-2,1,-3,0,-1,3,0\n",
            "column 'L21': '0'; expected row L2 to be perpendicular",
        ),
        (f"{AXES}\n3,1,0,3,1,0,0,0,2,0,0,-2,1,-3,0,1,-3,0\n", r"column 'R31': '1'; expected row R3 along \[-1, 3, 0\]"),
        (f"{AXES}\n3,1,0,3,1,0,0,0,2,0,0,-2,1,-3,0,-1,3,0.5\n", "column 'R33': '0.5'; expected a whole number"),
        (
            f"{AXES}\n0,0,0,3,1,0,0,0,2,0,0,-2,1,-3,0,-1,3,0\n",
            "column 'L11': '0'; expected L11, L12 and L13 not all",
        ),
    ],
)
def test_a_wrong_cell_is_named(tmp_path, text, message):
    with pytest.raises(ConfigurationError, match=message):
        opened(tmp_path, text)


def test_a_termination_that_does_not_exist_names_its_boundary(tmp_path):
    spec = GrainBoundarySpaceSpec.model_validate(SPACE | {"boundaries": {"general": GENERAL[:1]}, "removed_planes": [7]})
    with pytest.raises(ConfigurationError, match=r"removed_planes: \[7\]; the terminations of s005-001-001-t3687 are \[0"):
        open_space(spec, tmp_path)


def test_a_longer_table_than_the_machine_allows_is_refused_before_it_is_read(tmp_path):
    limits = DEFAULT_LIMITS.model_copy(update={"surfaces": 2})
    with pytest.raises(ConfigurationError, match="list: boundaries"):
        opened(tmp_path, "axis,sigma,plane\n" + 3 * "not,even,read\n", limits)


def test_the_table_counts_by_its_content(tmp_path):
    data = {
        "schema_version": 1,
        "name": "listed",
        "space": SPACE | {"boundaries": {"list": "list.csv"}},
        "calculator": {"type": "emt"},
        "budget": {"evaluations": 1},
    }
    hashes = []
    for folder, text in (("a", ROTATED), ("b", ROTATED), ("c", ROTATED.replace("second", "other"))):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "list.csv").write_text(text, encoding="utf-8")
        spec = campaign_from_data(data, tmp_path / folder, "a test").spec.space
        hashes.append(identity(spec)["boundaries"])
    assert hashes[0] == hashes[1] != hashes[2]
    assert set(hashes[0]) == {"sha256"}
    (tmp_path / "c" / "list.csv").write_text(ROTATED, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="has SHA-256"):
        open_space(spec, tmp_path / "c")


def test_a_missing_table_is_named_with_its_line(tmp_path):
    file = tmp_path / "listed.yaml"
    file.write_text(
        "schema_version: 1\nspace:\n  type: grain_boundary\n"
        "  crystal: {structure: fcc, element: Cu, lattice_parameter: 3.615}\n"
        "  cell: {boundaries: 1}\n  boundaries:\n    list: nowhere.csv\n"
        "calculator: {type: emt}\nbudget: {evaluations: 1}\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigurationError, match=r"space\.boundaries\.list: file .*nowhere\.csv' does not exist .*line 7"):
        load_campaign(file)


@pytest.mark.parametrize(
    ("boundaries", "message"),
    [
        ({"list": "a.csv", "general": GENERAL}, "expected one of them"),
        ({"general": GENERAL, "sha256": "0" * 64}, "sha256: given without list"),
    ],
)
def test_a_list_is_given_alone(boundaries, message):
    with pytest.raises(ValueError, match=message):
        GrainBoundarySpaceSpec.model_validate(SPACE | {"boundaries": boundaries})


def test_a_list_needs_one_boundary_in_the_cell():
    with pytest.raises(ValueError, match=r"with boundaries\.list expected cell: \{boundaries: 1\}"):
        GrainBoundarySpaceSpec.model_validate(SPACE | {"boundaries": {"list": "a.csv"}, "cell": {"boundaries": 2}})
