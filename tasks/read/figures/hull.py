"""Phase diagram of two or three elements: formation energy against composition, or the triangle of compositions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.tasks.read.figures.style import ACCENT, FAINT, INK, MAIN, figure_at
from tansaku.tasks.read.views.hull import Hull

if TYPE_CHECKING:
    pass

_HEIGHT = 3.0**0.5 / 2.0
_CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, _HEIGHT]])


@dataclass(frozen=True)
class Point:
    """A phase in a figure of 600 by 400."""

    name: str
    x: float
    y: float
    stable: bool
    given: bool


@dataclass(frozen=True)
class Mark:
    """A mark of the vertical axis, with its formation energy [meV/atom] as it is written."""

    y: float
    text: str


@dataclass(frozen=True)
class Outline:
    """The figure as points and lines of a plane of 600 by 400, the second coordinate downwards.

    Attributes:
        points: Phases that are drawn, the stable ones last.
        edges: Ends of the lines between phases that coexist.
        lowest: Formation energy at the lower end [eV/atom], of two elements.
        highest: At the upper end.
        marks: Of the vertical axis, of two elements.
    """

    points: tuple[Point, ...]
    edges: tuple[tuple[tuple[float, float], tuple[float, float]], ...]
    lowest: float
    highest: float
    marks: tuple[Mark, ...] = ()


def outline(found: Hull) -> Outline:
    """The figure as points and lines, for whoever draws it in other ways."""
    places, top = _places(found).copy(), _top(found)
    within = np.ones(len(places), dtype=np.bool_)
    low, high = (-_depth(found), top) if len(found.elements) == 2 else (0.0, _HEIGHT)
    if len(found.elements) == 2:
        within = found.diagram.formation <= top
    places[:, 0] *= 600.0
    places[:, 1] = 400.0 * (high - places[:, 1]) / ((high - low) or 1.0)
    rounded = [(round(x, 1), round(y, 1)) for x, y in places.tolist()]
    points = [
        Point(phase.name, *rounded[place], stable, phase.given)
        for place, (phase, stable) in enumerate(zip(found.phases, found.stable, strict=True))
        if within[place]
    ]
    edges = tuple((rounded[start], rounded[end]) for start, end in _edges(found))
    marks = _marks(low, high) if len(found.elements) == 2 else ()
    return Outline(tuple(sorted(points, key=lambda point: point.stable)), edges, low, high, marks)


def _marks(low: float, high: float) -> tuple[Mark, ...]:
    """Marks at round energies between two [eV/atom], zero among them."""
    from matplotlib.ticker import MaxNLocator

    span = (high - low) or 1.0
    values = MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(1000.0 * low, 1000.0 * high)
    inside = [float(value) for value in values if low <= value / 1000.0 <= high]
    return tuple(Mark(round(400.0 * (high - value / 1000.0) / span, 1), f"{round(value, 6) + 0.0:g}") for value in inside)


def draw(found: Hull, path: Path) -> Path:
    """Draws the figure as PNG or SVG, as the file's name ends.

    Raises:
        ConfigurationError: It has another ending, or the diagram has too few or too many elements.
    """
    if not found.drawable:
        raise ConfigurationError(
            f"{str(path)!r}: a figure shows two or three elements, not {', '.join(found.elements)}; the table has all phases"
        )
    if path.suffix not in {".png", ".svg"}:
        raise ConfigurationError(f"{str(path)!r} ends in neither .png nor .svg")
    return draw_png(found, path)


def draw_png(found: Hull, path: Path) -> Path:
    """Draws the figure as PNG; of each formula the lowest phase has its name in the figure if it is stable."""
    stable, given = np.array(found.stable), np.array([phase.given for phase in found.phases])
    places, formulas = _places(found), _named(found)
    with figure_at(path, 6.0, 4.4) as figure:
        axes = figure.add_subplot()
        for start, end in _edges(found):
            axes.plot(*places[[start, end]].T, "-", color=MAIN, lw=1.2, zorder=1)
        top, binary = _top(found), len(found.elements) == 2
        over = int((found.diagram.formation > top).sum()) if binary else 0
        if (~stable).any():
            above = axes.scatter(
                places[~stable, 0],
                places[~stable, 1],
                s=22,
                c=1000.0 * np.minimum(found.diagram.above[~stable], top),
                cmap="YlOrBr",
                edgecolors=INK,
                linewidths=0.4,
                vmin=0.0,
                label=f"above the hull ({over} lie higher)" if over else "above the hull",
                zorder=2,
            )
            figure.colorbar(above, ax=axes, label="energy above the hull [meV/atom]", shrink=0.8)
        own = places[stable & ~given]
        axes.scatter(own[:, 0], own[:, 1], s=34, color=MAIN, label="stable", zorder=3)
        axes.scatter(
            places[given, 0], places[given, 1], s=34, marker="s", facecolors="none", edgecolors=ACCENT, label="given", zorder=4
        )
        for place, formula in formulas.items():
            axes.annotate(formula, places[place], (3, -11), textcoords="offset points", fontsize=7.5)
        if binary:
            margin = 0.1 * (top + _depth(found)) or 0.1
            axes.set_ylim(-_depth(found) - margin, top + margin)
            axes.set_xlabel(f"share of {found.elements[1]} [atomic]")
            axes.set_ylabel("formation energy [eV/atom]")
            axes.axhline(0.0, color=FAINT, lw=0.6, zorder=0)
        else:
            axes.set_axis_off()
            axes.set_aspect("equal")
        axes.legend(loc="best" if binary else "upper left")
    return path


def _depth(found: Hull) -> float:
    """Depth of the hull below the elements [eV/atom]."""
    return float(-found.diagram.formation.min())


def _top(found: Hull) -> float:
    """Energy up to which phases are drawn, so that those far above the hull do not flatten it [eV/atom]."""
    highest, depth = float(found.diagram.formation.max()), _depth(found)
    return min(highest, 2.0 * depth) if depth > 0.0 else highest


def _places(found: Hull) -> FloatArray:
    """Positions of the phases in the figure, shape ``(n, 2)``."""
    if len(found.elements) == 2:
        return np.column_stack([found.diagram.fractions[:, 1], found.diagram.formation])
    places: FloatArray = found.diagram.fractions @ _CORNERS
    return places


def _edges(found: Hull) -> Sequence[tuple[int, int]]:
    """Pairs of stable phases that coexist."""
    corners: IntArray = found.diagram.corners
    pairs = {tuple(sorted(pair)) for facet in corners.tolist() for pair in combinations(facet, 2)}
    return sorted((start, end) for start, end in pairs)


def _named(found: Hull) -> dict[int, str]:
    """Formulas of the stable phases, each once."""
    names: dict[str, int] = {}
    for place, (phase, stable) in enumerate(zip(found.phases, found.stable, strict=True)):
        if stable:
            names.setdefault(phase.formula, place)
    return {place: formula for formula, place in names.items()}
