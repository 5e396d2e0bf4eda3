import numpy as np
import pytest
import spglib

from tansaku.calculators.structures.tavorite import TAVORITE_SITES, build_tavorite, tavorite
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ions import Ion

pytestmark = pytest.mark.needs("pymatgen")

LIVPO4F = {"A": "Li+", "M": "V3+", "X": "P5+", "Z": "F-"}


def space_group(atoms) -> str:
    return spglib.get_spacegroup((atoms.cell[:], atoms.get_scaled_positions(), atoms.numbers), symprec=1e-4)


def test_the_parent_is_the_refined_livpo4f():
    atoms = build_tavorite(LIVPO4F)
    assert atoms.get_chemical_formula() == "F2Li2O8P2V2"
    assert atoms.cell.cellpar() == pytest.approx([5.1708, 5.3083, 7.2631, 107.6, 107.97, 98.4])
    assert space_group(atoms) == "P-1 (2)"
    lengths = tavorite().bonds.lengths(atoms)
    symbols = np.array(atoms.get_chemical_symbols())
    from_v, from_p = (lengths[symbols[tavorite().bonds.cations] == symbol] for symbol in ("V", "P"))
    assert (len(from_v), len(from_p)) == (12, 8)
    assert 1.93 < from_v.min() <= from_v.max() < 2.05
    assert 1.50 < from_p.min() <= from_p.max() < 1.60


def test_sites_have_the_coordination_of_a_tavorite():
    assert {site: tavorite().coordination(site) for site in "AMXZO"} == {"A": 5, "M": 6, "X": 4, "Z": 3, "O": 3}
    bonds, sites = tavorite().bonds, np.array(tavorite().sites)
    octahedron = sites[bonds.anions[sites[bonds.cations] == "M"]].tolist()
    assert sorted(octahedron) == ["O"] * 8 + ["Z"] * 4
    bridges = [int(((bonds.anions == z) & (sites[bonds.cations] == "M")).sum()) for z in np.flatnonzero(sites == "Z")]
    assert bridges == [2, 2]


@pytest.mark.parametrize(
    ("a", "m", "x", "z"),
    [
        ("Na+", "Fe2+", "S6+", "F-"),
        ("Li+", "Ti4+", "P5+", "O2-"),
        ("Na+", "Ta5+", "Si4+", "O2-"),
        ("Li+", "Zr4+", "Ge4+", "Cl-"),
    ],
)
def test_a_substituted_cell_names_its_sites_and_keeps_its_symmetry(a, m, x, z):
    atoms = build_tavorite({"A": a, "M": m, "X": x, "Z": z})
    assert len(atoms) == 16
    assert space_group(atoms) == "P-1 (2)"
    for site, ion in zip(TAVORITE_SITES, (a, m, x, z), strict=True):
        mine = atoms.arrays["site"] == site
        assert mine.sum() == 2
        assert set(np.array(atoms.get_chemical_symbols())[mine]) == {Ion.parse(ion).element}
        assert set(atoms.arrays["oxidation_state"][mine]) == {Ion.parse(ion).charge}
    assert atoms.arrays["oxidation_state"].sum() == 0
    assert atoms.info["mobile_ion"] == a


def test_hydroxide_brings_hydrogens_that_keep_clear_of_the_cations():
    atoms = build_tavorite({"A": "Li+", "M": "Fe3+", "X": "P5+", "Z": "OH-"})
    assert len(atoms) == 18
    assert space_group(atoms) == "P-1 (2)"
    assert atoms.arrays["oxidation_state"].sum() == 0
    hydrogens = atoms.arrays["site"] == "H"
    distances = atoms.get_all_distances(mic=True)[hydrogens]
    symbols = np.array(atoms.get_chemical_symbols())
    own, z = distances[:, atoms.arrays["site"] == "Z"].min(axis=1), distances[:, np.isin(symbols, ["Li", "Fe", "P"])]
    assert own == pytest.approx([0.97, 0.97])
    assert z.min() > 1.9


def test_larger_ions_make_a_larger_cell():
    volume = {
        (site, ion): build_tavorite({**LIVPO4F, "A": "Li+", "M": "Al3+", site: ion}).get_volume()
        for site, ion in (
            ("A", "Li+"),
            ("A", "Na+"),
            ("M", "Al3+"),
            ("M", "Y3+"),
            ("X", "P5+"),
            ("X", "As5+"),
            ("Z", "F-"),
            ("Z", "Cl-"),
        )
    }
    sizes = list(volume.values())
    for small, large in zip(sizes[::2], sizes[1::2], strict=True):
        assert large > small


@pytest.mark.parametrize(
    ("ions", "message"),
    [
        ({**LIVPO4F, "M": "V4+"}, r"leaves a charge of \+2 per cell; expected 0"),
        ({"A": "Li+", "M": "V3+"}, "expected one for each of A, M, X, Z"),
        ({**LIVPO4F, "Q": "F-"}, "expected one for each of A, M, X, Z"),
        ({**LIVPO4F, "M": "V"}, "'V' is not an ion"),
    ],
)
def test_what_is_no_tavorite_is_refused(ions, message):
    with pytest.raises(ConfigurationError, match=message):
        build_tavorite(ions)
