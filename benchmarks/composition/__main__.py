"""``python -m benchmarks.composition --out result.json``: how soon the best sodium tavorites are found.

Searches of the 159 sodium compositions of the table of barriers, each starting with five random ones: one kernel on all
features (obo), a sum of kernels (abo); with hyper-parameters (li-hp) or the posterior (li-gp) of the 159 lithium
compositions; random ones, exactly; and the limit of regression, whose hyper-parameters were fitted to all values. The preset
of ``li-hp``, ``li-gp`` and ``auto`` is the one that finds the best lithium composition soonest; ``li-gp-one-point`` begins
with one random composition instead of five. While the table is not finished, its finished rows are searched.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import command, figure_file
from benchmarks.composition.methods import Method, best_curve, run_all, share_curve
from benchmarks.composition.problem import TABLE, Problem, Rows, from_table, made_up
from benchmarks.composition.statistics.curves import best_ones, random_any_found, random_share_found
from tansaku.models.domain.errors import TansakuError
from tansaku.models.domain.pool import FloatArray
from tansaku.tasks.node.jobs.machine import describe_machine

EVALUATIONS, QUICK_EVALUATIONS = 80, 16
THRESHOLD = 0.3
"""Barrier below which a composition qualifies in the report [eV]."""

QUALIFYING = 17 / 159
"""Share of the compositions that qualify in the report."""

JUDGED_UNTIL = 50
"""Presets are compared on lithium by the average of the found share over this number of evaluations."""

PRESETS = ("obo", "abo", "default")
"""Presets that are compared on lithium."""

REPORTED = ("obo", "abo")
"""Presets of the report, always used on sodium too."""

STATEMENT = ("obo", "abo", "li-hp", "li-gp")
"""The report's methods, whose time is reported separately."""

LI_SEEDS, LI_FINDING_SEEDS = 200, 40

_KINDS = {"": "own", "li-hp": "hyperparameters", "li-gp": "posterior", "limit": "limit"}


def choose_on_lithium(problem: Problem, given: argparse.Namespace) -> dict[str, Any]:
    """Compares presets on the lithium compositions alone, and two acquisitions for finding all below a threshold."""
    seeds, jobs, evaluations = given.seeds, given.jobs, min(given.evaluations, JUDGED_UNTIL)
    lithium, threshold = problem.lithium, as_many(problem.lithium.values)
    asked = [(Method(preset), lithium, min(seeds, LI_SEEDS)) for preset in PRESETS]
    curves = {m.preset: best_curve(found, lithium.values) for m, found, _ in run_all(asked, problem, evaluations, jobs)}
    score = {preset: float(np.mean(curve["curve"])) for preset, curve in curves.items()}
    preset = max(PRESETS, key=lambda name: score[name])
    few = min(seeds, LI_FINDING_SEEDS)
    finding = [
        (Method(preset, acquisition="probability", threshold=threshold), lithium, few),
        (Method(preset, acquisition="expected_found", threshold=threshold), lithium, few),
    ]
    shares = {
        str(method.acquisition): share_curve(found, lithium.values, threshold)
        for method, found, _ in run_all(finding, problem, evaluations, jobs)
    }
    return {
        "preset": preset,
        "mean_p_best": score,
        "p_best": {name: curve["curve"] for name, curve in curves.items()},
        "qualifying_share": {name: share["curve"] for name, share in shares.items()},
        "seeds": {**{name: curve["seeds"] for name, curve in curves.items()}, "qualifying_share": few},
    }


def as_many(values: FloatArray) -> float:
    """Threshold below which the share of compositions is that of the report [eV]."""
    known = np.sort(values[~np.isnan(values)])
    count = max(1, round(QUALIFYING * len(values)))
    return float(known[count - 1 : count + 1].mean())


def methods(preset: str, threshold: float | None) -> dict[str, Method]:
    """Methods by name; a name without a preset means the chosen preset."""
    presets = dict.fromkeys((*REPORTED, preset))
    named = {
        f"{kind}-{item}".strip("-"): Method(item, _KINDS[kind], threshold=threshold)  # type: ignore[arg-type]
        for kind in _KINDS
        for item in presets
    }
    chosen = {kind: named[f"{kind}-{preset}"] for kind in ("li-hp", "li-gp")}
    return {
        **named,
        **chosen,
        "li-gp-one-point": replace(chosen["li-gp"], initial_points=1),
        "auto": Method(preset, "auto", threshold=threshold),
    }


def search(
    problem: Problem, named: dict[str, Method], threshold: float | None, given: argparse.Namespace
) -> dict[str, dict[str, Any]]:
    """Curves of methods on the sodium compositions, for the best one or for all below a threshold."""
    sodium = problem.sodium
    asked = [
        (method, sodium, given.auto_seeds if method.kind == "auto" else given.seeds) for method in dict.fromkeys(named.values())
    ]
    curves: dict[Method, dict[str, Any]] = {}
    for method, found, seconds in run_all(asked, problem, given.evaluations, given.jobs):
        values = sodium.values
        curve = best_curve(found, values) if threshold is None else share_curve(found, values, threshold)
        curves[method] = {**curve, "cpu_seconds": round(seconds, 2)}
        print(f"{'best' if threshold is None else f'below {threshold:.3f} eV':16} {method.kind}-{method.preset}", flush=True)
    return {name: curves[method] for name, method in named.items()}


def time_alone(problem: Problem, given: argparse.Namespace) -> dict[str, Any]:
    """Times only the report's four methods, with the preset abo."""
    curves, taken = timed(problem, "abo", given)
    return {
        "schema_version": 1,
        "table": problem.name,
        "statement": taken,
        "p_best": {method: curve["curve"] for method, curve in curves.items()},
        "cpu_seconds": {method: curve["cpu_seconds"] for method, curve in curves.items()},
        "provenance": describe_machine(),
    }


def timed(problem: Problem, preset: str, given: argparse.Namespace) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Curves and times of the report's four methods."""
    everything = methods(preset, None)
    named = {name: everything[name] for name in STATEMENT}
    begun = time.perf_counter()
    curves = search(problem, named, None, given)
    taken = {
        "methods": list(named),
        "presets": {name: item.preset for name, item in named.items()},
        "seeds": given.seeds,
        "candidates": len(problem.sodium.pool),
        "evaluations": min(given.evaluations, len(problem.sodium.pool)),
        "seconds": round(time.perf_counter() - begun, 1),
        "cpu_seconds": round(sum(curve["cpu_seconds"] for curve in curves.values()), 1),
        "jobs": given.jobs,
        "load": describe_machine()["load"],
    }
    return curves, taken


def add_curves(result: dict[str, Any], name: str, curves: dict[str, dict[str, Any]]) -> None:
    """Writes one figure's curves into the result."""
    result[name] = {method: curve["curve"] for method, curve in curves.items()}
    result[f"{name}_band"] = {method: curve["band"] for method, curve in curves.items()}
    result[f"{name}_cpu_seconds"] = {method: curve["cpu_seconds"] for method, curve in curves.items()}
    result["seeds"] = {method: curve["seeds"] for method, curve in curves.items()}


def random_curve(sodium: Rows, threshold: float | None, evaluations: int) -> dict[str, Any]:
    """The exact curve of random searches."""
    n = len(sodium.pool)
    if threshold is None:
        curve = random_any_found(n, int(best_ones(sodium.values).sum()), evaluations)
    else:
        curve = random_share_found(n, evaluations)
    return {"curve": curve.tolist(), "band": [curve.tolist(), curve.tolist()], "seeds": None, "cpu_seconds": 0.0}


def compare(problem: Problem, given: argparse.Namespace) -> dict[str, Any]:
    """The whole comparison."""
    begun = time.perf_counter()
    machine = describe_machine()
    evaluations = min(given.evaluations, len(problem.sodium.pool))
    chosen = choose_on_lithium(problem, given)
    values = problem.sodium.values
    thresholds = {"qualifying_share_as_many": as_many(values)}
    if (values < THRESHOLD).any():
        thresholds["qualifying_share"] = THRESHOLD
    result: dict[str, Any] = {
        "schema_version": 1,
        "table": problem.name,
        "rows": len(problem.sodium.pool),
        "of": problem.sodium.of,
        "complete": problem.sodium.complete and problem.lithium.complete,
        "ions": {"Na": problem.sodium.describe(), "Li": problem.lithium.describe()},
        "evaluations": evaluations,
        "lithium": chosen,
        "thresholds": {
            name: {"value": item, "unit": "eV", "qualifying": int((values <= item).sum())} for name, item in thresholds.items()
        },
    }
    if not result["complete"]:
        result["note"] = part_note(problem)
    known, result["statement"] = timed(problem, chosen["preset"], given)
    for name, threshold in (("p_best", None), *thresholds.items()):
        named = methods(chosen["preset"], threshold)
        if name not in ("p_best", list(thresholds)[-1]):
            del named["auto"]  # Its fits are made one by one: it takes as long as all other methods together.
        random = {"random": random_curve(problem.sodium, threshold, evaluations)}
        if threshold is None:
            others = search(problem, {method: item for method, item in named.items() if method not in known}, None, given)
            add_curves(result, name, random | known | others)
        else:
            add_curves(result, name, random | search(problem, named, threshold, given))
    result |= {"seconds": round(time.perf_counter() - begun, 1), "jobs": given.jobs, "provenance": machine}
    return result


def part_note(problem: Problem) -> str:
    """Note on an unfinished table."""
    sodium, lithium = problem.sodium, problem.lithium
    return (
        f"a part: {len(sodium.pool)} of {sodium.of} sodium and {len(lithium.pool)} of {lithium.of} lithium compositions are "
        "finished, and only these were searched and learned from"
    )


def print_summary(result: dict[str, Any]) -> None:
    """Curves at a few numbers of evaluations."""
    print(f"\n{result['table']}: {result['rows']} of {result['of']} sodium compositions")
    if "note" in result:
        print(f"THIS IS {result['note']}")
    print(f"preset chosen on lithium: {result['lithium']['preset']}")
    at = [n for n in (5, 10, 15, 20, 25, 30, 40, 50, 60, 80) if n <= result["evaluations"]]
    for key in ("p_best", "qualifying_share", "qualifying_share_as_many"):
        if key not in result:
            print(f"\n{key}: no sodium composition lies below {THRESHOLD} eV")
            continue
        threshold = result["thresholds"].get(key)
        below = "" if threshold is None else f", {threshold['qualifying']} below {threshold['value']:.3f} eV"
        print(f"\n{key}{below}; after", *(f"{n:5d}" for n in at))
        for method, curve in result[key].items():
            print(f"  {method:<16}", *(f"{100 * curve[n - 1]:5.1f}" for n in at), "%")
    print_time(result["statement"])
    print(f"everything: {result['seconds']:.0f} s")


def print_time(row: dict[str, Any]) -> None:
    """Prints how long the report's four methods took."""
    names, load = ", ".join(row["methods"]), ", ".join(f"{load:.1f}" for load in row["load"])
    print(f"\n{names}: {row['seeds']} searches each of {row['evaluations']} evaluations among {row['candidates']} candidates")
    print(
        f"{row['seconds']:.0f} s in {row['jobs']} processes at a load of {load}; {row['cpu_seconds']:.0f} s of processor time"
    )


STYLES = {
    "random": ("#9a9a9a", "-"),
    "obo": ("#3b76b0", "-"),
    "abo": ("#4f8f4f", "-"),
    "default": ("#3b3b3b", "-"),
    "li-hp": ("#d98b2b", "-"),
    "li-gp": ("#b03a48", "-"),
    "li-gp-one-point": ("#b03a48", "--"),
    "auto": ("#7a4fa0", "--"),
    "limit-abo": ("#4f8f4f", ":"),
    "limit-obo": ("#3b76b0", ":"),
}
PANELS = ("p_best", "qualifying_share", "qualifying_share_as_many")

GOALS = {"p_best": (25, 0.9), "qualifying_share": (50, 0.9), "qualifying_share_as_many": (50, 0.9)}
"""Evaluations and share that are wanted."""


def draw(result: dict[str, Any], path: Path) -> None:
    """Draws the curves with their 95 % bands."""
    panels = [name for name in PANELS if name in result]
    at = np.arange(1, result["evaluations"] + 1)
    with figure_file(path, 3.7 * len(panels), 3.9) as figure:
        axes = figure.subplots(1, len(panels), squeeze=False).reshape(-1)
        for ax, name in zip(axes, panels, strict=True):
            for method, (colour, line) in STYLES.items():
                if method not in result[name]:
                    continue
                low, high = result[f"{name}_band"][method]
                ax.plot(at, result[name][method], color=colour, ls=line, lw=1.4, label=_label(method, result))
                ax.fill_between(at, low, high, color=colour, alpha=0.15, lw=0)
            ax.plot(*GOALS[name], marker="+", ms=11, mew=1.6, color="black", ls="", label="goal")
            ax.set_title(_title(name, result), fontsize=9)
            ax.set_xlabel("evaluations, random ones included")
            ax.set_ylim(0, 1.02)
            ax.set_xlim(1, at[-1])
            ax.grid(alpha=0.3, lw=0.5)
        axes[0].set_ylabel("share of searches" if len(panels) == 1 else "share")
        # The first panel has every method, the last one has space for the legend.
        axes[-1].legend(*axes[0].get_legend_handles_labels(), fontsize="x-small", loc="lower right")
        whole = "all" if result["complete"] else "ONLY A PART:"
        figure.suptitle(
            f"Sodium tavorites, {result['table']}; {whole} {result['rows']} of {result['of']} compositions", fontsize=10
        )


def _label(method: str, result: dict[str, Any]) -> str:
    preset = result["lithium"]["preset"]
    return f"{method} ({preset})" if method in ("li-hp", "li-gp", "li-gp-one-point", "auto") else method


def _title(name: str, result: dict[str, Any]) -> str:
    if name == "p_best":
        return "the best composition is found"
    threshold = result["thresholds"][name]
    return f"found of the {threshold['qualifying']} below {threshold['value']:.2f} eV"


def main() -> int:
    """Runs the comparison, writes its result and draws it."""
    parser = command(
        "composition",
        __doc__,
        quick="three short searches of each method, one of auto",
        figure="what is found against evaluations",
        jobs="processes",
    )
    parser.add_argument("--table", type=Path, default=TABLE, help="exported observations of the tavorites")
    parser.add_argument("--made-up", action="store_true", help="made-up values of all compositions instead of a table")
    parser.add_argument("--seeds", type=int, default=1000, help="searches of each method")
    parser.add_argument("--auto-seeds", type=int, default=1000, help="searches of auto, which are made one by one")
    parser.add_argument("--time", action="store_true", help="only obo, abo, li-hp and li-gp, to see how long they take")
    given = parser.parse_args()
    given.evaluations = EVALUATIONS
    if given.quick:
        given.seeds, given.auto_seeds, given.evaluations = 3, 1, QUICK_EVALUATIONS
    try:
        problem = made_up() if given.made_up else from_table(given.table)
        result = time_alone(problem, given) if given.time else compare(problem, given)
    except TansakuError as error:
        print(f"benchmarks.composition: {error}", file=sys.stderr)
        return 2
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result) + "\n")
    if given.time:
        print_time(result["statement"])
        return 0
    print_summary(result)
    if given.figure is not None:
        draw(result, given.figure)
    return 0


if __name__ == "__main__":
    sys.exit(main())
