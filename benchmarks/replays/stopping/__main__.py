"""``python -m benchmarks.replays.stopping --out result.json``: are the probabilities right that nothing better remains?

A campaign for every pair of the shipped table's seven boundaries and each of ten seeds, 210 in all, replayed with the preset
``default`` up to 80 evaluations. Every twenty evaluations the model is asked, per boundary, for the probability that nothing
remains that is better by more than a tolerance, and the table knows whether it was right. Reported: how often it was, against
what was said, as drawn from the posterior and after the correction, whose constants come from other tables; and what stop rules
would have done.

``--fit TABLE.yaml ...`` learns the constants of that correction instead, from campaigns on pairs of systems of tables; with
several tables also what the constants learned on the others are worth on each.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.command import command, results
from benchmarks.replays.stopping.learning import learn, print_learned
from benchmarks.replays.stopping.reliability import draw_reliability, summary
from benchmarks.replays.table import CAMPAIGN, pairs, restricted, rules, whole
from tansaku.models.domain.identifiers import certificate_rng
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.ports import Choice, History
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.certificate import Remaining
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.presets import settings
from tansaku.tasks.act.replay.campaign import replay
from tansaku.tasks.node.jobs.machine import describe_machine

TOLERANCES = (1.0, 2.0, 5.0, 10.0, 20.0)
EVALUATIONS = 80
EVERY = 20
SEEDS = 10


class Watched(GPProposer):
    """A proposer that also computes certificates now and then; its choices do not change.

    Args:
        values: The truth.
        seed: The campaign's.
    """

    def __init__(self, values: FloatArray, seed: int) -> None:
        super().__init__(settings(GPProposerSpec()))
        self._values, self._seed = np.where(np.isnan(values), np.inf, values), seed
        self.answers: list[JsonDict] = []

    def propose(
        self,
        pool: CandidatePool,
        history: History,
        number: int,
        rng: np.random.Generator,
        hyperparameters: JsonDict | None = None,
    ) -> Choice | None:
        """Chooses, then notes the answers to each tolerance and whether they are right."""
        choice = super().propose(pool, history, number, rng, hyperparameters)
        if number % EVERY == 0:
            remaining = self.remaining(pool, history, certificate_rng(self._seed, number), hyperparameters)
            assert isinstance(remaining, Remaining)
            best, found = np.full((2, len(pool.systems)), np.inf)
            np.minimum.at(best, pool.system_codes, self._values)
            np.minimum.at(found, pool.system_codes[history.observed], history.values)
            for tolerance in TOLERANCES:
                self.answers.append(
                    {
                        "number": number,
                        "tolerance": tolerance,
                        "drawn": remaining.as_drawn(tolerance).round(6).tolist(),
                        "said": remaining.probabilities(tolerance).round(6).tolist(),
                        "right": (found - best <= tolerance).tolist(),
                        "observations": remaining.asked.observations,
                        "open": list(remaining.asked.open_shares),
                    }
                )
        return choice


@dataclass(frozen=True)
class Task:
    """One campaign."""

    systems: tuple[int, ...]
    seed: int
    evaluations: int = EVALUATIONS
    table: Path = CAMPAIGN


def run(task: Task) -> JsonDict:
    """Replays one campaign."""
    pool, values = whole(task.table)
    part, kept = restricted(pool, task.systems)
    proposer = Watched(values[kept], task.seed)
    replay(part, values[kept], proposer, rules(part, proposer, task.seed, task.evaluations), count_initial=True)
    return {"systems": [pool.systems[code] for code in task.systems], "seed": task.seed, "answers": proposer.answers}


def tasks(*, quick: bool) -> list[Task]:
    """All campaigns; quickly, six short ones."""
    if quick:
        return [Task(pair, 0, 40) for pair in pairs()[::4]]
    return [Task(pair, seed) for seed in range(SEEDS) for pair in pairs()]


def tasks_on(table: Path, campaigns: int, evaluations: int) -> list[Task]:
    """Campaigns on pairs of a table's systems, each pair about as often as the others."""
    every = pairs(table)
    order = np.random.default_rng(0).permutation(len(every))
    return [Task(every[order[i % len(every)]], i // len(every), evaluations, table) for i in range(campaigns)]


def main() -> None:
    """Runs the campaigns and writes the predicted probabilities and the observed frequencies."""
    parser = command("replays.stopping", __doc__, quick="six short campaigns", figure="reliability", jobs="campaigns")
    parser.add_argument("--fit", type=Path, nargs="+", metavar="TABLE", help="campaign files on tables to learn constants from")
    parser.add_argument("--campaigns", type=int, default=24, help="campaigns on each table of --fit")
    parser.add_argument("--evaluations", type=int, default=90, help="evaluations of each campaign of --fit")
    given = parser.parse_args()
    machine, campaigns = describe_machine(), []
    if given.fit:
        by_table = {
            table.stem: list(results(run, tasks_on(table, given.campaigns, given.evaluations), given.jobs))
            for table in given.fit
        }
        learned = learn(by_table)
        given.out.write_text(json.dumps({"schema_version": 1, **learned, "campaigns": by_table, "provenance": machine}) + "\n")
        print_learned(learned)
        return
    chosen = tasks(quick=given.quick)
    for campaign in results(run, chosen, given.jobs):
        campaigns.append(campaign)
        if len(campaigns) % 10 == 0:
            print(f"{len(campaigns)} of {len(chosen)} campaigns", flush=True)
    found = summary(campaigns)
    given.out.write_text(json.dumps({"schema_version": 1, **found, "campaigns": campaigns, "provenance": machine}) + "\n")
    for line in found["reliability"]:
        print(f"said {line['said']:.2f}: right {line['right']:.2f} of {line['answers']}")
    if given.figure is not None:
        draw_reliability(found, given.figure)


if __name__ == "__main__":
    main()
