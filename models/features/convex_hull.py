"""Lower convex hull of energies over composition: what is stable against every mixture of other phases.

Ong et al., Chem. Mater. 20, 1798 (2008), doi:10.1021/cm702327g.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tansaku.models.domain.pool import FloatArray, IntArray

ON_HULL = 1e-7
"""Energy above the hull up to which a phase counts as stable [eV/atom]: what rounding leaves."""

_STEEP = 1e-9  # of the normal of a facet: others stand upright and bound nothing from below
_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class LowerHull:
    """The lower convex hull of some phases.

    Attributes:
        fractions: Atomic shares of the elements in each phase, shape ``(n, n_elements)``.
        formation: Energies of the phases above their elements [eV/atom], shape ``(n,)``.
        elements: Lowest energy of each element [eV/atom], shape ``(n_elements,)``.
        corners: Phases at the corners of each facet, shape ``(n_facets, n_elements)``.
        planes: Energy above the elements on each facet, as shares of the elements times these, shape
            ``(n_facets, n_elements)`` [eV/atom].
    """

    fractions: FloatArray
    formation: FloatArray
    elements: FloatArray
    corners: IntArray
    planes: FloatArray

    def at(self, fractions: FloatArray) -> FloatArray:
        """Energy of the best mixture above the elements [eV/atom], shape ``(n,)``.

        Args:
            fractions: Atomic shares of the elements, shape ``(n, n_elements)``.
        """
        found = np.empty(len(fractions))
        step = max(1, _AT_ONCE // len(self.planes))
        for begin in range(0, len(fractions), step):
            part = slice(begin, begin + step)
            # A convex surface is the highest of the planes that support it.
            found[part] = (fractions[part] @ self.planes.T).max(axis=1)
        return found

    @cached_property
    def above(self) -> FloatArray:
        """Energies of the phases above the hull [eV/atom], shape ``(n,)``; zero or more."""
        return np.maximum(self.formation - self.at(self.fractions), 0.0)

    def mixture(self, fraction: FloatArray) -> dict[int, float]:
        """The stable phases into which a composition decomposes, with their shares of its atoms.

        Args:
            fraction: Atomic shares of the elements, shape ``(n_elements,)``.
        """
        levels = self.planes @ fraction
        facets = np.flatnonzero(levels >= levels.max() - ON_HULL)
        shares = [np.linalg.lstsq(self.fractions[self.corners[facet]].T, fraction, rcond=None)[0] for facet in facets]
        best = max(range(len(facets)), key=lambda place: float(shares[place].min()))
        found = zip(self.corners[facets[best]].tolist(), shares[best].tolist(), strict=True)
        return {corner: share for corner, share in found if share > 1e-6}


def lower_hull(fractions: FloatArray, energies: FloatArray) -> LowerHull:
    """The lower convex hull of phases.

    Args:
        fractions: Atomic shares of the elements in each phase, shape ``(n, n_elements)``.
        energies: Of the phases [eV/atom], shape ``(n,)``.

    Raises:
        ValueError: An element has no phase of its own.
    """
    pure = [np.flatnonzero(fractions[:, element] == 1.0) for element in range(fractions.shape[1])]
    if any(not len(places) for places in pure):
        raise ValueError("an element has no phase of its own")
    lowest = np.array([places[np.argmin(energies[places])] for places in pure], dtype=np.intp)
    formation = energies - fractions @ energies[lowest]
    low = np.flatnonzero(formation < -ON_HULL)
    if not len(low) or len(lowest) == 1:
        return LowerHull(fractions, formation, energies[lowest], lowest[None, :], np.zeros((1, len(lowest))))
    corners, planes = _facets(fractions, formation, np.concatenate([lowest, low]))
    return LowerHull(fractions, formation, energies[lowest], corners, planes)


def _facets(fractions: FloatArray, formation: FloatArray, places: IntArray) -> tuple[IntArray, FloatArray]:
    """Corners and planes of the facets that bound phases from below; the first phases are the elements."""
    from scipy.spatial import ConvexHull

    scale = float(-formation[places].min())
    points = np.column_stack([fractions[places, 1:], formation[places] / scale])
    # A point above the elements' plane makes it a body; facets with it are not below.
    top = np.append(np.full(points.shape[1] - 1, 1.0 / points.shape[1]), 1.0)
    hull = ConvexHull(np.vstack([points, top]))
    normals, offsets = hull.equations[:, :-1], hull.equations[:, -1]
    below = (normals[:, -1] < -_STEEP) & (hull.simplices < len(places)).all(axis=1)
    corners = places[hull.simplices[below]].astype(np.intp)
    slopes = -normals[below, :-1] / normals[below, -1:]
    constant = (-offsets[below] / normals[below, -1])[:, None]
    # The shares sum to one, so that the constant is the first element's level and part of the others'.
    return corners, scale * np.hstack([constant, constant + slopes])
