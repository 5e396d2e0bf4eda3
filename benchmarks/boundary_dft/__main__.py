"""``python -m benchmarks.boundary_dft --out result.json``: cells of MgO, Li3OCl or SrTiO3 by PBE and by two fast methods.

Thin cells of Sigma 3 and Sigma 5 boundaries, of a few shifts: as they are built, and relaxed by a fast method. Each
method gives the energy and the forces of the same structures, as they stand; energies are those above the crystal with the
file's lattice parameter, by the same method, and per area of boundary. The slope is that of a line through the origin, of a
method's numbers against those of PBE: below 1 the method is too soft (doi:10.1038/s41524-024-01500-6). Some points are
computed again with a higher cutoff or more k-points. A run that was interrupted continues.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from benchmarks.command import begun, command, figure_file
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.workflows.boundary_energy import EV_PER_A2, planar_area
from tansaku.calculators.workflows.compound_boundary import relaxed_boundary
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec
from tansaku.models.domain.specs.calculators.contract import CalculatorBase
from tansaku.models.domain.specs.calculators.gpaw import GpawSpec
from tansaku.models.domain.specs.calculators.sevennet import SevennetSpec
from tansaku.models.domain.specs.compound_boundary import CompoundBoundarySpaceSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.spaces.compound_boundary import CompoundBoundarySpace
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DFT: JsonDict = {"xc": "PBE", "cutoff": 400.0, "kpoint_density": 1.8}
CHECKS: dict[str, JsonDict] = {"cutoff 550 eV": {"cutoff": 550.0}, "k-points 2.7 Å": {"kpoint_density": 2.7}}
CHECKED = ((0, "cutoff 550 eV"), (0, "k-points 2.7 Å"), (1, "cutoff 550 eV"))
"""Points that are computed once more, by their place."""

SHIFTS = 3
BUILT = "built"
RELAXATION = RelaxationSpec.model_validate({"cell": "normal", "translation": "free", "fmax": 0.05, "max_steps": 150})
OPENING = 0.4
"""Distance by which grains are apart at first [Å]: nearer ions have energies that no relaxation meets."""


@dataclass(frozen=True)
class Material:
    """A crystal of the examples, of the same name.

    Attributes:
        surfaces: Planes, with the thickness of the grains [Å].
        methods: Compared with PBE.
        relaxing: Those that also relax the cells.
        lowest: Energy of a cell that is still a boundary by CHGNet [mJ/m^2]; thin grains can become the perfect crystal.
    """

    surfaces: tuple[tuple[tuple[int, int, int], float], ...]
    methods: tuple[str, str]
    relaxing: tuple[str, ...]
    lowest: float


MATERIALS = {
    "mgo": Material((((2, 1, 0), 4.0), ((3, 1, 0), 3.0)), ("CHGNet", "Buckingham"), ("CHGNet", "Buckingham"), 300.0),
    "li3ocl": Material((((1, 1, 1), 3.0), ((2, 1, 0), 3.0)), ("CHGNet", "SevenNet"), ("CHGNet",), 100.0),
    "srtio3": Material((((1, 1, 1), 3.0),), ("CHGNet", "SevenNet"), ("CHGNet",), 100.0),
}


def ions() -> CalculatorBase:
    """The potential of the example ``mgo-tilt``."""
    found = load_campaign(EXAMPLES / "mgo-tilt.yaml").spec.calculator
    assert found is not None
    return found


METHODS: dict[str, Callable[[], CalculatorBase]] = {"CHGNet": ChgnetSpec, "SevenNet": SevennetSpec, "Buckingham": ions}


def classical(material: str) -> dict[str, Calculator]:
    """The calculators that are compared with PBE."""
    return {name: open_calculator(METHODS[name](), Path()) for name in MATERIALS[material].methods}


def space_of(material: str, place: int, **keys: float) -> CompoundBoundarySpace:
    """The space of one of the planes; further keys are those of its spec."""
    plane, thickness = MATERIALS[material].surfaces[place]
    document = {"crystal": f"{material}.cif", "planes": (plane,), "thickness": thickness} | keys
    return CompoundBoundarySpace(CompoundBoundarySpaceSpec.model_validate(document), EXAMPLES)


def structures(material: str) -> list[Atoms]:
    """The cells, as they are built and relaxed; a relaxation that fails is left out."""
    found, relaxing = [], classical(material)
    for place in range(len(MATERIALS[material].surfaces)):
        space = space_of(material, place, step=0.8, opening=OPENING)
        ids = [str(item) for item in space.pool().ids]
        for candidate in np.random.default_rng(1).choice(ids, SHIFTS, replace=False):
            start = space.structure(str(candidate))
            cells = {BUILT: start}
            for name in MATERIALS[material].relaxing:
                state = f"by {name}"
                try:
                    cells[state] = relaxed_boundary(relaxing[name], start, RELAXATION).atoms
                except CalculationError as error:
                    print(f"{candidate} {state}: left out: {error}", flush=True)
            for state, atoms in cells.items():
                atoms.info |= {"candidate": str(candidate), "state": state}
                atoms.calc = None
                found.append(atoms)
    return found


def computed(calculator: Calculator, atoms: Atoms) -> JsonDict:
    """Energy [eV], forces [eV/Å] and the time [s]."""
    begin = time.perf_counter()
    result = calculator.evaluate(atoms)
    assert result.forces is not None
    return {
        "energy": result.energy,
        "forces": np.round(result.forces, 5).tolist(),
        "seconds": round(time.perf_counter() - begin, 1),
        **({"kpoints": result.details["kpoints"]} if "kpoints" in result.details else {}),
    }


def slope(reference: FloatArray, values: FloatArray) -> float:
    """Slope of the line through the origin."""
    return float(reference.ravel() @ values.ravel() / (reference.ravel() @ reference.ravel()))


def excess(point: JsonDict, crystals: JsonDict, method: str) -> float:
    """Energy above the crystal by area of boundary [mJ/m^2]."""
    crystal = crystals[point["candidate"].split("-")[0]]
    return per_area(point, point["results"][method]["energy"], crystal["results"][method]["energy"] / len(crystal["numbers"]))


def per_area(point: JsonDict, energy: float, of_atom: float) -> float:
    """Energy above the crystal, whose energy by atom is given, by area of boundary [mJ/m^2]."""
    return float(1000.0 * (energy - point["atoms"] * of_atom) / (2.0 * point["area"]) * EV_PER_A2)


def summary(result: JsonDict) -> JsonDict:
    """Excess energies and slopes of the points that PBE has computed."""
    points = [point for point in result["points"] if "PBE" in point["results"]]
    rows = [
        {"candidate": point["candidate"], "state": point["state"], "atoms": point["atoms"]}
        | {method: round(excess(point, result["crystals"], method), 1) for method in point["results"]}
        for point in points
    ]
    slopes: JsonDict = {}
    for method in MATERIALS[result["material"]].methods:
        for name, chosen in (("all", points), ("relaxed", [point for point in points if point["state"] != BUILT])):
            if not chosen:
                continue
            by = {kind: np.array([excess(point, result["crystals"], kind) for point in chosen]) for kind in ("PBE", method)}
            slopes[f"{method}, {name}"] = {
                "points": len(chosen),
                "energy": round(slope(by["PBE"], by[method]), 3),
                "mean_error": round(float((by[method] - by["PBE"]).mean()), 1),
            }
        # A calculator's own minima have no forces.
        built = [point["results"] for point in points if point["state"] == BUILT]
        pulls = {kind: np.concatenate([given[kind]["forces"] for given in built]) for kind in ("PBE", method)}
        slopes[f"{method}, as built"] = {"points": len(built), "force": round(slope(pulls["PBE"], pulls[method]), 3)}
    checks = {}
    for name, check in result["checks"].items():
        of_atom = check["crystal"]["energy"] / len(result["crystals"][check["candidate"].split("-")[0]]["numbers"])
        checks[name] = round(per_area(check, check["result"]["energy"], of_atom), 1)
    return {"rows": rows, "slopes": slopes, "checks": checks}


def draw(result: JsonDict, path: Path) -> None:
    """Energies of both methods against those of PBE."""
    rows, methods = result["summary"]["rows"], MATERIALS[result["material"]].methods
    with figure_file(path, 4.2, 3.6) as figure:
        axes = figure.add_subplot()
        most = 1.05 * max(row[method] for row in rows for method in ("PBE", *methods))
        axes.plot([0, most], [0, most], color="0.6", linewidth=0.8, label="equal")
        for method, color in zip(methods, ("C0", "C1"), strict=True):
            for relaxed in (False, True):
                chosen = [row for row in rows if (row["state"] != BUILT) == relaxed]
                label = f"{method}, {'relaxed' if relaxed else 'as built'}"
                x, y = ([row[name] for row in chosen] for name in ("PBE", method))
                axes.scatter(x, y, s=22, edgecolors=color, facecolors=color if relaxed else "none", label=label)
        axes.set_xlabel("energy by PBE [mJ/m²]")
        axes.set_ylabel("energy of the same structure [mJ/m²]")
        axes.legend(fontsize=7)


def crystals(material: str, methods: Mapping[str, Calculator]) -> JsonDict:
    """The crystal in cells like those of both planes: cells of other shapes have another error of the plane waves."""
    found: JsonDict = {}
    for place in range(len(MATERIALS[material].surfaces)):
        space = space_of(material, place)
        candidate = str(space.pool().ids[0])
        slabs = space.slabs(candidate, space.crystal)
        atoms = slabs.bulk(slabs.count // len(slabs.planes.numbers))
        name = candidate.split("-")[0]
        found[name] = {part: np.asarray(atoms.arrays[part]).tolist() for part in ("numbers", "positions")}
        found[name] |= {"cell": atoms.cell.array.tolist()}
        found[name]["results"] = {method: computed(calculator, atoms) for method, calculator in methods.items()}
    return found


def prepared(result: JsonDict) -> None:
    """Adds the structures, and what the fast methods give for them."""
    material = result["material"]
    methods = classical(material)
    result["crystals"] = crystals(material, methods)
    for atoms in structures(material):
        point = {
            **{key: atoms.info[key] for key in ("candidate", "state")},
            "atoms": len(atoms),
            "area": planar_area(atoms),
            "cell": np.round(atoms.cell.array, 6).tolist(),
            "numbers": atoms.numbers.tolist(),
            "positions": np.round(atoms.positions, 6).tolist(),
        }
        point["results"] = {name: computed(calculator, cell_of(point)) for name, calculator in methods.items()}
        if excess(point, result["crystals"], "CHGNet") > MATERIALS[material].lowest:
            result["points"].append(point)
    # Small cells first, and interleaved, so that a part of them already has every kind.
    last = f"by {MATERIALS[material].methods[-1]}"
    result["points"].sort(
        key=lambda point: (point["state"] == last, point["atoms"], point["candidate"][4:], point["candidate"])
    )


def cell_of(point: JsonDict) -> Atoms:
    """The structure of a point."""
    return Atoms(point["numbers"], positions=point["positions"], cell=point["cell"], pbc=True)


def main() -> None:
    """Entry of the command."""
    parser = command("boundary_dft", __doc__, quick="one point", figure="energies against those of PBE")
    parser.add_argument("--material", choices=MATERIALS, default="mgo", help="crystal of the examples")
    options = parser.parse_args()
    same = {"schema_version": 1, "material": options.material, "dft": DFT, "quick": options.quick}
    result = begun(options.out, same, points=[], checks={}, crystals={})
    if not result["points"]:
        prepared(result)
        if options.quick:
            result["points"] = result["points"][:1]
        write_json(options.out, result)
    calculator = open_calculator(GpawSpec.model_validate(DFT), Path())
    for point in (*result["crystals"].values(), *result["points"]):
        if "PBE" not in point["results"]:
            point["results"]["PBE"] = computed(calculator, cell_of(point))
            print(point.get("candidate", "crystal"), point["results"]["PBE"]["seconds"], "s", flush=True)
            write_json(options.out, result)
    for place, name in () if options.quick else CHECKED:
        point = result["points"][place]
        key = f"{point['candidate']} {point['state']}, {name}"
        if key not in result["checks"]:
            finer = open_calculator(GpawSpec.model_validate(DFT | CHECKS[name]), Path())
            crystal = result["crystals"][point["candidate"].split("-")[0]]
            # More k-points change the primitive cell's energy by 1.4 meV per atom, and that of the point by 0.2.
            own = computed(finer, cell_of(crystal)) if "cutoff" in CHECKS[name] else crystal["results"]["PBE"]
            both = {"result": computed(finer, cell_of(point)), "crystal": own}
            result["checks"][key] = both | {part: point[part] for part in ("candidate", "state", "atoms", "area")}
            print(key, both["result"]["seconds"], "s", flush=True)
            write_json(options.out, result)
    result |= {"provenance": describe_machine(), "summary": summary(result)}
    write_json(options.out, result)
    if options.figure is not None:
        draw(result, options.figure)
    print(json.dumps(result["summary"], indent=2))


if __name__ == "__main__":
    main()
