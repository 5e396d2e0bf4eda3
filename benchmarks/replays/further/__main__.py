"""``python -m benchmarks.replays.further --data DIR --out result.json``: what was said of the next evaluations, and what came.

Campaigns with the proposer of a file that has none, on the shipped table of boundaries and on tables of ``DIR`` (with the
folders ``olympus`` and ``alloy``). Every fifth evaluation, or twentieth of boundaries, the model is asked what the next ones
gain (a tenth of those so far, at least five): the expected gain, and the amount that no system exceeds with 90 %. Two factors
are learned on all other tables and judged on each; intervals are of campaigns drawn again. An interrupted run continues.

With ``--below`` all candidates of the best tenth of a table of ``DIR`` are wanted, a gain is the number of those found, and
statements are judged with the factors of the product.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.command import begun, command, results
from benchmarks.everyday.tables import content
from benchmarks.replays.further.campaigns import BELOW, BOUNDARIES, Case, run
from benchmarks.replays.further.judging import as_stated, judged
from benchmarks.replays.table import CAMPAIGN
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

JUDGED = (BOUNDARIES, "alloy", "p3ht", "crossed_barrel", "autoam", "perovskites", "oer_plate_3496", "alkox", "suzuki_i")
"""Tables that the shape of the correction was chosen on; its two constants are learned without the one that is judged."""

KEPT_BACK = ("buchwald_a", "redoxmers", "benzylation")
"""Tables that nothing was chosen on before the first run with the final code."""

QUICK = ("snar", "benzylation")


def arguments() -> argparse.Namespace:
    """The command's options."""
    parser = command("replays.further", __doc__, quick="two tables, short campaigns, one seed", jobs="campaigns")
    parser.add_argument("--data", type=Path, required=True, help="folder with the folders olympus and alloy")
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--below", action="store_true", help="the best tenth is wanted")
    return parser.parse_args()


def _content(data: Path, table: str) -> str:
    return file_sha256(CAMPAIGN) if table == BOUNDARIES else content(data, table.removesuffix(BELOW))


def main() -> None:
    """Runs what is not done yet, writes the result after each campaign, and judges at the end."""
    given = arguments()
    tables: tuple[str, ...] = QUICK if given.quick else (*JUDGED, *KEPT_BACK)
    if given.below:
        tables = tuple(f"{name}{BELOW}" for name in tables if name != BOUNDARIES)
    data = {name: _content(given.data, name) for name in tables}
    result = begun(given.out, {"schema_version": 1, "data": data}, campaigns=[])
    known = {(row["table"], row["seed"]) for row in result["campaigns"]}
    cases = [
        Case(given.data, name, seed, short=given.quick)
        for seed in range(1 if given.quick else given.seeds)
        for name in tables
        if (name, seed) not in known
    ]
    for row in results(run, cases, given.jobs):
        result["campaigns"].append(row)
        write_json(given.out, result | {"provenance": describe_machine()})
    by_table: dict[str, list[JsonDict]] = {name: [] for name in tables}
    for row in result["campaigns"]:
        by_table[row["table"]].append(row)
    found = as_stated(by_table) if given.below else judged(by_table)
    write_json(given.out, result | {"judged": found, "provenance": describe_machine()})
    if not given.below:
        print(f"learned on all: factor for chances {found['chance_factor']:.2f}, for expected gains {found['gain_factor']:.2f}")
    for name, item in found["tables"].items():
        low, high = item["interval"]
        print(
            f"{name}: right {item['right']:.2f} ({low:.2f} to {high:.2f}) of {item['statements']} statements of 90 %, of an "
            f"amount {item['of_an_amount']}; expected gains {item['gain_said_over_happened']:.2f} of what came"
        )


if __name__ == "__main__":
    main()
