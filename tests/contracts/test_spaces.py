"""The contract of a space, run on every implementation."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from ase.build import bulk
from pydantic import TypeAdapter

from tansaku.calculators.structures.extended_xyz import write_extended_xyz
from tansaku.models.domain.errors import CalculationError, NotFoundError
from tansaku.models.domain.ports import RefinedSpace, ScreenedSpace, Space, TabulatedSpace, VariedSpace
from tansaku.models.domain.specs.space import SPACE_SPECS, SpaceSpec
from tansaku.spaces.space_registry import open_space

GRAIN_BOUNDARY = {
    "type": "grain_boundary",
    "crystal": {"structure": "fcc", "element": "Al", "lattice_parameter": 4.05},
    "boundaries": {"planes": [[1, 1, 3], [2, 2, 1]]},
    "translation": {"normal": {"stop": 0.4, "step": 0.2}, "in_plane": {"step": 0.7}, "along_axis": {"step": 0.5}},
}

BOUNDARY_DENSITY = {
    "type": "grain_boundary",
    "crystal": {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.615},
    "axis": [0, 0, 1],
    "boundaries": {"planes": [[2, 1, 0], [3, 1, 0]]},
    "cell": {"boundaries": 1, "relaxed": 6, "reach": 5.6},
    "replication": {"max_atoms": 300},
    "translation": {"sample": "full", "in_plane": {"step": 2}, "along_axis": {"step": 2}},
    "seeds": 2,
}

MAGNESIUM = {
    "type": "grain_boundary",
    "crystal": {"structure": "hcp", "element": "Mg", "lattice_parameter": [3.21, 5.21]},
    "axis": [1, -2, 1, 0],
    "boundaries": {"planes": [[1, 0, -1, 1], [1, 0, -1, 2]]},
    "cell": {"boundaries": 1, "relaxed": 6, "reach": 5.6},
}
"""With and without the number of atoms in the boundary."""

HEXAGONAL = MAGNESIUM | {"translation": {"normal": [0.3], "in_plane": {"step": 2}, "along_axis": {"step": 1}}}
HEXAGONAL_DENSITY = MAGNESIUM | {
    "replication": {"max_atoms": 200},
    "translation": {"sample": "full", "in_plane": {"step": 2}, "along_axis": {"step": 2}},
    "seeds": 2,
}

COMPOSITION = {
    "type": "composition",
    "parent": {"prototype": "tavorite"},
    "sites": {"M": {"ions": ["Al3+", "Fe2+", "Fe3+", "Ti4+"]}},
}

TABLE = {
    "type": "table",
    "candidates": "candidates.parquet",
    "columns": {"id": "id", "system": "system", "surface": "surface", "value": "value", "cost": "cost"},
    "features": {
        "translation": {"columns": ["x", "y"]},
        "angle": {"lookup": "systems.csv", "key": "system", "columns": ["angle"]},
    },
}


def write_table(folder: Path) -> None:
    n = 60
    rng = np.random.default_rng(3)
    value = rng.normal(size=n)
    value[11] = np.nan
    table = pa.table(
        {
            "id": [f"c{k:02d}" for k in rng.permutation(n)],
            "system": [f"s{k % 3}" for k in range(n)],
            "surface": [f"s{k % 3}-{k % 2}" for k in range(n)],
            "value": value,
            "cost": rng.uniform(1, 2, size=n),
            "x": rng.integers(0, 4, size=n) / 10,
            "y": rng.integers(0, 4, size=n) / 10,
        }
    )
    pyarrow.parquet.write_table(table, folder / "candidates.parquet")
    (folder / "systems.csv").write_text("system,angle\ns0,10\ns1,20\ns2,30\n")


CRYSTALS = {
    "type": "crystals",
    "crystals": {
        "fcc": {"structure": "fcc", "elements": ["Al"], "lattice_parameter": 4.05},
        "salt": {"structure": "rocksalt", "elements": ["Mg", "O"], "lattice_parameter": 4.2},
    },
    "scans": [
        {"type": "lattice", "percent": {"start": -10, "stop": 10, "steps": 5}},
        {"type": "shear", "of": ["fcc"], "axes": "all", "degrees": {"start": -5, "stop": 5, "steps": 3}},
        {"type": "strain", "percent": {"start": -3, "stop": 3, "steps": 4}, "lattice": [0, 2]},
        {"type": "rattle", "atoms": [4, 8], "draws": 2, "strain": 1, "lattice": 5},
        {"type": "vacancy", "atoms": [8], "draws": 2},
        {"type": "slab", "of": ["fcc"], "planes": [[1, 1, 1]], "draws": 1},
    ],
}

PROTOTYPES = {
    "type": "prototypes",
    "prototypes": ["rocksalt", "rutile", "perovskite", "spinel"],
    "ions": ["Mg2+", "Sr2+", "Al3+", "Ti4+", "Sn4+"],
    "volumes": [0.95, 1.0],
}

ENERGY_SURFACE = {
    "type": "energy_surface",
    "host": {"prototype": "perovskite", "ions": ["Ba2+", "Zr4+"]},
    "ion": "H",
    "grid": 0.3,
}

PARAMETERS = {
    "type": "parameters",
    "parameters": {
        "x": {"type": "number", "low": -5, "high": 5},
        "n": {"type": "integer", "low": 0, "high": 3},
        "solvent": {"type": "category", "values": ["water", "ethanol"]},
        "mix": {"type": "fractions", "parts": ["a", "b", "c"]},
    },
    "constraints": [{"terms": {"x": 1, "n": 2}, "at_most": 4}],
    "pool": 64,
}

MOLECULES = {
    "type": "molecules",
    "seeds": ["COCCOC", "CC#N", "CCOC(C)=O", "CS(C)=O"],
    "generate": {"number": 40},
    "rules": {"max_heavy_atoms": 8},
}

STRUCTURES = {"type": "structures", "folder": "structures", "systems": "elements"}

SEGREGATION = {
    "type": "segregation",
    "boundary": "hole.extxyz",
    "crystal": {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.6},
    "solute": "Ag",
    "images": 10,
}

COMPOUND_BOUNDARY = {
    "type": "compound_boundary",
    "crystal": "cuau.cif",
    "planes": [[2, 1, 0], [1, 1, 1]],
    "boundaries": {"general": [{"axis": [0, 0, 1], "sigma": 5, "plane": [1, 0, 0]}]},
    "unit": {"phase": "structures/cu-fcc.cif", "most": 4},
    "exchange": {"units": [-1, 0], "seeds": 2},
    "thickness": 7,
    "step": 1.5,
}


def write_structures(folder: Path) -> None:
    (folder / "structures").mkdir()
    for name, edge in (("fcc", 3.59), ("bcc", 2.86)):
        bulk("Cu", name, a=edge, cubic=True).write(folder / f"structures/cu-{name}.cif")
    bulk("Cu", "fcc", a=3.59).write(folder / "structures/again.vasp", format="vasp")
    bulk("CuAu", "cesiumchloride", a=3.1).write(folder / "cuau.cif")
    write_extended_xyz(folder / "structures/au.extxyz", [bulk("Au", "fcc", a=edge) for edge in (4.0, 4.1)])
    hole = bulk("Cu", "fcc", a=3.6, cubic=True).repeat(3)
    del hole[0]
    write_extended_xyz(folder / "hole.extxyz", hole)


ARRAYS = {
    "molecules": {"numbers", "positions"},
    "energy_surface": {"numbers", "positions"},
    "segregation": {"numbers", "positions"},
    "compound_boundary": {"grain"},
    "structures": {"numbers", "positions"},
    "grain_boundary": {"held", "grain", "boundary"},
    "composition": {"site", "oxidation_state"},
    "crystals": {"numbers", "positions"},
    "prototypes": {"numbers", "positions"},
}

SPECS = [
    GRAIN_BOUNDARY,
    BOUNDARY_DENSITY,
    HEXAGONAL,
    HEXAGONAL_DENSITY,
    COMPOSITION,
    CRYSTALS,
    PROTOTYPES,
    TABLE,
    STRUCTURES,
    SEGREGATION,
    COMPOUND_BOUNDARY,
    PARAMETERS,
    ENERGY_SURFACE,
    MOLECULES,
]


def test_every_registered_space_keeps_the_contract():
    assert {document["type"] for document in SPECS} == SPACE_SPECS.keys()


def _name(document):
    hexagonal = "hexagonal_" if document.get("crystal") == HEXAGONAL["crystal"] else ""
    return hexagonal + ("boundary_density" if "replication" in document else document["type"])


@pytest.fixture(params=SPECS, ids=_name)
def opening(request: pytest.FixtureRequest, tmp_path: Path, require: Callable[[str], None]) -> Callable[[], Space]:
    """Opens the same space anew with each call."""
    document = request.param
    if document in (COMPOSITION, PROTOTYPES, STRUCTURES, ENERGY_SURFACE, COMPOUND_BOUNDARY):
        require("pymatgen")
    if document == MOLECULES:
        require("rdkit")
    write_table(tmp_path)
    write_structures(tmp_path)
    spec = TypeAdapter(SpaceSpec).validate_python(document)
    return lambda: open_space(spec, tmp_path)


def test_the_pool_is_the_same_every_time(opening):
    one, other = opening().pool(), opening().pool()
    assert one.ids.tolist() == other.ids.tolist()
    assert (one.systems, one.surfaces) == (other.systems, other.surfaces)
    for name in ("system_codes", "surface_codes", "cost"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.groups.keys() == other.groups.keys()
    for name, group in one.groups.items():
        np.testing.assert_array_equal(group.values, other.groups[name].values)
        np.testing.assert_array_equal(group.index, other.groups[name].index)


def test_every_system_and_surface_has_candidates_and_surfaces_belong_to_one_system(opening):
    pool = opening().pool()
    assert set(pool.system_codes) == set(range(len(pool.systems)))
    assert set(pool.surface_codes) == set(range(len(pool.surfaces)))
    np.testing.assert_array_equal(pool.surface_system[pool.surface_codes], pool.system_codes)


def test_distinct_rows_are_distinct_and_used(opening):
    for group in opening().pool().groups.values():
        assert len(np.unique(group.values, axis=0)) == len(group.values)
        assert set(group.index) == set(range(len(group.values)))


def test_systems_are_described_in_the_pools_order_as_plain_data(opening):
    space = opening()
    rows = space.describe_systems()
    assert tuple(row["system"] for row in rows) == space.pool().systems
    assert len({tuple(row) for row in rows}) == 1
    json.dumps(list(rows), allow_nan=False)


def test_a_candidate_outside_the_pool_is_not_found(opening):
    with pytest.raises(NotFoundError):
        opening().structure("no-such-candidate")


def test_structures_match_the_pool_or_are_refused(opening, request):
    space = opening()
    pool = space.pool()
    refused: list[str] = []
    for position in np.linspace(0, len(pool) - 1, 7).astype(int):
        candidate = str(pool.ids[position])
        try:
            atoms = space.structure(candidate)
        except NotFoundError:
            assert isinstance(space, TabulatedSpace | RefinedSpace)
            continue
        except CalculationError as error:
            refused.append(error.reason)
            continue
        own = space.elements_of(candidate) if isinstance(space, VariedSpace) else space.elements()
        assert set(atoms.get_chemical_symbols()) == own <= space.elements()
        assert atoms.info["candidate"] == candidate
        assert atoms.info["system"] == pool.systems[pool.system_codes[position]]
        assert ARRAYS[request.node.callspec.params["opening"]["type"]] <= atoms.arrays.keys()
        assert np.isfinite(atoms.positions).all()
    assert set(refused) <= {"overlap"}


def test_a_screened_space_accounts_for_every_combination_and_describes_every_candidate(opening):
    space = opening()
    if not isinstance(space, ScreenedSpace):
        assert not hasattr(space, "census")
        return
    census = list(space.census())
    assert census[-1]["left"] == len(space.pool())
    assert all(one["left"] - other["left_out"] == other["left"] for one, other in itertools.pairwise(census))
    for candidate in space.pool().ids:
        assert set(space.describe_candidate(str(candidate))) == {"formula", "ions", "marks"}
    json.dumps([census, space.describe_candidate(str(space.pool().ids[0]))], allow_nan=False)
    with pytest.raises(NotFoundError):
        space.describe_candidate("no-such-candidate")


def test_a_tabulated_space_records_one_outcome_per_candidate(opening):
    space = opening()
    if not isinstance(space, TabulatedSpace):
        assert not hasattr(space, "recorded")
        return
    values = space.values()
    assert values.shape == (len(space.pool()),)
    for candidate, value in zip(space.pool().ids, values, strict=True):
        outcome = space.recorded(str(candidate))
        if np.isnan(value):
            assert outcome.value is None
            assert outcome.failure.reason == "recorded_failure"
        else:
            assert outcome.value == value
            assert outcome.failure is None


def test_a_space_that_adds_neighbours_adds_the_same_ones_every_time(opening):
    one, other = opening(), opening()
    if not isinstance(one, RefinedSpace):
        assert not hasattr(one, "refined")
        return
    first, best = str(one.pool().ids[0]), [str(one.pool().ids[3])]
    pool = one.refined([first], best)
    assert set(one.pool().ids) < set(pool.ids)
    added = sorted(set(pool.ids.tolist()) - set(one.pool().ids.tolist()))
    other.refined(added[:1], [first])  # what was asked for before changes nothing
    again = other.refined([first], best)
    assert again.ids.tolist() == pool.ids.tolist()
    for name, group in pool.groups.items():
        np.testing.assert_array_equal(again.groups[name].values[again.groups[name].index], group.values[group.index])
    with pytest.raises(NotFoundError):
        one.refined(["no-such-candidate"], [])
