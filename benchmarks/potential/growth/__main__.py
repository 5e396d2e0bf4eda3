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

from benchmarks.command import begun, command, results
from benchmarks.potential.data import origin
from benchmarks.potential.growth.figure import draw
from benchmarks.potential.growth.growth import PARTS, STRATEGIES, Case, potential, run
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

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
