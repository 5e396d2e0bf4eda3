import io

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read

from tansaku.calculators.structures.bicrystal import bicrystal_of
from tansaku.calculators.structures.coincidence import boundary_on, tilt_axis
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.export import SUFFIXES, write_structure
from tansaku.models.domain.errors import ConfigurationError


@pytest.fixture
def atoms():
    pair = bicrystal_of(CubicCrystal("fcc", "Al", 4.05), boundary_on(tilt_axis((1, 1, 0)), (1, 1, 3)), 12.0)
    atoms = pair.cell(0, (0.2, 0.1, 0.3))
    atoms.info |= {
        "candidate": "s011-113-r0-x020-y010-z030",
        "sigma": 11,
        "plane": [1, 1, 3],
        "angle": 50.478803641357835,
        "translation": [0.2, 0.1, 0.3],
        "potential": "NiAlH_jea.eam.alloy",
    }
    return atoms


def test_extxyz_keeps_metadata_arrays_and_results(atoms, tmp_path):
    atoms.calc = EMT()
    energies = atoms.get_potential_energies()
    atoms.calc = SinglePointCalculator(atoms, energy=energies.sum(), energies=energies)
    again = read(write_structure(atoms, tmp_path / "a.extxyz"))
    assert again.info["sigma"] == 11
    assert again.info["plane"].tolist() == [1, 1, 3]
    assert again.info["translation"].tolist() == [0.2, 0.1, 0.3]
    assert again.info["potential"] == "NiAlH_jea.eam.alloy"
    np.testing.assert_array_equal(again.arrays["boundary"], atoms.arrays["boundary"])
    np.testing.assert_array_equal(again.arrays["held"], atoms.arrays["held"])
    np.testing.assert_allclose(again.positions, atoms.positions, atol=1e-7)
    np.testing.assert_allclose(again.get_potential_energies(), energies, atol=1e-7)


def test_cif_carries_the_metadata_as_comments(atoms, tmp_path):
    path = write_structure(atoms, tmp_path / "a.cif")
    text = path.read_text(encoding="utf-8")
    for line in ("# sigma: 11", "# plane: [1, 1, 3]", "# translation: [0.2, 0.1, 0.3]", "# potential: NiAlH_jea.eam.alloy"):
        assert line in text.splitlines()
    again = read(path)
    assert len(again) == len(atoms)
    np.testing.assert_allclose(again.cell.lengths(), atoms.cell.lengths(), atol=1e-4)


def test_metadata_cannot_break_out_of_the_cif_comment(atoms, tmp_path):
    atoms.info["potential"] = "x\ndata_evil\n_cell_length_a 1"
    path = write_structure(atoms, tmp_path / "a.cif")
    assert "data_evil" not in path.read_text(encoding="utf-8").splitlines()
    assert len(read(io.StringIO(path.read_text(encoding="utf-8")), format="cif")) == len(atoms)


def test_other_formats_are_refused(atoms, tmp_path):
    with pytest.raises(ConfigurationError, match=r"\.extxyz, \.cif, \.poscar, \.data"):
        write_structure(atoms, tmp_path / "a.vasp")


@pytest.mark.parametrize("suffix", [".poscar", ".data"])
def test_metadata_stay_in_the_first_line(atoms, tmp_path, suffix):
    atoms.info |= {"potential": "x\n99\ny\x1b[31m", "empty": "", "none": None}
    text = write_structure(atoms, tmp_path / f"a{suffix}").read_text(encoding="utf-8")
    first = text.splitlines()[0]
    assert first.startswith("# Al")
    assert "sigma=11" in first
    assert "potential=x 99 y\\x1b[31m" in first
    assert "empty" not in first
    assert "none" not in first
    assert "\x1b" not in text


def test_several_species_are_read_back_as_they_were(tmp_path):
    atoms = bulk("NaCl", "rocksalt", a=5.64) * (2, 1, 3)
    atoms.rattle(0.1, seed=1)
    for suffix in SUFFIXES.values():
        again = read(write_structure(atoms, tmp_path / f"a{suffix}"), format="lammps-data" if suffix == ".data" else None)
        order, own = (np.argsort(one.numbers, kind="stable") for one in (again, atoms))
        np.testing.assert_array_equal(again.numbers[order], atoms.numbers[own])
        np.testing.assert_allclose(again.cell.cellpar(), atoms.cell.cellpar(), atol=1e-6)
        apart = again[order].get_all_distances(mic=True) - atoms[own].get_all_distances(mic=True)
        assert np.abs(apart).max() < 1e-6
