"""``python -m benchmarks.overhead --out result.json``: overhead per evaluation with MongoDB, local workers and Prefect.

overhead_ms = (wall x workers - sum of calculator times) / n, from the moment all workers are warm until the last evaluation
begins. On a machine with as many cores as workers, driver and database slow the calculators down as well, which that figure
hides; overhead_to_bare_ms compares with a bare loop over the same evaluations in as many processes, which shows it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.command import command
from benchmarks.driven import driven
from tansaku.models.domain.records import Evaluation, JsonDict
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign, load_campaign
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.machine import describe_machine

CAMPAIGN = Path(__file__).with_name("campaign.yaml")
WORKERS = 2
QUICK = 60


def busy_interval(evaluation: Evaluation) -> tuple[datetime, datetime]:
    """Returns when a worker was in the calculator for an evaluation."""
    outcome = evaluation.outcome
    if outcome is None or outcome.finished_at is None:
        raise ValueError(f"evaluation {evaluation.id} has no outcome")
    return outcome.finished_at - timedelta(seconds=outcome.wall_time), outcome.finished_at


def window_overhead(evaluations: Sequence[Evaluation], workers: int) -> JsonDict:
    """Overhead in the window in which all workers are warm and there is work for all of them."""
    intervals = sorted(busy_interval(evaluation) for evaluation in evaluations)
    begin, end = sorted(end for _, end in intervals)[2 * workers], intervals[-1][0]
    inside = [(max(start, begin), min(stop, end)) for start, stop in intervals if stop > begin and start < end]
    busy = sum((stop - start).total_seconds() for start, stop in inside)
    n = sum(begin < stop <= end for _, stop in intervals)
    wall = (end - begin).total_seconds()
    return {
        "overhead_ms": 1000 * (wall * workers - busy) / n,
        "calculator_ms": 1000 * busy / n,
        "wall_s": wall,
        "window_evaluations": n,
    }


def job_documents(spec: CampaignSpec, base_path: Path, evaluations: Sequence[Evaluation]) -> list[JsonDict]:
    """The jobs of evaluations of a campaign, as workers get them."""
    return [
        JobDocument(
            campaign=spec.name,
            candidate=evaluation.proposal.candidate,
            space=spec.space,
            calculator=spec.calculator,
            objective=spec.objective,
            base_path=str(base_path),
        ).model_dump(mode="json")
        for evaluation in evaluations
    ]


def bare_ms(spec: CampaignSpec, base_path: Path, evaluations: Sequence[Evaluation], workers: int) -> float:
    """Time of an evaluation in bare loops that run side by side [ms]."""
    documents = job_documents(spec, base_path, evaluations)
    with tempfile.TemporaryDirectory() as folder:
        processes = []
        for number in range(workers):
            share = Path(folder, f"{number}.json")
            share.write_text(json.dumps(documents[number::workers]))
            command = [sys.executable, "-m", "benchmarks.overhead.bare", str(share)]
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
            processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment))
        seconds = [float(process.communicate()[0].splitlines()[-1]) for process in processes]
    return 1000 * sum(seconds) / len(documents)


def measure(n_evaluations: int) -> JsonDict:
    """Runs campaign and bare loop in a home of their own."""
    loaded = load_campaign(CAMPAIGN)
    budget = loaded.spec.budget.model_copy(update={"evaluations": n_evaluations})
    loaded = LoadedCampaign(loaded.spec.model_copy(update={"budget": budget}), loaded.base_path)
    with driven(loaded, WORKERS) as (result, resources):
        evaluations = resources.store.evaluations(loaded.spec.name)
    window = window_overhead(evaluations, WORKERS)
    bare = bare_ms(loaded.spec, loaded.base_path, evaluations, WORKERS)
    return {
        **window,
        "overhead_to_bare_ms": window["overhead_ms"] + window["calculator_ms"] - bare,
        "bare_ms": bare,
        "proposer_ms": 1000 * result.proposer_seconds / len(evaluations),
        "evaluations": len(evaluations),
        "workers": WORKERS,
        "in_flight": loaded.spec.execution.in_flight,
    }


def main() -> None:
    """Measures and writes the result."""
    parser = command("overhead", __doc__, quick=f"{QUICK} evaluations")
    given = parser.parse_args()
    machine = describe_machine()
    evaluations = load_campaign(CAMPAIGN).spec.budget.evaluations or QUICK
    measured = measure(QUICK if given.quick else evaluations)
    given.out.write_text(json.dumps({"schema_version": 1, **measured, "provenance": machine}, indent=2) + "\n")
    for key in ("overhead_ms", "overhead_to_bare_ms", "proposer_ms", "calculator_ms", "evaluations"):
        print(f"{key:22} {measured[key]:.4g}")


if __name__ == "__main__":
    main()
