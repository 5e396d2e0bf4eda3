"""Structure files with damaged bytes, numbers and lines: what leaves the readers is a structure or an error in plain words."""

import io
import random
import re

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write

from tansaku.calculators.structures.extended_xyz import write_extended_xyz
from tansaku.calculators.structures.structure_reader import parse_structure_file, read_structures
from tansaku.models.domain.errors import ConfigurationError, TansakuError
from tansaku.models.domain.specs.limits import DEFAULT_LIMITS
from tansaku.tasks.loop.datasets import extxyz

_NUMBER = re.compile(rb"-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
_NAMES = ("a.cif", "symmetric.cif", "a.vasp", "a.extxyz", "a.json")
_EACH = 150
"""Mutations of each file, of which one takes 2 ms."""
_SYMMETRIC = """data_perovskite
_cell_length_a 3.9(1)
_cell_length_b 3.9
_cell_length_c 3.9
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P m m m'
loop_
_symmetry_equiv_pos_as_xyz
'x, y, z'
'-x, -y, -z'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Ca1 Ca2+ 0.5 0.5 0.5 1
Ti1 Ti4+ 0 0 0 1
O1 O2- 0.5 0 0 1
O2 O2- 0 0.5 0 1
"""
_ANSWER = (
    '{"data": [{"id": "odbx/1", "attributes": {"cartesian_site_positions": [[0.0, 0.0, 0.0]], "lattice_vectors": '
    '[[3.6, 0, 0], [0, 3.6, 0],\n [0, 0, 3.6]], "species_at_sites": ["Cu"], "dimension_types": [1, 1, 1], "species": '
    '[{"name": "Cu", "chemical_symbols": ["Cu"], "concentration": [1.0]}]}}]}'
)


def whole(name):
    """The bytes of a file that can be read."""
    if name == "symmetric.cif":
        return _SYMMETRIC.encode()
    if name == "a.json":
        return _ANSWER.encode()
    salt = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    if name == "a.extxyz":
        text = io.StringIO()
        salt.info |= {"energy": -3.5, "phase": "rock salt"}
        salt.arrays["forces"] = np.zeros((8, 3))
        write_extended_xyz(text, [salt, bulk("Cu", a=3.6)])
        return text.getvalue().encode()
    if name == "a.vasp":
        text = io.StringIO()
        write(text, salt, format="vasp")
        return text.getvalue().encode()
    binary = io.BytesIO()
    write(binary, salt, format="cif")
    return binary.getvalue()


def mutated(data, chance):
    """The same with one, two or three damages."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        kind, lines = chance.randrange(6), data.split(b"\n")
        line, at = chance.randrange(len(lines)), chance.randrange(max(1, len(data)))
        if kind == 0:
            data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
        elif kind in (1, 2) and (numbers := [*_NUMBER.finditer(data)]):
            found, other = chance.choice(numbers), chance.choice((b"0", b"-1", b"nan", b"inf", b"1e308", b"9" * 30, b"", b"x"))
            data = data[: found.start()] + (b"0" if kind == 1 else other) + data[found.end() :]
        elif kind == 3:
            data = b"\n".join(lines[:line] + lines[line + 1 :])
        elif kind == 4:
            data = b"\n".join([*lines[: line + 1], *lines[line:]])
        else:
            data = data[:at]
    return data


@pytest.mark.parametrize("name", _NAMES)
def test_a_damaged_file_gives_structures_or_an_error_in_plain_words(name, tmp_path, require):
    require("pymatgen")
    chance, path, read, refused = random.Random(37), tmp_path / name, 0, 0
    path.write_bytes(whole(name))
    assert [*read_structures(path, DEFAULT_LIMITS, "space.folder")]
    for _ in range(_EACH):
        path.write_bytes(mutated(whole(name), chance))
        try:
            for found in read_structures(path, DEFAULT_LIMITS, "space.folder"):
                assert np.isfinite(found.atoms.positions).all()
            read += 1
        except TansakuError as error:
            check_words(error, name)
            refused += 1
    assert min(read, refused) > 4


def check_words(error, name):
    assert isinstance(error, ConfigurationError)
    assert name in error.message or "limits." in error.message
    assert not re.search(r"\w(Error|Exception|Warning)\b", error.message)
    assert error.message.isprintable()


def test_a_damaged_data_set_does_too(tmp_path):
    chance, path = random.Random(1), tmp_path / "a.extxyz"
    for _ in range(_EACH):
        path.write_bytes(mutated(whole("a.extxyz"), chance))
        try:
            extxyz.read_structures(path)
        except TansakuError as error:
            check_words(error, path.name)


@pytest.mark.parametrize(
    ("name", "before", "after", "said"),
    [
        ("symmetric.cif", b"loop_", b"loop_\nloop_", "cannot be read as a CIF: a line or a table has another number of values"),
        ("symmetric.cif", b"_cell_length_a 3.9(1)\n", b"", "cannot be read as a CIF: "),
        ("a.cif", b"Na", b"\xff\xff", "cannot be read as a CIF: it is not UTF-8 text"),
        ("a.vasp", b"0.0000000000000000", b"x", "cannot be read: expected a number, found 'x'"),
        ("a.vasp", b"Cartesian", b"", "cannot be read: a line, or the file, ends too early"),
        ("a.extxyz", b"8\n", b"9\n", "cannot be read: expected a whole number, found "),
    ],
)
def test_the_reason_is_plain(name, before, after, said, tmp_path, require):
    require("pymatgen")
    path = tmp_path / name
    path.write_bytes(whole(name).replace(before, after))
    for read in (read_structures, parse_structure_file):
        with pytest.raises(ConfigurationError, match=said) as raised:
            list(read(path, DEFAULT_LIMITS, "space.folder") or ())
        check_words(raised.value, name)
