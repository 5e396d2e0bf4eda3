"""Small campaign files that ask for too much are refused at once, with the key, the number and the limit."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.limits import DEFAULT_LIMITS, LimitsSpec, check_limit
from tansaku.models.domain.specs.prototypes import PrototypesSpaceSpec
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.act.checks.check import preview_campaign
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tests.support.actors import ADA
from tests.support.campaign_files import boundary_space, table_space

SECONDS_EACH = 2
START_UP = 30
MEMORY = 6 * 2**30


def boundaries(**changes: object) -> dict:
    """A space of boundaries in copper."""
    space = boundary_space("Cu", 3.59, [1, 1, 3], spacing=8.0)
    return {"space": space | changes}


def crystals(*scans: dict) -> dict:
    """A space of crystals of copper."""
    fcc = {"structure": "fcc", "elements": ["Cu"], "lattice_parameter": 3.59}
    return {
        "space": {"type": "crystals", "crystals": {"fcc": fcc}, "scans": list(scans)},
        "objective": {"unit": "eV/atom"},
        "execution": {"polish": 0},
    }


def composition(parent: dict, sites: dict) -> dict:
    """A space of compositions."""
    ion = {} if "prototype" in parent else {"ion": "Li"}
    return {
        "space": {"type": "composition", "parent": parent, "sites": sites},
        "calculator": {"type": "chgnet", "workflow": {"type": "migration_barrier", **ion}},
        "objective": {"unit": "eV"},
    }


def period(**steps: float) -> dict:
    return {key: {"step": step} for key, step in steps.items()}


MANY = [f"{symbol}{charge}+" for symbol in ("V", "Fe", "Cr", "Mn", "Ti", "Co", "Mo", "Nb", "W") for charge in range(2, 7)]
LARGE_CRYSTAL = {"structure": "fcc", "element": "Cu", "lattice_parameter": 1000.0}
NESTED = {"type": "sum", "terms": [{"type": "sum", "terms": [{"type": "rbf"}] * 32}] * 32}
HOSTILE: dict[str, tuple[dict, str]] = {
    "large index": (boundaries(boundaries={"planes": [[1, 1, 10005]]}), "space.boundaries.planes"),
    "huge index": (boundaries(boundaries={"planes": [[1, 1, 10**30]]}), "space.boundaries.planes"),
    "large axis": (boundaries(axis=[1, 1, 10**9], boundaries={"max_sigma": 99}), "space.axis"),
    "large sigma": (boundaries(boundaries={"max_sigma": 9999}), "space.boundaries.max_sigma"),
    "many planes": (boundaries(boundaries={"planes": [[i, i, 1] for i in range(1, 3000)]}), "space.boundaries.planes"),
    "spacing": (boundaries(spacing=1e9), "space.spacing"),
    "infinite spacing": (boundaries(spacing=1e308, crystal=LARGE_CRYSTAL | {"lattice_parameter": 1e-300}), "space.spacing"),
    "removed planes": (boundaries(removed_planes=[0, 10_000]), "space.spacing"),
    "surfaces": (boundaries(boundaries={"max_sigma": 999}, removed_planes="full"), "space"),
    "tiny step": (boundaries(translation=period(in_plane=1e-9)), "space.translation.in_plane"),
    "smallest step": (boundaries(translation=period(along_axis=5e-324)), "space.translation.along_axis"),
    "huge stop": (boundaries(translation={"normal": {"stop": 1e300, "step": 1e-300}}), "space.translation.normal"),
    "fine grid of a large cell": (
        boundaries(crystal=LARGE_CRYSTAL, spacing=1000.0, translation=period(in_plane=0.01, along_axis=0.01)),
        "space.translation",
    ),
    "many openings": (
        boundaries(boundaries={"max_sigma": 199}, translation={"normal": {"stop": 900, "step": 0.01}}),
        "space.translation",
    ),
    "product of ions": (
        composition({"prototype": "tavorite"}, {name: {"ions": MANY} for name in ("A", "M", "X", "Z")}),
        "space.sites: combinations",
    ),
    "atoms of a CIF": (composition({"cif": "many-rows.cif"}, {"M": {"replaces": "V3+"}}), "space.parent.cif: rows"),
    "images in a CIF": (composition({"cif": "many-images.cif"}, {"M": {"replaces": "V3+"}}), "space.parent.cif: atoms"),
    "operations of a CIF": (composition({"cif": "many-operations.cif"}, {"M": {"replaces": "V3+"}}), "operations"),
    "size of a CIF": (composition({"cif": "large.cif"}, {"M": {"replaces": "V3+"}}), "space.parent.cif: bytes"),
    "supercell of a CIF": (
        composition(
            {"cif": "small.cif", "transformations": [{"type": "supercell", "repeats": [6, 6, 6]}] * 4},
            {"M": {"replaces": "V3+"}},
        ),
        "space.parent.cif: atoms",
    ),
    "draws": (
        crystals({"type": "rattle", "atoms": list(range(1, 65)), "draws": 9999}),
        "space.scans: candidates",
    ),
    "lattices times shears": (
        crystals(
            {
                "type": "shear",
                "degrees": {"start": 1, "stop": 25, "steps": 2000},
                "lattice": [round(-40 + 0.01 * i, 2) for i in range(10_000)],
            }
        ),
        "space.scans: candidates",
    ),
    "plane of a slab": (crystals({"type": "slab", "planes": [[10**18, 1, 1]]}), "space.scans"),
    "soap of many boundaries": (boundaries(boundaries={"max_sigma": 399}, soap=True), "space.soap: atoms"),
    "dense k-points": (boundaries(cost={"model": "measured", "kpoint_density": 1e300}), "kpoint_density"),
    "infinite cost": (boundaries(cost={"power": 1e300}), "cost"),
    "nested kernels": (boundaries() | {"proposer": {"type": "gp", "kernel": NESTED}}, "proposer.kernel"),
    "rows of a table": (
        {
            "space": table_space("long.parquet", {"id": "id", "value": "value"}, {"x": {"columns": ["x"]}}),
            "calculator": None,
        },
        "space.candidates: rows",
    ),
    "initial design": (
        boundaries(boundaries={"max_sigma": 33}, translation=period(in_plane=0.1, along_axis=0.1))
        | {"proposer": {"type": "gp", "initial_points": 1000}},
        "proposer.initial_points",
    ),
    "in flight": (boundaries() | {"execution": {"in_flight": 10**9}}, "execution.in_flight"),
}


def write_files(folder: Path) -> None:
    """The files that the hostile campaigns name; all are small, but for the one whose size is the point."""
    import pyarrow as pa
    import pyarrow.parquet

    count = 3_000_000
    columns = {
        "id": pa.array(range(count), pa.int64()),
        "value": pa.nulls(count, pa.float64()),
        "x": pa.nulls(count, pa.float64()),
    }
    pyarrow.parquet.write_table(pa.table(columns), folder / "long.parquet", compression="zstd")
    head = "data_x\n" + "".join(f"_cell_length_{a} 30\n" for a in "abc")
    head += "".join(f"_cell_angle_{a} 90\n" for a in ("alpha", "beta", "gamma"))

    def cif(name: str, atoms: int, operations: list[str], tail: str = "") -> None:
        loop = "loop_\n_symmetry_equiv_pos_as_xyz\n" + "".join(f"'{one}'\n" for one in operations)
        names = "".join(f"_atom_site_{one}\n" for one in ("label", "type_symbol", "fract_x", "fract_y", "fract_z"))
        sites = [
            f"V{i} V {(i * 0.6180339) % 1:.5f} {(i * 0.7548776) % 1:.5f} {(i * 0.5698402) % 1:.5f}\n"
            for i in range(1, atoms + 1)
        ]
        (folder / name).write_text(f"{head}{loop}loop_\n{names}{''.join(sites)}{tail}", encoding="ascii")

    signs = [f"{a}x,{b}y,{c}z" for a in ("", "-") for b in ("", "-") for c in ("", "-")]
    turned = [
        one.translate(str.maketrans("xyz", order)) for one in signs for order in ("xyz", "yzx", "zxy", "yxz", "xzy", "zyx")
    ]
    centred = [
        ",".join(f"{part}{shift}" for part, shift in zip(one.split(","), move, strict=True))
        for one in turned
        for move in (("", "", ""), ("+1/2", "+1/2", ""), ("+1/2", "", "+1/2"), ("", "+1/2", "+1/2"))
    ]
    cif("small.cif", 2, ["x,y,z"])
    cif("many-rows.cif", 10_000, ["x,y,z"])
    cif("many-images.cif", 200, centred)
    cif("many-operations.cif", 1, centred * 20)
    cif("large.cif", 1, ["x,y,z"], "#" * 2_000_000)


def document_of(name: str) -> dict:
    plain = {"schema_version": 1, "name": "hostile", "calculator": {"type": "emt"}, "budget": {"evaluations": 5}}
    found = plain | HOSTILE[name][0]
    return {key: value for key, value in found.items() if value is not None}


def refuse_all() -> None:
    """What the child process does: `check` of every hostile file; writes what each was refused with."""
    folder = Path.cwd()
    write_files(folder)
    said = {}
    for name in HOSTILE:
        path = folder / "hostile.yaml"
        path.write_text(json.dumps(document_of(name)), encoding="utf-8")
        try:
            preview_campaign(path)
        except ConfigurationError as error:
            said[name] = str(error)
    (folder / "said.json").write_text(json.dumps(said), encoding="utf-8")


def _limit() -> None:
    seconds = START_UP + SECONDS_EACH * len(HOSTILE)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> dict[str, str]:
    """What `check` says of every hostile file, in one process that may not use much time or memory."""
    folder = tmp_path_factory.mktemp("hostile")
    root = str(Path(__file__).parents[5])
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": root}
    child = subprocess.run(
        [sys.executable, __file__],
        cwd=folder,
        env=environment,
        preexec_fn=_limit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr[-2000:]
    return json.loads((folder / "said.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_small_file_that_asks_for_much_is_refused_at_once(said, require, name):
    if name.endswith("CIF") or name == "product of ions":
        require("pymatgen")
    assert HOSTILE[name][1] in said[name]


def test_the_error_names_the_limit_and_how_to_raise_it():
    with pytest.raises(
        ConfigurationError, match=r"space.boundaries.planes: \[1, 1, 10005\]: largest index: 10,005; .* 100"
    ) as caught:
        check_limit(DEFAULT_LIMITS, "index", 10_005, "space.boundaries.planes: [1, 1, 10005]: largest index")
    assert caught.value.hint == "a larger limit is a setting of the machine, in its site file: limits: {index: ...}"


def test_oxides_are_counted_too(require):
    """All structures, ions and volumes together stay within the default limit."""
    require("pymatgen")
    volumes = tuple(round(0.5 + 0.07 * i, 2) for i in range(20))
    spec = PrototypesSpaceSpec(max_atoms=1000, volumes=volumes)
    assert len(open_space(spec, Path(), DEFAULT_LIMITS).pool()) > 30_000
    with pytest.raises(ConfigurationError, match=r"space: candidates, oxides times space\.volumes: .*expected at most 1,000"):
        open_space(spec, Path(), LimitsSpec(combinations=1000))


def test_a_site_raises_a_limit_and_a_stored_campaign_is_not_judged_again(tmp_path):
    file = tmp_path / "fine.yaml"
    document = {"schema_version": 1, "calculator": {"type": "emt"}, "budget": {"evaluations": 5}}
    file.write_text(yaml.safe_dump(document | boundaries(boundaries={"planes": [[1, 1, 103]]})), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"space\.boundaries\.planes"):
        preview_campaign(file)
    large = LimitsSpec(index=103, atoms=200_000)
    assert preview_campaign(file, limits=large).systems
    loaded, store = load_campaign(file), MemoryCampaignStore()
    strict, generous = (SimpleNamespace(store=store, site=SiteSpec(limits=limits)) for limits in (DEFAULT_LIMITS, large))
    with pytest.raises(ConfigurationError, match=r"space\.boundaries\.planes"):
        prepare_campaign(strict, ADA, loaded)
    prepare_campaign(generous, ADA, loaded)
    # As a job on a node does, which knows no site file, and as a driver whose site has lowered the limit since.
    assert len(open_space(loaded.spec.space, tmp_path).pool())
    assert prepare_campaign(strict, ADA, loaded).name == "fine"


if __name__ == "__main__":
    refuse_all()
