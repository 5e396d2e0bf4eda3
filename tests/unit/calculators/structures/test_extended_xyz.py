import io

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read

from tansaku.calculators.structures.extended_xyz import read_extended_xyz, write_extended_xyz
from tansaku.models.domain.errors import ConfigurationError

VALUES = {
    "word": "NiAlH_jea.eam.alloy",
    "true": "T",
    "number": "1e5",
    "hash": "0" * 63 + "1",
    "numbers": "1 2 3",
    "quotes": "a \"b\" 'c'",
    "backslash": "a\\b\\",
    "lines": "a\nb\tc",
    "escape": "x\x1b[31m",
    "json": "_JSON {}",
    "accent": "é",
    "equals": "a= b",
    "blank": " ",
    "words": ["a\\b", "1", ""],
    "table": {"x": [1, 2], "y": "T"},
    "count": 3,
    "energy_of": 0.25,
    "plane": [1, 1, 3],
    "yes": True,
    "ragged": [[1, 2], [3]],
}


def with_info(info):
    atoms = bulk("Cu", cubic=True)
    atoms.info = info
    return atoms


@pytest.mark.parametrize("name", list(VALUES))
def test_ase_reads_every_value_back(tmp_path, name):
    info = {"before": 1, name: VALUES[name], "after": 2.5}
    write_extended_xyz(tmp_path / "a.extxyz", with_info(info))
    found = read(tmp_path / "a.extxyz").info
    plain = {key: value.tolist() if isinstance(value, np.ndarray | np.generic) else value for key, value in found.items()}
    if name == "ragged":
        info["ragged"] = "[[1, 2], [3]]"
    assert plain == info
    assert type(plain[name]) is type(info[name])


@pytest.mark.parametrize("empty", ["", None, [], (), {}, np.array([])])
def test_an_empty_value_is_left_out_and_takes_no_key_along(tmp_path, empty):
    write_extended_xyz(
        tmp_path / "a.extxyz", with_info({"potential": "emt", "potential_sha256": empty, "grain_boundary_energy": 0.5})
    )
    assert read(tmp_path / "a.extxyz").info == {"potential": "emt", "grain_boundary_energy": 0.5}


@pytest.mark.parametrize("key", ["", "a=b", "a\nb", "a\\b", "Lattice", "pbc", 3])
def test_a_key_that_cannot_be_read_back_is_refused(tmp_path, key):
    with pytest.raises(ConfigurationError, match="metadata key"):
        write_extended_xyz(tmp_path / "a.extxyz", with_info({key: 1}))
    assert not (tmp_path / "a.extxyz").exists()


def test_files_of_older_versions_are_read_as_they_were_meant():
    buffer = io.StringIO()
    told = [{"first": 1, "told": "a= b", "last": 0.5}, {"first": 2, "last": 0.25}]
    write_extended_xyz(buffer, [with_info(info) for info in told])
    old = buffer.getvalue().replace("first=", "potential_sha256= first=").replace("last=", "label_sha256= last=")
    assert [one.info for one in read_extended_xyz(old)] == [
        {"first": 1, "told": "a= b", "last": 0.5},
        {"first": 2, "last": 0.25},
    ]
    assert [one.info for one in read_extended_xyz(buffer.getvalue())] == [one.info for one in read_extended_xyz(old)]
