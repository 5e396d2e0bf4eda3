"""Style of all figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tansaku.models.domain.wording import pretty_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1f2937"
MAIN = "#0f4c81"
ACCENT = "#c2410c"
FAINT = "#9ca3af"
PALETTE = (MAIN, ACCENT, "#15803d", "#a16207", "#7e22ce", "#0e7490", FAINT, "#be185d", "#4d7c0f", INK)
DPI = 200

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


def in_unit(name: str, unit: str) -> str:
    """The title of an axis: a name, with its unit if it has one."""
    return name if unit == "1" else f"{name} [{pretty_unit(unit)}]"


def missing(axes: Axes, text: str) -> None:
    """Says in an empty frame why nothing is drawn in it."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=8, color=INK, wrap=True)


@contextmanager
def drawing() -> Iterator[None]:
    """Applies the style while a figure is drawn; other figures of the process keep theirs."""
    from matplotlib import rc_context

    with rc_context(_RC):
        yield


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
