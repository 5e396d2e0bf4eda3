"""Figure of the energy along the lowest-barrier paths of the best compositions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.read.figures.drawing import Drawing
from tansaku.tasks.read.figures.style import ACCENT, FAINT, GREEN, INK, MAIN, OCHRE, VIOLET, figure_at
from tansaku.tasks.read.views.campaign import Campaign

MOST_PROFILES = 6
_COLOURS = (MAIN, ACCENT, GREEN, VIOLET, OCHRE, FAINT)


@dataclass(frozen=True)
class Profile:
    """A path of one composition.

    Attributes:
        label: Candidate and barrier.
        distance: Of states and saddle points distance along the path [Å], shape ``(n,)``.
        energy: Above the lowest end state [eV], shape ``(n,)``.
    """

    label: str
    distance: FloatArray
    energy: FloatArray

    def curve(self, count: int = 40) -> tuple[FloatArray, FloatArray]:
        """A line through the points that is level at each: only the points are computed."""
        x: list[FloatArray] = []
        y: list[FloatArray] = []
        for k in range(len(self.distance) - 1):
            share = np.linspace(0.0, 1.0, count)
            x.append(self.distance[k] + share * (self.distance[k + 1] - self.distance[k]))
            y.append(self.energy[k] + 0.5 * (1.0 - np.cos(np.pi * share)) * (self.energy[k + 1] - self.energy[k]))
        return np.concatenate(x), np.concatenate(y)


def profiles(data: Campaign) -> list[Profile]:
    """Paths of the best compositions, the lowest barrier first; empty where no barrier was computed."""
    found: dict[str, tuple[float, Profile]] = {}
    for evaluation in data.select("search"):
        outcome = evaluation.outcome
        if evaluation.state is not EvaluationState.DONE or outcome is None or outcome.value is None:
            continue
        energies, distances = outcome.properties.get("energies"), outcome.properties.get("frame_index")
        if not energies or not distances:
            continue
        candidate = evaluation.proposal.candidate
        barrier = float(outcome.properties["forward_barrier"])
        profile = Profile(f"{candidate}  {barrier:.2f} eV", np.array(distances), np.array(energies))
        found[candidate] = (data.sign * outcome.value, profile)
    return [profile for _, profile in sorted(found.values(), key=lambda entry: entry[0])][:MOST_PROFILES]


def path_drawing(distance: Sequence[float], energy: Sequence[float], label: str) -> Drawing:
    """The energy along one path.

    Args:
        distance: Along the path [Å].
        energy: Above the lowest end state [eV].
        label: Of the line.
    """
    profile, columns = Profile(label, np.array(distance), np.array(energy)), {"distance": distance, "energy": energy}
    return Drawing("path", columns, partial(draw_png, [profile]), units={"distance": "Angstrom", "energy": "eV"})


def draw_png(lines: Sequence[Profile], path: Path) -> Path:
    """Draws the paths."""
    with figure_at(path, 5.6, 3.6) as figure:
        axes = figure.subplots()
        for profile, colour in zip(lines, _COLOURS, strict=False):
            axes.plot(*profile.curve(), color=colour, linewidth=1.2, label=profile.label)
            axes.plot(profile.distance, profile.energy, "o", color=colour, markersize=3.5)
        axes.axhline(0.0, color=INK, linewidth=0.6, linestyle=":")
        axes.set_xlabel("distance along the path [Å]")
        axes.set_ylabel("energy relative to the lowest state [eV]")
        axes.legend(loc="upper right")
    return path
