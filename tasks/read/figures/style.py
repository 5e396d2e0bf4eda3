"""Style of all figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.wording import headed, pretty_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Scheme = Literal["light", "dark"]
"""Pages on which figures are looked at: white ones, or dark ones through which a figure without a ground is seen."""

INK, PAPER = "tansaku:ink", "tansaku:paper"
MAIN, ACCENT, FAINT, GREEN = "tansaku:main", "tansaku:accent", "tansaku:faint", "tansaku:green"
OCHRE, VIOLET, TEAL, ROSE, OLIVE = "tansaku:ochre", "tansaku:violet", "tansaku:teal", "tansaku:rose", "tansaku:olive"
PALETTE = (MAIN, ACCENT, GREEN, OCHRE, VIOLET, TEAL, FAINT, ROSE, OLIVE, INK)
DPI = 200

# Each has a contrast of at least 4.5 to a dark page, and on a white one but for the faint lines.
_COLOURS: dict[Scheme, dict[str, str]] = {
    "light": {
        INK: "#1f2937",
        PAPER: "#ffffff",
        MAIN: "#0f4c81",
        ACCENT: "#c2410c",
        FAINT: "#9ca3af",
        GREEN: "#15803d",
        OCHRE: "#a16207",
        VIOLET: "#7e22ce",
        TEAL: "#0e7490",
        ROSE: "#be185d",
        OLIVE: "#4d7c0f",
    },
    "dark": {
        INK: "#e6e9ec",
        PAPER: "#16191d",
        MAIN: "#7cb8f0",
        ACCENT: "#fb923c",
        FAINT: "#8b949e",
        GREEN: "#6fce8a",
        OCHRE: "#e0b050",
        VIOLET: "#c4a1ff",
        TEAL: "#4fc3d9",
        ROSE: "#f79ac0",
        OLIVE: "#a9cf5f",
    },
}
_SCHEME: ContextVar[Scheme] = ContextVar("scheme", default="light")

_FOOT_INCHES = 0.2
_FOOTNOTE: ContextVar[str | None] = ContextVar("footnote", default=None)

_RC: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.hashsalt": "tansaku",
    "legend.frameon": False,
    "legend.fontsize": 8,
}
_RC_OF: dict[Scheme, Any] = {
    "light": {},
    "dark": {"text.color": INK, "patch.edgecolor": INK, "axes.facecolor": "none", "figure.facecolor": "none"},
}


def in_unit(name: str, unit: str) -> str:
    """The title of an axis: a name, with its unit if it has one."""
    return headed(name, pretty_unit(unit))


def spread(positions: FloatArray, spacing: float) -> FloatArray:
    """Moves rising positions apart as little as possible (least squares) until neighbours are ``spacing`` apart.

    Args:
        positions: Rising, shape ``(n,)``.
        spacing: Least distance, same unit.
    """
    from scipy.optimize import isotonic_regression

    steps = spacing * np.arange(len(positions))
    moved: FloatArray = np.asarray(isotonic_regression(positions - steps).x) + steps
    return moved


def missing(axes: Axes, text: str) -> None:
    """Says in an empty frame why nothing is drawn in it."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=8, color=INK, wrap=True)


@contextmanager
def drawing() -> Iterator[None]:
    """Applies the style while a figure is drawn; other figures of the process keep theirs."""
    from cycler import cycler
    from matplotlib import colors, rc_context

    known, scheme = colors.get_named_colors_mapping(), _SCHEME.get()
    before = {name: str(known.get(name, colour)) for name, colour in _COLOURS["light"].items()}
    _name(_COLOURS[scheme])
    further = {"axes.prop_cycle": cycler(color=PALETTE)} if scheme == "dark" else {}
    try:
        with rc_context(_RC | _RC_OF[scheme] | further):
            yield
    finally:
        _name(before)


def _name(colours: Mapping[str, str]) -> None:
    """Names colours for all figures: one by one, for only so does matplotlib forget what a name meant before."""
    from matplotlib.colors import get_named_colors_mapping

    for name, colour in colours.items():
        get_named_colors_mapping()[name] = colour


@contextmanager
def drawn_for(scheme: Scheme) -> Iterator[None]:
    """Draws figures in this context for a light or a dark page; by default for a light one."""
    before = _SCHEME.set(scheme)
    try:
        yield
    finally:
        _SCHEME.reset(before)


@contextmanager
def footnote(text: str | None) -> Iterator[None]:
    """Adds a note below figures saved in this context, such as the origin of their values; None: no note."""
    before = _FOOTNOTE.set(text)
    try:
        yield
    finally:
        _FOOTNOTE.reset(before)


def current_footnote() -> str | None:
    """Returns the current footnote."""
    return _FOOTNOTE.get()


@contextmanager
def figure_at(path: Path, width: float, height: float) -> Iterator[Figure]:
    """A figure to be drawn in our style, which is written when the context ends; sizes in inches."""
    from matplotlib.figure import Figure

    with drawing():
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        save_image(figure, path)


def save_image(figure: Figure, path: Path) -> Path:
    """Writes a figure as PNG or SVG, as the file is named, without time stamp.

    So the same figure is the same file. A footnote makes it higher.
    """
    note = current_footnote()
    metadata: Any = {"Date": None, "Creator": "tansaku"} if path.suffix == ".svg" else {"Software": "tansaku"}
    if note is None:
        figure.savefig(path, dpi=DPI, metadata=metadata)
        return path
    from matplotlib.transforms import Bbox

    width, height = figure.get_size_inches()
    below = -0.25 * _FOOT_INCHES / height
    figure.text(0.005, below, note, ha="left", va="top", fontsize=6, color=INK).set_in_layout(False)
    figure.savefig(path, dpi=DPI, metadata=metadata, bbox_inches=Bbox.from_extents(0.0, -_FOOT_INCHES, width, height))
    return path
