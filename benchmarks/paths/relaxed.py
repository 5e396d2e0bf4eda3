"""``python -m benchmarks.paths.relaxed --out FILE``: what the barriers of H in BaZrO3 become when the host makes way.

At the minimum and at each pass of the rigid surface, one of those that symmetry makes equal, the host is relaxed around the
pinned proton: the cell and the mean position of the host's atoms stay. ``barrier`` is the energy above that of the minimum.
The points are those of the rigid surface; a search over the relaxed one is ``h-bazro3-relaxed.yaml``. Continues with what FILE
has.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.command import begun
from benchmarks.paths.hosts import HOSTS, surface_values
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.workflows.pinned_ion import relax_around_ion
from tansaku.diffusion.hops.basins import find_hops
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

FMAX = 0.05
"""Largest force on an atom of the host [eV/Å]."""

PUBLISHED = {"rotation": 0.17, "hopping": 0.25, "path": 0.25}
"""Density-functional theory, relaxed host [eV]. Sundell et al. (2007), https://doi.org/10.1103/PhysRevB.76.094301, find about
0.2 for both steps."""


def points() -> list[JsonDict]:
    """The minimum and the passes of the rigid surface, energies above the minimum [eV]."""
    host = HOSTS[0]
    space = host.space()
    values, pool = surface_values(host, space), space.pool()
    if values is None:
        raise FileNotFoundError(str(host.file))
    network = find_hops(values, pool.grids[pool.systems[0]], np.asarray(space.host.cell.array))
    lowest = network.sites[network.minimum]
    found = [{"kind": "minimum", "candidate": str(pool.ids[lowest.candidate]), "rigid": 0.0, "length": None}]
    seen: set[int] = set()
    for number, item in enumerate(network.passes):
        if item.candidate not in seen:
            seen.add(item.candidate)
            length = float(np.linalg.norm(network.displacement(number)))
            rigid = item.energy - lowest.energy
            found.append({"kind": "pass", "candidate": str(pool.ids[item.candidate]), "rigid": rigid, "length": length})
    return found


def main() -> None:
    """Entry of the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paths.relaxed", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="result file (JSON)")
    out = parser.parse_args().out
    rows = points()
    result = begun(out, {"schema_version": 1, "host": HOSTS[0].name, "fmax": FMAX, "published": PUBLISHED}, points=[])
    space, calculator = HOSTS[0].space(), open_calculator(ChgnetSpec(), Path())
    known = {row["candidate"]: row for row in result["points"]}
    for row in rows:
        if row["candidate"] in known:
            continue
        start, begin = space.structure(row["candidate"]), time.perf_counter()
        found = relax_around_ion(calculator, start, RelaxationSpec(fmax=FMAX, max_steps=300))
        known[row["candidate"]] = row | {
            "energy": found.energy,
            "steps": found.steps,
            "force_on_ion": float(np.linalg.norm(found.forces[-1])),
            "largest_displacement": float(np.linalg.norm(found.atoms.positions - start.positions, axis=1).max()),
            "seconds": time.perf_counter() - begin,
        }
        zero = known[rows[0]["candidate"]]["energy"]
        result["points"] = [item | {"barrier": item["energy"] - zero} for item in known.values()]
        source = calculator.provenance
        result["calculator"] = {"code": source.code, "code_version": source.code_version, "model": source.model}
        write_json(out, result | {"provenance": describe_machine()})
        last = result["points"][-1]
        print(
            f"{last['candidate']}: rigid {last['rigid']:.3f}, relaxed {last['barrier']:.3f} eV, {found.steps} steps", flush=True
        )


if __name__ == "__main__":
    main()
