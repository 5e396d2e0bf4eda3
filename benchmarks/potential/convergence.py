"""``python -m benchmarks.potential.convergence --out convergence.json``: which level of theory the aluminium data need.

Structures of ``al.yaml`` with one setting at a time changed: the plane waves' cut-off against one of 700 eV, the density of
k-points against a denser one at the same smearing, and the smearing's width against a narrow one at many k-points.
Errors are of the free energy per atom, which the forces are derivatives of; of the cut-off also that of differences to fcc.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks.command import command
from benchmarks.potential.data import aluminium
from tansaku.calculators.engines.gpaw import GpawCalculator
from tansaku.models.domain.ports import Space
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculator import GpawSpec
from tansaku.tasks.figures.style import FAINT, drawing
from tansaku.tasks.machine import describe_machine

FCC = "fcc-lattice-a10000"


@dataclass(frozen=True)
class Series:
    """One setting changed, the others held.

    Attributes:
        setting: Key of the calculator's spec.
        values: What it is set to.
        reference: What is taken for converged.
        candidates: Structures.
        held: Other keys that differ from the data's.
    """

    setting: str
    values: tuple[float, ...]
    reference: float
    candidates: tuple[str, ...]
    held: JsonDict


CRYSTALS = (FCC, "fcc-lattice-a08500", "bcc-lattice-a10000", "diamond-lattice-a10000")
LOW = ("hcp-lattice-a10000", "fcc-shear-a10000-p1000", "bcc-rattle-0.1-n04-d0001", "fcc-rattle-0.1-n04-d0001")

WHOLE = (
    Series("cutoff", (200, 250, 300, 350, 400, 500), 700, (*CRYSTALS, LOW[3]), {"kpoint_density": 2.5}),
    Series("kpoint_density", (3, 4, 5, 6), 8, (*CRYSTALS, *LOW), {"cutoff": 200}),
    Series("width", (0.6, 0.8, 1.0, 1.3), 0.4, (*CRYSTALS, LOW[0]), {"cutoff": 200, "kpoint_density": 11}),
)
QUICK = (
    Series("cutoff", (100, 150), 200, CRYSTALS[:3:2], {"kpoint_density": 1.0}),
    Series("kpoint_density", (0.8, 1.2), 2.0, CRYSTALS[:3:2], {"cutoff": 120}),
    Series("width", (1.3,), 0.7, CRYSTALS[:3:2], {"cutoff": 120, "kpoint_density": 1.0}),
)


def main() -> None:
    """Computes every structure at every setting and writes what came out."""
    given = command(
        "potential.convergence",
        __doc__,
        quick="two crystals, far from converged",
        figure="errors of the energy against cut-off, k-points and smearing",
    ).parse_args()
    space, level = aluminium()
    found = [examined(one, space, level) for one in (QUICK if given.quick else WHOLE)]
    result = {
        "schema_version": 1,
        "chosen": {"cutoff": level.cutoff, "kpoint_density": level.kpoint_density, "width": level.smearing.width},
        "series": found,
        "provenance": describe_machine() | {"calculator": GpawCalculator(level).provenance.model_dump(mode="json")},
    }
    given.out.write_text(json.dumps(result) + "\n")
    if given.figure is not None:
        draw(result, given.figure)


def examined(series: Series, space: Space, level: GpawSpec) -> JsonDict:
    """Errors of one series by structure [meV/atom], and seconds."""
    structures: dict[str, JsonDict] = {}
    for candidate in series.candidates:
        energies, seconds = [], []
        for value in (*series.values, series.reference):
            begun = time.process_time()
            energies.append(_energy(space, candidate, _changed(level, series.held | {series.setting: value})))
            seconds.append(time.process_time() - begun)
        errors = [1000.0 * (energy - energies[-1]) for energy in energies[:-1]]
        structures[candidate] = {"energy": energies[-1], "errors": errors, "seconds": seconds}
        print(f"{series.setting:<16}{candidate:<28}" + " ".join(f"{error:8.2f}" for error in errors), flush=True)
    of_fcc = np.array(structures[FCC]["errors"])
    return {
        "setting": series.setting,
        "values": series.values,
        "reference": series.reference,
        "held": series.held,
        "structures": structures,
        "largest": np.max([np.abs(one["errors"]) for one in structures.values()], axis=0).tolist(),
        "largest_difference_to_fcc": np.max([np.abs(one["errors"] - of_fcc) for one in structures.values()], axis=0).tolist(),
    }


def _changed(level: GpawSpec, keys: JsonDict) -> GpawSpec:
    smearing = level.smearing.model_copy(update={"width": keys["width"]} if "width" in keys else {})
    plain = {key: float(value) for key, value in keys.items() if key != "width"}
    return level.model_copy(update=plain | {"smearing": smearing})


def _energy(space: Space, candidate: str, level: GpawSpec) -> float:
    atoms = space.structure(candidate)
    return GpawCalculator(level).evaluate(atoms).terms["free_energy"] / len(atoms)


def draw(result: JsonDict, path: Path) -> None:
    """Errors against each setting; the chosen one is marked."""
    units = {"cutoff": "cut-off [eV]", "kpoint_density": "density of k-points [Å]", "width": "width of the smearing [eV]"}
    with drawing():
        figure = Figure(figsize=(12.0, 3.6), layout="constrained")
        for axes, series in zip(figure.subplots(1, len(result["series"])), result["series"], strict=True):
            for candidate, one in series["structures"].items():
                axes.plot(series["values"], one["errors"], "o-", ms=3, lw=0.8, label=candidate)
            axes.axhspan(-1, 1, color=FAINT, alpha=0.3, lw=0)
            axes.axvline(result["chosen"][series["setting"]], color=FAINT, lw=0.8)
            axes.set(xlabel=units[series["setting"]], ylabel=f"error against {series['reference']:g} [meV/atom]", ylim=(-8, 8))
            axes.legend(fontsize=6)
        figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
