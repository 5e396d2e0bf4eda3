"""Path between two states over verified saddle points.

A band that is only roughly relaxed shows where to look. Its highest image is taken to the saddle point; from there the way is
followed down on both sides. Where it ends in another state than those it was to join, what is left over is joined in the same
manner, so that a state on the way splits the band. A piece whose images all lie below a saddle point that is known needs none
of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tansaku.calculators.workflows.migration.band import FLAT, Band, roughly
from tansaku.calculators.workflows.migration.passage import Passage
from tansaku.calculators.workflows.migration.refine import PUSH, SaddlePoint, refine, unit
from tansaku.calculators.workflows.migration.relaxing import State
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import FloatArray

SAME_STATE = 5e-3
"""Two relaxations to one state end within this of each other [eV]."""

_SAME_PLACE = 0.4
"""And no atom further than this from where it is in the other [Å]."""

DIP = 0.02
"""A band's image that lies below both ends by more than this is a state of its own [eV]."""

SPLITS = 3
"""Largest depth of recursion when a path is split at states on it."""


@dataclass(frozen=True)
class Way:
    """A continuous path between two states.

    Attributes:
        points: Positions and energies in order, both ends included [Å, eV].
        saddle: The highest saddle point; None where nothing lies between the two ends.
    """

    points: tuple[tuple[FloatArray, float], ...]
    saddle: SaddlePoint | None

    @property
    def lowest(self) -> float:
        """Lowest point between the ends [eV], infinite where there is none."""
        return min((energy for _, energy in self.points[1:-1]), default=np.inf)

    def then(self, other: Way) -> Way:
        """Returns the path that follows this one and then the other."""
        both = [way.saddle for way in (self, other) if way.saddle is not None]
        return Way(self.points + other.points[1:], max(both, key=lambda way: way.state.energy, default=None))


def join(passage: Passage, ends: tuple[State, State], images: int, level: float = -np.inf, splits: int = SPLITS) -> Way:
    """Finds a path between two states.

    Args:
        images: Intermediate images of a band.
        level: Energy up to which no saddle point is asked for [eV].
        splits: Number of times that the path may be split.

    Raises:
        CalculationError: No saddle point was found where one is, or its sides lead elsewhere.
    """
    first, last = ends
    if same(first, last):
        return Way(((first.positions, first.energy), (last.positions, last.energy)), None)
    if splits < 0:
        raise CalculationError("no_saddle", "there are too many states on the way")
    band = roughly(passage.crystal.relaxer, passage.atoms(), ends, images, passage.curvature, level)
    return split(passage, ends, band, images, level, splits)


def split(
    passage: Passage, ends: tuple[State, State], band: Band, images: int, level: float = -np.inf, splits: int = SPLITS
) -> Way:
    """Refines a rough band to a path: over the saddle point near its highest image, split at states that lie on it.

    Args:
        ends: The states that the band joins.
        band: Converged or not.
        images: As for :func:`join`.
        level: As for :func:`join`.
        splits: As for :func:`join`.

    Raises:
        CalculationError: As for :func:`join`.
    """
    first, last = ends
    lowest = int(np.argmin(band.energies))
    if band.energies[lowest] < min(first.energy, last.energy) - DIP:
        between = passage.relax(band.positions[lowest])
        before = join(passage, (first, between), images, level, splits - 1)
        return before.then(join(passage, (between, last), images, level, splits - 1))
    if band.saddle > max(level, first.energy + FLAT, last.energy + FLAT):
        tangent = band.positions[band.highest + 1] - band.positions[band.highest - 1]
        return over(passage, ends, refine(passage, band.positions[band.highest], tangent), images, level, splits)
    hidden = None
    if level < max(first.energy, last.energy) and abs(first.energy - last.energy) > SAME_STATE:
        hidden = _beside_end(passage, ends, band)
    if hidden is None:
        return Way(tuple(zip(band.positions, band.energies, strict=True)), None)
    return over(passage, ends, hidden, images, level, splits)


def _beside_end(passage: Passage, ends: tuple[State, State], band: Band) -> SaddlePoint | None:
    """The saddle point that a band's last step up to its higher end hides; None where none is found there.

    A shallow state beside a deep one has its saddle point so near that it falls between two images.
    """
    first, last = ends
    upper, beside = (first, band.positions[1]) if first.energy > last.energy else (last, band.positions[-2])
    away = beside - upper.positions
    try:
        found = refine(passage, upper.positions + PUSH * unit(away), away)
    except CalculationError:
        # So shallow a state is hardly one: what is climbed is the state itself.
        return None
    return found if found.state.energy > upper.energy else None


def over(
    passage: Passage,
    ends: tuple[State, State],
    saddle: SaddlePoint,
    images: int,
    level: float = -np.inf,
    splits: int = SPLITS,
) -> Way:
    """The way between two states over a saddle point.

    Raises:
        CalculationError: Its sides lead elsewhere.
    """
    first, last = ends
    level = max(level, saddle.state.energy)
    near, far = _sides(passage, ends, saddle)
    if same(near, far):
        raise CalculationError("no_saddle", "both sides of a saddle point lead to one state")
    middle = Way(tuple((state.positions, state.energy) for state in (near, saddle.state, far)), saddle)
    before = join(passage, (first, near), images, level, splits - 1)
    after = join(passage, (far, last), images, level, splits - 1)
    return before.then(middle).then(after)


def over_both(
    passage: Passage, ends: tuple[State, State], saddle: SaddlePoint, images: int, turn: Callable[[FloatArray], FloatArray]
) -> Way:
    """The way between two states over a saddle point and its image under the operation that exchanges them.

    Args:
        saddle: Between one of them and a state on the way.
        images: As for :func:`join`.
        turn: Where the operation puts the atoms.

    Raises:
        CalculationError: The sides lead elsewhere.
    """

    def turned(state: State) -> State:
        return replace(state, positions=turn(state.positions), forces=np.zeros_like(state.forces))

    near, far = _sides(passage, ends, saddle)
    if same(near, far):
        raise CalculationError("no_saddle", "both sides of a saddle point lead to one state")
    there, back = (near, saddle.state, far), (turned(far), turned(saddle.state), turned(near))
    pieces = [back, there] if _apart(far, ends[1]) <= _apart(near, ends[0]) else [there, back]
    if same(near, ends[0]) and same(far, ends[1]):
        pieces = [there]
    way, at = Way(((ends[0].positions, ends[0].energy),), None), ends[0]
    for piece in pieces:
        way = way.then(join(passage, (at, piece[0]), images, saddle.state.energy))
        way = way.then(Way(tuple((state.positions, state.energy) for state in piece), saddle))
        at = piece[-1]
    return way.then(join(passage, (at, ends[1]), images, saddle.state.energy))


def same(state: State, other: State) -> bool:
    """Returns whether two relaxations ended in the same state."""
    moved = state.positions - other.positions
    apart = float(np.linalg.norm(moved - moved.mean(axis=0), axis=1).max())
    return abs(state.energy - other.energy) < SAME_STATE and apart < _SAME_PLACE


def _sides(passage: Passage, ends: tuple[State, State], saddle: SaddlePoint) -> tuple[State, State]:
    """The states that a saddle point's two sides lead to, the one nearer to the first end first."""
    first, other = (passage.relax(saddle.state.positions + sign * PUSH * saddle.mode) for sign in (1.0, -1.0))
    straight = _apart(first, ends[0]) + _apart(other, ends[1])
    crossed = _apart(other, ends[0]) + _apart(first, ends[1])
    return (first, other) if straight <= crossed else (other, first)


def _apart(state: State, other: State) -> float:
    return float(np.linalg.norm(state.positions - other.positions))
