"""The final relaxation of a boundary, repeated with thicker grains."""

from types import SimpleNamespace

import pytest
from ase import Atoms

from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.jobs.boundary import RelaxedBoundary, relaxed_in_thicker_grains
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate


class Cells:
    """Remembers from which grains a structure was carried."""

    def __init__(self):
        self.carried = []

    def thicker(self, candidate, relaxed, thickness, before=None):
        self.carried.append((relaxed.info["from"], thickness, before))
        return Atoms("Al2", info={"translation": [0.0, 0.0, 0.1], "thickness": thickness})

    def grain_thickness(self, candidate, thickness=None):
        return thickness or 15.0


def relaxing(energies):
    """Relaxes to given energies by thickness [J/m^2]; None fails."""

    def relax(start):
        thickness = start.info.get("thickness", 15.0)
        if energies[thickness] is None:
            raise CalculationError("rotated_grain", "turned")
        after = Atoms("Al", info={"from": thickness})
        found = SimpleNamespace(
            value=energies[thickness], drift=(0.1, 0.2), expansion=0.05, result=SimpleNamespace(atoms=after)
        )
        return RelaxedBoundary(start, found, {})

    return relax


def thick(energies, thicknesses=(20.0, 30.0)):
    cells = Cells()
    start = Atoms("Al", info={"translation": [0.0, 0.0, 0.1], "from": "search"})
    relaxed, report = relaxed_in_thicker_grains(relaxing(energies), cells, "c", start, thicknesses)
    return relaxed, report, cells.carried


def test_the_value_is_that_of_the_thickest_grains_and_the_change_is_reported():
    relaxed, report, carried = thick({15.0: 0.25, 20.0: 0.26, 30.0: 0.27})
    assert relaxed.found.value == 0.27
    assert report["thickness_change"] == pytest.approx(0.02)
    assert [(row["thickness"], row["energy"]) for row in report["grain_thicknesses"]] == [
        (15.0, 0.25),
        (20.0, 0.26),
        (30.0, 0.27),
    ]
    assert carried == [(15.0, 20.0, None), (20.0, 30.0, 20.0)]
    # Three relaxations moved grain 1, each from where the last had left it.
    assert relaxed.travelled["final_translation"] == pytest.approx([0.3, 0.6, 0.1])
    assert relaxed.travelled["expansion"] == pytest.approx(0.15)


def test_a_relaxation_that_fails_in_thin_grains_is_tried_again_in_thicker_ones():
    relaxed, report, carried = thick({15.0: None, 20.0: None, 30.0: 0.27})
    assert relaxed.found.value == 0.27
    assert report["thickness_change"] is None
    assert [row["failure"] for row in report["grain_thicknesses"]] == ["rotated_grain", "rotated_grain", None]
    assert carried == [("search", 20.0, None), ("search", 30.0, None)]


def test_a_relaxation_that_fails_in_the_thickest_grains_has_failed():
    with pytest.raises(CalculationError, match="turned"):
        thick({15.0: 0.25, 20.0: 0.26, 30.0: None})


CANDIDATE = "s011-113-r0-x000-y000-z010"


def document(folder, kind, thicknesses, **relaxation):
    space = {
        "type": "grain_boundary",
        "crystal": {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.59, "own_lattice_parameter": 3.59},
        "boundaries": {"planes": [[1, 1, 3]]},
        "translation": {"normal": [0.1], "in_plane": [0.0], "along_axis": [0.0]},
        "removed_planes": [0],
        "cell": kind,
    }
    return JobDocument(
        campaign="test",
        candidate=CANDIDATE,
        space=space,
        calculator={"type": "emt"},
        relaxation=RelaxationSpec(translation="free", fmax=0.02, **relaxation),
        thicknesses=thicknesses,
        base_path=str(folder),
    )


def test_the_job_of_both_cells_gives_one_energy_by_emt(tmp_path):
    one = evaluate(document(tmp_path, {"boundaries": 1, "relaxed": 8, "polish": [12]}, (12.0,)), tmp_path)
    two = evaluate(document(tmp_path, {"boundaries": 2, "polish": 32}, (32.0,), cell="normal"), tmp_path)
    assert one.failure is two.failure is None
    assert one.value == pytest.approx(two.value, abs=3.0)
    assert len(one.properties["boundary_energies"]) == 1
    assert one.properties["boundaries_differ"] is None
    assert [row["thickness"] >= t for row, t in zip(one.properties["grain_thicknesses"], (8, 12), strict=True)] == [True, True]
    assert one.properties["n_atoms"] == one.properties["grain_thicknesses"][1]["atoms"]
    assert (tmp_path / one.artifacts["structure.extxyz"]).is_file()


def test_only_the_slab_of_a_block_cell_is_looked_at(tmp_path):
    told = document(tmp_path, {"boundaries": 1, "polish": []}, ()).model_copy(update={"relaxation": RelaxationSpec(fmax=1e6)})
    found = evaluate(told, tmp_path).properties["grains"]
    atoms = open_space(told.space, tmp_path).structure(CANDIDATE)
    slab = int(((atoms.arrays["block"] == 0) & (atoms.arrays["grain"] == 0)).sum())
    assert found["checked"] is True
    assert 4 <= found["atoms"][0] < slab
