"""Hosts whose whole energy surfaces are known, and their files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.paths.crystals import FOLDER as CRYSTALS
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.energy_surface import EnergySurfaceSpaceSpec
from tansaku.spaces.energy_surface import EnergySurfaceSpace

SURFACES = Path(__file__).parent / "surfaces"


@dataclass(frozen=True)
class Host:
    """An ion in a crystal.

    Attributes:
        name: Of its file.
        prototype: Structure of the oxide, or the file of the host (``benchmarks.paths.crystals``).
        cations: On the oxide's sites; none with a file.
        ion: What moves.
        grid: Largest step [Å].
        supercell: Of the primitive cell.
        chosen_on: Whether settings of the search were chosen with it.
    """

    name: str
    prototype: str
    cations: tuple[str, ...]
    ion: str
    grid: float
    supercell: tuple[int, int, int] = (2, 2, 2)
    chosen_on: bool = False

    @property
    def spec(self) -> EnergySurfaceSpaceSpec:
        """Spec of the space."""
        return EnergySurfaceSpaceSpec.model_validate(
            {
                "host": {"prototype": self.prototype, "ions": self.cations} if self.cations else {"file": self.prototype},
                "ion": self.ion,
                "grid": self.grid,
                "supercell": self.supercell,
            }
        )

    @property
    def title(self) -> str:
        """Name of the host in figures."""
        counts = Counter(self.space().host.get_chemical_symbols())
        units = gcd(*counts.values())
        host = "".join(f"{element}{count // units if count > units else ''}" for element, count in counts.items())
        return f"{self.ion} in {host}" + (f", {self.prototype}" if self.cations else "")

    def space(self) -> EnergySurfaceSpace:
        """Opens it."""
        return EnergySurfaceSpace(self.spec, CRYSTALS)

    @property
    def file(self) -> Path:
        """File of the energies."""
        return SURFACES / f"{self.name}.parquet"


HOSTS = (
    Host("h-bazro3", "perovskite", ("Ba2+", "Zr4+"), "H", 0.12, chosen_on=True),
    Host("h-cao", "rocksalt", ("Ca2+",), "H", 0.10),
    Host("o-zro2", "fluorite", ("Zr4+",), "O", 0.10),
    Host("li-mgal2o4", "spinel", ("Mg2+", "Al3+"), "Li", 0.12, (1, 1, 1)),
    Host("li-wo3", "rhenium-trioxide", ("W6+",), "Li", 0.10),
    Host("h-mgo", "rocksalt", ("Mg2+",), "H", 0.085),
    Host("li-zno", "zincblende", ("Zn2+",), "Li", 0.085),
    Host("li-tio2-rutile", "rutile", ("Ti4+",), "Li", 0.105, (1, 1, 2)),
    Host("h-li2o", "antifluorite", ("Li+",), "H", 0.09),
    Host("h-srtio3", "perovskite", ("Sr2+", "Ti4+"), "H", 0.11),
    Host("h-catio3", "perovskite", ("Ca2+", "Ti4+"), "H", 0.105),
    Host("li-tio2-anatase", "anatase", ("Ti4+",), "Li", 0.165),
    Host("li-mgal2o4-fine", "spinel", ("Mg2+", "Al3+"), "Li", 0.10, (1, 1, 1)),
    Host("li-zno-fine", "zincblende", ("Zn2+",), "Li", 0.083),
    Host("h-cao-fine", "rocksalt", ("Ca2+",), "H", 0.095),
    Host("o-zro2-fine", "fluorite", ("Zr4+",), "O", 0.0885),
    Host("li-wo3-fine", "rhenium-trioxide", ("W6+",), "Li", 0.09),
    Host("h-bazro3-fine", "perovskite", ("Ba2+", "Zr4+"), "H", 0.115, chosen_on=True),
    Host("na-cr2p3o12", "cr2p3o12.extxyz", (), "Na", 0.30, (1, 1, 1)),
    Host("li-fepo4", "fepo4.extxyz", (), "Li", 0.27, (1, 1, 2)),
    Host("li-la3zr2o12", "la3zr2o12.extxyz", (), "Li", 0.22, (1, 1, 1)),
)
"""In the order in which their surfaces are computed, small cells first."""

TUNING = (
    Host("h-basno3", "perovskite", ("Ba2+", "Sn4+"), "H", 0.15, chosen_on=True),
    Host("li-sno2", "rutile", ("Sn4+",), "Li", 0.15, (1, 1, 2), chosen_on=True),
    Host("h-sro", "rocksalt", ("Sr2+",), "H", 0.125, chosen_on=True),
    Host("li-sio2", "quartz", ("Si4+",), "Li", 0.27, (1, 1, 1), chosen_on=True),
    Host("na-bpo4", "boron-phosphate", ("B3+", "P5+"), "Na", 0.24, chosen_on=True),
    Host("li-znga2o4", "spinel", ("Zn2+", "Ga3+"), "Li", 0.13, (1, 1, 1), chosen_on=True),
)
"""Hosts that only serve to choose the start of a search: ``benchmarks.paths`` does not replay them."""


def write_surface(path: Path, candidates: list[str], energies: list[float], provenance: JsonDict) -> None:
    """Writes a surface, finished or not; a killed process leaves the file as it was."""
    table = pa.table({"candidate": candidates, "energy": pa.array(energies, pa.float64())})
    table = table.replace_schema_metadata({key: str(value) for key, value in provenance.items()})
    aside = path.with_suffix(".part")
    pq.write_table(table, aside, compression="zstd")
    aside.rename(path)


def read_surface(path: Path) -> tuple[dict[str, float], dict[str, str]]:
    """Energies by candidate [eV], infinite where the calculation failed, and what computed them."""
    table = pq.read_table(path)
    known = dict(zip(table["candidate"].to_pylist(), table["energy"].to_pylist(), strict=True))
    return known, {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}


def surface_values(host: Host, space: EnergySurfaceSpace) -> FloatArray | None:
    """Energies of all candidates in the pool's order [eV]; None where the file is missing or not finished."""
    if not host.file.is_file():
        return None
    known, _ = read_surface(host.file)
    ids = [str(name) for name in space.pool().ids]
    return np.array([known[name] for name in ids]) if known.keys() >= set(ids) else None
