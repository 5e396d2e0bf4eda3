"""Figures of a sparse method's result, one panel per file."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tansaku.tasks.read.figures.style import drawing, save_image

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Found = TypeVar("Found")


def save_panels(found: Found, drawn: Mapping[str, tuple[str, Callable[[Found, Axes], None]]], folder: Path) -> dict[str, Path]:
    """Draws figures as PNG.

    Args:
        drawn: File name and function of each figure, by title.
        folder: Existing.

    Returns:
        Files by title.
    """
    from matplotlib.figure import Figure

    files = {}
    for title, (name, draw) in drawn.items():
        with drawing(), warnings.catch_warnings():
            # A sign that the font lacks is drawn as a box; the report's page and JSON have the name.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            figure = Figure(figsize=(6.4, 4.0), layout="constrained")
            draw(found, figure.add_subplot())
            files[title] = save_image(figure, folder / name)
    return files
