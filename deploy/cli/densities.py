"""Prints results of boundaries by their number of atoms."""

from __future__ import annotations

from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.tables import show_table
from tansaku.tasks.read.views.densities import METASTABLE, density_rows, phase_rows
from tansaku.tasks.read.views.excess import stress_text
from tansaku.tasks.read.views.results import CampaignData


def show_densities(data: CampaignData) -> None:
    """Prints the lowest energy of each fraction of a plane, and a line for each metastable phase."""
    rows = density_rows(data)
    if not rows:
        return
    unit = data.spec.objective.unit
    columns = ["system", "n", f"E_gb [{unit}]", "excess volume [Å]", "stress xx, yy [J/m2]", "cell", "found", "candidate"]
    table = [
        [
            *(row["system"], round(row["n"], 3), row["E_gb"], row["excess_volume"], stress_text(row["stress"])),
            *(row["replication"], row["found"], row["candidate"]),
        ]
        for row in rows
    ]
    say("")
    show_table(columns, table, f"{data.record.name}: lowest found for each fraction of a plane n")
    for row in phase_rows(data):
        if row["above_lowest"]:
            say(
                f"{row['system']}: metastable within {METASTABLE}: {row['E_gb']:.1f} {unit}, n = {row['n']:.3f}, "
                f"excess volume {row['excess_volume']:.3f} Å, {row['candidate']}"
            )
