"""Fields that evaluations left become fields of examples, read when they are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.records import Evaluation, Outcome
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.loop.datasets.building import fields_of, gather
from tansaku.tasks.node.jobs.dataset_files import content_sha256, read_hdf5, write_hdf5
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE
from tests.support.records import evaluation_of, proposal_of

STRUCTURE = """\
1
Lattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3 energy=-1.5 pbc="T T T"
Al 0 0 0
"""


@pytest.fixture
def stored(tmp_path):
    """An artifact store, and a function that makes a finished evaluation with files in it."""
    artifacts = FileArtifactStore(tmp_path / "artifacts")

    def make(density: np.ndarray | None, structure: str = STRUCTURE) -> Evaluation:
        (tmp_path / "structure").write_text(structure)
        files = {STRUCTURE_FILE: artifacts.put(tmp_path / "structure")}
        if density is not None:
            np.savez_compressed(tmp_path / "density.npz", density=density, cell=np.eye(3))
            files["density.npz"] = artifacts.put(tmp_path / "density.npz")
        return evaluation_of(proposal_of(), Outcome(value=1.0, artifacts=files))

    return artifacts, make


def test_a_density_is_a_field_of_the_example_and_of_the_stored_data_set(stored, tmp_path, require):
    require("h5py")
    artifacts, make = stored
    density = np.random.default_rng(0).random((3, 4, 5))
    example = gather([make(density)], artifacts)[0]
    np.testing.assert_array_equal(example.fields["density"], density)
    file = write_hdf5([example], tmp_path / "data.h5", {})
    again = read_hdf5(file)
    np.testing.assert_array_equal(again[0].fields["density"], density)
    assert content_sha256(again) == content_sha256([example])
    assert content_sha256([example]) != content_sha256(gather([make(2 * density)], artifacts))


def test_spins_are_added(stored):
    artifacts, make = stored
    both = np.random.default_rng(0).random((2, 3, 4, 5))
    np.testing.assert_allclose(fields_of(make(both), artifacts)["density"], both[0] + both[1])


def test_without_a_file_there_is_no_field(stored):
    artifacts, make = stored
    assert dict(gather([make(None)], artifacts)[0].fields) == {}


def test_a_damaged_file_is_told(stored, tmp_path):
    artifacts, make = stored
    (tmp_path / "bad").write_bytes(b"no array")
    sha256 = artifacts.put(tmp_path / "bad")
    one = make(None)
    files = one.outcome.artifacts | {"density.npz": sha256}
    bad = one.model_copy(update={"outcome": one.outcome.model_copy(update={"artifacts": files})})
    with pytest.raises(StoreError, match=f"the density in artifact {sha256} cannot be read"):
        fields_of(bad, artifacts)["density"]


def test_a_group_is_a_system_a_surface_or_a_composition(stored):
    artifacts, make = stored
    atoms = ["O 0 0 0", "Si 1 1 1", "O 2 2 2", "O 0 2 2", "O 2 0 2", "Si 3 3 3"]
    heading = STRUCTURE.splitlines()[1]
    texts = ["\n".join([str(len(some)), heading, *some, ""]) for some in (atoms[:3], atoms, atoms[:4])]
    several = [make(None, text) for text in texts]

    def groups(kind):
        return [one.group for one in gather(several, artifacts, kind)]

    assert groups("composition") == ["SiO2", "SiO2", "SiO3"]
    assert groups("system") == groups("surface") == ["s"] * 3
