"""Figure of surrogate pre-screening: computed and predicted values, and the accuracy of the predictions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.evaluation_columns import predicted
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.specs.label import LABEL_PROPERTY
from tansaku.models.domain.units import recorded_in
from tansaku.models.domain.wording import headed, pretty_unit
from tansaku.tasks.node.jobs.document import FIRST_LOOK_DEVIATION, FIRST_LOOK_ENERGY
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN, PAPER, figure_at
from tansaku.tasks.read.views.campaign import Campaign


@dataclass(frozen=True)
class Looks:
    """Predictions of a campaign's surrogate pre-screening, in proposal order.

    Attributes:
        numbers: Of the proposals with a value, shape ``(n,)``.
        values: Their values [unit], shape ``(n,)``.
        deviations: Of predicted ones [unit], 0 for computed ones, shape ``(n,)``.
        is_predicted: Shape ``(n,)``.
        looked: Predictions of those that were computed after all, and their deviations [unit], shape ``(m, 2)``.
        computed: Computed values of these [unit], shape ``(m,)``.
    """

    numbers: IntArray
    values: FloatArray
    deviations: FloatArray
    is_predicted: npt.NDArray[np.bool_]
    looked: FloatArray
    computed: FloatArray
    unit: str


def looks_of(data: Campaign) -> Looks | None:
    """Collects them; None without any."""
    valued = [
        evaluation
        for evaluation in data.select("search")
        if evaluation.outcome is not None and evaluation.outcome.value is not None
    ]
    outcomes = [item.outcome for item in valued if item.outcome is not None]
    unit = data.spec.objective.unit
    pairs = [
        [
            recorded_in(outcome.quantities[name].value, "J/m^2", unit)
            for name in (FIRST_LOOK_ENERGY, FIRST_LOOK_DEVIATION, LABEL_PROPERTY)
        ]
        for outcome in outcomes
        if FIRST_LOOK_ENERGY in outcome.quantities and LABEL_PROPERTY in outcome.quantities
    ]
    if not pairs and not any(map(predicted, valued)):
        return None
    table = np.array(pairs, dtype=np.float64).reshape(len(pairs), 3)
    return Looks(
        numbers=np.array([item.proposal.number for item in valued], dtype=np.intp),
        values=np.array([outcome.value for outcome in outcomes], dtype=np.float64),
        deviations=np.array([outcome.deviation or 0.0 for outcome in outcomes]),
        is_predicted=np.array([predicted(item) for item in valued], dtype=np.bool_),
        looked=table[:, :2],
        computed=table[:, 2],
        unit=unit,
    )


def draw_png(found: Looks, path: Path) -> Path:
    """Draws the figure as PNG: every value with where it comes from, and looks beside what was computed after them."""
    unit, there = pretty_unit(found.unit), found.is_predicted
    with figure_at(path, 7.2, 3.4) as figure:
        left, right = figure.subplots(1, 2)
        left.plot(found.numbers[~there], found.values[~there], "o", color=MAIN, ms=3, mew=0, label="computed")
        left.errorbar(
            found.numbers[there],
            found.values[there],
            yerr=found.deviations[there],
            fmt="o",
            mfc=PAPER,
            mec=ACCENT,
            ecolor=FAINT,
            ms=3.5,
            elinewidth=0.6,
            label="predicted only",
        )
        left.set(xlabel="proposal", ylabel=headed("energy", unit))
        left.legend(loc="upper right")
        if len(found.computed):
            ends = [float(found.computed.min()), float(found.computed.max())]
            right.plot(ends, ends, "-", color=FAINT, lw=0.8, zorder=0)
        right.errorbar(
            found.computed, found.looked[:, 0], yerr=found.looked[:, 1], fmt="o", color=MAIN, ecolor=FAINT, ms=3, elinewidth=0.6
        )
        right.set(xlabel=headed("computed", unit), ylabel=headed("surrogate pre-screening", unit))
    return path
