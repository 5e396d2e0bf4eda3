"""What thin grains get wrong, and thicker ones in the final relaxation put right (Al of Mishin 1999, Cu of Mishin 2001)."""

from pathlib import Path

import pytest

from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate
from tansaku.tasks.read.views.results import thickness_lines

AL = {"structure": "fcc", "element": "Al", "lattice_parameter": 4.05, "own_lattice_parameter": 4.05}
CU = {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.615, "own_lattice_parameter": 3.615}
TWO = ({"boundaries": 2, "polish": 36}, (36.0,))
ONE = ({"boundaries": 1}, (20.0, 30.0))


@pytest.fixture
def final(tmp_path, mishin_aluminium):
    """``final(cell, candidate, plane, x, y, z)``: the outcome of a final relaxation [mJ/m^2]."""

    def relax(cell, candidate, plane, shift, **changes):
        key, thicknesses = cell
        crystal = changes.pop("crystal", AL)
        document = {
            "campaign": "test",
            "candidate": candidate,
            "space": {
                "type": "grain_boundary",
                "crystal": crystal,
                "boundaries": {"planes": [plane]},
                "translation": dict(zip(("in_plane", "along_axis", "normal"), ([value] for value in shift), strict=True)),
                "removed_planes": [int(candidate.split("-r")[1][0])],
                "cell": key,
            }
            | changes,
            "calculator": {"type": "lammps", "potential": "Al99.eam.alloy" if crystal is AL else "Cu_mishin1.eam.alloy"},
            "relaxation": RelaxationSpec(cell="fixed" if key["boundaries"] == 1 else "normal", translation="free"),
            "thicknesses": thicknesses,
            "base_path": str(mishin_aluminium if crystal is AL else Path()),
        }
        return evaluate(JobDocument.model_validate(document), tmp_path)

    return relax


@pytest.mark.parametrize("cell", [TWO, ONE], ids=["two", "one"])
def test_a_boundary_whose_thin_grains_turn(final, cell):
    """Grains of 16 Å turn, at 250.7 mJ/m^2, and are refused; no grain turns that is thick, or between rigid blocks."""
    found = final(cell, "s041-338-r5-x030-y010-z040", [3, 3, 8], (0.3, 0.1, 0.4))
    assert found.value == pytest.approx(289.3, abs=1.0)
    first = found.properties["grain_thicknesses"][0]
    assert first["failure"] == ("rotated_grain" if cell is TWO else None)


@pytest.mark.parametrize(("cell", "thin"), [(TWO, 286.7), (ONE, 284.0)], ids=["two", "one"])
def test_a_boundary_whose_thin_grains_are_too_stiff(final, cell, thin):
    found = final(cell, "s059-3_3_10-r5-x387-y192-z050", [3, 3, 10], (3.87, 1.92, 0.5))
    assert found.value == pytest.approx(279.5, abs=1.0)
    rows, change = found.properties["grain_thicknesses"], found.properties["thickness_change"]
    assert 1e3 * rows[0]["energy"] == pytest.approx(thin, abs=0.3)
    assert 1e3 * change == pytest.approx(found.value - thin, abs=0.3)
    row = {"system": "s059-3_3_10", "thickness": {"grains": rows, "change": change, "matters": True}}
    [line] = thickness_lines([row])
    assert line.startswith(
        f"s059-3_3_10: grains of {rows[-1]['thickness']:.0f} instead of {rows[0]['thickness']:.0f} Å change it by -"
    )


@pytest.mark.parametrize("cell", [TWO, ONE], ids=["two", "one"])
@pytest.mark.parametrize(
    ("candidate", "plane", "shift", "crystal", "known"),
    [
        ("s011-113-r0-x000-y000-z010", [1, 1, 3], (0.0, 0.0, 0.1), AL, 150.8),
        ("s005-310-r1-x000-y000-z030", [3, 1, 0], (0.0, 0.0, 0.3), CU, 904.7),
    ],
)
def test_both_cells_have_the_known_energies(final, cell, candidate, plane, shift, crystal, known):
    changes = {"axis": [0, 0, 1]} if crystal is CU else {}
    found = final(cell, candidate, plane, shift, crystal=crystal, **changes)
    assert found.value == pytest.approx(known, abs=1.0)
    assert abs(found.properties["thickness_change"]) < 2e-3
