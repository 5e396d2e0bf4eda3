"""Spaces of structures from files: every format, names, duplicates, features, and what is refused."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.db import connect

from tansaku.calculators.structures.extended_xyz import write_extended_xyz
from tansaku.models.domain import structure_files
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.limits import DEFAULT_LIMITS, LimitsSpec
from tansaku.models.domain.specs.structure_features import FeaturesBase
from tansaku.models.domain.specs.structures import StructuresSpaceSpec
from tansaku.models.domain.structure_files import folder_sha256
from tansaku.spaces import structures
from tansaku.spaces.structures import StructuresSpace
from tansaku.tasks.node.configuration import campaign_files as configuration
from tansaku.tasks.node.configuration.defaults import with_defaults, without_defaults


@pytest.fixture
def folder(tmp_path, require) -> Path:
    """An empty folder ``all`` for files of structures."""
    require("pymatgen")
    (tmp_path / "all").mkdir()
    return tmp_path / "all"


def opened(folder: Path, *, limits: LimitsSpec | None = None, **keys: object) -> StructuresSpace:
    given = keys if "paths" in keys else {"folder": folder.name} | keys
    return StructuresSpace(StructuresSpaceSpec.model_validate(given), folder.parent, limits)


def salt(**attributes: object) -> dict:
    cell = bulk("NaCl", "rocksalt", a=5.64)
    return {
        "id": "mp-22862",
        "type": "structures",
        "attributes": {
            "cartesian_site_positions": cell.positions.tolist(),
            "lattice_vectors": cell.cell.tolist(),
            "species_at_sites": ["Na", "Cl"],
            "species": [{"name": name, "chemical_symbols": [name], "concentration": [1.0]} for name in ("Na", "Cl")],
            "dimension_types": [1, 1, 1],
            "_x_band_gap": 5.1,
        }
        | attributes,
    }


def test_every_format_is_read_and_gives_the_same_crystal(folder):
    copper = bulk("Cu", "fcc", a=3.6)
    copper.write(folder / "a.cif")
    copper.write(folder / "POSCAR-b", format="vasp")
    copper.write(folder / "c.vasp", format="vasp")
    write_extended_xyz(folder / "d.extxyz", [copper, copper])
    with connect(folder / "e.db") as database:
        database.write(copper, label="first")
    entry = {
        "cartesian_site_positions": [[0.0, 0.0, 0.0]],
        "lattice_vectors": copper.cell.tolist(),
        "species_at_sites": ["Cu"],
        "species": [{"name": "Cu", "chemical_symbols": ["Cu"], "concentration": [1.0]}],
    }
    (folder / "f.json").write_text(json.dumps({"data": [{"id": "odbx/1", "attributes": entry}]}))
    (folder / "notes.txt").write_text("no structure")
    space = opened(folder)
    names = ["POSCAR-b", "a", "c", "d-000001", "d-000002", "e-000001", "odbx_1"]
    assert space.pool().ids.tolist() == names
    for name in names:
        atoms = space.structure(name)
        assert atoms.get_volume() / len(atoms) == pytest.approx(copper.get_volume(), rel=1e-4)
        assert set(atoms.get_chemical_symbols()) == space.elements() == {"Cu"}
    assert [space.describe_candidate(name)["marks"] for name in names[1:]] == [["the same as POSCAR-b"]] * 6
    assert space.structure("e-000001").info["label"] == "first"
    assert len(opened(folder, duplicates="drop").pool()) == 1
    assert opened(folder, duplicates="drop").census()[-1] == {
        "rule": "the same as an earlier one",
        "left_out": 6,
        "marked": 0,
        "left": 1,
    }
    with pytest.raises(ConfigurationError, match="a is the same crystal as POSCAR-b, and 5 more"):
        opened(folder, duplicates="refuse").pool()
    assert opened(folder, duplicates="ignore").describe_candidate("a")["marks"] == []


def test_a_strained_crystal_is_no_duplicate_and_a_supercell_is(folder):
    write_extended_xyz(
        folder / "a.extxyz", [bulk("Cu", "fcc", a=3.6), bulk("Cu", "fcc", a=3.62), bulk("Cu", cubic=True, a=3.6)]
    )
    space = opened(folder)
    assert [bool(space.describe_candidate(f"a-00000{number}")["marks"]) for number in (1, 2, 3)] == [False, False, True]


def test_systems_costs_ids_and_features_by_key(folder):
    several = []
    for name, phase, hours in (("one", "fcc", 2.5), ("two", "bcc", 1.0)):
        atoms = bulk("Cu", phase, a=3.6)
        atoms.info |= {"name": name, "phase": phase, "hours": hours}
        several.append(atoms)
    write_extended_xyz(folder / "a.extxyz", several)
    features = {"site": {"type": "info", "keys": ["hours"]}, "kind": {"type": "info", "keys": ["phase"], "categorical": True}}
    space = opened(folder, ids="name", system_key="phase", cost_key="hours", features=features)
    pool = space.pool()
    assert pool.ids.tolist() == ["one", "two"]
    assert pool.systems == ("bcc", "fcc")
    assert pool.cost.tolist() == [2.5, 1.0]
    assert pool.groups["kind"].categorical
    with pytest.raises(ConfigurationError, match=r"space\.cost_key: one has no 'days'; its keys are hours, name, phase"):
        opened(folder, ids="name", cost_key="days").pool()
    with pytest.raises(ConfigurationError, match="'fcc', not a number"):
        opened(folder, ids="name", features={"kind": {"type": "info", "keys": ["phase"]}}).pool()


def test_descriptors_do_not_depend_on_the_cell_or_the_order_of_atoms(folder, require):
    require("dscribe")
    gold = Atoms("AuCu3", scaled_positions=[[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]], cell=[3.75] * 3, pbc=True)
    write_extended_xyz(folder / "a.extxyz", [gold, (gold[[2, 0, 3, 1]] * (2, 1, 1)), bulk("Cu", "hcp", a=2.55)])
    groups = (
        opened(
            folder,
            features={
                "composition": {"type": "composition"},
                "density": {"type": "density"},
                "symmetry": {"type": "symmetry"},
                "soap": {"type": "soap", "cutoff": 4, "radial": 3, "angular": 2},
            },
        )
        .pool()
        .groups
    )
    for group in groups.values():
        rows = group.values[group.index]
        np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)
        assert not np.allclose(rows[0], rows[2])
    assert groups["symmetry"].values[groups["symmetry"].index].ravel().tolist() == [221, 221, 194]
    density = groups["density"].values[groups["density"].index][0]
    assert density[0] == pytest.approx((196.967 + 3 * 63.546) * 1.66053907 / 3.75**3, rel=1e-5)


BAD = {
    "nan": (lambda atoms: atoms.positions.__setitem__((0, 0), np.nan), "not a finite number"),
    "flat": (lambda atoms: atoms.set_pbc([True, True, False]), "not periodic in three directions"),
    "element": (lambda atoms: atoms.set_atomic_numbers([0]), "cannot be read|of no known element"),
    "volume": (lambda atoms: atoms.set_cell([0.1, 0.1, 0.1]), "less than 0.5"),
    "far": (lambda atoms: atoms.positions.__setitem__((0, 0), 1e6), "longer than 10000"),
}


def test_the_only_structure_of_a_file_has_its_name_in_new_campaigns(folder):
    write_extended_xyz(folder / "one.xyz", [bulk("Cu")])
    write_extended_xyz(folder / "two.xyz", [bulk("Ag"), bulk("Au")])
    assert opened(folder).pool().ids.tolist() == ["one-000001", "two-000001", "two-000002"]
    assert opened(folder, named_by_file=True).pool().ids.tolist() == ["one", "two-000001", "two-000002"]
    spec = CampaignSpec.model_validate(
        {"schema_version": 1, "name": "a", "space": {"type": "structures", "folder": "f"}, "calculator": {"type": "emt"},
         "objective": {"unit": "eV/atom"}}
    )  # fmt: skip
    assert with_defaults(spec).space.named_by_file is True
    assert without_defaults(with_defaults(spec)) == without_defaults(spec)


@pytest.mark.parametrize("kind", BAD)
def test_a_structure_that_cannot_be_computed_is_refused_by_name(folder, kind):
    change, message = BAD[kind]
    atoms = bulk("Cu")
    change(atoms)
    write_extended_xyz(folder / "bad.extxyz", atoms)
    with pytest.raises(ConfigurationError, match=message) as caught:
        opened(folder).pool()
    assert "bad.extxyz" in str(caught.value)


def test_a_molecule_is_put_into_a_box_where_the_spec_has_one(folder):
    (folder / "water.xyz").write_text("3\n\nO 0 0 0\nH 0.76 0.59 0\nH -0.76 0.59 0\n")
    write_extended_xyz(folder / "cell.extxyz", bulk("Cu"))
    with pytest.raises(ConfigurationError, match=r"water\.xyz.* is not periodic") as refused:
        opened(folder).pool()
    assert "space.box: 8" in refused.value.hint
    boxed = opened(folder, box=6.0).structure("water-000001")
    np.testing.assert_allclose(boxed.cell.array, np.diag([13.52, 12.59, 12.0]))
    assert boxed.pbc.all()
    np.testing.assert_allclose(boxed.positions.min(axis=0), 6.0)
    np.testing.assert_allclose(boxed.get_distance(0, 1), np.hypot(0.76, 0.59))
    np.testing.assert_allclose(opened(folder, box=6.0).structure("cell-000001").cell.array, bulk("Cu").cell.array)


def test_a_left_handed_cell_is_the_same_lattice_in_another_order(folder):
    atoms = bulk("Cu")
    atoms.set_cell(atoms.cell.array[[1, 0, 2]])
    write_extended_xyz(folder / "a.extxyz", atoms)
    assert np.linalg.det(opened(folder).structure("a-000001").cell.array) > 0


def test_what_is_too_large_is_refused_before_it_is_read(folder):
    (folder / "million.extxyz").write_text("1000000\nLattice=...\n")
    with pytest.raises(
        ConfigurationError, match=r"atoms of a structure of 'million.extxyz': 1,000,000; expected at most 20,000"
    ):
        opened(folder).pool()
    with pytest.raises(ConfigurationError, match="structure_bytes"):
        opened(folder, limits=LimitsSpec(structure_bytes=10)).pool()


@pytest.mark.parametrize("named", [{"folder": "."}, {"paths": ["large.cif"]}])
def test_a_folder_and_files_that_are_too_large_are_refused_before_they_are_hashed(folder, monkeypatch, named):
    with (folder / "large.cif").open("wb") as large:
        large.truncate(3 * 2**30)  # a hole: it takes no room
    document = {
        "space": {"type": "structures", **named},
        "calculator": {"type": "emt"},
        "objective": {"property": "energy_per_atom", "unit": "eV/atom"},
    } | {"schema_version": 1, "name": "c", "proposer": {"type": "gp"}, "execution": {"polish": 0}}
    for module in (configuration, structure_files):
        monkeypatch.setattr(module, "file_sha256", lambda path: pytest.fail(f"{path} is read"))
    with pytest.raises(
        ConfigurationError, match=r"^space\.(folder|paths\.0): bytes of .*: 3,221,.*; expected at most 100,000,000"
    ):
        configuration.campaign_from_data(document, folder, "c", DEFAULT_LIMITS)


def test_links_and_paths_that_lead_elsewhere_are_refused(folder):
    bulk("Cu").write(folder.parent / "outside.cif")
    (folder / "inside.cif").symlink_to(folder.parent / "outside.cif")
    with pytest.raises(ConfigurationError, match=r"'inside\.cif' is a symbolic link"):
        opened(folder)
    with pytest.raises(ConfigurationError, match="is a symbolic link"):
        opened(folder, paths=["all/inside.cif"])
    (folder / "inside.cif").unlink()
    os.mkfifo(folder / "pipe.cif")
    with pytest.raises(ConfigurationError, match="is no file"):
        opened(folder)


def test_a_changed_file_is_refused(folder):
    bulk("Cu").write(folder / "a.cif")
    known = folder_sha256(folder, "space.folder")
    assert len(opened(folder, sha256=known).pool()) == 1
    (folder / "a.cif").rename(folder / "b.cif")
    with pytest.raises(ConfigurationError, match="changed since the campaign began"):
        opened(folder, sha256=known)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"species_at_sites": ["Na"]}, "2 positions for 1 sites"),
        ({"species_at_sites": ["Na", "Q"]}, "site of 'Q', which is no species"),
        ({"species": [{"name": "Na", "chemical_symbols": ["Xx"], "concentration": [1.0]}]}, "no element 'Xx'"),
        ({"species": [{"name": "Na", "chemical_symbols": ["Na", "K"], "concentration": [0.5, 0.5]}]}, "not one element, fully"),
        ({"lattice_vectors": None}, "lattice_vectors is missing"),
        ({"dimension_types": [1, 1, 0]}, "not periodic"),
    ],
)
def test_a_wrong_optimade_entry_is_refused_by_id(folder, attributes, message):
    (folder / "a.json").write_text(json.dumps({"data": [salt()]}))
    space = opened(folder)
    assert space.structure("mp-22862").info["_x_band_gap"] == 5.1
    (folder / "a.json").write_text(json.dumps({"data": [salt(**attributes)]}))
    with pytest.raises(ConfigurationError, match=message):
        opened(folder).pool()


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"data": 3}', "[" * 100_000, '{"data": [{"id": "x"}]}'])
def test_json_that_is_no_answer_is_refused(folder, text):
    (folder / "a.json").write_text(text)
    with pytest.raises(ConfigurationError, match=r"a\.json"):
        opened(folder).pool()


def test_a_database_that_computes_something_is_refused(folder):
    database = sqlite3.connect(folder / "a.db")
    database.execute("create view systems as with recursive n(x) as (select 1 union all select x + 1 from n) select x from n")
    database.commit()
    database.close()
    with pytest.raises(ConfigurationError, match="it has a view, 'systems'"):
        opened(folder).pool()


CIF = (
    "data_x\n_cell_length_a 4\n_cell_length_b 4\n_cell_length_c 4\n_cell_angle_alpha 90\n_cell_angle_beta 90\n"
    "_cell_angle_gamma 90\n{more}loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n"
    "_atom_site_fract_z\nAl1 Al 0 0 0\n"
)
MAGNETIC = "_space_group_magn.number_BNS 1.1\nloop_\n_space_group_symop_magn_{kind}.xyz\n"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("loop_\n_symmetry_equiv_pos_as_xyz\n'" + "1" * 100_000 + ",y,z'\n", "operation of 100004 characters"),
        (MAGNETIC.format(kind="operation") + "x,y,z,+1\n" * 3000, "3000 operations in _space_group_symop_magn_operation"),
        (
            MAGNETIC.format(kind="operation") + "x,y,z,+1\n" * 96 + "loop_\n_space_group_symop_magn_centering.xyz\n"
            "x,y,z,+1\n" + "x,y+1/2,z,+1\n" * 4,
            "480 operations, centrings counted",
        ),
    ],
)  # fmt: skip
def test_operations_that_take_minutes_are_refused_before_they_are_read(folder, more, message):
    (folder / "a.cif").write_text("\ufeff" + CIF.format(more=""))
    assert opened(folder).pool().ids.tolist() == ["a"]
    (folder / "a.cif").write_text(CIF.format(more=more))
    with pytest.raises(ConfigurationError, match=message):
        opened(folder).pool()


FRAME = '1\nLattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3{more} pbc="T T T"\nAl 0 0 0\n'


def test_no_room_is_made_for_columns_that_are_not_there(folder):
    (folder / "a.extxyz").write_text("\ufeff" + FRAME.format(more="") * 2)
    assert len(opened(folder).pool()) == 2
    for count in ("9999999", "9_999_999", " +9999999"):
        for atoms in ("1", "+1"):
            (folder / "a.extxyz").write_text(atoms + FRAME.format(more=f":f:R:{count}").removeprefix("1"))
            with pytest.raises(
                ConfigurationError, match=r"Properties has 10000003 columns, and the first atom 4|cannot be read"
            ):
                opened(folder).pool()


def test_structures_after_an_empty_line_are_not_lost(folder):
    (folder / "a.extxyz").write_text(FRAME.format(more="") + "\n \n")
    assert len(opened(folder).pool()) == 1
    (folder / "a.extxyz").write_text(FRAME.format(more="") + "\n" + FRAME.format(more=""))
    with pytest.raises(ConfigurationError, match="line 4: an empty line, and more in line 5; expected a number"):
        opened(folder).pool()


def test_a_database_with_computed_columns_is_refused(folder):
    with contextlib.closing(sqlite3.connect(folder / "a.db")) as database:
        database.execute("create table systems (id integer primary key, natoms integer, unused)")
        database.execute("create table more (id integer, bomb blob generated always as (zeroblob(900000000)) virtual)")
        database.commit()
    with pytest.raises(ConfigurationError, match="column 'bomb' is computed, not stored"):
        opened(folder).pool()


@pytest.mark.parametrize(("scale", "expected"), [("range", True), (None, False)])
def test_the_spec_of_a_plug_in_says_whether_its_columns_have_different_units(monkeypatch, scale, expected):
    class MagpieSpec(FeaturesBase):
        """Descriptors of a plug-in."""

        opener: ClassVar[str] = "magpie:rows"
        type: str = "magpie"

    MagpieSpec.scale = scale
    monkeypatch.setattr(structures, "opened", lambda *_: lambda _, several: np.arange(20.0 * len(several)).reshape(-1, 20))
    several = [(str(number), SimpleNamespace(atoms=bulk("Cu"))) for number in range(3)]
    group = structures.structure_groups({"magpie": MagpieSpec()}, several)["magpie"]
    assert (group.mixed, group.columns[0]) == (expected, "magpie 1")
