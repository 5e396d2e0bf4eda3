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

import numpy as np

from benchmarks.command import command, results
from benchmarks.local_energies.active_choice.cases import POWERS, RULES, SHARES, Curve, run
from benchmarks.local_energies.active_choice.figure import draw
from benchmarks.local_energies.cases import DATA
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

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
