import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tansaku.calculators.structures.tavorite import build_tavorite, tavorite
from tansaku.calculators.workflows.migration.checks import check_framework
from tansaku.models.domain.errors import ConfigurationError

IONS = {"A": "Li+", "M": "V3+", "X": "P5+", "Z": "F-"}


@pytest.fixture
def host(require):
    require("pymatgen")
    return build_tavorite(IONS)


@pytest.fixture(scope="module")
def fixed_host(require):
    require("pymatgen")
    return build_tavorite(IONS)


def test_every_polyhedron_is_seen(host):
    found = check_framework(host, host)
    assert found.intact
    assert found.message == ""
    assert sorted(found.coordination.values()) == [4, 4, 6, 6]
    assert found.longest == pytest.approx(1.0)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), strain=st.floats(-0.08, 0.08))
def test_shaking_straining_and_wrapping_break_nothing(fixed_host, seed, strain):
    moved = fixed_host.copy()
    moved.set_cell(moved.cell * (1.0 + strain), scale_atoms=True)
    moved.rattle(0.05, seed=seed)
    moved.wrap()
    assert check_framework(fixed_host, moved).intact


def test_mobile_ions_do_not_count(host):
    vacancy = host.repeat((2, 2, 1))
    reference = vacancy.copy()
    del vacancy[np.flatnonzero(vacancy.arrays["site"] == "A")[0]]
    vacancy.positions[vacancy.arrays["site"] == "A"] += [0.5, 0.5, 0.0]
    assert check_framework(reference, vacancy).intact


def test_a_lost_corner_is_named(host):
    moved = host.copy()
    bonds, sites = tavorite().bonds, np.array(tavorite().sites)
    x = int(np.flatnonzero(sites == "X")[0])
    oxygen = int(bonds.anions[bonds.cations == x][0])
    vector = moved.get_distance(x, oxygen, mic=True, vector=True)
    moved.positions[oxygen] += 1.2 * vector / np.linalg.norm(vector)
    found = check_framework(host, moved)
    assert not found.intact
    assert "(X)" in found.message
    assert found.longest > 1.5


def test_an_exchanged_corner_is_named(host):
    moved = host.copy()
    z, o = (int(np.flatnonzero(host.arrays["site"] == site)[0]) for site in ("Z", "O"))
    moved.positions[[z, o]] = moved.positions[[o, z]]
    message = check_framework(host, moved).message
    assert "lost" in message
    assert "gained" in message


def test_a_stretched_bond_is_named_when_no_other_atom_takes_its_place(host):
    swollen = host.copy()
    swollen.set_cell(swollen.cell * 1.3, scale_atoms=True)
    assert check_framework(host, swollen).intact
    assert "1.30 times as far" in check_framework(host, swollen, stretch=1.2).message


def test_constraints_are_no_hindrance(host):
    from ase.constraints import FixSymmetry

    held = host.copy()
    held.set_constraint(FixSymmetry(held, symprec=1e-3))
    assert check_framework(host, held).intact


def test_structures_that_cannot_be_compared_are_refused(host):
    other = build_tavorite({**IONS, "M": "Al3+"})
    with pytest.raises(ConfigurationError, match="expected the same atoms in the same order"):
        check_framework(host, other)
    bare = host.copy()
    del bare.arrays["site"]
    with pytest.raises(ConfigurationError, match="no array 'site'"):
        check_framework(host, bare)
