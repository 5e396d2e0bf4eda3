"""Makes the two tables of the example `alloys`: ordered alloys of six metals, and their formation energies by ASE's EMT.

Run it here: `python make_alloys.py`. EMT (Jacobsen, Stoltze, Nørskov, https://doi.org/10.1016/0039-6028(96)00816-3) plays the
laboratory in the guide's page on experiments; energies are relaxed over the volume, and over c/a where the cell is tetragonal.
"""

from __future__ import annotations

import csv
from itertools import combinations
from pathlib import Path

from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.data import atomic_numbers, reference_states
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

METALS = ("Ag", "Au", "Cu", "Ni", "Pd", "Pt")
PROTOTYPES = {"L1_2": ("first", "first", "first", "second"), "L1_0": ("first", "first", "second", "second")}


def edge(metal: str) -> float:
    """Lattice parameter of an fcc metal in ASE's reference data [Å]."""
    return float(reference_states[atomic_numbers[metal]]["a"])


def energy(atoms: Atoms) -> float:
    """Energy per atom after the cell was relaxed [eV]."""
    atoms.calc = EMT()
    BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-4, steps=500)
    return float(atoms.get_potential_energy() / len(atoms))


def alloy(first: str, second: str, prototype: str) -> Atoms:
    """Four atoms of an ordered alloy on fcc sites; the atoms at z = 0 come first."""
    mean = (edge(first) + edge(second)) / 2
    atoms = bulk("Cu", "fcc", a=mean, cubic=True)
    sites = sorted(range(4), key=lambda i: (round(atoms.positions[i, 2], 6), i))
    for site, which in zip(sites, PROTOTYPES[prototype], strict=True):
        atoms[site].symbol = first if which == "first" else second
    return atoms


def main() -> None:
    """Writes both tables."""
    folder = Path(__file__).parent
    pure = {metal: energy(bulk(metal, "fcc", a=edge(metal), cubic=True)) for metal in METALS}
    candidates, measured = [], []
    for one, other in combinations(METALS, 2):
        for first, second, prototype in ((one, other, "L1_2"), (one, other, "L1_0"), (other, one, "L1_2")):
            share = 0.25 if prototype == "L1_2" else 0.5
            name = f"{first}3{second}" if prototype == "L1_2" else f"{first}{second}"
            misfit = 200 * abs(edge(first) - edge(second)) / (edge(first) + edge(second))
            candidates.append([name, first, second, prototype, round(misfit, 2)])
            formed = energy(alloy(first, second, prototype)) - (1 - share) * pure[first] - share * pure[second]
            measured.append([name, round(1000 * formed, 2)])
    for file, heading, rows in (
        ("alloys.csv", ["alloy", "first", "second", "prototype", "misfit"], candidates),
        ("alloys-laboratory.csv", ["alloy", "value [meV/atom]"], measured),
    ):
        with (folder / file).open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream, lineterminator="\n").writerows([heading, *rows])


if __name__ == "__main__":
    main()
