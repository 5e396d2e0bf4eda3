"""``python -m benchmarks.potential.growth --out result.json``: how fast a potential's error falls, by who chooses its data.

The crystals of aluminium of ``benchmarks/potential``, the same scans held out. A committee is trained on 40 structures, one of
each scan in turn, and again each time that their number has grown. The next ones are drawn at random, in turn of scans or from
all; or they are those that the networks trained last disagree on most, for the number of their atoms, not next to one another.
Each training begins with random weights, or (warm) with those of the training before. The report's order beside: 200 structures
and more of them at random, until there are no more.

Structures, proposer and training are the product's; energies and forces are known beforehand, by density-functional theory or
(``--source embedded_atom``) an embedded-atom potential. Runs that are in the file are not repeated.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from benchmarks.command import begun, command, figure_file, results
from benchmarks.potential.data import origin
from benchmarks.potential.growth.growth import PARTS, STRATEGIES, Case, potential, run
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json
from tansaku.tasks.read.figures.style import ACCENT, FAINT, INK, MAIN

SIZES = (40, 80, 130, 200)
REPORT = (200, 400, 1000)
SEEDS = (0, 1, 2, 3, 4, 5)
QUICK = (36, 44, 52)


def cases(source: str, *, quick: bool) -> list[Case]:
    """All runs; quickly, two of each kind's first steps with small networks."""
    if quick:
        return [Case(name, 0, QUICK, source, quick=True) for name in ("random", "disagreement", "disagreement-warm")]
    whole = [name for name in STRATEGIES if name not in PARTS]
    growing = [Case(name, seed, SIZES, source) for seed in SEEDS for name in whole]
    report = [Case(name, 0, REPORT, source) for name in ("random", "random-warm")]
    return [*growing, *report, *(Case(name, 0, SIZES, source) for name in PARTS)]


_LOOKS = {
    "uniform": (FAINT, "-", "random"),
    "random": (INK, "-", "random, scans in turn"),
    "random-warm": (INK, ":", "… weights kept"),
    "disagreement": (MAIN, "-", "disagreement"),
    "disagreement-warm": (MAIN, ":", "… weights kept"),
    "by-system": ("#7c3aed", "--", "… scans in turn"),
    "no-batch": (ACCENT, "--", "… without distance"),
    "energy": ("#15803d", "--", "… of energies alone"),
}
_ENERGY, _FORCE = "energy_rmse_mev_per_atom", "force_rmse_mev_per_angstrom"


def draw(found: JsonDict, path: Path) -> None:
    """Draws the figure.

    Args:
        found: The result.
        path: Where.
    """
    first = found["runs"][0]["steps"][0]["structures"]
    growing = [run for run in found["runs"] if run["steps"][0]["structures"] == first]
    with figure_file(path, 11.0, 6.4) as figure:
        axes = figure.subplots(2, 2)
        for row, (key, label, goal) in enumerate(((_ENERGY, "energy [meV/atom]", 2.0), (_FORCE, "force [meV/Å]", 30.0))):
            for column, against in enumerate(("structures", "atoms")):
                _curves(axes[row, column], growing, key, against)
                axes[row, column].axhline(goal, color=FAINT, lw=0.6, ls=":")
                axes[row, column].set(
                    xscale="log", yscale="log", xlabel=f"{against} computed", ylabel=f"RMSE held out, {label}"
                )
        axes[0, 0].legend(fontsize=7)
        seeds = len({item["seed"] for item in growing})
        title = f"geometric means of {seeds} seeds, dashed: of one; dotted: weights kept, and the goals"
        axes[0, 0].set_title(title, fontsize=8)


def _curves(axes: Axes, runs: list[JsonDict], key: str, against: str) -> None:
    for name, (colour, line, label) in _LOOKS.items():
        mine = [run["steps"] for run in runs if run["strategy"] == name]
        if not mine:
            continue
        errors = np.log([[step["held_out"][key] for step in steps] for steps in mine])
        places = np.mean([[step[against] for step in steps] for steps in mine], axis=0)
        axes.plot(places, np.exp(errors.mean(axis=0)), line, color=colour, marker="o", ms=3, lw=1.2, label=label)


def main() -> None:
    """Lets the data grow and writes the result."""
    shown = "errors against number and size of the structures, seconds of training"
    parser = command("potential.growth", __doc__, quick="three runs, small networks", figure=shown, jobs="runs")
    parser.add_argument("--source", choices=("gpaw", "embedded_atom"), default="gpaw")
    given = parser.parse_args()
    spec = potential(quick=given.quick).model_dump(mode="json")
    same = {"schema_version": 1, "source": given.source, "quick": given.quick, "surrogate": spec, "data": origin(given.source)}
    found = begun(given.out, same, runs=[])
    had = {(item["strategy"], item["seed"], item["steps"][0]["structures"]) for item in found["runs"]}
    wanted = cases(given.source, quick=given.quick)
    missing = [case for case in wanted if (case.strategy, case.seed, case.sizes[0]) not in had]
    for result in results(run, missing, given.jobs):
        found["runs"].append(result)
        write_json(given.out, found | {"provenance": describe_machine()})
        last = result["steps"][-1]
        errors = last["held_out"]
        print(
            f"{result['strategy']:<18}seed {result['seed']}: {last['structures']} structures, {last['atoms']} atoms: "
            f"{errors['energy_rmse_mev_per_atom']:.2f} meV/atom, {errors['force_rmse_mev_per_angstrom']:.1f} meV/Angstrom, "
            f"trained {sum(step['processor_seconds'] for step in result['steps']):.0f} s",
            flush=True,
        )
    if given.figure is not None:
        draw(found, given.figure)


if __name__ == "__main__":
    main()
