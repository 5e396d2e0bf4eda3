import gzip
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.dataset import FileSourceSpec
from tansaku.tasks.loop.datasets.extxyz import read_user_file, write_extxyz


@pytest.fixture
def examples(emt_examples):
    return emt_examples(groups=2, per_group=2)


@pytest.mark.parametrize("name", ["a.extxyz", "a.extxyz.gz"])
def test_a_users_file_with_energies_of_the_atoms(examples, tmp_path, name):
    path = write_extxyz(examples, tmp_path / name)
    found = read_user_file(path, FileSourceSpec(path=name, group="group"))
    assert [one.group for one in found] == ["g0", "g0", "g1", "g1"]
    for one, other in zip(found, examples, strict=True):
        assert one.properties["energies"] == pytest.approx(other.properties["energies"], abs=1e-8)
        assert one.properties["energy"] == pytest.approx(other.properties["energies"].sum(), abs=1e-6)
        assert one.structure.positions == pytest.approx(other.structure.positions, abs=1e-8)
        assert one.structure.calc is None
        assert one.info["strain"] == other.info["strain"]


def test_totals_alone_and_other_names(examples, tmp_path):
    text = write_extxyz(examples, tmp_path / "a.extxyz").read_text().replace(" energy=", " dft_total=")
    (tmp_path / "b.extxyz").write_text(text.replace("energies:R:1", "bader:R:1"))
    spec = FileSourceSpec(path="b.extxyz", energies=None, energy="dft_total", group="strain")
    found = read_user_file(tmp_path / "b.extxyz", spec)
    assert set(found[0].properties) == {"energy"}
    assert [one.group for one in found] == ["0.0", "0.0", "1.0", "1.0"]
    both = read_user_file(tmp_path / "b.extxyz", FileSourceSpec(path="b", energies="bader", energy="dft_total", group="group"))
    assert both[0].properties["energies"] == pytest.approx(examples[0].properties["energies"], abs=1e-8)
    assert both[0].properties["energy"] == pytest.approx(float(examples[0].properties["energy"]))


def test_forces_are_read_where_they_are_asked_for_and_there(examples, tmp_path):
    known = replace(examples[0], properties={"energy": examples[0].properties["energy"]})
    path = write_extxyz([known, *examples[1:]], tmp_path / "a.extxyz")
    spec = FileSourceSpec(path="a.extxyz", energies=None, energy="energy", group="group")
    assert not any("forces" in one.properties for one in read_user_file(path, spec))
    found = read_user_file(path, spec.model_copy(update={"forces": "forces"}))
    assert "forces" not in found[0].properties
    assert found[1].properties["forces"] == pytest.approx(examples[1].properties["forces"], abs=1e-8)
    with pytest.raises(ConfigurationError, match=r"no structure of a\.extxyz has an array 'pushes'"):
        read_user_file(path, spec.model_copy(update={"forces": "pushes"}))


def test_further_numbers_are_learned_by_their_names(examples, tmp_path):
    gaps = [replace(one, properties={**one.properties, "band_gap": np.asarray(0.5 * i)}) for i, one in enumerate(examples)]
    path = write_extxyz(gaps, tmp_path / "a.extxyz")
    spec = FileSourceSpec(path="a.extxyz", energies=None, properties=("band_gap",), group="group")
    found = read_user_file(path, spec)
    assert [{name: float(value) for name, value in one.properties.items()} for one in found] == [
        {"band_gap": 0.5 * i} for i in range(len(examples))
    ]
    with pytest.raises(ConfigurationError, match=r"structure 1: no 'barrier'; it has .*band_gap"):
        read_user_file(path, spec.model_copy(update={"properties": ("barrier",)}))


def test_a_file_without_energies_of_atoms_says_which_key_to_change(tmp_path):
    (tmp_path / "a.extxyz").write_text("1\nProperties=species:S:1:pos:R:3 energy=-3.0 group=a\nAl 0 0 0\n")
    with pytest.raises(ConfigurationError, match="structure 1: no 'energies'") as refused:
        read_user_file(tmp_path / "a.extxyz", FileSourceSpec(path="a.extxyz", group="group"))
    assert "energies: null" in refused.value.hint


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"energies": None}, "energies, energy: both are null; expected at least one, or properties"),
        ({"properties": ("stress",)}, "properties: 'stress' is not a further number"),
    ],
)
def test_a_file_that_nothing_can_be_learned_of_is_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        FileSourceSpec(path="a.extxyz", **keys)


def test_the_same_data_is_the_same_compressed_file(examples, tmp_path):
    one, other = (write_extxyz(examples, tmp_path / name).read_bytes() for name in ("a.extxyz.gz", "b.extxyz.gz"))
    assert one == other


def test_only_what_is_asked_for_is_written(examples, tmp_path):
    text = write_extxyz(examples, tmp_path / "a.extxyz", ["energies"]).read_text()
    assert "energies:R:1" in text
    assert "forces" not in text
    assert " energy=" not in text


@pytest.mark.parametrize(
    ("spec", "change", "message"),
    [
        ({"group": "boundary"}, None, "structure 1: no 'boundary' in its comment line, which has"),
        ({"energies": "bader"}, None, "structure 1: no 'bader'; it has"),
        ({"energy": "total"}, None, "structure 1: no 'total'"),
        ({"energies": "forces"}, None, r"'forces' has shape \(16, 3\), expected \(16,\)"),
        ({"energy": "id"}, None, "'id' holds no numbers"),
        ({}, (" g1", " g1"), None),
        ({}, ("-0.", "nan0."), "cannot be read as an extended XYZ file|not a finite number"),
    ],
)
def test_what_is_wrong_is_named(examples, tmp_path, spec, change, message):
    path = write_extxyz(examples, tmp_path / "a.extxyz")
    if change is not None:
        path.write_text(path.read_text().replace(*change))
    wanted = FileSourceSpec(**({"path": "a.extxyz", "group": "group"} | spec))
    if message is None:
        assert len(read_user_file(path, wanted)) == 4
        return
    with pytest.raises(ConfigurationError, match=message):
        read_user_file(path, wanted)


@pytest.mark.parametrize(
    "data",
    [b"", b"not\nxyz", b"\xff\xfe\x00", gzip.compress(b"1\n")[:-4]],
    ids=["empty", "no-xyz", "no-text", "cut-gzip"],  # a compressed file has its second in it: no name for a test
)
def test_what_is_no_such_file_is_refused(tmp_path, data):
    path = tmp_path / ("a.extxyz.gz" if data[:2] == b"\x1f\x8b" else "a.extxyz")
    path.write_bytes(data)
    with pytest.raises(ConfigurationError, match=r"a\.extxyz"):
        read_user_file(path, FileSourceSpec(path=path.name))


def test_a_source_without_energies_is_refused():
    with pytest.raises(ValueError, match="both are null"):
        FileSourceSpec(path="a", energies=None)


def test_numbers_of_numpy_are_plain_afterwards(examples, tmp_path):
    found = read_user_file(write_extxyz(examples, tmp_path / "a.extxyz"), FileSourceSpec(path="a", group="group"))
    assert all(isinstance(value, int | float | str | list) for one in found for value in one.info.values())
    assert not any(isinstance(value, np.generic) for one in found for value in one.info.values())
