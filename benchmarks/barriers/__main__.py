"""``python -m benchmarks.barriers --out result.json``: is the symmetrised midpoint the saddle point that a band finds?

Every hop whose ends an operation exchanges, and whose midpoint has exactly one unstable motion, is computed twice from the same
end states: by relaxing the midpoint under the operation, and by a climbing-image nudged elastic band of five images to the same
force threshold. rank_correlation is Spearman's, over the barriers of all hops; times are of the processor. The file is written
after each crystal, so a run that is stopped leaves what it has.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from benchmarks.barriers.crystals import Case, cases
from tansaku.calculators.registry import open_calculator
from tansaku.calculators.workflows.migration.crystal import Crystal, find_vacancy
from tansaku.calculators.workflows.migration.curvature import crystal_curvature
from tansaku.calculators.workflows.migration.hops import band_hop, find_saddle
from tansaku.calculators.workflows.migration.network import find_network
from tansaku.calculators.workflows.migration.relaxing import Relaxer, Through
from tansaku.calculators.workflows.migration.supercell import make_supercell
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.machine import describe_machine


def measure(case: Case) -> JsonDict:
    """All hops of a crystal both ways."""
    calculator = open_calculator(case.calculator, Path())
    through = Through(calculator)
    spec = case.workflow
    relaxer = Relaxer(through, spec.fmax, spec.max_steps)
    begun = time.process_time()
    host = relaxer.host(case.structure())
    network = find_network(host, spec.ion, spec.max_hop)
    supercell = make_supercell(host, max(spec.image_distance, spec.max_hop))
    crystal = Crystal(network, supercell, relaxer, crystal_curvature(supercell, network, through))
    vacancies = {site: find_vacancy(crystal, site) for site in sorted(set(network.orbits.values()))}
    rows: list[JsonDict] = []
    whole = time.process_time() - begun
    for one in network.classes:
        row: JsonDict = {"hop": one.name, "length": one.length}
        before, start = through.evaluations, time.process_time()
        try:
            found = find_saddle(crystal, one, vacancies, spec.images)
            seconds = time.process_time() - start
            whole += seconds
            row |= {"method": found.method, "note": found.note, "midpoint_evaluations": through.evaluations - before}
            row |= {"midpoint_barrier": found.energy - found.profile[0][1], "midpoint_seconds": seconds}
            if found.method == "midpoint":
                before, start = through.evaluations, time.process_time()
                band = band_hop(crystal, one.hop, vacancies, spec.images, "for comparison")
                row |= {"band_barrier": band.energy - band.profile[0][1], "band_seconds": time.process_time() - start}
                row["band_evaluations"] = through.evaluations - before
        except CalculationError as error:
            row["failure"] = f"{error.reason}: {error.message}"
        rows.append(row)
    told = calculator.provenance
    return {"crystal": case.name, "calculator": f"{told.code} {told.model}", "seconds_without_bands": whole, "hops": rows}


def summary(crystals: list[JsonDict]) -> JsonDict:
    """What the crystals measured so far say."""
    both = [hop for crystal in crystals for hop in crystal["hops"] if "band_barrier" in hop]
    one, other = (np.array([hop[key] for hop in both]) for key in ("midpoint_barrier", "band_barrier"))
    slow = [crystal["seconds_without_bands"] for crystal in crystals if crystal["crystal"].startswith("tavorite")]
    ratio = [hop["band_evaluations"] / hop["midpoint_evaluations"] for hop in both]
    return {
        "rank_correlation": float(spearmanr(one, other).statistic) if len(both) > 2 else None,
        "hops": len(both),
        "median_seconds": statistics.median(slow or [crystal["seconds_without_bands"] for crystal in crystals]),
        "median_seconds_of": "tavorites" if slow else "metals",
        "largest_difference_ev": float(np.abs(one - other).max()) if len(both) else None,
        "median_difference_ev": float(np.median(np.abs(one - other))) if len(both) else None,
        "median_evaluations_ratio": statistics.median(ratio) if ratio else None,
        "failures": [hop["failure"] for crystal in crystals for hop in crystal["hops"] if "failure" in hop],
    }


def main() -> None:
    """Entry of the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--quick", action="store_true", help="three metals: whether it works, not how well")
    arguments = parser.parse_args()
    crystals: list[JsonDict] = []
    for case in cases(quick=arguments.quick):
        try:
            crystals.append(measure(case))
        except CalculationError as error:
            print(f"{case.name}: {error.reason}: {error.message}")
            continue
        result = {
            "schema_version": 1,
            "provenance": describe_machine(),
            "quick": arguments.quick,
            **summary(crystals),
            "crystals": crystals,
        }
        arguments.out.write_text(json.dumps(result, indent=2) + "\n")
        print(
            f"{case.name}: {len(crystals[-1]['hops'])} classes of hops, {crystals[-1]['seconds_without_bands']:.1f} s",
            flush=True,
        )
    print(json.dumps({key: result[key] for key in ("rank_correlation", "hops", "median_seconds", "largest_difference_ev")}))


if __name__ == "__main__":
    main()
