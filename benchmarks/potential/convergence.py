"""``python -m benchmarks.potential.convergence --out convergence.json``: convergence of the aluminium data's level of theory.

Structures of ``al.yaml`` with one setting at a time changed: the plane waves' cut-off against one of 700 eV, the density of
k-points against a denser one at the same smearing, and the smearing's width against a narrow one at many k-points.
Errors are of the free energy per atom, which the forces are derivatives of; of the cut-off also that of differences to fcc.
The file is written after each structure, and those that it has are not computed again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.command import begun, command, figure_file
from benchmarks.potential.data import aluminium
from tansaku.calculators.engines.gpaw import GpawCalculator
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.ports import Space
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculators.gpaw import GpawSpec
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json
from tansaku.tasks.read.figures.style import FAINT

FCC = "fcc-lattice-a10000"


@dataclass(frozen=True)
class Series:
    """One setting changed, the others held.

    Attributes:
        setting: Key of the calculator's spec.
        values: Its values.
        reference: Value that is regarded as converged.
        candidates: Structures.
        held: Other keys that differ from the data's.
    """

    setting: str
    values: tuple[float, ...]
    reference: float
    candidates: tuple[str, ...]
    held: JsonDict

    def asked(self) -> JsonDict:
        """The series as plain data, without results."""
        named = {"setting": self.setting, "values": list(self.values), "reference": self.reference, "held": self.held}
        return named | {"structures": {}}


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
    """Computes every structure at every setting that is missing in the file; writes the file after each structure."""
    given = command(
        "potential.convergence",
        __doc__,
        quick="two crystals, far from converged",
        figure="errors of the energy against cut-off, k-points and smearing",
    ).parse_args()
    space, level = aluminium()
    provenance = GpawCalculator(level).provenance.model_dump(mode="json")
    same = {
        "schema_version": 1,
        "quick": given.quick,
        "level": content_hash(provenance),
        "chosen": {"cutoff": level.cutoff, "kpoint_density": level.kpoint_density, "width": level.smearing.width},
    }
    wanted = QUICK if given.quick else WHOLE
    result = begun(given.out, same, series=[series.asked() for series in wanted])
    for series, found in zip(wanted, result["series"], strict=True):
        for candidate in series.candidates:
            if candidate in found["structures"]:
                continue
            errors = found["structures"][candidate] = examined(series, candidate, space, level)
            print(f"{series.setting:<16}{candidate:<28}" + " ".join(f"{error:8.2f}" for error in errors["errors"]), flush=True)
            found |= largest(found["structures"])
            write_json(given.out, result | {"provenance": describe_machine() | {"calculator": provenance}})
    if given.figure is not None:
        draw(result, given.figure)


def examined(series: Series, candidate: str, space: Space, level: GpawSpec) -> JsonDict:
    """Errors of one structure [meV/atom], and seconds."""
    energies, seconds = [], []
    for value in (*series.values, series.reference):
        began = time.process_time()
        energies.append(_energy(space, candidate, _changed(level, series.held | {series.setting: value})))
        seconds.append(time.process_time() - began)
    return {
        "energy": energies[-1],
        "errors": [1000.0 * (energy - energies[-1]) for energy in energies[:-1]],
        "seconds": seconds,
    }


def largest(structures: JsonDict) -> JsonDict:
    """The largest errors of any structure at each setting, and those of differences to fcc."""
    of_fcc = np.array(structures[FCC]["errors"])
    errors = np.array([structure["errors"] for structure in structures.values()])
    return {
        "largest": np.abs(errors).max(axis=0).tolist(),
        "largest_difference_to_fcc": np.abs(errors - of_fcc).max(axis=0).tolist(),
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
    with figure_file(path, 12.0, 3.6) as figure:
        for axes, series in zip(figure.subplots(1, len(result["series"])), result["series"], strict=True):
            for candidate, structure in series["structures"].items():
                axes.plot(series["values"], structure["errors"], "o-", ms=3, lw=0.8, label=candidate)
            axes.axhspan(-1, 1, color=FAINT, alpha=0.3, lw=0)
            axes.axvline(result["chosen"][series["setting"]], color=FAINT, lw=0.8)
            axes.set(xlabel=units[series["setting"]], ylabel=f"error against {series['reference']:g} [meV/atom]", ylim=(-8, 8))
            axes.legend(fontsize=6)


if __name__ == "__main__":
    main()
