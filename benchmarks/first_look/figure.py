"""Cost side by side: labels so far against proposals, and what the looks were worth."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tansaku.models.domain.records import JsonDict
from tansaku.tasks.figures.style import ACCENT, FAINT, MAIN, drawing


def draw(found: JsonDict, path: Path) -> Path:
    """Draws the figure: on the left labels spent, on the right what was left at its prediction beside its true value."""
    from matplotlib.figure import Figure

    shown = next(one for one in found["runs"] if one["deviations"] is not None)
    with drawing():
        figure = Figure(figsize=(7.4, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        for one in found["runs"]:
            numbers = np.array(one["computed_numbers"])
            every = one["deviations"] is None
            left.step(
                np.append(numbers, one["proposals"]),
                np.append(np.arange(1, len(numbers) + 1), len(numbers)),
                where="post",
                color=FAINT if every else MAIN,
                lw=1.2 if one is shown or every else 0.6,
            )
        for training in shown["trainings"]:
            left.axvline(training["at"], color=ACCENT, lw=0.5, ls=":")
        left.set(xlabel="structures looked at", ylabel="labels computed", xlim=(0, None), ylim=(0, None))
        left.set_title("grey: without first looks; dotted: trainings", fontsize=8)
        spared = np.array(shown["spared"]).reshape(-1, 3)
        right.plot(spared[:, 2], spared[:, 1], "o", color=MAIN, ms=3, mew=0)
        if len(spared):
            ends = [spared[:, 1:].min(), spared[:, 1:].max()]
            right.plot(ends, ends, "-", color=FAINT, lw=0.8, zorder=0)
        right.set(xlabel="CHGNet, not asked [mJ/m²]", ylabel="left at this prediction [mJ/m²]")
        figure.savefig(path, dpi=200)
    return path
