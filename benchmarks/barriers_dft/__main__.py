"""``python -m benchmarks.barriers_dft --out result.json``: barriers of vacancies by PBE and by potentials, same geometries.

A neutral vacancy next to the ion in a small supercell of a relaxed crystal. The end state and the saddle point of the hop
that limits the easiest path are those of CHGNet, found by the migration workflow; its cell stays fixed. Each method gives the
energies of the same two structures, as they stand, and the barrier is their difference. So a potential's error here is that
of its energies; its own relaxed barrier would differ. The slope is that of a line through the origin, of a method's barriers
against those of PBE. Some are computed again, with a higher cutoff, with more k-points and by another eigensolver.
Calculations are not spin-polarised. A run that was interrupted continues, after the last structure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal as by_space_group
from scipy.stats import spearmanr

from benchmarks.boundary_dft.__main__ import computed, slope
from benchmarks.command import begun, command, figure_file
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.workflows.migration.crystal import Crystal
from tansaku.calculators.workflows.migration.hops import HopResult, hop_ends
from tansaku.calculators.workflows.migration_barrier import migration_barrier
from tansaku.models.domain.errors import CalculationError, MissingComponentError
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculators.ase import AseCalculatorSpec
from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec
from tansaku.models.domain.specs.calculators.gpaw import GpawSpec
from tansaku.models.domain.specs.calculators.sevennet import SevennetSpec
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.workflow import MigrationBarrierSpec
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

DFT: JsonDict = {"xc": "PBE", "cutoff": 400.0, "eigensolver": "rmm-diis"}
IONIC, METALLIC = 1.3, 3.6
"""K-points per length of a reciprocal vector of the supercell [Å]."""

HARDER = ("Ag", "LiTiS2", "MgO", "Na", "NaCl", "NaF")
"""Crystals computed by Davidson's method: residual minimisation found no density of most of them."""

CHECKS: tuple[tuple[str, str, JsonDict], ...] = (
    ("LiF", "k-points 1.8 Å", {"kpoint_density": 1.8}),
    ("LiF", "Davidson's method", {"eigensolver": "davidson"}),
    ("LiH", "cutoff 550 eV", {"cutoff": 550.0}),
)
"""Crystal, name and other settings of barriers that are computed once more."""

POTENTIALS: dict[str, CalculatorSpec] = {
    "CHGNet": ChgnetSpec(),
    "SevenNet-0": SevennetSpec(model="7net-0"),
    "SevenNet-l3i5": SevennetSpec(model="7net-l3i5"),
    "SevenNet-MF-0 (r2SCAN)": SevennetSpec(model="7net-mf-0-r2scan"),
    "DIEP (r2SCAN)": AseCalculatorSpec(name="diep"),
}
STATES = ("end", "saddle")


@dataclass(frozen=True)
class Case:
    """A crystal and the atom that hops.

    Attributes:
        kind: Structure, by name.
        length: Its lattice constant to begin with [Å].
        distance: The supercell's smallest distance of an atom from its own image [Å].
    """

    name: str
    ion: str
    kind: str
    length: float
    distance: float = 5.0
    kpoint_density: float = IONIC


CASES = (
    Case("Al", "Al", "fcc", 4.04, kpoint_density=METALLIC),
    Case("LiF", "Li", "rocksalt", 4.05),
    Case("LiH", "Li", "rocksalt", 4.02),
    Case("NaCl", "Na", "rocksalt", 5.65),
    Case("Li", "Li", "bcc", 3.43, kpoint_density=METALLIC),
    Case("MgO", "Mg", "rocksalt", 4.22),
    Case("Li2O", "Li", "fluorite", 4.62),
    Case("LiCl", "Li", "rocksalt", 5.13),
    Case("NaF", "Na", "rocksalt", 4.65),
    Case("Li2S", "Li", "fluorite", 5.71),
    Case("Cu", "Cu", "fcc", 3.61, kpoint_density=METALLIC),
    Case("LiTiS2", "Li", "layered", 3.46, distance=6.0),
    Case("Ag", "Ag", "fcc", 4.16, kpoint_density=METALLIC),
    Case("Na", "Na", "bcc", 4.20, kpoint_density=METALLIC),
)


def unit_cell(case: Case) -> Atoms:
    """Primitive cell of a crystal."""
    a = case.length
    if case.kind == "layered":
        places = [(0, 0, 0.5), (0, 0, 0), (1 / 3, 2 / 3, 0.23)]
        return by_space_group(["Li", "Ti", "S"], places, spacegroup=164, cellpar=[a, a, 6.19, 90, 90, 120])
    if case.kind == "fluorite":
        # The first element is on the anion's site of CaF2.
        return bulk(case.name.removeprefix("Li2") + "Li2", "fluorite", a=a)
    return bulk(case.name, case.kind, a=a)


def geometries(case: Case, calculator: Calculator) -> JsonDict:
    """End state and saddle point of the hop that limits the easiest path, by CHGNet.

    Raises:
        CalculationError: The workflow found none.
    """
    nearest = 1.05 * {"fcc": 2**-0.5, "bcc": 0.75**0.5, "rocksalt": 2**-0.5, "fluorite": 0.5, "layered": 1.0}[case.kind]
    spec = MigrationBarrierSpec(
        ion=case.ion, max_hop=nearest * case.length, image_distance=case.distance, hops="all", dimensions=1
    )
    found = migration_barrier(calculator, unit_cell(case), spec)
    network = found.networks[0]
    assert network is not None
    limiting = found.hops[network.limiting]
    result = limiting.result
    assert result is not None
    start, _ = hop_ends(found.crystal, limiting.hops.hop, {carrier.site: carrier for carrier in found.carriers})
    return _plain(found.crystal, result, start.positions) | {
        "name": case.name,
        "ion": case.ion,
        "hop": round(limiting.hops.length, 3),
        "repeats": list(found.supercell),
        "method": result.method,
        "kpoint_density": case.kpoint_density,
        "energies": {},
    }


def _plain(crystal: Crystal, result: HopResult, start: np.ndarray) -> JsonDict:
    atoms = crystal.atoms(result.kept)
    positions = {STATES[0]: start, STATES[1]: result.positions}
    return {
        "numbers": atoms.numbers.tolist(),
        "cell": np.round(atoms.cell.array, 6).tolist(),
        "positions": {state: np.round(places, 6).tolist() for state, places in positions.items()},
    }


def structure(point: JsonDict, state: str) -> Atoms:
    """One of the two structures of a point."""
    return Atoms(point["numbers"], positions=point["positions"][state], cell=point["cell"], pbc=True)


def barrier(point: JsonDict, method: str) -> float | None:
    """Barrier by a method, None where it is not complete [eV]."""
    found = point["energies"].get(method, {})
    if not all(state in found for state in STATES):
        return None
    return float(found[STATES[1]]["energy"] - found[STATES[0]]["energy"])


def add_energies(point: JsonDict, method: str, calculator: Calculator) -> Iterator[str]:
    """Computes what a point lacks by a method, and yields after each structure."""
    known = point["energies"].setdefault(method, {})
    for state in STATES:
        if state not in known:
            row = computed(calculator, structure(point, state))
            largest = float(np.linalg.norm(np.array(row.pop("forces")), axis=1).max())
            known[state] = row | {"largest_force": round(largest, 4)}
            yield state


def add_potentials(points: list[JsonDict]) -> list[str]:
    """Adds what potentials give; returns the names of those that are not installed."""
    absent = []
    for method, spec in POTENTIALS.items():
        try:
            calculator = open_calculator(spec, Path())
        except MissingComponentError:
            absent.append(method)
            continue
        for point in points:
            for _ in add_energies(point, method, calculator):
                pass
    return absent


def density_functional(point: JsonDict, other: JsonDict) -> Calculator:
    """PBE with the k-points of a point."""
    own = {"kpoint_density": point["kpoint_density"]} | ({"eigensolver": "davidson"} if point["name"] in HARDER else {})
    return open_calculator(GpawSpec.model_validate(DFT | own | other), Path())


def summary(points: list[JsonDict]) -> JsonDict:
    """Barriers, and each method's errors against PBE."""
    rows, errors = [], {}
    names = ["PBE", *POTENTIALS]
    for point in points:
        if barrier(point, "PBE") is not None:
            found = {method: barrier(point, method) for method in point["energies"]}
            rows.append({key: point[key] for key in ("name", "ion", "hop", "method")} | {"atoms": len(point["numbers"])})
            rows[-1] |= {method: round(value, 3) for method, value in found.items() if value is not None}
    for method in names[1:]:
        both = np.array([(row["PBE"], row[method]) for row in rows if method in row])
        if len(both) > 2:
            less = both[:, 1] - both[:, 0]
            errors[method] = {
                "barriers": len(both),
                "mean_error": round(float(less.mean()), 3),
                "absolute_error": round(float(np.abs(less).mean()), 3),
                "slope": round(slope(both[:, 0], both[:, 1]), 3),
                "rank_correlation": round(float(spearmanr(*both.T).statistic), 3),
            }
    return {"rows": rows, "errors": errors}


def draw(result: JsonDict, path: Path) -> None:
    """Barriers by potentials against those of PBE."""
    rows = result["summary"]["rows"]
    with figure_file(path, 4.6, 3.8) as figure:
        axes = figure.add_subplot()
        values = [row[method] for row in rows for method in ("PBE", *result["summary"]["errors"]) if method in row]
        line = [min(0.0, *values), 1.05 * max(values)]
        axes.plot(line, line, color="0.6", linewidth=0.8, label="equal")
        for method, marker in zip(result["summary"]["errors"], "os^Dv", strict=False):
            known = [row for row in rows if method in row]
            axes.scatter([row["PBE"] for row in known], [row[method] for row in known], s=20, marker=marker, label=method)
        for number, row in enumerate(sorted(rows, key=lambda row: float(row["PBE"]))):
            highest = max(row[method] for method in result["summary"]["errors"] if method in row)
            axes.annotate(
                row["name"], (row["PBE"], highest), (5, 3 if number % 2 else -8), textcoords="offset points", fontsize=7
            )
        axes.set_xlabel("barrier by PBE [eV]")
        axes.set_ylabel("barrier of the same structures [eV]")
        axes.legend(fontsize=6)


def prepare(result: JsonDict, cases: tuple[Case, ...], out: Path) -> None:
    """Adds the geometries of cases that the result lacks."""
    relaxing = open_calculator(POTENTIALS["CHGNet"], Path())
    known = {point["name"] for point in result["points"]} | set(result["failed"])
    for case in cases:
        if case.name in known:
            continue
        try:
            result["points"].append(geometries(case, relaxing))
            point = result["points"][-1]
            print(case.name, point["repeats"], len(point["numbers"]), "atoms,", point["method"], flush=True)
        except CalculationError as error:
            result["failed"][case.name] = f"{error.reason}: {error.message}"
            print(f"{case.name}: left out: {error}", flush=True)
        write_json(out, result)


def check(result: JsonDict, point: JsonDict, out: Path) -> None:
    """Computes a point's barrier again with other settings, where it is among the checks."""
    for name, label, other in CHECKS:
        if name != point["name"]:
            continue
        found = result["checks"].setdefault(f"{name}, {label}", {key: point[key] for key in _OF_CHECK} | {"energies": {}})
        for state in add_energies(found, "PBE", density_functional(point, other)):
            print(name, label, state, found["energies"]["PBE"][state], flush=True)
            write_json(out, result)
        found["barrier"] = round(barrier(found, "PBE") or np.nan, 3)


def main() -> None:
    """Entry of the command."""
    parser = command("barriers_dft", __doc__, quick="one barrier", figure="barriers against those of PBE")
    parser.add_argument("--barriers", type=int, default=len(CASES), help="so many of them by PBE (default: all)")
    options = parser.parse_args()
    same = {"schema_version": 1, "dft": DFT, "quick": options.quick}
    result = begun(options.out, same, points=[], failed={}, checks={})
    prepare(result, CASES[:1] if options.quick else CASES, options.out)
    result["absent"] = add_potentials(result["points"])
    write_json(options.out, result)
    for point in [known for known in result["points"] if known["name"] not in result["failed"]][: options.barriers]:
        try:
            for state in add_energies(point, "PBE", density_functional(point, {})):
                print(point["name"], state, point["energies"]["PBE"][state], flush=True)
                write_json(options.out, result)
        except CalculationError as error:
            result["failed"][point["name"]] = f"{error.reason}: {error.message}"
            print(f"{point['name']}: left out: {error}", flush=True)
            continue
        if not options.quick:
            check(result, point, options.out)
    result |= {"provenance": describe_machine(), "summary": summary(result["points"])}
    write_json(options.out, result)
    if options.figure is not None:
        draw(result, options.figure)
    print(json.dumps(result["summary"], indent=2))


_OF_CHECK = ("numbers", "cell", "positions", "kpoint_density")


if __name__ == "__main__":
    main()
