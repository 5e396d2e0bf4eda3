import io

import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read

from tansaku.calculators.structures.bicrystal import bicrystal_of
from tansaku.calculators.structures.coincidence import boundary_on, tilt_axis
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.export import write_structure
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
    with pytest.raises(ConfigurationError, match=r"\.extxyz or \.cif"):
        write_structure(atoms, tmp_path / "a.vasp")
