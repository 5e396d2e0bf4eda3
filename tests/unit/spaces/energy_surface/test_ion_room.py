"""Input of an energy surface that cannot be right is refused before anything is computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.energy_surface import EnergySurfaceSpaceSpec
from tansaku.models.domain.specs.limits import DEFAULT_LIMITS
from tansaku.spaces.energy_surface import EnergySurfaceSpace, check_steps
from tansaku.tasks.node.configuration import campaign_files as configuration

ALUMINIUM = {"structure": "fcc", "elements": ["Al"], "lattice_parameter": 4.05}


def opened(folder: Path | None = None, **keys: object) -> EnergySurfaceSpace:
    return EnergySurfaceSpace(
        EnergySurfaceSpaceSpec.model_validate({"host": ALUMINIUM, "ion": "H", "grid": 0.3, **keys}), folder or Path()
    )


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"exclusion": 0.0}, r"space\.exclusion: .* from Al, inside the atom; expected"),
        ({"exclusion": 0.1}, r"space\.exclusion: .* from Al, inside the atom; expected"),
        ({"exclusion": 1.4}, r"space\.exclusion: every grid point is inside an atom"),
        ({"grid": 1.5}, r"space\.grid: steps of 1\.43 Å .* around Al .* at most 0\.91 Å"),
        (
            {"host": ALUMINIUM | {"lattice_parameter": 3.2}, "grid": 0.2, "exclusion": 1.0},
            r"space\.grid: \d+ distinct positions, which no plane wave .* a finer grid",
        ),
        ({"host": ALUMINIUM | {"elements": ["Qq"]}}, r"space\.host\.elements: 'Qq'; expected chemical symbols"),
        ({"host": {"prototype": "perovskite", "ions": ["Ba2+", "Nb5+"]}}, r"space\.host\.ions: .*charge of \+1 e"),
        ({"host": {"prototype": "perovskite", "ions": ["Ba2+", "Al3+"]}}, r"space\.host\.ions: .*charge of -1 e"),
        ({"host": {"prototype": "perovskite", "ions": ["Zr4+"]}}, r"space\.host\.ions: .*1 given, .* 2 sites"),
    ],
)
def test_a_host_in_which_the_ion_cannot_be_is_refused(keys, message):
    with pytest.raises(ConfigurationError, match=message):
        opened(**keys).pool()


def test_a_grid_whose_diagonals_lead_into_atoms_is_opened_but_not_begun_with():
    # The diagonal of the primitive cell is √6 times as long as its vectors.
    coarse = opened(grid=0.75)
    says = r"space\.grid: steps of .* around Al .* 0\.91 Å; expected a grid of at most 0\.69 Å"
    with pytest.raises(ConfigurationError, match=says):
        coarse.check_steps()
    opened(grid=0.68).check_steps()


def test_the_longest_diagonal_counts():
    # A step between points at 0.8 Å from an atom comes as near to it as 0.35 Å where it is 2 (0.8² - 0.35²)^½ = 1.439 Å long.
    skewed = Atoms("Al", cell=[[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [3.0, 0.0, 4.0]], pbc=True)
    diagonal = float(np.linalg.norm(skewed.cell.array.sum(axis=0)))  # (7, 4, 4): exactly 9 Å, of a cubic cell 6.93 Å
    assert diagonal == 9.0
    check_steps(skewed, (7, 7, 7), {"Al": 0.8})  # 1.286 Å
    with pytest.raises(ConfigurationError, match=r"steps of 1\.50 Å .* a grid of at most 0\.80 Å, or a larger space.exclusion"):
        check_steps(skewed, (6, 6, 6), {"Al": 0.8})
    check_steps(Atoms("Al", cell=np.diag([4.0, 4.0, 4.0]), pbc=True), (6, 6, 6), {"Al": 0.8})


def test_a_charged_ion_is_refused():
    with pytest.raises(ValueError, match=r"ion\n.*H\+: a charged ion; expected an element such as H, and the charge"):
        opened(ion="H+")


def test_a_host_with_two_atoms_in_one_place_is_refused(tmp_path):
    host = bulk("Al", "fcc", a=4.05, cubic=True) + Atoms("Al", positions=[[0.0, 0.1, 0.0]])
    host.write(tmp_path / "host.vasp", format="vasp")
    with pytest.raises(ConfigurationError, match=r"space\.host: atoms \d \(\w+\) and \d \(\w+\) are 0\.10 Å apart"):
        opened(tmp_path, host={"file": "host.vasp"})


@pytest.mark.parametrize("resolution", [0.01, 1e300])
def test_a_resolution_beyond_reason_is_refused(resolution):
    with pytest.raises(ValueError, match=r"resolution\n.*(greater|less) than or equal to"):
        opened(resolution=resolution)


def test_a_host_with_a_thousand_atoms_and_more_is_refused_at_once(tmp_path):
    bulk("Al", "fcc", a=4.05, cubic=True).repeat(7).write(tmp_path / "host.extxyz")
    with pytest.raises(ConfigurationError, match=r"space\.host: 1,372 atoms in the cell; expected at most 1,000"):
        opened(tmp_path, host={"file": "host.extxyz"})


def test_a_host_file_that_is_too_large_is_refused_before_it_is_read(tmp_path, monkeypatch):
    document = {
        "space": {"type": "energy_surface", "host": {"file": "host.extxyz"}, "ion": "H"},
        "calculator": {"type": "chgnet"},
        "objective": {"property": "energy", "unit": "eV", "goal": {"type": "bottleneck"}},
    } | {"schema_version": 1, "name": "c", "proposer": {"type": "gp"}, "execution": {"polish": 0}}
    with (tmp_path / "host.extxyz").open("wb") as host:
        host.truncate(3 * 2**30)  # a hole: it takes no room
    monkeypatch.setattr(configuration, "file_sha256", lambda path: pytest.fail(f"{path} is read"))
    for limits, most in ((None, "100,000,000"), (DEFAULT_LIMITS, "1,000,000")):
        with pytest.raises(
            ConfigurationError, match=rf"^space\.host\.file: bytes of 'host\.extxyz': 3,221,225,472; .* {most}\n"
        ):
            configuration.campaign_from_data(document, tmp_path, "c", limits)
    with pytest.raises(ConfigurationError, match=r"space\.host\.file: bytes of 'host\.extxyz'"):
        opened(tmp_path, host={"file": "host.extxyz"})


def test_the_usual_input_is_accepted():
    space = opened()
    fraction = space.structure(str(space.pool().ids[0])).info["fraction"]
    atoms = space.structure_at(np.array(fraction) + np.array([1.0, 0.0, 0.0]))
    assert atoms.positions[-1] - space.structure(str(space.pool().ids[0])).positions[-1] == pytest.approx(space.host.cell[0])
    assert space.rigid
    assert not opened(host_atoms="relaxed").rigid


def test_every_key_of_the_space_matters():
    plain = opened()
    atoms = plain.structure_at(np.zeros(3))
    for keys in ({"grid": 0.25}, {"exclusion": 0.7}, {"ion": "Li"}, {"host": ALUMINIUM | {"lattice_parameter": 4.2}}):
        assert len(opened(**keys).pool()) != len(plain.pool()) or opened(**keys).elements() != plain.elements(), keys
    for key, value in (
        ("supercell", [2, 1, 1]),
        ("ion", "Li"),
        ("charge", 1),
        ("host", ALUMINIUM | {"lattice_parameter": 4.2}),
    ):
        other = opened(**{key: value}).structure_at(np.zeros(3))
        same = len(other) == len(atoms) and other.info == atoms.info and (other.numbers == atoms.numbers).all()
        assert not (same and np.array_equal(other.cell.array, atoms.cell.array)), key
    near, far = (opened(resolution=value).pool().groups["position"].values for value in (0.6, 2.4))
    assert near.shape != far.shape or not np.allclose(near, far)
    assert (
        opened(cost={"model": "atoms", "power": 1.0}).pool().cost[0]
        != opened(cost={"model": "atoms", "power": 3.0}).pool().cost[0]
    )
    volumes = [
        opened(host={"prototype": "rocksalt", "ions": ["Mg2+"], "volume": volume}).host.get_volume() for volume in (1.0, 1.1)
    ]
    assert volumes[1] == pytest.approx(1.1 * volumes[0])
