"""Composition spaces: counts, charges, ids, folding, features and what is wrong with bad specs."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import ase.io
import numpy as np
import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from tansaku.calculators.structures.export import write_structure
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.specs.composition import CompositionSpaceSpec
from tansaku.spaces.composition import CompositionSpace

pytestmark = pytest.mark.needs("pymatgen")

TAVORITE = {"parent": {"prototype": "tavorite"}}

# Two perovskite cells along z; B and C are equivalent while the oxygens stand half-way.
DOUBLE = """data_double
_cell_length_a 3.9
_cell_length_b 3.9
_cell_length_c 7.8
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P 4/m m m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Ca1 Ca 0.5 0.5 {calcium}
Ti1 Ti 0 0 0
Ti2 Ti 0 0 0.5
O1 O 0.5 0 0
O2 O 0.5 0 0.5
O3 O 0 0 {oxygen}
"""
DOUBLE_SPACE = """
parent: {cif: double.cif}
sites:
  A: {replaces: Ca2+, ions: [Ca2+, Sr2+, La3+]}
  B: {replaces: Ti4+, labels: [Ti1], ions: [Ti4+, Zr4+, Al3+, Fe3+]}
  C: {replaces: Ti4+, labels: [Ti2], ions: [Ti4+, Zr4+, Al3+, Fe3+]}
  O: {replaces: O2-}
"""


def open_space(document: dict, folder: Path = Path()) -> CompositionSpace:
    return CompositionSpace(TypeAdapter(CompositionSpaceSpec).validate_python(document), folder)


OPENED: dict[str, CompositionSpace] = {}


def tavorites(**changes) -> CompositionSpace:
    key = json.dumps(changes, sort_keys=True)
    if key not in OPENED:
        OPENED[key] = open_space({**TAVORITE, **changes})
    return OPENED[key]


@pytest.fixture
def double(tmp_path):
    def build(*, oxygen: float = 0.25, calcium: float = 0.25, **changes) -> CompositionSpace:
        (tmp_path / "double.cif").write_text(DOUBLE.format(oxygen=oxygen, calcium=calcium))
        return open_space({**yaml.safe_load(DOUBLE_SPACE), **changes}, tmp_path)

    return build


# ---------------------------------------------------------------- the shipped tavorites


@pytest.mark.parametrize("mobile", ["Li", "Na"])
def test_exactly_159_tavorites_for_each_mobile_ion(mobile):
    assert len(tavorites(sites={"A": {"ions": [f"{mobile}+"]}}).pool()) == 159


def test_318_tavorites_in_two_systems():
    space = tavorites()
    pool = space.pool()
    assert pool.systems == ("Li", "Na")
    assert np.bincount(pool.system_codes).tolist() == [159, 159]
    li, na = ([name.split("-", 1)[1] for name in pool.ids if name.startswith(a)] for a in ("Li", "Na"))
    assert li == na
    assert [row["candidates"] for row in space.describe_systems()] == [159, 159]


def test_counts_of_the_rules_add_up():
    census = tavorites().census()
    assert census[0]["left"] == 2 * 24 * 6 * 4
    for before, line in itertools.pairwise(census):
        assert before["left"] == line["left"] + line["left_out"]
    assert census[-1]["left"] == 318
    assert {line["rule"]: line["left_out"] for line in census}["charge balance"] == 828
    marked = sum(line["marked"] for line in census)
    assert marked == sum(len(space_marks) for space_marks in marks(tavorites()))


def marks(space: CompositionSpace) -> list[list[str]]:
    return [space.describe_candidate(str(name))["marks"] for name in space.pool().ids]


def test_unlikely_chemistry_is_marked_and_stays():
    space = tavorites()
    chloride = space.describe_candidate("Na-Cu2-Se6-Cl")
    assert len(chloride["marks"]) == 2
    assert space.structure("Na-Cu2-Se6-Cl").info["unlikely"] == "; ".join(chloride["marks"])
    assert "unlikely" not in space.structure("Li-V3-P5-F").info
    assert space.describe_candidate("Li-V3-P5-F") == {
        "formula": "LiVPO4F",
        "ions": {"A": "Li+", "M": "V3+", "X": "P5+", "Z": "F-"},
        "marks": [],
    }
    assert sum(row["unlikely"] for row in space.describe_systems()) == sum(bool(one) for one in marks(space))
    assert not any(marks(tavorites(mark=[])))


def test_the_exclusion_may_be_lifted_and_others_made():
    assert len(tavorites(exclude=[]).pool()) == 324
    reason = {"ions": {"M": ["Cd2+"]}, "reason": "poisonous"}
    space = tavorites(exclude=[reason])
    assert len(space.pool()) == 324 - 12
    assert {"rule": "M = Cd2+: poisonous", "left_out": 12, "marked": 0, "left": 312} in space.census()


def test_only_combinations_within_reach_are_told():
    few = {"M": {"ions": ["Mg2+", "Cu2+"]}, "X": {"ions": ["S6+"]}, "Z": {"ions": ["F-"]}}
    told = [line["rule"] for line in tavorites(sites=few).census()]
    assert told == ["all combinations of ions", "charge balance", "M = Cu2+: Cu2+ distorts its octahedron (Jahn-Teller)"]
    unused = {"ions": {"M": ["Cd2+"]}, "reason": "poisonous"}
    assert tavorites(sites=few, exclude=[unused], mark=[]).census()[-1]["rule"] == "M = Cd2+: poisonous"


@pytest.mark.parametrize(
    ("candidate", "formula"),
    [
        ("Li-Ti4-P5-O2", "LiTiPO5"),
        ("Na-Fe3-P5-OH", "NaFePO4(OH)"),
        ("Na-Zn2-S6-Cl", "NaZnSO4Cl"),
        ("Li-Ge4-Si4-F", "LiGeSiO4F"),
    ],
)
def test_formulas(candidate, formula):
    assert tavorites().describe_candidate(candidate)["formula"] == formula


def test_every_structure_is_neutral_and_carries_its_name():
    space = tavorites()
    for name in space.pool().ids[::25]:
        atoms = space.structure(str(name))
        assert atoms.arrays["oxidation_state"].sum() == 0
        assert atoms.info["candidate"] == name
        assert len(atoms) == (18 if name.endswith("OH") else 16)


@pytest.mark.parametrize("form", ["extxyz", "cif"])
@pytest.mark.parametrize("candidate", ["Li-V3-P5-F", "Na-Y3-P5-Cl", "Li-Fe3-P5-OH"])
def test_structures_survive_export_and_say_what_they_are(candidate, form, tmp_path):
    atoms = tavorites().structure(candidate)
    path = write_structure(atoms, tmp_path / f"{candidate}.{form}")
    again = ase.io.read(path)
    assert again.pbc.all()
    assert again.get_chemical_formula() == atoms.get_chemical_formula()
    np.testing.assert_allclose(again.cell.cellpar(), atoms.cell.cellpar(), atol=1e-4)
    if form == "extxyz":
        assert again.info == atoms.info
        for name in ("site", "oxidation_state"):
            assert again.arrays[name].tolist() == atoms.arrays[name].tolist()
    else:
        assert f"# candidate: {candidate}" in path.read_text(encoding="utf-8")
    assert all(str(value).isascii() for value in atoms.info.values())


# ---------------------------------------------------------------- ids, systems, order


def test_ids_do_not_depend_on_the_order_of_the_file(double):
    sites = yaml.safe_load(DOUBLE_SPACE)["sites"]
    turned = {
        name: {**site, **({"ions": site["ions"][::-1]} if "ions" in site else {})} for name, site in reversed(sites.items())
    }
    assert double().pool().ids.tolist() == double(sites=turned).pool().ids.tolist()


def test_systems_are_chosen_by_site():
    by_mobile = tavorites(systems="X").pool()
    assert by_mobile.systems == ("As5", "Ge4", "P5", "S6", "Se6", "Si4")
    assert tavorites(systems="all").pool().systems == ("all",)
    assert tavorites(mobile="M").structure("Li-V3-P5-F").info["mobile_ion"] == "V3+"


def test_a_space_without_mobile_ion_is_one_system(double):
    assert double().pool().systems == ("all",)
    assert double(mobile="A").pool().systems == ("Ca2", "La3", "Sr2")


# ---------------------------------------------------------------- symmetry


def test_exchanged_sublattices_are_folded_and_are_the_same_structure(double):
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.io.ase import AseAtomsAdaptor

    folded, every = double(), double(fold=False)
    dropped = set(every.pool().ids) - set(folded.pool().ids)
    assert len(dropped) == folded.census()[-1]["left_out"] > 0

    def key(name: str) -> tuple:
        ions = every.describe_candidate(name)["ions"]
        return ions["A"], *sorted((ions["B"], ions["C"]))

    def structure(name: str):
        return AseAtomsAdaptor.get_structure(every.structure(name))

    matcher = StructureMatcher(scale=False)
    kept = {key(str(name)): str(name) for name in folded.pool().ids}
    assert len(kept) == len(folded.pool())
    for name in dropped:
        assert matcher.fit(structure(name), structure(kept[key(name)]))
    representatives = [structure(name) for name in kept.values()]
    assert not any(matcher.fit(a, b) for a, b in itertools.combinations(representatives, 2))


def test_sublattices_that_differ_are_not_folded(double):
    every = double(fold=False).pool()
    assert len(double(oxygen=0.27).pool()) == len(every)
    assert len(double(oxygen=0.27, symmetry_tolerance=0.5).pool()) == len(double().pool())


# ---------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("rule", "gone", "kept"),
    [
        ({"type": "radius", "site": "M", "maximum": 0.85}, "Li-Y3-P5-F", "Li-Mn2-S6-F"),
        ({"type": "radius", "site": "M", "minimum": 0.6, "maximum": 2}, "Li-Al3-P5-F", "Li-Y3-P5-F"),
        (
            {"type": "radius_ratio", "cation": "M", "anion": "O", "minimum": 0.414, "maximum": 0.732},
            "Li-Ca2-S6-F",
            "Li-V3-P5-F",
        ),
        ({"type": "electronegativity", "gap": 0.9}, "Li-V3-Se6-O2", "Li-V3-P5-F"),
        ({"type": "distinct_elements", "sites": ["Z", "O"]}, "Li-Ti4-P5-O2", "Li-V3-P5-F"),
        ({"type": "tolerance_factor", "a": "A", "b": "M", "x": "O", "minimum": 0.75}, "Li-Y3-P5-F", "Na-Al3-P5-F"),
    ],
)
def test_each_rule_refuses_or_marks(rule, gone, kept):
    everything = set(tavorites().pool().ids)
    refused = tavorites(rules=[rule])
    left = set(refused.pool().ids)
    assert gone in everything - left
    assert kept in left
    marking = tavorites(rules=[{**rule, "action": "mark"}], mark=[])
    assert set(marking.pool().ids) == everything
    assert {str(name) for name in marking.pool().ids if marking.describe_candidate(str(name))["marks"]} == everything - left


def test_electronegative_cations_fall_without_a_gap_too(double):
    sites = yaml.safe_load(DOUBLE_SPACE)["sites"]
    sites["O"] = {"replaces": "O2-", "ions": ["O2-", "Se2-"]}
    rule = {"type": "electronegativity"}
    assert not any("Se2" in name for name in double(sites=sites, rules=[{**rule, "gap": 1.3}]).pool().ids)
    assert any("Se2" in name for name in double(sites=sites, rules=[rule]).pool().ids)


# ---------------------------------------------------------------- features


def test_features_are_grouped_by_site_and_named_with_units():
    pool = tavorites().pool()
    assert set(pool.groups) == {f"{kind}_{site}" for kind in ("site", "ion") for site in "amxz"} | {"cell"}
    assert {name for name, group in pool.groups.items() if group.categorical} == {f"ion_{site}" for site in "amxz"}
    assert pool.groups["site_m"].columns[0] == "M_radius [Å]"
    position = int(pool.positions(["Li-Fe2-S6-F"])[0])
    row = pool.groups["site_m"].values[pool.groups["site_m"].index[position]]
    assert row.tolist() == pytest.approx([0.78, 1.83, 55.845, 4, 8, 6, 2])
    described = pool.cost_descriptors
    assert described.columns == ("atoms", "electrons")
    # Two formula units of LiFeSO4F.
    assert described.values[described.index[position]].tolist() == [16, 2 * (3 + 26 + 16 + 4 * 8 + 9)]
    assert set(pool.cost) == {1.0}
    learned = tavorites(cost={"model": "measured", "anchor": 50.0, "power": 2.0}).pool()
    assert learned.cost[position] == pytest.approx(50.0 * 0.16**2)


def test_columns_have_one_name_each():
    columns = [column for group in tavorites().pool().groups.values() for column in group.columns]
    assert len(set(columns)) == len(columns)


def test_codes_of_ions_are_the_same_in_every_space():
    def codes(space: CompositionSpace) -> dict[str, float]:
        pool = space.pool()
        group = pool.groups["ion_m"]
        return {
            space.describe_candidate(str(n))["ions"]["M"]: group.values[i, 0]
            for n, i in zip(pool.ids, group.index, strict=True)
        }

    every, few = codes(tavorites()), codes(tavorites(sites={"M": {"ions": ["Zr4+", "Fe3+", "Fe2+"]}}))
    assert len(set(every.values())) == len(every) == 24
    assert few.items() <= every.items()


def test_the_cell_is_guessed_and_larger_ions_are_bound_more():
    pool = tavorites().pool()
    cell = pool.groups["cell"]
    volume, _, valence, rise = cell.values[cell.index[pool.positions(["Li-V3-P5-F", "Na-V3-P5-F"])]].T
    assert volume[0] == pytest.approx(174.34 / 2, abs=0.01)
    assert volume[1] > volume[0]
    assert valence[1] > valence[0]
    assert rise[1] > rise[0] > 0
    assert cell.columns[3] == "bottleneck_rise [e]"


def test_columns_of_the_mobile_ion_are_there_where_one_moves(double):
    # Sites 3.9 Å apart in the plane join to paths.
    assert len(double(mobile="A").pool().groups["cell"].columns) == 4
    assert double().pool().groups["cell"].columns == ("volume_guess [Å^3]", "instability_index [e]")


# ---------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sites": {"M": {"ions": ["V"]}}}, r"'V' is not an ion; expected symbol, number and sign"),
        ({"sites": {"M": {"ions": []}}}, "at least 1 item"),
        ({"parent": {}}, "prototype, cif: expected one of them"),
        ({"parent": {"prototype": "tavorite", "cif": "x.cif"}}, "prototype, cif: expected one of them"),
        ({"parent": {"prototype": "olivine"}}, "'tavorite'"),
        ({"rules": [{"type": "colour"}]}, "colour"),
    ],
)
def test_specs_that_mean_nothing(changes, message):
    with pytest.raises(ValidationError, match=message):
        tavorites(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sites": {"M": {"ions": ["V3+", "Qq3+"]}}}, r"space\.sites\.M\.ions\[1\]: 'Qq3\+': no element 'Qq'"),
        ({"sites": {"M": {"ions": ["Al2+"]}}}, r"space\.sites\.M\.ions\[0\]: 'Al2\+': .*it has Al3\+"),
        ({"sites": {"M": {"ions": ["V3+", "V3+"]}}}, r"space\.sites\.M\.ions: 'V3\+'; expected each ion once"),
        (
            {"sites": {"M": {"ions": ["Nb5+"]}, "X": {"ions": ["S6+"]}}},
            r"none of 8 combinations is neutral, the nearest has \+4",
        ),
        ({"sites": {"O": {"ions": ["S2-"]}}}, "tavorite has no site 'O' to fill; expected A, M, X, Z"),
        ({"sites": {"M": {"replaces": "V3+"}}}, "space.sites.M: replaces and labels belong to a CIF"),
        ({"mobile": "Q"}, "space.mobile: no site 'Q'; expected one of"),
        ({"systems": "Q"}, "space.systems: no site 'Q'"),
        ({"exclude": [{"ions": {"Q": ["F-"]}, "reason": "no"}]}, r"space\.exclude\[0\]\.ions: no site 'Q'"),
        ({"rules": [{"type": "radius", "site": "Q", "maximum": 1}]}, r"space\.rules\[0\]\.site: no site 'Q'"),
        ({"rules": [{"type": "radius", "site": "M", "minimum": 2, "maximum": 1}]}, "expected minimum <= maximum"),
        (
            {"rules": [{"type": "radius", "site": "M", "maximum": 0.1}]},
            "no candidate remains of 1152 combinations; 828 were excluded by 'charge balance'",
        ),
    ],
)
def test_specs_that_do_not_fit(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        tavorites(**changes)


def test_a_cif_needs_its_sites_and_something_to_choose(double, tmp_path):
    sites = yaml.safe_load(DOUBLE_SPACE)["sites"]
    with pytest.raises(ConfigurationError, match=r"space\.sites\.O\.replaces: missing"):
        double(sites={**sites, "O": {}})
    with pytest.raises(ConfigurationError, match="no site has ions to choose from"):
        double(sites={name: {key: value for key, value in site.items() if key != "ions"} for name, site in sites.items()})
    with pytest.raises(ConfigurationError, match=f"has SHA-256 .*expected {'0' * 64}"):
        double(parent={"cif": "double.cif", "sha256": "0" * 64})


def test_ids_outside_the_pool_are_not_found():
    space = tavorites()
    for name in ("Li-V3-P5-Br", "Li-Ge4-Ge4-F", "", "Li"):
        with pytest.raises(NotFoundError):
            space.structure(name)
        with pytest.raises(NotFoundError):
            space.describe_candidate(name)
