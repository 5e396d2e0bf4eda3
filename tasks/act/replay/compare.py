"""Methods compared on a table in one process, as the dashboard asks for it: a summary and a figure, nothing is kept."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.wording import did_you_mean
from tansaku.tasks.act.replay.figure import draw_curves, gap_curves
from tansaku.tasks.act.replay.methods import OWN_METHODS
from tansaku.tasks.act.replay.records import BenchOptions, BenchResult, ReplayTask
from tansaku.tasks.act.replay.run import open_table, run_one
from tansaku.tasks.act.replay.summary import checkpoints, summarise
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign

Note = Callable[[int, int, str], object]
"""Called with the number of runs that have ended, of all runs, and the method and seed that come next."""


def compare_methods(campaign: LoadedCampaign, methods: Sequence[str], seeds: int, within: float, note: Note) -> JsonDict:
    """Replays a campaign on its table with several methods and seeds.

    Args:
        methods: Some of :data:`~tansaku.tasks.act.replay.methods.OWN_METHODS`.
        seeds: Number of seeds, from 0.
        within: Distance to the optimum that is near enough [objective's unit].

    Returns:
        ``unit``, ``within``, ``systems`` (their number), ``shares`` (of the exhaustive cost, at which methods are compared),
        ``rows`` (a summary of each method, means over seeds), ``curves`` (of the gaps, see
        :class:`~tansaku.tasks.act.replay.figure.GapCurves`) and ``svg`` (their figure).

    Raises:
        ConfigurationError: A method is not known, or the space is no table.
    """
    for method in methods:
        if method not in OWN_METHODS:
            hint = did_you_mean(method, OWN_METHODS)
            raise ConfigurationError(f"methods: {method[:40]!r}{hint}; expected some of {', '.join(OWN_METHODS)}")
    options = BenchOptions(methods=tuple(methods), seeds=tuple(range(seeds)), within=within)
    spec, base = campaign.spec, str(campaign.base_path)
    tasks = [
        ReplayTask(spec=spec, base_path=base, method=method, seed=seed, **options.task_options(spec))
        for seed in options.seeds
        for method in options.methods
    ]
    pool = open_table(tasks[0]).pool()
    runs = []
    for number, task in enumerate(tasks):
        note(number, len(tasks), f"{task.method}, seed {task.seed}")
        runs.append(run_one(task))
    result = BenchResult(
        provenance={
            "methods": list(methods),
            "budget": spec.budget.model_dump(mode="json"),
            "objective": spec.objective.model_dump(mode="json"),
        },
        exhaustive_cost=float(pool.cost.sum()),
        runs=runs,
    )
    costs, curves = checkpoints(result), gap_curves(result)
    with tempfile.TemporaryDirectory(prefix="tsk-compare-") as folder:
        svg = draw_curves(curves, Path(folder, "gaps.svg")).read_text(encoding="utf-8")
    return {
        "unit": spec.objective.unit,
        "within": within,
        "systems": len(pool.systems),
        "shares": [cost / result.exhaustive_cost for cost in costs],
        "rows": [asdict(summary) for summary in summarise(result, costs)],
        "curves": curves.document(),
        "svg": svg,
    }
