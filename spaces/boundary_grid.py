"""Grids of rigid-body translations and the labels they have in candidate ids."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tansaku.calculators.structures.stacking import PlaneStack
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.grain_boundary import TRANSLATION_LABEL, AxisValues, PeriodSpec, RangeSpec, TranslationSpec

MAX_VALUES = 100_000

_LABEL = re.compile(TRANSLATION_LABEL)


@dataclass(frozen=True)
class TranslationGrid:
    """A product grid of translations [Å], each direction ascending.

    Attributes:
        in_plane: In the plane, perpendicular to the tilt axis.
        along_axis: Along the tilt axis.
        normal: Opening of the boundary.
    """

    in_plane: tuple[float, ...]
    along_axis: tuple[float, ...]
    normal: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of values in each direction."""
        return len(self.in_plane), len(self.along_axis), len(self.normal)

    @property
    def rows(self) -> FloatArray:
        """All translations, the opening running fastest, shape ``(n, 3)``."""
        x, y, z = np.meshgrid(self.in_plane, self.along_axis, self.normal, indexing="ij")
        return np.column_stack((x.ravel(), y.ravel(), z.ravel()))

    @property
    def shifts(self) -> FloatArray:
        """In-plane parts alone, in the order of :attr:`rows`, shape ``(n_x * n_y, 2)``."""
        x, y = np.meshgrid(self.in_plane, self.along_axis, indexing="ij")
        return np.column_stack((x.ravel(), y.ravel()))

    @property
    def labels(self) -> list[str]:
        """Ends of the candidate ids, in the order of :attr:`rows`."""
        x, y, z = self._axis_labels
        return [f"x{a}-y{b}-z{c}" for a in x for b in y for c in z]

    def row(self, label: str) -> int | None:
        """Index of a label in :attr:`labels`; None if it is not a label."""
        match = _LABEL.fullmatch(label)
        if match is None:
            return None
        places = [axis.get(part) for axis, part in zip(self._axis_labels, match.groups(), strict=True)]
        x, y, z = places
        if x is None or y is None or z is None:
            return None
        return (x * len(self.along_axis) + y) * len(self.normal) + z

    def translation(self, row: int) -> tuple[float, float, float]:
        """One of :attr:`rows`."""
        shift, z = divmod(row, len(self.normal))
        x, y = divmod(shift, len(self.along_axis))
        return self.in_plane[x], self.along_axis[y], self.normal[z]

    @cached_property
    def _axis_labels(self) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
        """Index of each label along each direction."""
        x, y, z = (
            {picometres(value): place for place, value in enumerate(values)}
            for values in (self.in_plane, self.along_axis, self.normal)
        )
        return x, y, z


def picometres(value: float) -> str:
    """A length in whole picometres: ``060`` for 0.6 Å, ``m020`` for -0.2 Å."""
    whole = round(value * 100.0)
    return f"{'m' if whole < 0 else ''}{abs(whole):03d}"


def grid_counts(spec: TranslationSpec, stack: PlaneStack) -> tuple[int, int]:
    """Numbers of in-plane translations and openings in the grid of a boundary, without listing them.

    Raises:
        ConfigurationError: There are too many along one direction.
    """
    width, depth = stack.irreducible_lengths
    across, along = stack.grid_divisors(general=spec.positions == "general")
    in_plane = _number("space.translation.in_plane", spec.in_plane, width, across)
    along_axis = _number("space.translation.along_axis", spec.along_axis, depth, along)
    return in_plane * along_axis, _number("space.translation.normal", spec.normal, 0.0, 1)


def translation_grid(spec: TranslationSpec, stack: PlaneStack) -> TranslationGrid:
    """The grid of a boundary.

    A period is divided so that no step is longer than requested, and so that the grid contains, with each point, its images
    under the symmetry of the boundary. General positions are half a step away from a grid that has all special ones.

    Raises:
        ConfigurationError: Values are not distinct, two of them share a label, or there are too many.
    """
    width, depth = stack.irreducible_lengths
    general = spec.positions == "general"
    across, along = stack.grid_divisors(general=general)
    begin = 0.5 if general else 0.0
    return TranslationGrid(
        in_plane=_values("space.translation.in_plane", spec.in_plane, width, across, begin),
        along_axis=_values("space.translation.along_axis", spec.along_axis, depth, along, begin),
        normal=_values("space.translation.normal", spec.normal, 0.0, 1),
    )


def _number(key: str, spec: AxisValues, period: float, divisor: int) -> int:
    """Number of values in a direction."""
    if isinstance(spec, PeriodSpec):
        return divisor * math.ceil(_count(key, period / spec.step) / divisor)
    if isinstance(spec, RangeSpec):
        if spec.stop < spec.start:
            raise ConfigurationError(f"{key}: stop {spec.stop:g} is below start {spec.start:g}")
        steps = (spec.stop - spec.start) / spec.step + 1e-9
        return _count(key, float(math.floor(steps)) if math.isfinite(steps) else steps) + 1
    return len(spec)


def _values(key: str, spec: AxisValues, period: float, divisor: int, begin: float = 0.0) -> tuple[float, ...]:
    """Values along one direction; those of a period begin at a fraction of a step."""
    if isinstance(spec, PeriodSpec):
        steps = _number(key, spec, period, divisor)
        values = [period * (i + begin) / steps for i in range(steps)]
    elif isinstance(spec, RangeSpec):
        # Rounded, so that 3 * 0.1 is 0.3 and the features say what the file says.
        values = [round(spec.start + i * spec.step, 10) for i in range(_number(key, spec, period, divisor))]
    else:
        values = sorted(spec)
    if not values:
        raise ConfigurationError(f"{key}: no value given; expected at least one")
    labels = [picometres(value) for value in values]
    for i in range(1, len(values)):
        if labels[i] == labels[i - 1]:
            raise ConfigurationError(
                f"{key}: {values[i - 1]:g} and {values[i]:g} Å are too close for candidate ids; expected 0.01 Å or more"
            )
    return tuple(values)


def _count(key: str, value: float) -> int:
    if value > MAX_VALUES:
        raise ConfigurationError(f"{key}: {value:.3g} values requested; expected at most {MAX_VALUES}")
    return math.ceil(value - 1e-9)
