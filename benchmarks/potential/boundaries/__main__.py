"""``python -m benchmarks.potential.boundaries --out FILE --points FILE``: a potential learns boundaries from cut-outs.

A committee of networks learns small cells of MgO crystals by a teacher: PBE by GPAW, or the rigid ions of the example
``mgo-tilt``, which cost little and show a longer run. It searches symmetric boundaries in cells with grains of 12 Å. Of the
lowest candidate of each plane, and of those with atoms on whose forces the networks disagree most, both boundaries are cut
out with thin grains (at most 40 atoms), computed by the teacher, and learned; then the committee searches again. Each version
is judged by boundary energies of cells that none has learned: those of ``benchmarks/boundary_dft`` (PBE), or all candidates
that the ions relax. The lowest candidates of each version are judged too: their cut-outs by the version and by the teacher.
What the teacher computed lies in the file of points, so that an interrupted run continues.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ase import Atoms

from benchmarks.boundary_dft.__main__ import cell_of
from benchmarks.command import command, figure_file
from benchmarks.potential.boundaries.points import DFT, Points, first_cells, teacher
from benchmarks.potential.boundaries.search import Found, Plane, asked, energy_of_atom, excess, name_of, opened, searched
from benchmarks.potential.fits import fit
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.surrogates import Example
from tansaku.potentials.network.model import Potential
from tansaku.potentials.specs.network import PotentialSpec
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import read_json, write_json

PUBLISHED = Path(__file__).resolve().parents[2] / "boundary_dft" / "result.json"
SPEC: JsonDict = {
    "members": 4,
    "hidden": [12, 12],
    "force_weight": 0.1,
    "softening": 2.0,
    "validation": 0.15,
    "trainer": {"type": "levenberg_marquardt", "cycles": 60},
}


@dataclass(frozen=True)
class Case:
    """A chain of trainings and searches.

    Attributes:
        planes: That are searched.
        candidates: Of each plane in a search.
        rounds: Trainings on cut-outs, after the first one.
        cuts: Cells of each plane that the teacher computes in a round.
    """

    planes: Sequence[Plane]
    candidates: int
    rounds: int
    cuts: int


CASES = {
    "gpaw": Case((Plane((2, 1, 0), 24, 4.21),), 21, 4, 4),
    "buckingham": Case((Plane((2, 1, 0), 40, 4.19), Plane((3, 1, 0), 40, 4.19)), 6, 3, 6),
}


@dataclass(frozen=True)
class Judge:
    """A cell with its boundary energy by the teacher, which no version learns.

    Attributes:
        atoms: The cell.
        crystal: Cell of the crystal that it is compared with.
        value: Boundary energy by the teacher [mJ/m^2].
    """

    atoms: Atoms
    crystal: Atoms
    value: float


def by_pbe() -> JsonDict:
    """Content of the result of ``benchmarks/boundary_dft``, whose crystal has the lattice parameter of the planes here."""
    content = read_json(PUBLISHED)
    assert content is not None
    assert content["dft"] == DFT
    return content


def energies_of_atoms(name: str, case: Case) -> dict[str, float]:
    """Energy of an atom of the crystal in cells like those of each plane, by the teacher [eV]."""
    if name == "gpaw":
        found = by_pbe()["crystals"]
        return {plane: item["results"]["PBE"]["energy"] / len(item["numbers"]) for plane, item in found.items()}
    calculator = teacher(name)
    return {plane.name: energy_of_atom(calculator, plane) for plane in case.planes}


def published() -> list[Judge]:
    """Cells of ``benchmarks/boundary_dft``, computed by PBE at the same level."""
    content = by_pbe()
    crystals = {name: (cell_of(item), item["results"]["PBE"]["energy"]) for name, item in content["crystals"].items()}
    found = []
    for point in content["points"]:
        crystal, energy = crystals[point["candidate"].split("-")[0]]
        atoms = cell_of(point)
        found.append(Judge(atoms, crystal, excess(atoms, point["results"]["PBE"]["energy"], energy / len(crystal))))
    return found


def by_ions(case: Case) -> list[Judge]:
    """Candidates that the ions relax, with grains of 12 Å."""
    calculator = teacher("buckingham")
    return [
        Judge(found.thick, plane.crystal(), found.energy)
        for plane in case.planes
        for found in searched(calculator, plane, case.candidates)
        if found.energy > 0
    ]


def errors(model: Potential, judges: Sequence[Judge]) -> JsonDict:
    """Errors of boundary energies [mJ/m^2]."""
    with opened(model) as calculator:
        found = []
        for judge in judges:
            of_atom = calculator.evaluate(judge.crystal).energy / len(judge.crystal)
            found.append(excess(judge.atoms, calculator.evaluate(judge.atoms).energy, of_atom))
    apart = np.array(found) - np.array([judge.value for judge in judges])
    return {
        "values": np.round(found, 1).tolist(),
        "mean_absolute": round(float(np.abs(apart).mean()), 1),
        "median_absolute": round(float(np.median(np.abs(apart))), 1),
        "mean": round(float(apart.mean()), 1),
    }


class Chain:
    """Trainings and searches in turns.

    Args:
        case: What is searched.
        points: The teacher's results.
        crystals: Energy of an atom of the crystal in cells like those of each plane, by the teacher [eV].
    """

    def __init__(self, case: Case, points: Points, crystals: Mapping[str, float]) -> None:
        self._case, self._points = case, points
        self._learned = first_cells(points)
        self._crystals = crystals

    def trained(self, spec: PotentialSpec) -> tuple[Potential, float]:
        """A committee of all that is known, and the seconds of its training."""
        fitted = fit(spec, self._learned)
        return fitted.model, fitted.seconds

    def searched(self, model: Potential) -> dict[str, list[Found]]:
        """Candidates of each plane, relaxed by a version."""
        with opened(model) as calculator:
            return {plane.name: list(searched(calculator, plane, self._case.candidates, model)) for plane in self._case.planes}

    def lowest(self, model: Potential, found: dict[str, list[Found]]) -> list[JsonDict]:
        """The lowest candidate of each plane: its cut-out by the version and by the teacher [mJ/m^2]."""
        rows = []
        for plane in self._case.planes:
            best = min(found[plane.name], key=lambda item: item.energy)
            cut = best.relaxed
            with opened(model) as calculator:
                own = excess(cut, calculator.evaluate(cut).energy, energy_of_atom(calculator, plane))
            row: JsonDict = {
                "candidate": best.candidate,
                "atoms": len(cut),
                "thick": round(best.energy, 1),
                "cut": round(own, 1),
            }
            try:
                truth = self._points.computed(self._name(model, f"{best.candidate} relaxed"), plane.name, cut)
                energy = float(truth.properties["energy"])
                row |= {
                    "teacher": round(excess(cut, energy, self._crystals[plane.name]), 1),
                    "largest_force": round(float(np.linalg.norm(truth.properties["forces"], axis=1).max()), 2),
                }
            except CalculationError as error:
                row["failure"] = error.reason
            rows.append(row)
        return rows

    def learn(self, model: Potential, found: dict[str, list[Found]]) -> list[JsonDict]:
        """Computes the cut-outs of a round by the teacher and adds them to what is learned."""
        rows = []
        for plane in self._case.planes:
            for cut in asked(found[plane.name], self._case.cuts, {item.id for item in self._learned}):
                name = name_of(cut)
                row: JsonDict = {"name": name, "atoms": len(cut.atoms), "unsure": round(cut.unsure, 3)}
                try:
                    self._learned.append(self._computed(self._name(model, name), plane, cut.atoms))
                except CalculationError as error:
                    row["failure"] = error.reason
                rows.append(row)
        return rows

    def _computed(self, name: str, plane: Plane, atoms: Atoms) -> Example:
        return replace(self._points.computed(name, name, atoms), group=f"{plane.name} {name}")

    def _name(self, model: Potential, name: str) -> str:
        return f"v{model.training['structures']} {name}"


def run(name: str, case: Case, points: Points, *, quick: bool) -> JsonDict:
    """The chain from the first cells to the last search."""
    chain = Chain(case, points, energies_of_atoms(name, case))
    judges = published() if name == "gpaw" else by_ions(case)
    spec = PotentialSpec.model_validate(SPEC | ({"members": 2, "hidden": [6]} if quick else {}))
    versions = []
    for number in range(case.rounds + 1):
        model, seconds = chain.trained(spec)
        found = chain.searched(model)
        version: JsonDict = {
            "structures": model.training["structures"],
            "training_seconds": round(seconds, 1),
            "judges": errors(model, judges),
            "unsure": round(float(np.median([model.disagreement(judge.atoms).max() for judge in judges])), 3),
            "searched": {plane: len(items) for plane, items in found.items()},
            "lowest": chain.lowest(model, found),
        }
        if number < case.rounds:
            version["cut_outs"] = chain.learn(model, found)
        print(
            json.dumps({key: version[key] for key in ("structures", "unsure", "lowest")} | {"errors": version["judges"]}),
            flush=True,
        )
        versions.append(version)
    return {
        "versions": versions,
        "judges": [round(judge.value, 1) for judge in judges],
        "teacher_seconds": round(points.seconds),
    }


def draw(result: JsonDict, path: Path) -> None:
    """Boundary energies of the cells that judge, by the first and by the last version, and the error of each version."""
    with figure_file(path, 7.2, 3.2) as figure:
        left, right = figure.subplots(1, 2)
        truth, versions = result["judges"], result["versions"]
        for version, color, label in ((versions[0], "0.6", "small crystals"), (versions[-1], "C0", "and cut-outs")):
            left.scatter(truth, version["judges"]["values"], s=16, color=color, label=label)
        ends = [0.0, 1.05 * max(truth)]
        left.plot(ends, ends, color="k", linewidth=0.7)
        left.set(xlabel="by the teacher [mJ/m²]", ylabel="by the networks [mJ/m²]", title="cells that none has learned")
        left.legend(fontsize=8)
        learned = [version["structures"] for version in versions]
        right.plot(learned, [version["judges"]["mean_absolute"] for version in versions], "o-", label="mean error")
        right.plot(learned, [version["judges"]["median_absolute"] for version in versions], "s--", label="median error")
        right.set(xlabel="structures learned", ylabel="error of the boundary energy [mJ/m²]", yscale="log")
        right.legend(fontsize=8)


def main() -> None:
    """Entry of the command."""
    options = command("potential.boundaries", __doc__, quick="one round of few cut-outs", figure="errors of the versions")
    options.add_argument("--teacher", choices=sorted(CASES), default="buckingham", help="whose energies are learned")
    options.add_argument("--points", type=Path, required=True, help="file of what the teacher computed (JSON), which grows")
    given = options.parse_args()
    case = CASES[given.teacher]
    if given.quick:
        case = replace(case, planes=case.planes[:1], candidates=3, rounds=1, cuts=2)
    points = Points(given.points, given.teacher)
    result: JsonDict = {
        "schema_version": 1,
        "quick": given.quick,
        "teacher": given.teacher,
        "spec": SPEC,
        **({"dft": DFT} if given.teacher == "gpaw" else {}),
        **run(given.teacher, case, points, quick=given.quick),
        "provenance": describe_machine(),
    }
    write_json(given.out, result)
    if given.figure is not None:
        draw(result, given.figure)


if __name__ == "__main__":
    main()
