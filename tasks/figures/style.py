"""The look all figures share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#1f2937"
MAIN = "#0f4c81"
ACCENT = "#c2410c"
FAINT = "#9ca3af"
DPI = 200

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
    "legend.frameon": False,
    "legend.fontsize": 8,
}


def pretty_unit(unit: str) -> str:
    """A unit as figures show it."""
    return unit.replace("m2", "m²")


@contextmanager
def drawing() -> Iterator[None]:
    """Applies the look while a figure is drawn; other figures of the process keep theirs."""
    from matplotlib import rc_context

    with rc_context(_RC):
        yield


def save_png(figure: Figure, path: Path) -> Path:
    """Writes a figure as PNG without time stamp, so that the same figure is the same file."""
    figure.savefig(path, dpi=DPI, metadata={"Software": "tansaku"})
    return path
