from pathlib import Path

import numpy as np
import pytest

from tansaku.calculators.structures.cif_parent import SiteRequest, parent_from_cif
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ions import Ion

pytestmark = pytest.mark.needs("pymatgen")

HEAD = """data_{name}
_cell_length_a {a}
_cell_length_b {a}
_cell_length_c {c}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M '{group}'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
"""
PEROVSKITE = """Ca1 Ca 0.5 0.5 0.5 1
Ti1 Ti 0 0 0 1
O1 O 0.5 0 0 1
"""
SITES = {"A": SiteRequest(Ion("Ca", 2)), "B": SiteRequest(Ion("Ti", 4)), "O": SiteRequest(Ion("O", -2))}


def write(folder: Path, atoms: str = PEROVSKITE, *, group: str = "P m -3 m", a: float = 3.9, c: float = 3.9) -> Path:
    path = folder / "parent.cif"
    path.write_text(HEAD.format(name="parent", a=a, c=c, group=group) + atoms)
    return path


def test_symmetry_is_expanded_and_every_atom_has_its_site(tmp_path):
    parent = parent_from_cif(write(tmp_path), SITES, mobile="A")
    assert parent.multiplicity == {"A": 1, "B": 1, "O": 3}
    assert parent.atoms().get_chemical_formula() == "CaO3Ti"
    assert (parent.name, parent.mobile) == ("parent", "A")
    assert parent.coordination("B") == 6
    np.testing.assert_allclose(parent.cell, 3.9 * np.eye(3), atol=1e-9)


def test_labels_part_an_element_over_sites(tmp_path):
    # (½, 0, 0) and its images against (0, 0, ½) of a tetragonal cell.
    atoms = "Ca1 Ca 0.5 0.5 0.5 1\nTi1 Ti 0 0 0 1\nO1 O 0.5 0 0 1\nO2 O 0 0 0.5 1\n"
    path = write(tmp_path, atoms, group="P 4/m m m", c=4.1)
    sites = {**SITES, "Z": SiteRequest(Ion("O", -2), ("O2",))}
    parent = parent_from_cif(path, sites)
    assert parent.multiplicity == {"A": 1, "B": 1, "O": 2, "Z": 1}
    z = parent.fractions[parent.sites.index("Z")]
    np.testing.assert_allclose(z % 1.0, [0, 0, 0.5])


@pytest.mark.parametrize(
    ("sites", "message"),
    [
        ({"A": SITES["A"], "B": SITES["B"]}, "space.sites: O1 of 'parent.cif' belong to no site"),
        ({**SITES, "Q": SiteRequest(Ion("Fe", 3))}, "space.sites.Q.replaces: no Fe left in the file, which holds Ca, Ti, O"),
        ({**SITES, "Q": SiteRequest(Ion("Ti", 4))}, "space.sites.Q: atom Ti1 belongs to site B already"),
        ({**SITES, "B": SiteRequest(Ion("Ti", 3))}, r"sum up to -1; expected 0"),
        ({**SITES, "B": SiteRequest(Ion("Ti", 4), ("Ti9",))}, "space.sites.B.labels: no atom 'Ti9'; the file has Ca1, Ti1, O1"),
        ({**SITES, "B": SiteRequest(Ion("Ti", 4), ("Ca1",))}, "space.sites.B: Ca1 is no Ti"),
        ({**SITES, "O": SiteRequest(Ion("OH", -1))}, "expected an ion of one element"),
    ],
)
def test_sites_that_do_not_fit_the_file_are_named(tmp_path, sites, message):
    with pytest.raises(ConfigurationError, match=message):
        parent_from_cif(write(tmp_path), sites)


def test_partly_occupied_sites_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"Ti1 of 'parent.cif' holds .*expected one ion, fully"):
        parent_from_cif(write(tmp_path, PEROVSKITE.replace("Ti 0 0 0 1", "Ti 0 0 0 0.5")), SITES)


@pytest.mark.parametrize(
    "text", ["", "no cif at all", "data_x\n_cell_length_a 3\n", HEAD.format(name="x", a="q", c=1, group="P 1")]
)
def test_what_is_no_cif_is_refused(tmp_path, text):
    path = tmp_path / "bad.cif"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"space\.parent\.cif: 'bad\.cif'"):
        parent_from_cif(path, SITES)


def test_missing_large_and_crowded_files_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ConfigurationError, match="no file"):
        parent_from_cif(tmp_path / "absent.cif", SITES)
    padded = write(tmp_path)
    padded.write_text(padded.read_text() + "# padding\n" * 110_000)
    with pytest.raises(ConfigurationError, match="expected at most 1,000,000"):
        parent_from_cif(padded, SITES)
    grid = "".join(f"Ti{i} Ti {x / 6:.4f} {y / 6:.4f} {z / 6:.4f} 1\n" for i, (x, y, z) in enumerate(np.ndindex(6, 6, 6)))
    with pytest.raises(ConfigurationError, match=r"rows of atoms in .*: 216; expected at most 200"):
        parent_from_cif(write(tmp_path, grid, group="P 1", a=20, c=20), SITES)
