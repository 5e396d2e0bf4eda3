from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError, StoreError
from tansaku.models.domain.surrogates import Example
from tansaku.tasks.node.jobs.dataset_files import content_sha256, read_hdf5, write_hdf5

pytestmark = pytest.mark.needs("h5py")


@pytest.fixture
def examples(emt_examples) -> list[Example]:
    found = emt_examples(("Cu", "Au"), groups=2, per_group=2)
    # Sizes differ, and not everything is known of every structure.
    small = found[1].structure[:5]
    found[1] = Example("g0-1", "g0", small, {"energy": np.asarray(-1.25), "stress": np.arange(6.0)}, info={"a": [1, "x"]})
    found[2] = replace(found[2], fields={"density": np.random.default_rng(0).random((2, 3, 4))})
    return found


def test_a_data_set_comes_back_bit_by_bit(examples, tmp_path):
    found = read_hdf5(write_hdf5(examples, tmp_path / "a.h5", {"name": "a"}))
    assert content_sha256(found) == content_sha256(examples)
    for one, other in zip(found, examples, strict=True):
        assert (one.id, one.group, one.info) == (other.id, other.group, other.info)
        assert one.structure == other.structure
        assert one.properties.keys() == other.properties.keys()
        for name, value in other.properties.items():
            assert np.array_equal(one.properties[name], value)
            assert one.properties[name].shape == np.shape(value)
    assert np.array_equal(found[2].fields["density"], examples[2].fields["density"])


def test_the_same_data_is_the_same_file_in_any_order(examples, tmp_path):
    one = write_hdf5(examples, tmp_path / "a.h5", {"name": "a"}).read_bytes()
    assert write_hdf5(examples[::-1], tmp_path / "b.h5", {"name": "a"}).read_bytes() == one
    assert content_sha256(examples[::-1]) == content_sha256(examples)


@pytest.mark.parametrize("part", ["position", "element", "cell", "group", "id", "property", "field", "info", "pbc"])
def test_every_part_of_the_content_counts(examples, part):
    one = examples[2]
    atoms = one.structure.copy()
    if part == "position":
        atoms.positions[3, 1] = np.nextafter(atoms.positions[3, 1], 9)
    elif part == "element":
        atoms.symbols[0] = "Ni"
    elif part == "cell":
        atoms.cell[2, 2] += 1e-12
    elif part == "pbc":
        atoms.pbc = (True, True, False)
    changed = replace(
        one,
        structure=atoms,
        id="z" if part == "id" else one.id,
        group="z" if part == "group" else one.group,
        properties=dict(one.properties) | ({"energy": np.asarray(0.0)} if part == "property" else {}),
        fields={"density": one.fields["density"] + 1e-15} if part == "field" else one.fields,
        info=one.info | ({"strain": 9.0} if part == "info" else {}),
    )
    assert content_sha256([*examples[:2], changed, examples[3]]) != content_sha256(examples)


def test_what_is_no_data_set_is_refused(tmp_path):
    import h5py

    path = tmp_path / "a.h5"
    path.write_text("no")
    with pytest.raises(StoreError, match="is not a data set"):
        read_hdf5(path)
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "tansaku-dataset"
        file.attrs["schema_version"] = 99
    with pytest.raises(StoreError, match="schema version 99"):
        read_hdf5(path)


def test_a_file_that_cannot_be_written_is_named(examples, tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_hdf5(examples, tmp_path / "no" / "a.h5", {})


def test_a_file_of_the_first_version_loads_for_ever():
    found = read_hdf5(Path(__file__).parent / "data" / "dataset-1.h5")
    assert content_sha256(found) == "5ea7d76b1dac95339ec161a870045564a31fd9b52012dffbaee863942449a765"
    assert [sorted(one.properties) for one in found] == [
        ["energies", "energy", "forces"],
        ["energies", "energy", "forces", "label_energies"],
    ]
    assert found[1].fields["density"].shape == (2, 2, 2)
