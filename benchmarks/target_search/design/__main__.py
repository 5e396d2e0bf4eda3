"""``python -m benchmarks.target_search.design --kept FOLDER --out result.json``: design campaigns, compared with random choice.

Each campaign searches the space of ``design.yaml``. ``--kept`` is the folder of their database: a killed run continues, and
what one campaign has computed the next ones adopt. What each stored is written to ``observations`` beside this file, and
``curves.png`` beside FILE.

Methods: a Gaussian process that learns from the table of known solvents (``transfer``), the same without it (``gp``), sparse
models (``sparse``), and random choice among the molecules that were made beforehand (``random``).
"""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from benchmarks.command import begun, command, figure_file
from benchmarks.target_search.commands import Commands
from tansaku.models.features.molecules import CHARGES, GRAPH, donor_descriptors, graph_descriptors, molecule_of
from tansaku.spaces.molecules.space import accessibility
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

HERE = Path(__file__).parent
SOLVENTS = HERE.parent / "solvents"
TARGET = "binding_energy [kJ/mol]"
INITIAL = 5
METHODS: dict[str, dict[str, Any]] = {
    "transfer": {
        "proposer": {"type": "gp", "initial_points": INITIAL},
        "transfer": {
            "sources": [
                {
                    "type": "table",
                    "name": "solvents",
                    "space": {
                        "type": "table",
                        "candidates": "known.csv",
                        "columns": {"id": "smiles", "value": TARGET},
                        "features": {"donors": {"columns": list(CHARGES)}, "graph": {"columns": list(GRAPH)}},
                    },
                }
            ]
        },
    },
    "sparse": {"proposer": {"type": "sparse", "initial_points": INITIAL}},
    "random": {"proposer": {"type": "random"}},
    "gp": {"proposer": {"type": "gp", "initial_points": INITIAL}},
}


COLOURS = {"transfer": "#3b76b0", "sparse": "#b03a48", "gp": "#3d8a4f", "random": "#9a9a9a"}
NAMES = {"transfer": "process that knows the table", "sparse": "sparse models", "gp": "process", "random": "random choice"}


def draw(result: dict[str, Any], path: Path) -> None:
    """Draws each campaign as a thin line and their mean as a thick one, with the best known solvents.

    Args:
        result: What ``result.json`` holds.
        path: Of the PNG file.
    """
    with figure_file(path, 5.2, 3.6) as figure:
        ax = figure.subplots()
        for method, colour in COLOURS.items():
            curves = [c["curve"] for name, c in result["campaigns"].items() if name.split("-")[1] == method]
            if not curves:
                continue
            shortest = min(map(len, curves))
            at = np.arange(1, shortest + 1)
            for curve in curves:
                ax.plot(at, curve[:shortest], color=colour, lw=0.6, alpha=0.6)
            mean = np.mean([curve[:shortest] for curve in curves], axis=0)
            ax.plot(at, mean, color=colour, lw=2.0, label=f"{NAMES[method]} ({len(curves)})")
        for known in result["known"][:2]:
            ax.axhline(known["energy"], color="black", lw=0.6, ls=":")
            ax.annotate(known["name"], (1, known["energy"]), (2, 2), textcoords="offset points", fontsize="x-small")
        ax.set_xlabel("evaluations")
        ax.set_ylabel("strongest binding of Li⁺ [kJ/mol]")
        ax.legend(title="method (campaigns)", fontsize="x-small", title_fontsize="x-small")


def main() -> None:
    """Runs the campaigns seed by seed, and writes what is known after each."""
    parser = command("target_search.design", __doc__, quick="one seed and eight evaluations")
    parser.add_argument("--kept", type=Path, required=True, help="folder of the campaigns' database")
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--budget", type=int, default=15, help="evaluations of a campaign")
    parser.add_argument("--methods", nargs="+", choices=tuple(METHODS), default=tuple(METHODS), help="all by default")
    given = parser.parse_args()
    seeds, budget = (1, 8) if given.quick else (given.seeds, given.budget)
    given.kept.mkdir(parents=True, exist_ok=True)
    result = begun(given.out, {"schema_version": 1, "budget": budget}, known=best_known(), campaigns={})
    shutil.copy(SOLVENTS / "solvents.csv", given.kept)
    write_known(given.kept / "known.csv")
    tansaku = Commands(given.kept / "home", given.kept)
    for seed in range(seeds):
        for method in given.methods:
            name = f"design-{method}-{seed}"
            (given.kept / f"{name}.yaml").write_text(yaml.safe_dump(campaign(name, method, seed, budget), sort_keys=False))
            tansaku("run", f"{name}.yaml", "--plain")
            (HERE / "observations").mkdir(exist_ok=True)
            observations = HERE / "observations" / f"{name}.parquet"
            tansaku("export", name, "--observations", str(observations))
            result["campaigns"][name] = described(observations)
            write_json(given.out, result | {"provenance": describe_machine()})
            print(name, result["campaigns"][name]["best"][:1], flush=True)
    tansaku("db", "stop")
    draw(result, given.out.with_name("curves.png"))


def campaign(name: str, method: str, seed: int, budget: int) -> dict[str, Any]:
    """The file of one campaign."""
    document: dict[str, Any] = yaml.safe_load((HERE / "design.yaml").read_text())
    document |= {"name": name, "seed": seed} | METHODS[method]
    document["budget"] = document["budget"] | {"evaluations": budget}
    if method == "random":  # neighbours of the best are no random choice
        document["space"] = document["space"] | {"refine": None}
    return document


def write_known(path: Path) -> None:
    """The known solvents with the descriptors of a space of molecules, as a source of transfer."""
    rows = []
    for row in known_rows():
        molecule = molecule_of(row["smiles"])
        described = donor_descriptors(molecule) | graph_descriptors(molecule)
        rows.append({"smiles": row["smiles"], TARGET: row[TARGET]} | described)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def known_rows() -> list[dict[str, str]]:
    """The table of known solvents."""
    with (SOLVENTS / "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def best_known() -> list[dict[str, Any]]:
    """The ten known solvents that bind Li⁺ most strongly."""
    rows = sorted(known_rows(), key=lambda row: float(row[TARGET]))[:10]
    return [{"smiles": row["smiles"], "name": row["id"], "energy": float(row[TARGET])} for row in rows]


def described(observations: Path) -> dict[str, Any]:
    """The best molecules of a campaign, the best value after each evaluation, and how many failed.

    Args:
        observations: As ``tansaku export`` wrote them.
    """
    rows = pd.read_parquet(observations).sort_values("number")
    rows = rows[rows["state"].isin(["DONE", "FAILED"])]
    done = rows[rows["value"].notna()].sort_values("value")
    score = accessibility()
    best = [
        {"smiles": smiles, "energy": round(value, 2), "number": number, "score": round(score(molecule_of(smiles)), 2)}
        for smiles, value, number in done[["candidate", "value", "number"]].head(10).to_numpy().tolist()
    ]
    return {
        "evaluations": len(rows),
        "failed": rows.loc[rows["value"].isna(), "reason"].fillna("").tolist(),
        "best": best,
        "curve": [round(float(value), 2) for value in rows["value"].cummin().ffill().fillna(0.0)],
        "computed_seconds": round(float(rows["wall_time"].sum()), 1),
    }


if __name__ == "__main__":
    main()
