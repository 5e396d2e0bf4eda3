"""Parts of an oxide's energy from its field and from its points: the benchmark runs, and its data are what they say."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.voxel.__main__ import divided
from benchmarks.voxel.data import FILE, GRID, TARGETS, half_amplitudes, read, write
from tansaku.models.domain.identifiers import file_sha256

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def rows():
    return read()[0]


def test_quick_run_writes_result_and_figure(tmp_path, require):
    for component in ("dscribe", "torch", "pymatgen"):
        require(component)
    out, figure = tmp_path / "result.json", tmp_path / "figure.png"
    command = [sys.executable, "-m", "benchmarks.voxel", "--quick", "--out", str(out), "--figure", str(figure)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    result = json.loads(out.read_text())
    assert set(result["mae"]) == set(TARGETS)
    for target, by_method in result["mae"].items():
        assert len(by_method) == 9, target
        assert all(np.isfinite(value) for by_size in by_method.values() for value in by_size.values())
    hartree = {name: min(by_size.values()) for name, by_size in result["mae"]["hartree_energy"].items()}
    assert hartree["power_spectrum"] < 0.2 * min(hartree["soap"], hartree["coulomb_matrix"])
    assert figure.stat().st_size > 20_000
    assert result["data"]["sha256"] == file_sha256(FILE)


def test_the_file_is_small_and_its_oxides_are_whole(rows):
    assert FILE.stat().st_size < 10e6
    assert len(rows) >= 90
    assert len({row.id for row in rows}) == len(rows)
    for row in rows:
        volume = row.structure.get_volume()
        assert float(row.half[0].real) * volume == pytest.approx(row.electrons, rel=1e-4)
        assert {"O"} < set(row.structure.get_chemical_symbols())
        total = row.targets["eigenvalue_energy"] - row.targets["hartree_energy"]
        total += row.targets["delta_xc_energy"] + row.targets["ion_ion_energy"]
        assert total < -row.targets["cohesive_energy"] < 0.0


def test_the_hartree_energy_is_linear_in_the_squared_descriptor(rows):
    from benchmarks.voxel.features import Oxides

    shells = Oxides(rows, {}).shells.sum(axis=1)
    computed = np.array([row.targets["hartree_energy"] / len(row.structure) for row in rows])
    # What lies outside the sphere is missing, a percent at most.
    assert ((shells < computed) & (shells > 0.97 * computed)).all()


def test_a_field_comes_back_from_its_peaks(rows):
    from benchmarks.voxel.features import example

    row = rows[0]
    found = example(row, np.zeros(len(TARGETS)))
    field, cell = np.asarray(found.fields["density"]), row.structure.cell.array
    assert (np.linalg.norm(cell, axis=1) / field.shape <= GRID.resolution).all()
    np.testing.assert_allclose(half_amplitudes(field, cell), row.half, atol=1e-6)


def test_the_same_oxides_make_the_same_file(rows, tmp_path):
    told = read()[1]
    write(rows[::-1], told, tmp_path / "again.npz")
    assert file_sha256(tmp_path / "again.npz") == file_sha256(FILE)


def test_a_composition_stays_on_one_side(rows):
    formulas = [row.formula for row in rows]
    training, test = divided(formulas, 3)
    assert sorted([*training, *test]) == list(range(len(rows)))
    assert not {formulas[place] for place in training} & {formulas[place] for place in test}
    assert len(test) >= 80 / 680 * len(rows) - 1
    assert divided(formulas, 4)[1].tolist() != test.tolist()
