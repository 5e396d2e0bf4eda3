"""The figure of the experiment."""

from __future__ import annotations

from pathlib import Path

from benchmarks.command import figure_file
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN

_LOOK = {"information": (ACCENT, "information per cost"), "size": (MAIN, "smallest first"), "random": (FAINT, "random")}
_NAMES = {"eam": "embedded atom", "chgnet": "CHGNet"}


def draw(result: JsonDict, path: Path) -> None:
    """Error against the share of the cost, medians and quartiles over seeds, a panel per potential and kind of cost."""
    kinds = list(dict.fromkeys((row["energies"], row["power"]) for row in result["summary"]))
    columns = min(2, len(kinds))
    with figure_file(path, 4.8 * columns, 3.5 * -(-len(kinds) // columns)) as figure:
        panels = figure.subplots(-(-len(kinds) // columns), columns, squeeze=False)
        for axes, (energies, power) in zip(panels.flat, kinds, strict=False):
            rows = [row for row in result["summary"] if (row["energies"], row["power"]) == (energies, power)]
            for rule, (colour, name) in _LOOK.items():
                # A quartile is unknown where there were too few data: no line there.
                shown = [(100 * row["share"], row["rmse_mev"][rule]) for row in rows if None not in row["rmse_mev"][rule]]
                shares = [share for share, _ in shown]
                axes.plot(shares, [middle for _, (_, middle, _) in shown], "o-", ms=3, color=colour, label=name)
                axes.fill_between(
                    shares,
                    [low for _, (low, _, _) in shown],
                    [high for _, (_, _, high) in shown],
                    color=colour,
                    alpha=0.2,
                    lw=0,
                )
            axes.set(xscale="log", yscale="log", xlabel="cost [% of labelling everything]", ylabel="RMSE [meV/atom]")
            cost = "atoms" if power == 1 else f"atoms^{power:g}"
            axes.set_title(f"{_NAMES[energies]}, cost = {cost}", fontsize=9)
        panels.flat[0].legend()
