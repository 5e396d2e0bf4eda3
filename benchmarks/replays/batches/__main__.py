"""``python -m benchmarks.replays.batches --out result.json``: costs and gains of many evaluations at once.

The preset ``default`` on three boundaries of the shipped table, 90 evaluations, with 1, 4, 16 and 64 in flight on as many
workers. An evaluation takes its cost (atoms) times a log-normal factor of deviation 0.5, the same for all ways of a seed.
Reported: the mean gap to the true minima after numbers of evaluations and after times, for ordered and free mode; and what
other treatments of pending candidates would give. ``--only TREATMENT ...`` compares some of these in ordered mode and nothing
else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.command import command, figure_file, results
from benchmarks.replays.batches.pending import Believer, Drawn, Liar, Masked, Penalised
from benchmarks.replays.table import restricted, rules, whole
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.presets import settings
from tansaku.tasks.act.replay.campaign import replay
from tansaku.tasks.act.replay.run import gap_curves, run_times
from tansaku.tasks.node.jobs.machine import describe_machine

PENDING: dict[str, type[GPProposer]] = {
    "believer": Believer,
    "liar": Liar,
    "masked": Masked,
    "penalised": Penalised,
    "drawn": Drawn,
}
SPREAD = 0.5
SEEDS = 10
EVALUATIONS = 90
BOUNDARIES = (0, 3, 6)
SHARES = (0.25, 0.5, 1.0)
"""Shares of the evaluations, and of the time that one worker takes for them, at which gaps are reported."""


@dataclass(frozen=True)
class Way:
    """One way to run a campaign."""

    in_flight: int
    pending: str = "believer"
    ordered: bool = True
    seed: int = 0
    evaluations: int = EVALUATIONS


@cache
def _table() -> tuple[CandidatePool, FloatArray]:
    pool, values = whole()
    part, kept = restricted(pool, BOUNDARIES)
    return part, values[kept]


def run(way: Way) -> JsonDict:
    """Replays a campaign and reads its gaps."""
    pool, values = _table()
    proposer = PENDING[way.pending](settings(GPProposerSpec()))
    one_at_a_time = rules(pool, proposer, way.seed, way.evaluations)
    way_rules = replace(one_at_a_time, in_flight=way.in_flight, ordered=way.ordered)
    done = replay(pool, values, proposer, way_rules, count_initial=True, run_times=run_times(pool, way.seed, SPREAD))
    curves = gap_curves(pool, values, done.positions, "minimize", 1.0)
    by_end = np.argsort(done.ended_at, kind="stable")
    ended = gap_curves(pool, values, done.positions[by_end], "minimize", 1.0)
    return {
        **vars(way),
        "mean_gap": curves.mean.tolist(),
        "time": done.ended_at[by_end].tolist(),
        "gap_by_time": ended.mean.tolist(),
    }


def ways(*, quick: bool) -> list[Way]:
    """All of them: free mode, and other treatments of pending candidates in ordered mode."""
    found = []
    for seed in range(1 if quick else SEEDS):
        count = 30 if quick else EVALUATIONS
        found.append(Way(1, seed=seed, evaluations=count))
        for in_flight in (4,) if quick else (4, 16, 64):
            found += [Way(in_flight, pending, True, seed, count) for pending in PENDING]
            found.append(Way(in_flight, "believer", False, seed, count))
    return found


def treatments(names: Sequence[str], seeds: int) -> list[Way]:
    """Some treatments of pending candidates in ordered mode, beside one evaluation at a time."""
    alone = [Way(1, seed=seed) for seed in range(seeds)]
    return alone + [Way(n, name, True, seed) for seed in range(seeds) for n in (4, 16, 64) for name in names]


def gap_by_time(run: JsonDict, times: FloatArray) -> FloatArray:
    """Mean gap of the evaluations that have ended by given times; before the first end, that of the first evaluation."""
    place = np.searchsorted(np.asarray(run["time"]), times, side="right") - 1
    return np.asarray(run["gap_by_time"])[np.maximum(place, 0)]


def summary(runs: Sequence[JsonDict]) -> list[JsonDict]:
    """Mean over seeds for each way: gaps after shares of the evaluations, and after shares of one worker's time."""
    alone = {item["seed"]: item["time"][-1] for item in runs if item["in_flight"] == 1}
    groups: dict[tuple[int, str, bool], list[JsonDict]] = {}
    for item in runs:
        groups.setdefault((item["in_flight"], item["pending"], item["ordered"]), []).append(item)
    lines = []
    for (in_flight, pending, ordered), members in groups.items():
        counts = [
            [member["mean_gap"][max(1, int(share * len(member["mean_gap"]))) - 1] for share in SHARES] for member in members
        ]
        at_times = [gap_by_time(member, np.array(SHARES) / in_flight * alone[member["seed"]]) for member in members]
        lines.append(
            {
                "in_flight": in_flight,
                "pending": pending,
                "mode": "ordered" if ordered else "free",
                "seeds": len(members),
                "gap_at_shares_of_evaluations": np.mean(counts, axis=0).tolist(),
                "gap_at_shares_of_time_per_worker": np.mean(at_times, axis=0).tolist(),
                "time": float(np.mean([max(member["time"]) for member in members])),
                "speed_up": float(np.mean([alone[member["seed"]] / max(member["time"]) for member in members])),
            }
        )
    return lines


def draw(runs: Sequence[JsonDict], path: Path) -> None:
    """Draws gap against evaluations and against time, of ordered and free mode."""
    colours = dict(zip((1, 4, 16, 64), ("#9a9a9a", "#3b76b0", "#d98b2b", "#b03a48"), strict=True))
    with figure_file(path, 7.6, 3.6, dpi=160) as figure:
        left, right = figure.subplots(1, 2, sharey=True)
        for (in_flight, ordered), members in _believers(runs).items():
            style = {"color": colours[in_flight], "ls": "-" if ordered else "--", "lw": 1.5}
            label = f"{in_flight} in flight, {'ordered' if ordered else 'free'}" if in_flight > 1 else "one at a time"
            left.plot(np.mean([member["mean_gap"] for member in members], axis=0), label=label, **style)
            times = np.geomspace(
                min(member["time"][0] for member in members), max(max(member["time"]) for member in members), 200
            )
            right.plot(times, np.mean([gap_by_time(member, times) for member in members], axis=0), **style)
        left.set_xlabel("evaluations")
        right.set_xlabel("time [atoms · spread]")
        right.set_xscale("log")
        left.set_ylabel("mean gap to the true minimum [mJ/m$^2$]")
        left.set_yscale("log")
        left.legend(fontsize="small")


def _believers(runs: Sequence[JsonDict]) -> dict[tuple[int, bool], list[JsonDict]]:
    groups: dict[tuple[int, bool], list[JsonDict]] = {}
    for item in runs:
        if item["pending"] == "believer":
            groups.setdefault((item["in_flight"], item["ordered"]), []).append(item)
    return groups


def main() -> None:
    """Runs all ways and writes what they reached."""
    parser = command(
        "replays.batches", __doc__, quick="one seed, few evaluations", figure="gap against evaluations and time", jobs="runs"
    )
    parser.add_argument("--only", nargs="+", choices=PENDING, metavar="TREATMENT", help=f"some of {', '.join(PENDING)}")
    parser.add_argument("--seeds", type=int, default=4, help="runs of each treatment of --only")
    given = parser.parse_args()
    machine, runs = describe_machine(), []
    chosen = treatments(given.only, given.seeds) if given.only else ways(quick=given.quick)
    for result in results(run, chosen, given.jobs):
        runs.append(result)
        print(f"{len(runs)} of {len(chosen)} runs", flush=True)
    lines = summary(runs)
    given.out.write_text(json.dumps({"schema_version": 1, "ways": lines, "runs": runs, "provenance": machine}) + "\n")
    for line in lines:
        gaps = " ".join(f"{gap:7.2f}" for gap in line["gap_at_shares_of_evaluations"])
        print(f"{line['in_flight']:3} {line['pending']:9} {line['mode']:8} {gaps}   speed-up {line['speed_up']:.1f}")
    if given.figure is not None:
        draw(runs, given.figure)


if __name__ == "__main__":
    main()
