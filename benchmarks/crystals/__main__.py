"""``python -m benchmarks.crystals --out result.json``: lattice constants of ten elements, beside experiment.

Each potential relaxes positions and cell of the crystals, from cells that are 2 % too long, in a campaign of its own; where
forces stay above the threshold, the last step counts. Experimental values are those of ASE (``ase.data.reference_states``), at
room temperature, which makes them some tenths of a percent longer than those of a crystal at rest. ``seconds`` is wall time,
with the start of the workers. An interrupted run continues.
"""

from __future__ import annotations

import time

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.data import atomic_numbers, reference_states

import tansaku as ts
from benchmarks.command import begun, command
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

ELEMENTS = ("Ag", "Al", "C", "Cu", "Fe", "Ge", "Li", "Na", "Si", "W")
POTENTIALS: dict[str, JsonDict] = {
    "emt": {"type": "emt"},
    "chgnet": {"type": "chgnet"},
    "7net-0": {"type": "sevennet", "model": "7net-0"},
    "7net-l3i5": {"type": "sevennet", "model": "7net-l3i5"},
    "7net-mf-0-r2scan": {"type": "sevennet", "model": "7net-mf-0-r2scan"},
    "diep": {"type": "ase", "name": "diep"},
}
OF_EMT = ("Ag", "Al", "Cu")
"""Elements of effective-medium theory."""

_LONGER = 1.02
_RELAXATION: JsonDict = {"fmax": 0.01, "max_steps": 100, "cell": "full", "unconverged": "keep"}


def constants(element: str) -> tuple[str, float]:
    """Structure of an element, and its experimental lattice constant [Å]."""
    known = reference_states[atomic_numbers[element]]
    if known is None:
        raise AssertionError(f"ASE has no structure of {element}")
    return str(known["symmetry"]), float(str(known["a"]))


def crystals(elements: tuple[str, ...]) -> list[Atoms]:
    """Conventional cells of elements, 2 % too long."""
    found = []
    for element in elements:
        structure, a = constants(element)
        found.append(bulk(element, structure, a=_LONGER * a, cubic=True))
        found[-1].info["name"] = element
    return found


def relaxed(elements: tuple[str, ...], calculator: JsonDict) -> JsonDict:
    """Lattice constants by a potential, and their errors."""
    began = time.perf_counter()
    campaign = ts.Campaign(
        space=ts.Structures(crystals(elements), relaxed=True),
        objective=ts.minimize("volume", unit="Angstrom3/atom"),
        budget=len(elements),
        calculator=calculator | {"relaxation": _RELAXATION},
        proposer="random",
        execution={"polish": 0},
        store=None,
    )
    campaign.run()
    rows = campaign.frame
    found: JsonDict = {}
    for candidate, volume in zip(rows["candidate"], rows["value"], strict=True):
        if np.isnan(volume):
            continue
        atoms = campaign.structure(candidate)
        element = atoms.get_chemical_symbols()[0]
        found[element] = float((volume * len(atoms)) ** (1.0 / 3.0))
    errors = np.array([100.0 * (found[element] / constants(element)[1] - 1.0) for element in elements if element in found])
    return {
        "lattice": found,
        "failed": sorted(set(elements) - set(found)),
        "mean_error": float(errors.mean()),
        "absolute_error": float(np.abs(errors).mean()),
        "seconds": time.perf_counter() - began,
    }


def main() -> None:
    """Runs the campaigns and writes the result after each."""
    parser = command("crystals", __doc__, quick="effective-medium theory alone, three elements")
    parser.add_argument("--potentials", nargs="+", default=list(POTENTIALS), choices=list(POTENTIALS), help="default: all")
    options = parser.parse_args()
    found = begun(options.out, {"schema_version": 1}, results={})
    for name in ["emt"] if options.quick else options.potentials:
        if name not in found["results"]:
            found["results"][name] = relaxed(OF_EMT if name == "emt" else ELEMENTS, POTENTIALS[name])
            write_json(options.out, found | {"machine": describe_machine()})
        row = found["results"][name]
        print(
            f"{name:<18} {row['mean_error']:+.2f} %, absolute {row['absolute_error']:.2f} %, {row['seconds']:.0f} s",
            f"failed: {', '.join(row['failed'])}" if row["failed"] else "",
        )


if __name__ == "__main__":
    main()
