"""Spectrum of the segregation energies at a boundary, with the skew-normal fit, and the energies over the surroundings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.wording import headed
from tansaku.tasks.read.figures.drawing import Drawing
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN, figure_at
from tansaku.tasks.read.views import spectrum as view

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tansaku.tasks.read.views.campaign import Campaign

_BINS = (8, 40)


def bins_of(spectrum: view.Spectrum) -> FloatArray:
    """Edges of the bars: about as many as the root of twice the number of sites."""
    count = int(np.clip(np.sqrt(2 * spectrum.members.sum()), *_BINS))
    low, high = float(spectrum.energy.min()), float(spectrum.energy.max())
    margin = max(0.05 * (high - low), 1e-3)
    return np.linspace(low - margin, high + margin, count + 1)


def _draw_bars(axes: Axes, spectrum: view.Spectrum) -> None:
    edges = bins_of(spectrum)
    kinds = [(spectrum.computed, MAIN, "computed"), (~spectrum.computed, FAINT, "expected by the model")]
    kinds = [kind for kind in kinds if kind[0].any()]
    axes.hist(
        [spectrum.energy[part] for part, _, _ in kinds],
        bins=edges.tolist(),
        weights=[spectrum.members[part] for part, _, _ in kinds],
        stacked=True,
        color=[colour for _, colour, _ in kinds],
        label=[label for _, _, label in kinds],
    )
    scale = float(spectrum.members.sum()) * (edges[1] - edges[0])
    for curve, name, style in (spectrum.fit, "skew-normal", "-"), (spectrum.published, spectrum.source, "--"):
        if curve is not None:
            low, high = curve.range()
            x = np.linspace(min(low, edges[0]), max(high, edges[-1]), 400)
            label = f"{name}: μ = {curve.location:.3g}, σ = {curve.width:.3g}, α = {curve.shape:.2g}"
            axes.plot(x, scale * curve.density(x), style, color=ACCENT, lw=1.3, label=label)
    axes.axvline(0.0, color=FAINT, lw=0.8, ls=":")
    axes.set_xlabel(headed("segregation energy", spectrum.unit))
    axes.set_ylabel("sites of the structure")


def _draw_surroundings(axes: Axes, spectrum: view.Spectrum) -> None:
    shown = ~spectrum.computed
    expected = spectrum.change[shown], spectrum.energy[shown], spectrum.deviation[shown]
    axes.errorbar(*expected, fmt="o", color=FAINT, ms=4, elinewidth=0.8)
    axes.plot(spectrum.change[spectrum.computed], spectrum.energy[spectrum.computed], "o", color=MAIN, ms=4)
    axes.axhline(0.0, color=FAINT, lw=0.8, ls=":")
    axes.set_xlabel(headed("change of the neighbours' distances", "Å"))
    axes.set_ylabel(headed("segregation energy", spectrum.unit))


def draw_png(spectrum: view.Spectrum, path: Path) -> Path:
    """Draws the figure as PNG."""
    with figure_at(path, 8.4, 3.6) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        _draw_bars(left, spectrum)
        figure.legend(loc="outside upper left", ncols=3)
        _draw_surroundings(right, spectrum)
    return path


def drawings(data: Campaign) -> list[Drawing]:
    """The spectrum of a campaign; empty before its first value."""
    found = view.segregation_spectrum(data)
    return [] if found is None else [Drawing("spectrum", found.table(), lambda path: draw_png(found, path))]
