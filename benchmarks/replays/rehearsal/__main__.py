"""``python -m benchmarks.replays.rehearsal --out FILE``: does a rehearsal predict the chance of success?

Rehearsed: a search for the minima of two boundaries of the shipped table, for every pair, as ``--spread`` does, on draws
    from the priors of the preset ``default`` at the deviation of the table's values; and as ``--like`` does, on draws as the
    other five boundaries teach it. The outcomes are those of the 210 campaigns of ``benchmarks/replays/stopping`` on the
    table itself, after 20, 40
and 60 evaluations.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.command import command, figure_file, results
from benchmarks.replays.stopping.__main__ import EVERY, TOLERANCES
from benchmarks.replays.table import pairs, restricted, rules, whole
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.goals import Goal
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.presets import settings
from tansaku.tasks.act.checks.rehearse import Shape, fitted_to_part, succeeded
from tansaku.tasks.act.replay.campaign import replay
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

HAPPENED = Path(__file__).parents[1] / "stopping" / "result.json"
SOURCES = ("spread", "like")
DRAWS = 5
LONGEST = 60


@dataclass(frozen=True)
class Draw:
    """One replay on a drawn landscape."""

    systems: tuple[int, ...]
    number: int
    source: str = "spread"
    evaluations: int = LONGEST


def run(draw: Draw) -> JsonDict:
    """Replays a search on a draw: whether both minima were known after each number of evaluations, by tolerance."""
    pool, values = whole()
    part, kept = restricted(pool, draw.systems)
    proposer = GPProposer(settings(GPProposerSpec()))
    rng = np.random.default_rng([draw.number, *draw.systems])
    if draw.source == "spread":
        landscape = float(values[kept].std()) * proposer.prior_draws(part).draw(rng)
    else:
        others, elsewhere = restricted(pool, [code for code in range(len(pool.systems)) if code not in draw.systems])
        shape = Shape.of(others, values[elsewhere])
        taught = proposer.prior_draws(part, fitted_to_part(proposer, others, values[elsewhere], draw.number))
        landscape = shape.given_to(part, shape.deviation * taught.draw(rng))
    done = replay(part, landscape, proposer, rules(part, proposer, draw.number, draw.evaluations), count_initial=True)
    known = {
        str(tolerance): succeeded(part, landscape, done.positions, Goal(), tolerance, "minimize").tolist()
        for tolerance in TOLERANCES
    }
    names = [pool.systems[code] for code in draw.systems]
    return {"source": draw.source, "systems": names, "number": draw.number, "known": known}


def draws(*, quick: bool) -> list[Draw]:
    """All replays; quickly, two short ones."""
    if quick:
        return [Draw(pairs()[0], 0, source, EVERY) for source in SOURCES]
    return [Draw(pair, number, source) for source in SOURCES for number in range(DRAWS) for pair in pairs()]


def compared(replays: Sequence[JsonDict], campaigns: Sequence[JsonDict]) -> list[JsonDict]:
    """Chance named by the rehearsal and share of the campaigns that had the answer, by tolerance and evaluations.

    Args:
        replays: On draws.
        campaigns: On the table, with their answers.
    """
    lines = []
    longest = min(len(item["known"][str(TOLERANCES[0])]) for item in replays)
    for source, tolerance in product(SOURCES, TOLERANCES):
        for number in range(EVERY, longest + 1, EVERY):
            promised = [item["known"][str(tolerance)][number - 1] for item in replays if item["source"] == source]
            # A campaign answered before the evaluation of that number, so it knew one less; this difference remains.
            happened = [
                all(answer["right"])
                for campaign in campaigns
                for answer in campaign["answers"]
                if (answer["tolerance"], answer["number"]) == (tolerance, number)
            ]
            if happened:
                lines.append(
                    {
                        "source": source,
                        "tolerance": tolerance,
                        "evaluations": number,
                        "promised": float(np.mean(promised)),
                        "happened": float(np.mean(happened)),
                        "campaigns": len(happened),
                    }
                )
    return lines


def draw_figure(lines: Sequence[JsonDict], path: Path) -> None:
    """Draws observed against predicted chances."""
    with figure_file(path, 8.2, 4.2, dpi=160) as figure:
        panels = figure.subplots(1, 2, sharey=True)
        for axes, source in zip(panels, SOURCES, strict=True):
            axes.plot([0, 1], [0, 1], color="#9a9a9a", lw=1, ls="--")
            for tolerance in TOLERANCES:
                mine = [line for line in lines if (line["source"], line["tolerance"]) == (source, tolerance)]
                xs, ys = [line["promised"] for line in mine], [line["happened"] for line in mine]
                axes.plot(xs, ys, "o-", lw=1.2, label=f"within {tolerance:g} mJ/m$^2$")
            axes.set_xlabel(f"chance by the rehearsal, --{source}")
            axes.set_xlim(0, 1)
            axes.set_ylim(0, 1)
        panels[0].set_ylabel("share of the campaigns that had the answer")
        panels[0].legend()


def main() -> None:
    """Rehearses, compares with the outcomes and writes both."""
    parser = command(
        "replays.rehearsal", __doc__, quick="two short replays", figure="promised against happened", jobs="replays"
    )
    parser.add_argument("--happened", type=Path, default=HAPPENED, help="result of benchmarks.replays.stopping")
    given = parser.parse_args()
    machine, replays, chosen = describe_machine(), [], draws(quick=given.quick)
    for result in results(run, chosen, given.jobs):
        replays.append(result)
        print(f"{len(replays)} of {len(chosen)} replays", flush=True)
    campaigns = json.loads(given.happened.read_text())["campaigns"]
    lines = compared(replays, campaigns)
    found = {"schema_version": 1, "n_replays": len(replays), "n_campaigns": len(campaigns), "compared": lines}
    write_json(given.out, {**found, "replays": replays, "provenance": machine})
    for line in lines:
        numbers = f"{line['evaluations']:4} {line['promised']:.2f} {line['happened']:.2f}"
        print(f"{line['source']:6} {line['tolerance']:5.1f} {numbers}")
    if given.figure is not None:
        draw_figure(lines, given.figure)


if __name__ == "__main__":
    main()
