"""The figure of the experiment."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tansaku.models.domain.records import JsonDict
from tansaku.tasks.figures.style import ACCENT, FAINT, INK, MAIN, drawing

_COLOURS = {
    "conjugate_gradient": FAINT,
    "annealed": ACCENT,
    "lbfgs": "#15803d",
    "adam": "#7c3aed",
    "levenberg_marquardt": MAIN,
}


def draw(result: JsonDict, path: Path) -> None:
    """Parity, errors against number of data, trainers against time, and the two curves of the report."""
    with drawing():
        figure = Figure(figsize=(12.0, 7.0), layout="constrained")
        axes = figure.subplots(2, 3)
        _parity(axes[0, 0], result)
        _data(axes[0, 1], result)
        _trainers(axes[0, 2], result)
        _report(axes[1, 0], result)
        _warm(axes[1, 1], result)
        _methods(axes[1, 2], result)
        figure.savefig(path, dpi=150)


def draw_parity(result: JsonDict, path: Path) -> None:
    """Parity, and errors of each kind of scan."""
    with drawing():
        figure = Figure(figsize=(8.0, 3.6), layout="constrained")
        axes = figure.subplots(1, 2)
        _parity(axes[0], result)
        _kinds(axes[1], {"network": result["held_out"]})
        figure.savefig(path, dpi=150)


def _parity(axes: Axes, result: JsonDict) -> None:
    points = result["parity"]
    low, high = min(points["computed"]), max(points["computed"])
    axes.plot((low, high), (low, high), "-", color=FAINT, lw=0.8)
    axes.plot(points["computed"], points["predicted"], "o", ms=2.5, mew=0, color=MAIN)
    axes.set(xlabel="computed [eV/atom]", ylabel="predicted [eV/atom]")
    errors = f"{result['energy_rmse_mev_per_atom']:.1f} meV/atom, {result['force_rmse_mev_per_angstrom']:.0f} meV/Å"
    axes.set_title(f"scans held out: {errors}", fontsize=9)


def _data(axes: Axes, result: JsonDict) -> None:
    sizes = [one["structures"] for one in result["sizes"]]
    names = {"energy_rmse_mev_per_atom": ("energy [meV/atom]", MAIN), "force_rmse_mev_per_angstrom": ("force [meV/Å]", ACCENT)}
    for key, (label, colour) in names.items():
        axes.plot(sizes, [one["held_out"][key] for one in result["sizes"]], "o-", ms=4, color=colour, label=label)
    axes.axhline(2.0, color=MAIN, lw=0.6, ls=":")
    axes.axhline(30.0, color=ACCENT, lw=0.6, ls=":")
    axes.set(xscale="log", yscale="log", xlabel="structures to learn from", ylabel="RMSE of scans held out")
    axes.legend()
    axes.set_title("one network; dotted: the goals", fontsize=9)


def _trainers(axes: Axes, result: JsonDict) -> None:
    for name, one in result["trainers"].items():
        axes.plot(
            [point[0] for point in one["curve"]],
            [point[1] for point in one["curve"]],
            "-",
            lw=1.2,
            color=_COLOURS[name],
            label=name.replace("_", " "),
        )
    axes.set(xscale="log", yscale="log", xlabel="time [s]", ylabel="training error [meV/atom], with forces")
    axes.legend()
    axes.set_title("trainers", fontsize=9)


def _report(axes: Axes, result: JsonDict) -> None:
    curves = result["report"]
    alone, annealed = curves["conjugate_gradient"], curves["annealed"]
    best = [min(point[1] for point in annealed["curve"][: place + 1]) for place in range(len(annealed["curve"]))]
    axes.plot(
        [1 + place * len(annealed["curve"]) / len(alone["curve"]) for place in range(len(alone["curve"]))],
        [point[1] for point in alone["curve"]],
        "-",
        color=FAINT,
        label="conjugate gradients alone, as many directions",
    )
    axes.plot(range(1, len(best) + 1), best, "o-", ms=3, color=ACCENT, label="with annealing, best so far")
    second = curves["levenberg_marquardt"]
    axes.plot(
        range(1, len(second["curve"]) + 1),
        [point[1] for point in second["curve"]],
        "-",
        color=MAIN,
        label="Levenberg–Marquardt",
    )
    axes.axhline(15.0, color=INK, lw=0.5, ls=":")
    axes.axhline(5.0, color=INK, lw=0.5, ls=":")
    axes.set(yscale="log", xlabel="cycles", ylabel="training RMSE of energies [meV/atom]")
    axes.legend(fontsize=7)
    axes.set_title(f"{alone['structures']} energies; dotted: the report's 15 and 5", fontsize=9)


def _warm(axes: Axes, result: JsonDict) -> None:
    first = 1
    for one in result["warm"]:
        steps = range(first, first + len(one["curve"]))
        axes.plot(steps, [point[1] for point in one["curve"]], "o-", ms=3, label=f"{one['structures']} structures")
        first += len(one["curve"])
    axes.set(yscale="log", xlabel="cycles of conjugate gradients and annealing", ylabel="training RMSE of energies [meV/atom]")
    axes.legend(fontsize=7)
    axes.set_title("data grow, weights are kept", fontsize=9)


def _methods(axes: Axes, result: JsonDict) -> None:
    _kinds(axes, {"network": result["held_out"]} | {name: one["held_out"] for name, one in result["peers"].items()})


def _kinds(axes: Axes, rows: JsonDict) -> None:
    kinds = list(rows["network"]["by_kind"])
    width = 0.8 / len(rows)
    for place, (name, one) in enumerate(rows.items()):
        heights = [one["by_kind"][kind]["energy_rmse_mev_per_atom"] for kind in kinds]
        axes.bar([number + place * width for number in range(len(kinds))], heights, width, label=name.replace("_", " "))
    axes.set_xticks([number + 0.4 - width / 2 for number in range(len(kinds))], kinds)
    axes.set(ylabel="RMSE of energies [meV/atom]")
    if len(rows) > 1:
        axes.set_yscale("log")
        axes.legend(fontsize=7)
    axes.set_title("kinds of scans held out", fontsize=9)
