"""The figure of the experiment."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from benchmarks.command import figure_file
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.read.figures.style import ACCENT, FAINT, INK, MAIN

_ENERGY = ("energy_rmse_mev_per_atom", "energies [meV/atom]")
_FORCE = ("force_rmse_mev_per_angstrom", "forces [meV/Å]")
_COLOURS = {
    "conjugate_gradient": FAINT,
    "annealed": ACCENT,
    "lbfgs": "#15803d",
    "adam": "#7c3aed",
    "levenberg_marquardt": MAIN,
}


def draw(result: JsonDict, path: Path) -> None:
    """Parity, errors against number of data, trainers against time, the curves of the report, other methods, crystals."""
    with figure_file(path, 16.0, 7.0) as figure:
        axes = figure.subplots(2, 4)
        _parity(axes[0, 0], result)
        _data(axes[0, 1], result)
        _trainers(axes[0, 2], result)
        _equations_of_state(axes[0, 3], result)
        _report(axes[1, 0], result)
        _warm(axes[1, 1], result)
        methods = {"network": result, "bispectrum network": result["bispectrum"]} | result["peers"]
        _kinds(axes[1, 2], {name: method["held_out"] for name, method in methods.items()}, _ENERGY)
        _kinds(axes[1, 3], {name: method["held_out"] for name, method in methods.items()}, _FORCE)


def draw_parity(result: JsonDict, path: Path) -> None:
    """Parity, and errors of each kind of scan."""
    with figure_file(path, 8.0, 3.6) as figure:
        axes = figure.subplots(1, 2)
        _parity(axes[0], result)
        _kinds(axes[1], {"network": result["held_out"]}, _ENERGY)


def _parity(axes: Axes, result: JsonDict) -> None:
    points = result["parity"]
    low, high = min(points["computed"]), max(points["computed"])
    axes.plot((low, high), (low, high), "-", color=FAINT, lw=0.8)
    bars = {"yerr": points["deviations"], "elinewidth": 0.5, "ecolor": FAINT}
    axes.errorbar(points["computed"], points["predicted"], fmt="o", ms=2.5, mew=0, color=MAIN, **bars)
    axes.set(xlabel="computed [eV/atom]", ylabel="predicted [eV/atom]")
    errors = f"{result['energy_rmse_mev_per_atom']:.1f} meV/atom, {result['force_rmse_mev_per_angstrom']:.0f} meV/Å"
    axes.set_title(f"scans held out: {errors}", fontsize=9)


def _data(axes: Axes, result: JsonDict) -> None:
    sizes = [item["structures"] for item in result["sizes"]]
    names = {_ENERGY[0]: ("energy [meV/atom]", MAIN), _FORCE[0]: ("force [meV/Å]", ACCENT)}
    for key, (label, colour) in names.items():
        axes.plot(sizes, [item["held_out"][key] for item in result["sizes"]], "o-", ms=4, color=colour, label=label)
    axes.axhline(2.0, color=MAIN, lw=0.6, ls=":")
    axes.axhline(30.0, color=ACCENT, lw=0.6, ls=":")
    axes.set(xscale="log", yscale="log", xlabel="structures to learn from", ylabel="RMSE of scans held out")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.legend()
    axes.set_title("one network; dotted: the goals", fontsize=9)


def _trainers(axes: Axes, result: JsonDict) -> None:
    for name, trainer in result["trainers"].items():
        errors = f"{trainer['held_out'][_ENERGY[0]]:.1f}, {trainer['held_out'][_FORCE[0]]:.0f}"
        label = f"{name.replace('_', ' ')}: {errors}"
        axes.plot(
            [point[0] for point in trainer["curve"]],
            [point[2] for point in trainer["curve"]],
            color=_COLOURS[name],
            label=label,
        )
    axes.set(xscale="log", yscale="log", xlabel="time by the clock [s]", ylabel="error of groups set aside [meV/atom]")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.legend(fontsize=7, title="scans held out: meV/atom, meV/Å", title_fontsize=7)
    axes.set_title(f"trainers, {trainer['structures']} structures", fontsize=9)


def _equations_of_state(axes: Axes, result: JsonDict) -> None:
    curves = result["crystal"]["curves"]
    for place, (name, said) in enumerate(curves["predicted"].items()):
        known = curves["computed"][name]
        axes.plot(known["volumes"], known["energies"], "o", ms=3, mew=0, color=f"C{place}", label=name)
        axes.plot(said["volumes"], said["energies"], "-", lw=1.0, color=f"C{place}")
    axes.set(xlabel="volume [Å³/atom]", ylabel="energy [eV/atom]")
    axes.legend(fontsize=7)
    axes.set_title("points: computed; lines: network (hcp held out)", fontsize=9)


def _report(axes: Axes, result: JsonDict) -> None:
    curves = result["report"]
    alone, annealed = curves["conjugate_gradient"], curves["annealed"]
    best = [min(point[1] for point in annealed["curve"][: place + 1]) for place in range(len(annealed["curve"]))]
    directions = [
        (place + 1) * alone["trainer"]["iterations"] / annealed["trainer"]["iterations"] for place in range(len(alone["curve"]))
    ]
    axes.plot(directions, [point[1] for point in alone["curve"]], "-", color=INK, lw=1.0, label="conjugate gradients alone")
    raw = [point[1] for point in annealed["curve"]]
    axes.plot(range(1, len(raw) + 1), raw, ".", ms=3, color=FAINT, label="with annealing")
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
    axes.set(
        yscale="log",
        xlabel=f"cycles of {annealed['trainer']['iterations']} directions",
        ylabel="training RMSE of energies [meV/atom]",
    )
    axes.legend(fontsize=7)
    axes.set_title(f"{alone['structures']} energies; dotted: the report's 15 and 5", fontsize=9)


def _warm(axes: Axes, result: JsonDict) -> None:
    first = 1
    for place, (warm, cold) in enumerate(zip(result["warm"]["warm"], result["warm"]["cold"], strict=True)):
        for line, item in (("o-", warm), ("x:", cold)):
            steps = range(first, first + len(item["curve"]))
            label = f"{item['structures']} structures" if item is warm else None
            axes.plot(steps, [point[1] for point in item["curve"]], line, ms=3, color=f"C{place}", label=label)
        first += len(warm["curve"])
    axes.set(yscale="log", xlabel="cycles of conjugate gradients and annealing", ylabel="training RMSE of energies [meV/atom]")
    highest = max(point[1] for kind in result["warm"].values() for item in kind for point in item["curve"])
    axes.set_ylim(top=2.5 * highest)
    axes.legend(fontsize=7, ncols=2, loc="upper center")
    axes.set_title("data grow; weights are kept, dotted: random weights", fontsize=9)


def _kinds(axes: Axes, rows: JsonDict, error: tuple[str, str]) -> None:
    key, unit = error
    shown = {name: row["by_kind"] for name, row in rows.items() if any(key in kind for kind in row["by_kind"].values())}
    kinds = [kind for kind, errors in next(iter(shown.values())).items() if key in errors]
    width = 0.8 / len(shown)
    for place, name in enumerate(shown):
        heights = [shown[name][kind][key] for kind in kinds]
        # A method has one colour in all panels, whether or not others are shown beside it.
        colour = f"C{list(rows).index(name)}"
        left = [number + place * width for number in range(len(kinds))]
        axes.bar(left, heights, width, label=name.replace("_", " "), color=colour)
    axes.set_xticks([number + 0.4 - width / 2 for number in range(len(kinds))], kinds)
    axes.set(ylabel=f"RMSE of {unit}")
    if len(shown) > 1:
        axes.set_yscale("log")
        axes.legend(fontsize=6, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.08))
    axes.set_title("kinds of scans held out", fontsize=9)
