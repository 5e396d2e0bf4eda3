"""Figures of a sparse search, as PNG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import logsumexp

from tansaku.sparse.models.search.estimators import columns_of
from tansaku.sparse.models.search.landscape import members
from tansaku.sparse.tasks.panels import save_panels
from tansaku.sparse.tasks.search import Found
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TOP = 30
_COLUMNS = 25
AXIS = {
    "free_energy": "free energy [nats]",
    "cv": "cross-validated deviance / 2 [nats]",
    "bic": "BIC / 2 [nats]",
    "ebic": "EBIC / 2 [nats]",
    "svm": "cross-validated hinge loss",
}


def draw_all(found: Found, folder: Path) -> dict[str, Path]:
    """Draws every figure that the search has data for.

    Returns:
        Files by title.
    """
    drawn: dict[str, tuple[str, Callable[[Found, Axes], None]]] = {
        "Density of states": ("density.png", density),
        "The best models": ("models.png", indicators),
        "Probability of each column": ("features.png", features),
        "Probability of each number of columns": ("sizes.png", sizes),
        "Accuracy against price": ("prices.png", prices),
    }
    if found.recovery:
        drawn["Virtual measurements"] = ("virtual.png", recovery)
    return save_panels(found, drawn, folder)


def density(found: Found, axes: Axes) -> None:
    """Number of supports by energy, with the best model and those of the usual methods."""
    scene = found.landscape
    logs = logsumexp(scene.log_density, axis=0) / np.log(10.0)
    centres = 0.5 * (scene.edges[1:] + scene.edges[:-1])
    axes.stairs(np.where(np.isfinite(logs), 10.0**logs, 0.0), scene.edges, color=MAIN, fill=True, alpha=0.6)
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.5)
    axes.set_xlim(scene.edges[0] - 0.03 * np.ptp(centres), scene.edges[-1])
    marks: dict[float, list[str]] = {}
    for name, energy in [("search", float(scene.energies[0])), *((name, energy) for name, (_, energy) in found.chosen.items())]:
        marks.setdefault(round(energy, 6), []).append(name)  # methods with one choice share a line
    styles = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
    for place, (energy, names) in enumerate(marks.items()):
        colour = ACCENT if place == 0 else f"C{place}"
        axes.axvline(energy, color=colour, linestyle=styles[place % len(styles)], label="\n".join(names))
    axes.set_xlabel(AXIS[found.settings.criterion])
    axes.set_ylabel("supports")
    axes.legend(fontsize=7)


def _shown_columns(found: Found) -> list[int]:
    order = np.argsort(-found.posterior, kind="stable")[:_COLUMNS]
    return sorted(order.tolist())


def _name_columns(found: Found, axes: Axes, shown: list[int]) -> None:
    """Names of columns as they are: a dollar begins no formula."""
    names = [found.table.names[column] for column in shown]
    axes.set_xticks(range(len(shown)), names, rotation=90, fontsize=7, parse_math=False)


def indicators(found: Found, axes: Axes) -> None:
    """Draws the columns of the best models."""
    shown = _shown_columns(found)
    top = found.landscape.supports[:_TOP]
    image = np.zeros((len(top), len(shown)))
    for row, support in enumerate(top):
        used = set(columns_of(found.design, members(support)))
        image[row] = [column in used for column in shown]
    axes.imshow(image, aspect="auto", cmap="Blues", vmin=0.0, vmax=1.0, interpolation="nearest")
    _name_columns(found, axes, shown)
    axes.set_ylabel("rank of the model")


def features(found: Found, axes: Axes) -> None:
    """Posterior probability of the most probable columns."""
    shown = _shown_columns(found)
    axes.bar(range(len(shown)), found.posterior[shown], color=MAIN)
    _name_columns(found, axes, shown)
    axes.set_ylim(0.0, 1.0)
    axes.set_ylabel("probability")


def sizes(found: Found, axes: Axes) -> None:
    """Posterior probability of the number of columns."""
    posterior = found.landscape.size_posterior
    axes.bar(range(len(posterior)), posterior, color=MAIN)
    axes.set_xticks(range(len(posterior)))
    axes.set_xlabel("columns or groups that are not required")
    axes.set_ylabel("probability")


def prices(found: Found, axes: Axes) -> None:
    """The best energy that a price buys."""
    paid = [offer.price for offer in found.offers]
    energies = [offer.energy for offer in found.offers]
    axes.step(paid, energies, where="post", color=MAIN, marker="o")
    axes.set_xlabel("price of the columns")
    axes.set_ylabel(AXIS[found.settings.criterion])


def recovery(found: Found, axes: Axes) -> None:
    """Share of virtual data sets in which the model was found again."""
    rows = [result.rows for result in found.recovery]
    axes.plot(rows, [result.support for result in found.recovery], "o-", color=MAIN, label="exactly these columns")
    axes.plot(rows, [result.size for result in found.recovery], "s--", color=ACCENT, label="as many columns")
    axes.plot(rows, [result.contained for result in found.recovery], "^:", color=FAINT, label="these and perhaps others")
    axes.set_ylim(-0.02, 1.05)
    axes.set_xlabel("rows")
    axes.set_ylabel("share of virtual data sets")
    axes.legend(fontsize=7)
