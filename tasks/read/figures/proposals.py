"""Figures of what a proposer knew: why the last candidates were chosen, what may remain in each system, what matters."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tansaku.tasks.read.figures.drawing import Drawing
from tansaku.tasks.read.figures.style import FAINT, MAIN, PALETTE, figure_at, in_unit
from tansaku.tasks.read.views.campaign_figures import CertificateLines, ProposalPoints
from tansaku.tasks.read.views.predictions import Relevance

_HEIGHT = 0.22
"""Height of a bar with its name [inch]."""

_SHARE = "share of the model's variance [%]"


def acquisition_drawing(found: ProposalPoints, unit: str) -> Drawing:
    """Acquisition and predicted deviation of the last proposals."""
    columns = ("numbers", "candidates", "acquisition", "predicted", "deviation", "found")
    data = {name: getattr(found, name) for name in columns}
    units = dict.fromkeys(("predicted", "deviation", "found"), unit)
    return Drawing("acquisition", data, lambda path: _draw_acquisition(found, path, unit), units=units)


def certificate_drawing(found: CertificateLines, unit: str) -> Drawing:
    """By how much at most something better may remain in each system; one that is not known has no bar."""
    data = {"system": found.systems, "tolerance": found.tolerance}
    return Drawing("certificate", data, lambda path: _draw_certificate(found, path, unit), units={"tolerance": unit})


def relevance_drawing(found: Relevance) -> Drawing:
    """Feature relevance: the share of each site or feature group, over the refits; its table has a column for each category."""
    shares = dict(zip(found.categories, found.share.T.tolist(), strict=True))
    return Drawing("relevance", {"observed": found.observed, **shares}, lambda path: draw_relevance(found, path))


def _draw_acquisition(found: ProposalPoints, path: Path, unit: str) -> Path:
    acquisition, deviation = (np.array(values, dtype=np.float64) for values in (found.acquisition, found.deviation))
    with figure_at(path, 5.6, 3.2) as figure:
        axes = figure.subplots()
        axes.plot(found.numbers, acquisition, "o-", color=MAIN, ms=3, lw=1.2, label="acquisition")
        axes.set(xlabel="round", ylabel="acquisition")
        right = axes.twinx()
        right.plot(found.numbers, deviation, "s--", color=PALETTE[1], ms=3, lw=1.0, label="deviation")
        right.set_ylabel(in_unit("predicted deviation", unit))
        axes.legend(handles=[*axes.get_lines(), *right.get_lines()])
    return path


def _draw_certificate(found: CertificateLines, path: Path, unit: str) -> Path:
    known = [0.0 if tolerance is None else tolerance for tolerance in found.tolerance]
    with figure_at(path, 5.6, 1.0 + _HEIGHT * len(known)) as figure:
        axes = figure.subplots()
        axes.barh(found.systems, known, color=MAIN)
        axes.invert_yaxis()
        if found.within is not None:
            axes.axvline(found.within, color=FAINT, lw=0.8)
        axes.set_xlabel(in_unit(f"may remain, with {100.0 * found.confidence:g} %", unit))
    return path


def draw_relevance(found: Relevance, path: Path) -> Path:
    """Draws the figure as PNG: left the last refit, right all of them."""
    share = 100.0 * found.share
    with figure_at(path, 7.2, 3.0) as figure:
        left, right = figure.subplots(1, 2)
        left.bar(found.categories, share[-1], color=[PALETTE[i % len(PALETTE)] for i in range(len(found.categories))])
        left.set_ylabel(_SHARE)
        left.tick_params(axis="x", rotation=45 if max(map(len, found.categories)) > 4 else 0)
        for i, name in enumerate(found.categories):
            right.plot(found.observed, share[:, i], "o-", color=PALETTE[i % len(PALETTE)], ms=3, lw=1.2, label=name)
        right.set(xlabel="observations", ylabel=_SHARE, ylim=(0, None))
        right.legend(ncols=2)
    return path
