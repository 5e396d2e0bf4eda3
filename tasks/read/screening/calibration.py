"""Errors of predicted boundary energies, calibrated by structures that were computed, and chances of the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tansaku.models.domain.pool import BoolArray, FloatArray, IntArray
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.read.screening.rows import Boundary, ScreenRow

FEWEST = 5
"""Computed structures from which a line and its scatter are fitted, and boundaries that can be left out in turn."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """A straight line from predicted to computed energies, with a scatter in units of the model's own deviations.

    The line is by weighted least squares. Errors of the structures of one boundary resemble each other, and most computed
    structures are of the few lowest boundaries, where the model errs less: so the scatter is that of whole boundaries, each
    predicted by the line of all others, and boundaries count alike. A new structure's error has Student's distribution (Draper
    and Smith 1998, doi:10.1002/9781118625590), with two degrees of freedom fewer than there are groups.

    Attributes:
        predicted: Energies of the computed structures by the model [mJ/m^2], shape ``(n,)``.
        deviations: The model's deviations [mJ/m^2], shape ``(n,)``; ones where it gives none.
        computed: Their computed energies [mJ/m^2], shape ``(n,)``.
        groups: Number of the boundary of each, or of the structure where there are too few boundaries, shape ``(n,)``.
    """

    predicted: FloatArray
    deviations: FloatArray
    computed: FloatArray
    groups: IntArray

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the scatter."""
        return len(np.unique(self.groups)) - 2

    @property
    def _columns(self) -> FloatArray:
        return np.stack((np.ones_like(self.predicted), self.predicted), axis=1)

    @cached_property
    def _inverse(self) -> FloatArray:
        return np.asarray(np.linalg.pinv(self._columns.T @ (self._columns / self.deviations[:, None] ** 2)))

    @cached_property
    def line(self) -> FloatArray:
        """Intercept [mJ/m^2] and slope, shape ``(2,)``."""
        return np.asarray(self._inverse @ (self._columns.T @ (self.computed / self.deviations**2)))

    @cached_property
    def scale(self) -> float:
        """By which the model's deviations are multiplied."""
        squares = [float(np.mean((error / width) ** 2)) for error, width, _ in self._left_out()]
        return float(np.sqrt(np.mean(squares)))

    def _left_out(self) -> Iterator[tuple[FloatArray, FloatArray, Calibration]]:
        """Errors of each group by the line of all others, their widths without the scale [mJ/m^2], and the others."""
        for group in np.unique(self.groups):
            left = self.groups == group
            rest = Calibration(self.predicted[~left], self.deviations[~left], self.computed[~left], self.groups[~left])
            error = self.computed[left] - rest.corrected(self.predicted[left])
            yield error, rest.widths(self.predicted[left], self.deviations[left]), rest

    def corrected(self, predicted: FloatArray) -> FloatArray:
        """Energies on the line [mJ/m^2], shape ``(m,)``."""
        return np.asarray(self.line[0] + self.line[1] * predicted)

    def widths(self, predicted: FloatArray, deviations: FloatArray) -> FloatArray:
        """The model's deviations with those of the line, before they are scaled [mJ/m^2], shape ``(m,)``."""
        columns = np.stack((np.ones_like(predicted), predicted), axis=1)
        of_line = np.einsum("ni,ij,nj->n", columns, self._inverse, columns)
        return np.asarray(np.sqrt(deviations**2 + of_line))

    def errors(self, predicted: FloatArray, deviations: FloatArray) -> FloatArray:
        """Widths of the distributions of the errors of new structures [mJ/m^2], shape ``(m,)``."""
        return self.scale * self.widths(predicted, deviations)

    def coverage(self) -> tuple[float, float]:
        """Shares of the computed structures within one and two widths, groups predicted by all others and counted alike."""
        apart = [np.abs(error) / (rest.scale * width) for error, width, rest in self._left_out()]
        return float(np.mean([np.mean(item <= 1.0) for item in apart])), float(
            np.mean([np.mean(item <= 2.0) for item in apart])
        )


@dataclass(frozen=True, eq=False)
class Prospects:
    """Structures of a screen that may still change its lowest boundaries.

    Attributes:
        chances: Probability of each structure to change them, 0 of computed and failed ones, shape ``(n_rows,)``.
        corrected: Calibrated energies [mJ/m^2], shape ``(n_rows,)``.
        errors: Widths of their errors [mJ/m^2], shape ``(n_rows,)``.
        calibration: None: too few structures are computed.
    """

    chances: FloatArray
    corrected: FloatArray
    errors: FloatArray
    calibration: Calibration | None

    @property
    def expected(self) -> float:
        """Expected number of structures that change them; at least the chance that any does, however errors correlate."""
        return float(self.chances.sum())

    @property
    def best(self) -> int | None:
        """The likeliest structure, of equals the one with the lowest energy; None: none is left."""
        if not self.chances.any():
            return None
        return int(np.lexsort((self.corrected, -self.chances))[0])


def prospects(rows: Sequence[ScreenRow], labels: Mapping[str, float | None], lowest: int) -> Prospects:
    """Chances of the structures that are not computed to change the lowest boundaries.

    A structure changes the lowest boundaries if it is lower than the highest of them, or one of theirs lower than its best.

    Args:
        labels: Computed energies [mJ/m^2] by the structure's SHA-256; None: the computation failed.
        lowest: Number of the lowest boundaries that are wanted.
    """
    from scipy.stats import t as student

    predicted, deviations = np.array([row.predicted for row in rows]), _deviations(rows)
    values = np.array([np.nan if labels.get(row.structure) is None else labels[row.structure] for row in rows], dtype=float)
    known = ~np.isnan(values)
    opened = np.array([row.structure not in labels for row in rows])
    if known.sum() < FEWEST:
        return Prospects(opened.astype(float), predicted, deviations, None)
    calibration = Calibration(predicted[known], deviations[known], values[known], _groups(rows, known))
    corrected, errors = calibration.corrected(predicted), calibration.errors(predicted, deviations)
    limits = _limits(rows, values, known, lowest)
    # With fewer boundaries than are wanted, any structure of another one counts.
    lower = np.where(np.isinf(limits), 1.0, student.cdf((limits - corrected) / errors, calibration.freedom))
    return Prospects(np.where(opened, lower, 0.0), corrected, errors, calibration)


def _limits(rows: Sequence[ScreenRow], values: FloatArray, known: BoolArray, lowest: int) -> FloatArray:
    """Energy of each structure below which it changes the lowest boundaries [mJ/m^2], shape ``(n_rows,)``."""
    best: dict[Boundary, float] = {}
    for row, value, there in zip(rows, values, known, strict=True):
        if there:
            best[row.boundary] = min(float(value), best.get(row.boundary, np.inf))
    ranked = sorted(best.values())
    last = ranked[lowest - 1] if len(ranked) >= lowest else np.inf
    # A wanted boundary changes below its own best value, any other one below the highest of the wanted.
    own = (best.get(row.boundary, np.inf) for row in rows)
    return np.array([value if value <= last else last for value in own])


def _groups(rows: Sequence[ScreenRow], known: BoolArray) -> IntArray:
    """Number of the boundary of each computed structure; of the structure with fewer than ``FEWEST`` boundaries."""
    boundaries = [row.boundary for row, there in zip(rows, known, strict=True) if there]
    numbers = {boundary: number for number, boundary in enumerate(dict.fromkeys(boundaries))}
    if len(numbers) < FEWEST:
        return np.arange(len(boundaries))
    return np.array([numbers[boundary] for boundary in boundaries])


def _deviations(rows: Sequence[ScreenRow]) -> FloatArray:
    return np.array([row.deviation or 1.0 for row in rows])


def spread_sample(rows: Sequence[ScreenRow], count: int, rng: np.random.Generator) -> list[int]:
    """Places of structures that are spread over the predicted energies, one at random in each of equally many parts."""
    order = np.argsort([row.predicted for row in rows], kind="stable")
    parts = np.array_split(order, min(count, len(order)))
    return [int(rng.choice(part)) for part in parts if len(part)]


@dataclass(frozen=True)
class Verdict:
    """End of the computations of a screen.

    Attributes:
        lowest: Number of the lowest boundaries that are wanted.
        computed: Structures that were computed.
        failed: Structures whose computation failed.
        left: Structures that were not computed.
        expected: Those of them that are expected to change the lowest boundaries.
        asked: Probability that none does, at which the computations end.
    """

    lowest: int
    computed: int
    failed: int
    left: int
    expected: float
    asked: float

    @property
    def certain(self) -> bool:
        """Whether the rest are unlikely enough to change the lowest boundaries."""
        return self.expected <= 1.0 - self.asked

    def describe(self) -> str:
        """The stop sentence."""
        lost = f"; {self.failed} that failed are not judged" if self.failed else ""
        wanted = f"the {self.lowest} lowest boundaries" if self.lowest > 1 else "the lowest boundary"
        if not self.left:
            return f"All {self.computed} structures were computed; {wanted} are those listed{lost}"
        said = f"Of {self.left} structures that were not computed, {self.expected:.2g} are expected to change {wanted}"
        if self.certain:
            return f"{said}: with {100 * self.asked:g} % or more none does{lost}"
        return f"{said}, more than {1.0 - self.asked:.2g}: they are not certain{lost}"

    def to_json(self) -> JsonDict:
        """Plain numbers and the sentence."""
        keys = ("lowest", "computed", "failed", "left", "expected", "asked", "certain")
        return {key: getattr(self, key) for key in keys} | {"sentence": self.describe()}
