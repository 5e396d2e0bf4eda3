"""``python -m benchmarks.tavorite --out result.json``: quality of the barriers in the table, from committed results.

``two_potentials``: a dozen compounds by CHGNet (observations.parquet, the table) and by SevenNet (sevennet.parquet), each
made by `tansaku run` of the file beside it and `tansaku export NAME --observations FILE`, with what others published.
``first_look``: rank correlation of the barrier with quantities that need no relaxation, over all rows.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from benchmarks.tavorite.first_look import first_look
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.composition import CompositionSpaceSpec, ParentSpec
from tansaku.models.domain.specs.proposer import ListedProposerSpec
from tansaku.spaces.composition import CompositionSpace
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


def updated(page: str, result: JsonDict) -> str:
    """The page with its two tables updated."""
    for name, lines in (("table", _potentials(result["two_potentials"])), ("look", _looks(result["first_look"]))):
        before, begin, rest = page.partition(f"<!-- {name} -->\n")
        page = before + begin + "\n".join(lines) + "\n" + rest[rest.index(f"<!-- end of {name} -->") :]
    return page


def _potentials(found: JsonDict) -> list[str]:
    space = CompositionSpace(CompositionSpaceSpec(parent=ParentSpec(prototype="tavorite")), Path())
    lines = ["| compound | CHGNet 0.3.0 | SevenNet-0 | path | published |", "| --- | --- | --- | --- | --- |"]
    for row in sorted(found["rows"], key=lambda row: str(row["candidate"])):
        chgnet, sevennet = row["chgnet"], row["sevennet"]
        formula = space.structure(row["candidate"]).info["formula"]
        paths = [_path(item) for item in (chgnet, sevennet) if item and "barrier" in item]
        path = " and ".join(dict.fromkeys(paths))
        published = "; ".join(_published(item) for item in row["published"])
        lines.append(f"| {formula} | {_value(chgnet)} | {_value(sevennet)} | {path} | {published} |")
    return lines


def _value(found: JsonDict | None) -> str:
    if found is None:
        return "not computed"
    return f"{found['barrier']:.3f}" if "barrier" in found else str(found["failure"]).partition(":")[0]


def _path(found: JsonDict) -> str:
    return ", ".join("[" + "".join(str(item) for item in direction) + "]" for direction in found["directions"])


def _published(work: JsonDict) -> str:
    source, mark, doi = str(work["source"]).partition(", doi:")
    linked = f"[{source}](https://doi.org/{doi})" if mark else source
    value = "" if work["value"] is None else f"{work['value']:g} "
    return f"{value}({work['method']}, {linked})"


def _looks(found: JsonDict) -> list[str]:
    lines = ["| compounds | number | `bottleneck_rise` | grid |", "| --- | --- | --- | --- |"]
    for row in found["correlations"]:
        ranks = ["" if row[name] is None else f"{row[name]:.2f}" for name in ("bottleneck_rise", "bond_valence_map")]
        lines.append(f"| {row['system']} | {row['compounds']} | {ranks[0]} | {ranks[1]} |")
    return lines


_ISLAM = "Tripathi et al., Chem. Mater. 23, 2278 (2011), doi:10.1021/cm200683n"
_JALEM = "Jalem et al., J. Chem. Inf. Model. 55, 1158 (2015), doi:10.1021/ci500752n"


@dataclass(frozen=True)
class Published:
    """A published value.

    Attributes:
        candidate: Composition.
        value: Barrier or activation energy [eV], None if no value is certain.
        method: How it was determined; measured values include the formation of vacancies.
        source: Reference.
    """

    candidate: str
    value: float | None
    method: str
    source: str


PUBLISHED = (
    Published(
        "Li-V3-P5-F",
        None,
        "DFT: very high rates along one dimension",
        "Mueller et al., Chem. Mater. 23, 3854 (2011), doi:10.1021/cm200753g",
    ),
    Published(
        "Li-Fe2-S6-F",
        0.3,
        "DFT+U, partly delithiated",
        "Structural, electronic and Li diffusion properties of LiFeSO4F, Solid State Ionics 181, 1209 (2010)",
    ),
    Published("Li-Fe2-S6-F", 0.4, "interatomic potentials, in three dimensions", _ISLAM),
    Published("Na-Fe2-S6-F", 0.6, "interatomic potentials, along [101]", _ISLAM),
    Published("Li-Mg2-S6-F", 0.21, "DFT and a model fitted to it", _JALEM),
    Published("Li-Ga3-P5-F", 0.25, "DFT and a model fitted to it", _JALEM),
    Published("Li-Mg2-Se6-F", 0.11, "DFT and a model fitted to it", _JALEM),
    Published(
        "Li-Mg2-S6-F",
        0.94,
        "measured, conductivity of a ceramic up to 520 °C",
        "Sebastian et al., J. Mater. Chem. 12, 374 (2002), doi:10.1039/b108289m",
    ),
)


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
