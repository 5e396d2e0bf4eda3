"""``python -m benchmarks.local_energies.active_choice --out FILE``: accuracy against the cost of labels, by three rules.

Structures of 28 [110] tilt boundaries of aluminium up to Σ 59 may be labelled (three of each, drawn by the seed); the model
that the labels give is tested on all structures of the ten boundaries above, up to Σ 99. A label costs the number of its cell's
atoms, or, as in density-functional theory, their third power. ``information``: the choice of `tansaku dataset build` with
``choice: {by: information}``, which looks at structures alone, those of the test included, and at no energy; ``size``: the
smallest first; ``random``. The data are those of ``benchmarks/local_energies``, the energies CHGNet's. Reported: the median and
the quartiles over seeds of the root mean square error of the atoms' energies, at equal shares of the whole cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.command import command, figure_file, results
from benchmarks.local_energies.active_choice.cases import POWERS, RULES, SHARES, Curve, run
from benchmarks.local_energies.cases import DATA
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN

SEEDS = 10


def curves(*, quick: bool) -> list[Curve]:
    """All learning curves, ordered by seed; with ``--quick`` one seed and one kind of cost."""
    if quick:
        return [Curve("chgnet", rule, 3.0, 0) for rule in RULES]
    # The work that the curves of a seed share is done once, by the process that gets them.
    return [Curve("chgnet", rule, power, seed) for seed in range(SEEDS) for power in POWERS for rule in RULES]


def summary(found: Sequence[JsonDict]) -> list[JsonDict]:
    """Medians and quartiles over seeds, and in how many seeds ``information`` had the least error."""
    rows = []
    kinds = dict.fromkeys((item["energies"], item["power"]) for item in found)
    for energies, power in kinds:
        mine = [item for item in found if (item["energies"], item["power"]) == (energies, power)]
        for place, share in enumerate(SHARES):
            errors = {rule: _errors(mine, rule, place) for rule in RULES}
            best = np.nanmin(np.array([errors[rule] for rule in RULES[1:]]), axis=0)
            rows.append(
                {
                    "energies": energies,
                    "power": power,
                    "share": share,
                    "rmse_mev": {rule: _quartiles(values) for rule, values in errors.items()},
                    "information_is_best": int((errors["information"] < best).sum()),
                    "seeds": len(best),
                }
            )
    return rows


def _errors(found: Sequence[JsonDict], rule: str, place: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Error of each seed in order; infinite where there were too few data."""
    values = [
        entry["points"][place]["rmse_mev"] for entry in sorted(found, key=lambda item: item["seed"]) if entry["rule"] == rule
    ]
    return np.array([np.inf if value is None else value for value in values])


def _quartiles(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float | None]:
    return [float(item) if np.isfinite(item) else None for item in np.quantile(values, [0.25, 0.5, 0.75], method="nearest")]


_LOOK = {"information": (ACCENT, "information per cost"), "size": (MAIN, "smallest first"), "random": (FAINT, "random")}
_NAMES = {"eam": "embedded atom", "chgnet": "CHGNet"}


def draw(result: JsonDict, path: Path) -> None:
    """Error against the share of the cost, medians and quartiles over seeds, a panel per potential and kind of cost."""
    kinds = list(dict.fromkeys((row["energies"], row["power"]) for row in result["summary"]))
    columns = min(2, len(kinds))
    with figure_file(path, 4.8 * columns, 3.5 * -(-len(kinds) // columns)) as figure:
        panels = figure.subplots(-(-len(kinds) // columns), columns, squeeze=False)
        for axes, (energies, power) in zip(panels.flat, kinds, strict=False):
            rows = [row for row in result["summary"] if (row["energies"], row["power"]) == (energies, power)]
            for rule, (colour, name) in _LOOK.items():
                # A quartile is unknown where there were too few data: no line there.
                shown = [(100 * row["share"], row["rmse_mev"][rule]) for row in rows if None not in row["rmse_mev"][rule]]
                shares = [share for share, _ in shown]
                axes.plot(shares, [middle for _, (_, middle, _) in shown], "o-", ms=3, color=colour, label=name)
                axes.fill_between(
                    shares,
                    [low for _, (low, _, _) in shown],
                    [high for _, (_, _, high) in shown],
                    color=colour,
                    alpha=0.2,
                    lw=0,
                )
            axes.set(xscale="log", yscale="log", xlabel="cost [% of labelling everything]", ylabel="RMSE [meV/atom]")
            cost = "atoms" if power == 1 else f"atoms^{power:g}"
            axes.set_title(f"{_NAMES[energies]}, cost = {cost}", fontsize=9)
        panels.flat[0].legend()


def main() -> None:
    """Computes all curves and writes the result."""
    quick = "one seed, cost by the third power of the atoms"
    given = command(
        "local_energies.active_choice", __doc__, quick=quick, figure="error against cost", jobs="curves"
    ).parse_args()
    found = []
    for item in results(run, curves(quick=given.quick), given.jobs):
        found.append(item)
        errors = ", ".join("-" if point["rmse_mev"] is None else f"{point['rmse_mev']:.2f}" for point in item["points"])
        print(f"{item['energies']:<7}atoms^{item['power']:g} {item['rule']:<12}seed {item['seed']}: {errors} meV", flush=True)
    result = {
        "schema_version": 1,
        "shares": list(SHARES),
        "summary": summary(found),
        "curves": found,
        "data": {"file": DATA.name, "sha256": file_sha256(DATA)},
        "provenance": describe_machine(),
    }
    write_json(given.out, result)
    if given.figure is not None:
        draw(result, given.figure)


if __name__ == "__main__":
    main()
