"""A space along a path of an earlier search: its points, their planes, and what is refused."""

import numpy as np
import pytest
from ase.constraints import FixAtoms

from tansaku.calculators.structures.extended_xyz import write_extended_xyz
from tansaku.calculators.workflows.pinned_ion import ACROSS
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.energy_surface import EnergySurfaceSpaceSpec
from tansaku.models.domain.specs.limits import LimitsSpec
from tansaku.models.engine.percolation import bottleneck
from tansaku.spaces.energy_surface import EnergySurfaceSpace
from tansaku.tasks.loop.reuse.keys import computation_key
from tansaku.tasks.node.configuration.campaign_files import spec_hash
from tests.support.campaign_files import hydrogen_campaign

ALUMINIUM = {"structure": "fcc", "elements": ["Al"], "lattice_parameter": 4.05}


def opened(folder, *, along=True, limits=None, **keys):
    space = {"host": ALUMINIUM, "ion": "H", "grid": 0.5, "supercell": [2, 1, 1], **keys}
    if along:
        space["along"] = {"file": "path.extxyz"}
    return EnergySurfaceSpace(EnergySurfaceSpaceSpec.model_validate(space), folder, limits)


def written(folder, fractions, **keys):
    space = opened(folder, along=False, **keys)
    write_extended_xyz(folder / "path.extxyz", [space.structure_at(np.asarray(fraction)) for fraction in fractions])
    return space


@pytest.fixture
def straight(tmp_path):
    """Along the first vector through the octahedral hole, from the middle of a nearest pair of atoms."""
    count = opened(tmp_path, along=False).describe_systems()[0]["grid"][0]
    fractions = [(step / count, 0.5, 0.5) for step in range(count + 1)]
    return tmp_path, written(tmp_path, fractions), fractions


def test_candidates_are_the_points_of_the_path_and_what_symmetry_makes_equal_to_them(straight):
    folder, every, fractions = straight
    pool = opened(folder).pool()
    # The path is its own mirror image: of its six points four are different.
    assert len(pool) == len(fractions) // 2 + 1 < len(every.pool())
    grid, all_points = pool.grids["H-Al"], every.pool().grids["H-Al"]
    flat = {
        int(np.ravel_multi_index(tuple(np.rint(np.multiply(f, grid.shape)).astype(int) % grid.shape), grid.shape))
        for f in fractions
    }
    assert (grid.members[sorted(flat)] >= 0).all()
    orbits = np.unique(all_points.members[grid.members >= 0])
    assert len(orbits) == len(pool)
    assert ((grid.members >= 0) == np.isin(all_points.members, orbits)).all()
    # Its images lead in the other directions too.
    assert max(bottleneck(np.zeros(len(pool)), grid).points) >= 0
    assert np.isfinite(bottleneck(np.zeros(len(pool)), grid).levels).all()


def test_the_ion_of_a_candidate_lies_on_the_path_and_its_plane_is_across(straight):
    folder, _, fractions = straight
    space = opened(folder)
    vector = space.host.cell.array[0] / np.linalg.norm(space.host.cell.array[0])
    for name in space.pool().ids.tolist():
        atoms = space.structure(name)
        assert min(np.abs(np.array(fraction) - atoms.info["fraction"]).max() for fraction in fractions) < 1e-9
        assert abs(np.array(atoms.info[ACROSS]) @ vector) == pytest.approx(1.0)
        assert isinstance(atoms.constraints[0], FixAtoms)
    assert not opened(folder, host_atoms="relaxed").structure(str(space.pool().ids[0])).constraints


def test_a_path_that_bends_or_turns_back_has_the_direction_of_its_surroundings(tmp_path):
    count = opened(tmp_path, along=False).describe_systems()[0]["grid"][0]
    half = count // 2
    # From the middle of the cell down into a dead end and up again, then away along the first vector.
    ways = [(0.5, 0.5, 0.5), (0.5, 0.5 + 1 / count, 0.5), (0.5, 0.5, 0.5)]
    ways += [(0.5 + step / count, 0.5, 0.5) for step in range(1, count + 1)]
    written(tmp_path, ways)
    space = opened(tmp_path)
    bottom = next(
        atoms for atoms in map(space.structure, space.pool().ids.tolist()) if atoms.info["fraction"][1] != pytest.approx(0.5)
    )
    second = space.host.cell.array[1] / np.linalg.norm(space.host.cell.array[1])
    assert abs(np.array(bottom.info[ACROSS]) @ second) > 0.9
    assert half > 1


def test_paths_of_other_searches_are_refused(straight, tmp_path):
    folder, _, fractions = straight
    with pytest.raises(ConfigurationError, match=r"space\.along\.file: point 2 of 7 is no point of this grid"):
        opened(folder, grid=0.4).pool()
    with pytest.raises(ConfigurationError, match=r"space\.along\.file: structure 1 of 'path\.extxyz' is HAl2 in another"):
        opened(folder, supercell=[1, 1, 1])
    with pytest.raises(ConfigurationError, match=r"space\.along\.file: structure 1 .* another cell"):
        opened(folder, host=ALUMINIUM | {"lattice_parameter": 4.1})
    with pytest.raises(ConfigurationError, match=r"space\.along\.file: bytes of 'path\.extxyz'"):
        opened(folder, limits=LimitsSpec(cif_bytes=100))
    written(folder, fractions[:-1])
    with pytest.raises(ConfigurationError, match=r"does not lead to an image of its first point"):
        opened(folder)


def test_energies_of_another_path_or_of_a_pinned_ion_are_others():
    document = hydrogen_campaign(dimensions=1, evaluations=4)
    keys, hashes = set(), set()
    for along in (None, {"file": "path.extxyz", "sha256": "a" * 64}, {"file": "path.extxyz", "sha256": "b" * 64}):
        for host_atoms in ("fixed", "relaxed"):
            given = document | {"space": document["space"] | {"along": along, "host_atoms": host_atoms}}
            spec = CampaignSpec.model_validate(given)
            keys.add(computation_key(spec))
            hashes.add(spec_hash(spec))
    assert len(keys) == len(hashes) == 6
    plain = CampaignSpec.model_validate(document)
    assert spec_hash(plain) in hashes
