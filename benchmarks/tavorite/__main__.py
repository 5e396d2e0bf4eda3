"""``python -m benchmarks.tavorite --out result.json``: quality of the barriers in the table, from committed results.

``two_potentials``: a dozen compounds by CHGNet (observations.parquet, the table) and by SevenNet (sevennet.parquet), each
made by `tansaku run` of the file beside it and `tansaku export NAME --observations FILE`, with what others published.
``first_look``: rank correlation of the barrier with quantities that need no relaxation, over all rows.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from benchmarks.tavorite.first_look import first_look
from benchmarks.tavorite.page import updated
from benchmarks.tavorite.published import PUBLISHED
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import ListedProposerSpec
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

HERE = Path(__file__).parent
FILES = {"chgnet": "observations.parquet", "sevennet": "sevennet.parquet"}


def observations(path: Path) -> dict[str, JsonDict]:
    """Barrier, path and spread of each compound of a file, or why there is none."""
    found: dict[str, JsonDict] = {}
    if not path.is_file():
        return found
    for row in pd.read_parquet(path).itertuples():
        if row.state == "FAILED":
            found[str(row.candidate)] = {"failure": f"{row.reason}: {row.message}"}
        if row.state != "DONE":
            continue
        outcome = json.loads(str(row.record))["outcome"]
        network = outcome["properties"]["networks"]["1d"]
        found[str(row.candidate)] = {
            "barrier": outcome["quantities"]["migration_barrier"]["value"],
            "spread": outcome["quantities"]["spread"]["value"],
            "directions": network["directions"],
            "limiting_hop": network["limiting_hop"],
            "evaluations": outcome["properties"]["evaluations"],
            "model": f"{outcome['provenance']['code']} {outcome['provenance']['model']}",
        }
    return found


def compared() -> tuple[str, ...]:
    """Compounds that both potentials computed."""
    proposer = load_campaign(HERE / "sevennet.yaml").spec.proposer
    if not isinstance(proposer, ListedProposerSpec):
        raise AssertionError("sevennet.yaml lists its candidates")
    return proposer.candidates


def two_potentials(folder: Path) -> JsonDict:
    """Comparison of both potentials."""
    of = {name: observations(folder / file) for name, file in FILES.items()}
    rows: list[JsonDict] = [
        {
            "candidate": candidate,
            **{name: of[name].get(candidate) for name in FILES},
            "published": [
                {"value": item.value, "method": item.method, "source": item.source}
                for item in PUBLISHED
                if item.candidate == candidate
            ],
        }
        for candidate in compared()
    ]
    both = [row for row in rows if all(row[name] is not None and "barrier" in row[name] for name in FILES)]
    chgnet, sevennet = (np.array([row[name]["barrier"] for row in both]) for name in FILES)
    return {
        "compounds": len(rows),
        "both": len(both),
        "rank_correlation": float(spearmanr(chgnet, sevennet).statistic) if len(both) > 2 else None,
        "mean_sevennet_above_chgnet_ev": float((sevennet - chgnet).mean()) if both else None,
        "median_difference_ev": float(np.median(np.abs(sevennet - chgnet))) if both else None,
        "largest_difference_ev": float(np.abs(sevennet - chgnet).max()) if both else None,
        "same_direction": sum(row["chgnet"]["directions"][0] == row["sevennet"]["directions"][0] for row in both),
        "rows": rows,
    }


def main() -> None:
    """Entry of the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--folder", type=Path, default=HERE, help="where the Parquet files are")
    parser.add_argument("--page", type=Path, help="page whose tables are to say the same: docs/results/migration-barriers.md")
    arguments = parser.parse_args()
    known = observations(arguments.folder / FILES["chgnet"])
    barriers = {candidate: row["barrier"] for candidate, row in known.items() if "barrier" in row}
    result: JsonDict = {
        "schema_version": 1,
        "provenance": describe_machine(),
        "two_potentials": two_potentials(arguments.folder),
        "first_look": first_look(barriers),
    }
    write_json(arguments.out, result)
    if arguments.page is not None:
        arguments.page.write_text(updated(arguments.page.read_text(), result))
    potentials = {key: value for key, value in result["two_potentials"].items() if key != "rows"}
    print(json.dumps({"two_potentials": potentials, "first_look": result["first_look"]["correlations"]}, indent=2))


if __name__ == "__main__":
    main()
