"""Parents of composition spaces that are transformed before their sites are named."""

from __future__ import annotations

import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.composition import CompositionSpaceSpec
from tansaku.spaces.composition import CompositionSpace

PEROVSKITE = """data_perovskite
_cell_length_a 3.9
_cell_length_b 3.9
_cell_length_c 3.9
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Ca1 Ca 0.5 0.5 0.5
Ti1 Ti 0 0 0
O1 O 0.5 0 0
"""
SITES = {"A": {"replaces": "Ca2+"}, "O": {"replaces": "O2-"}}


@pytest.fixture
def opened(tmp_path, require):
    """``opened(repeats, B=..., C=...)``: the space of a supercell of a perovskite, by the ions of its octahedra."""
    require("pymatgen")
    (tmp_path / "perovskite.cif").write_text(PEROVSKITE, encoding="utf-8")

    def build(repeats: list[int] | None, *, fold: bool = True, **octahedra: dict) -> CompositionSpace:
        larger = [] if repeats is None else [{"type": "supercell", "repeats": repeats}]
        parent = {"cif": "perovskite.cif", "transformations": larger}
        document = {"parent": parent, "sites": SITES | octahedra, "fold": fold}
        return CompositionSpace(CompositionSpaceSpec.model_validate(document), tmp_path)

    return build


def octahedron(*labels: str, ions: tuple[str, ...] = ("Ti4+", "Zr4+")) -> dict:
    return {"replaces": "Ti4+", "labels": list(labels), "ions": list(ions)}


def test_one_copy_of_an_atom_may_have_ions_that_the_others_have_not(opened):
    space = opened([1, 1, 4], B={"replaces": "Ti4+", "labels": ["Ti1.1", "Ti1.2", "Ti1.3"]}, C=octahedron("Ti1.4"))
    formulas = [space.describe_candidate(str(one))["formula"] for one in space.pool().ids]
    assert formulas == ["Ca4Ti4O12", "Ca4Ti3ZrO12"]
    assert len(space.structure("Zr4")) == 20


def test_copies_that_a_translation_exchanges_are_folded(opened):
    sites = {"B": octahedron("Ti1.1"), "C": octahedron("Ti1.2")}
    assert opened([1, 2, 1], **sites).pool().ids.tolist() == ["Ti4-Ti4", "Ti4-Zr4", "Zr4-Zr4"]
    assert len(opened([1, 2, 1], fold=False, **sites).pool()) == 4


def test_without_a_supercell_there_is_no_copy(opened):
    with pytest.raises(ConfigurationError, match=r"space.sites.B.labels: no atom 'Ti1.1'; the file has Ca1, Ti1, O1"):
        opened(None, B=octahedron("Ti1.1"))


def test_too_large_a_supercell_is_refused(opened):
    with pytest.raises(ConfigurationError, match=r"atoms in the cell made of .*: 320; expected at most 200"):
        opened([4, 4, 4], B={"replaces": "Ti4+", "ions": ["Ti4+", "Zr4+"]})


def test_the_pool_knows_the_compositions(opened):
    space = opened(None, B=octahedron(ions=("Ti4+", "Zr4+")) | {"labels": None})
    pool = space.pool()
    assert pool.compositions.elements == ("Ca", "O", "Ti", "Zr")
    for shares, candidate in zip(pool.compositions.shares, pool.ids.tolist(), strict=True):
        symbols = space.structure(candidate).get_chemical_symbols()
        assert shares.tolist() == [symbols.count(element) / len(symbols) for element in pool.compositions.elements]
