"""Values of a script as plain data and files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ase.build import bulk

from tansaku.deploy.python.parts import Section, plain
from tansaku.models.domain.errors import ConfigurationError


def test_plain_values_stay_and_arrays_become_lists():
    files: dict[str, bytes] = {}
    given = {
        "a": (1, 2.5, None, True, "t"),
        "b": np.arange(3),
        "c": np.float64(0.5),
        "d": Path("x/y.csv"),
        "e": datetime(2027, 1, 31, tzinfo=UTC),
        "f": Section("budget", {"evaluations": 3}),
    }
    assert plain(given, files, "space") == {
        "a": [1, 2.5, None, True, "t"],
        "b": [0, 1, 2],
        "c": 0.5,
        "d": "x/y.csv",
        "e": "2027-01-31T00:00:00+00:00",
        "f": {"evaluations": 3},
    }
    assert files == {}


def test_a_frame_is_a_table_with_its_named_index():
    files: dict[str, bytes] = {}
    frame = pd.DataFrame({"x": [0.1, 1 / 3]}, index=pd.Index(["a", "b"], name="id"))
    path = plain(frame, files, "space")
    assert files == {path: b"id,x\na,0.1\nb,0.3333333333333333\n"}
    assert plain(frame.copy(), {}, "space") == path


@pytest.mark.parametrize("by", ["ase", "pymatgen"])
def test_structures_are_one_file_in_a_list_and_a_file_alone(by, require):
    structures = [bulk("Cu"), bulk("NaCl", "rocksalt", a=5.6)]
    if by == "pymatgen":
        require("pymatgen")
        from pymatgen.io.ase import AseAtomsAdaptor

        structures = [AseAtomsAdaptor.get_structure(atoms) for atoms in structures]
    files: dict[str, bytes] = {}
    (together,) = plain(structures, files, "space")
    alone = plain(structures[0], files, "space")
    assert files[together].count(b"Lattice=") == 2
    assert files[alone].count(b"Lattice=") == 1


def test_anything_else_is_refused():
    message = (
        r"^space\.a\[1\]: <built-in function len> is of type builtin_.*, which a campaign file cannot hold; expected plain"
    )
    with pytest.raises(ConfigurationError, match=message):
        plain({"a": [1, len]}, {}, "space")


def test_the_order_of_a_set_does_not_depend_on_the_process():
    given = {"elements": {"Cu", "Au", "Ag"}, "n": frozenset((2, 1))}
    assert plain(given, {}, "space") == {"elements": ["Ag", "Au", "Cu"], "n": [1, 2]}


def test_what_holds_itself_or_is_nested_too_deeply_is_refused_by_its_key():
    mapping: dict[str, object] = {}
    mapping["a"] = [mapping]
    with pytest.raises(ConfigurationError, match=r"^space\.a\[0\]: .*, it holds itself; expected plain data"):
        plain(mapping, {}, "space")
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(
        ConfigurationError, match=r"^space\[0\].*, nested too deeply; expected plain data of at most 32 levels$"
    ):
        plain(deep, {}, "space")


def test_a_list_may_stand_in_several_places():
    twice = ["a"]
    assert plain({"b": twice, "c": [twice, twice]}, {}, "space") == {"b": ["a"], "c": [["a"], ["a"]]}
