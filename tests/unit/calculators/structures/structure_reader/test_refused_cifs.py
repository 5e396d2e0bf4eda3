"""CIFs whose cell or positions are none, and atoms at one place, which a disordered crystal may have."""

from __future__ import annotations

from pathlib import Path

import pytest

from tansaku.calculators.structures.structure_reader import parse_structure_file
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.limits import DEFAULT_LIMITS

HEAD = "data_x\n_cell_length_a 10\n_cell_length_b 10\n_cell_length_c 10\n_symmetry_space_group_name_H-M 'P -1'\n" + "".join(
    f"_cell_angle_{name} 90\n" for name in ("alpha", "beta", "gamma")
)
COLUMNS = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")
ROWS = HEAD + "loop_\n" + "".join(f"_atom_site_{name}\n" for name in COLUMNS)
SALT = f"{ROWS}Na1 Na 0.1 0.2 0.3 1\nCl1 Cl 0.5(2) 0.5 0.5 1\n"


@pytest.fixture
def parse(tmp_path: Path, require):
    require("pymatgen")

    def read(text: str) -> None:
        path = tmp_path / "x.cif"
        path.write_text(text)
        parse_structure_file(path, DEFAULT_LIMITS, "content")

    return read


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SALT.replace("_a 10", "_a -10"), "_cell_length_a: -10; expected a length above 0 Å"),
        (SALT.replace("_a 10", "_a nan"), "_cell_length_a: nan; expected a length above 0 Å"),
        (SALT.replace("_alpha 90", "_alpha 500"), "_cell_angle_alpha: 500; expected an angle between 0° and 180°"),
        (SALT.replace("0.2", "nan"), "_atom_site_fract_y: 'nan'; expected a fraction of the cell"),
        (SALT.replace("0.2", "-1e300"), "_atom_site_fract_y: '-1e300'; expected a fraction of the cell"),
        (SALT + "K1 K 0.1 0.2 0.3 1\n", "atoms 'Na1' and 'K1' are 0.00 Å apart; expected 0.35 Å or more"),
        (SALT + "K1 K 0.12 1.2 0.3 0.5\n", "atoms 'Na1' and 'K1' are 0.20 Å apart"),
        # Its image by the inversion.
        (f"{ROWS}Na1 Na 0.01 0 0 1\n", "atoms Na1 and Na1 are 0.20 Å apart"),
    ],
)
def test_what_cannot_be_is_named(parse, text, message):
    with pytest.raises(ConfigurationError) as refused:
        parse(text)
    assert refused.value.message.startswith(f"content: 'x.cif': {message}")


@pytest.mark.parametrize("places", ["0.1 0.2 0.3", "0.12 0.2 0.3"])
def test_atoms_of_which_one_is_there_may_share_a_place(parse, places):
    parse(f"{ROWS}Na1 Na 0.1 0.2 0.3 0.5\nK1 K {places} 0.5\n")
