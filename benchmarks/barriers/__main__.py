"""``python -m benchmarks.barriers --out result.json``: is the symmetrised midpoint the saddle point that a band finds?

Every hop whose ends an operation exchanges, and whose midpoint has exactly one unstable motion, is computed twice from the same
end states: by relaxing the midpoint under the operation, and by a climbing-image nudged elastic band of five images (three in
tavorites) to the same force threshold. rank_correlation is Spearman's over the barriers of all hops; times are CPU seconds.

The file is written after each crystal. Crystals that it already has are not computed again, so an interrupted run continues,
and ``--family`` adds metals and alloys (by effective-medium theory, minutes) or tavorites (by CHGNet, an hour) to it.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from benchmarks.barriers.crystals import Case, cases
from benchmarks.command import command
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.workflows.migration.crystal import Crystal, find_carrier
from tansaku.calculators.workflows.migration.curvature import crystal_curvature
from tansaku.calculators.workflows.migration.hops import band_hop, find_saddle
from tansaku.calculators.workflows.migration.network import find_network
from tansaku.calculators.workflows.migration.relaxing import Relaxer, Through
from tansaku.calculators.workflows.migration.supercell import make_supercell
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json


def measure(case: Case) -> JsonDict:
    """All hops of a crystal both ways."""
    calculator = open_calculator(case.calculator, Path())
    through = Through(calculator)
    spec = case.workflow
    if spec.ion is None:
        raise AssertionError("a case names the mobile ion")
    relaxer = Relaxer(through, spec.fmax, spec.max_steps)
    begun = time.process_time()
    host = relaxer.host(case.structure())
    network = find_network(host, spec.ion, spec.max_hop)
    supercell = make_supercell(host, max(spec.image_distance, spec.max_hop))
    crystal = Crystal(network, supercell, relaxer, crystal_curvature(supercell, network.operations, through))
    vacancies = {site: find_carrier(crystal, site) for site in sorted(set(network.orbits.values()))}
    rows: list[JsonDict] = []
    whole = time.process_time() - begun
    for name in network.classes:
        row: JsonDict = {"hop": name.name, "length": name.length}
        before, start = through.evaluations, time.process_time()
        try:
            found = find_saddle(crystal, name, vacancies, spec.images)
            seconds = time.process_time() - start
            whole += seconds
            row |= {"method": found.method, "note": found.note, "midpoint_evaluations": through.evaluations - before}
            row |= {"midpoint_barrier": found.energy - found.profile[0][1], "midpoint_seconds": seconds}
            if found.method == "midpoint":
                before, start = through.evaluations, time.process_time()
                band = band_hop(crystal, name.hop, vacancies, spec.images)
                row |= {"band_barrier": band.energy - band.profile[0][1], "band_seconds": time.process_time() - start}
                row["band_evaluations"] = through.evaluations - before
        except CalculationError as error:
            row["failure"] = f"{error.reason}: {error.message}"
        rows.append(row)
    summary_ = calculator.provenance
    return {
        "crystal": case.name,
        "calculator": f"{summary_.code} {summary_.model}",
        "seconds_without_bands": whole,
        "hops": rows,
    }


def summary(crystals: list[JsonDict]) -> JsonDict:
    """Summary of the crystals measured so far, of all and of each family."""
    tavorites = [crystal for crystal in crystals if crystal["crystal"].startswith("tavorite")]
    metals = [crystal for crystal in crystals if crystal not in tavorites]
    seconds = [crystal["seconds_without_bands"] for crystal in tavorites or metals]
    return {
        **_agreement(crystals),
        "median_seconds": statistics.median([second for second in seconds if second is not None] or [0.0]),
        "median_seconds_of": "tavorites" if tavorites else "metals",
        "metals": _agreement(metals),
        "tavorites": _agreement(tavorites),
        "failures": [hop["failure"] for crystal in crystals for hop in crystal["hops"] if "failure" in hop],
    }


def _agreement(crystals: list[JsonDict]) -> JsonDict:
    both = [hop for crystal in crystals for hop in crystal["hops"] if "band_barrier" in hop]
    midpoints, bands = (np.array([hop[key] for hop in both]) for key in ("midpoint_barrier", "band_barrier"))
    ratio = [hop["band_evaluations"] / hop["midpoint_evaluations"] for hop in both]
    return {
        "crystals": len(crystals),
        "hops": len(both),
        "rank_correlation": float(spearmanr(midpoints, bands).statistic) if len(both) > 2 else None,
        "largest_difference_ev": float(np.abs(midpoints - bands).max()) if len(both) else None,
        "median_difference_ev": float(np.median(np.abs(midpoints - bands))) if len(both) else None,
        "median_evaluations_ratio": statistics.median(ratio) if ratio else None,
    }


def main() -> None:
    """Entry of the command."""
    parser = command("barriers", __doc__, quick="three metals: whether it works, not how well")
    parser.add_argument("--family", choices=("metals", "tavorites", "all"), default="all", help="crystals to compute")
    arguments = parser.parse_args()
    crystals = known(arguments.out)
    for case in cases("metals" if arguments.quick else arguments.family)[: 3 if arguments.quick else None]:
        if case.name in {crystal["crystal"] for crystal in crystals}:
            continue
        try:
            crystals.append({**measure(case), "provenance": describe_machine()})
        except CalculationError as error:
            failed = {"failure": f"{error.reason}: {error.message}"}
            crystals.append({"crystal": case.name, "seconds_without_bands": None, "hops": [failed]})
        result = {"schema_version": 2, "quick": arguments.quick, **summary(crystals), "crystals": crystals}
        write_json(arguments.out, result)
        last = crystals[-1]
        print(f"{case.name}: {len(last['hops'])} classes of hops, {last['seconds_without_bands']} s", flush=True)
    summary_ = summary(crystals)
    print(json.dumps({key: summary_[key] for key in ("rank_correlation", "hops", "median_seconds", "largest_difference_ev")}))


def known(path: Path) -> list[JsonDict]:
    """Crystals that are already in a file."""
    if not path.is_file():
        return []
    data: JsonDict = json.loads(path.read_text())
    if data["schema_version"] == 1:
        return [{**crystal, "provenance": data["provenance"]} for crystal in data["crystals"]]
    crystals: list[JsonDict] = data["crystals"]
    return crystals


if __name__ == "__main__":
    main()
