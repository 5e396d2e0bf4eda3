"""Boundaries of compounds that a spec selects: by plane, all symmetric tilts up to a Σ, or in any plane, also of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tansaku.calculators.structures.coincidence import TiltBoundary, boundaries_up_to, plane_name, tilt_axis
from tansaku.calculators.structures.compound_crystal import CompoundCrystal
from tansaku.calculators.structures.grain_orientation import ORIENTATIONS
from tansaku.calculators.structures.grain_pair import (
    CrystalBoundary,
    PlanePair,
    crystal_boundary,
    general_pair,
    symmetric_pair,
)
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.compound_boundary import (
    CompoundBoundarySpaceSpec,
    CompoundSelectionSpec,
    Plane,
    check_crystal_indices,
)
from tansaku.models.domain.specs.grain_boundary import GeneralBoundarySpec
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit

_KEY = "space.boundaries"
_CUBE = 24
"""Rotations of a cube."""


@dataclass(frozen=True, eq=False)
class Meeting:
    """Two planes that meet: a boundary without its terminations.

    Attributes:
        name: Name in ids, ``111`` of a symmetric boundary.
        key: Of the spec, for messages.
        pair: Planes of the crystal as its file has it.
        plane: Miller indices of the lower grain's plane.
        general: None: the boundary is symmetric.
        sigma: None where the grains have no coincidence lattice, or the file's cell is no cube.
        tilt: Axis and angle of a symmetric one that a largest Σ selects; None: it was given otherwise.
    """

    name: str
    key: str
    pair: PlanePair
    plane: Plane
    general: CrystalBoundary | None
    sigma: int | None
    tilt: TiltBoundary | None = None

    @property
    def selected(self) -> bool:
        """Whether ``space.boundaries`` gives it."""
        return self.general is not None or self.tilt is not None

    @property
    def planes(self) -> tuple[Sequence[int], Sequence[int]]:
        """Miller indices of both planes."""
        return (self.plane, self.plane) if self.general is None else (self.general.planes[0], self.general.planes[1])

    @property
    def description(self) -> JsonDict:
        """Name, upper plane, kind and angle [degrees] of a general boundary, and the misfit of its grains."""
        given = self.general
        tilt: JsonDict = {} if self.tilt is None else {"axis": list(self.tilt.axis), "angle": self.tilt.angle}
        return {
            "boundary": None if given is None else self.name,
            "upper_plane": list(self.planes[1]),
            "kind": None if given is None else given.kind,
            "angle": None if given is None else given.angle,
            "misfit": self.pair.misfit,
            **tilt,
        }

    @property
    def metadata(self) -> JsonDict:
        """For a structure: Σ, axis and angle where they are known; of a general boundary also how the grains lie."""
        found: JsonDict = {} if self.sigma is None else {"sigma": self.sigma}
        if self.tilt is not None:
            found |= {"axis": " ".join(map(str, self.tilt.axis)), "angle": self.tilt.angle}
        if self.general is not None:
            frames = np.array([self.pair.lower.frame, self.pair.upper.frame])
            upper = " ".join(map(str, self.general.planes[1]))
            found |= {"upper_plane": upper, "misfit": self.pair.misfit, ORIENTATIONS: frames.ravel().tolist()}
        return found


@dataclass(frozen=True)
class Selection:
    """Boundaries of a space before their cells are looked at.

    Attributes:
        meetings: By name, the symmetric ones first.
        left_out: Those that cannot be built, by name or row, with the reason.
        leaves_out: Whether further ones whose cells do not fit are left out; else they are refused.
    """

    meetings: Mapping[str, Meeting]
    left_out: Mapping[str, str]
    leaves_out: bool


def selection(
    spec: CompoundBoundarySpaceSpec, crystal: CompoundCrystal, base_path: Path, limits: LimitsSpec | None
) -> Selection:
    """The boundaries of a spec.

    Args:
        base_path: Folder in which the path of a table starts.
        limits: Limits for the spec; None: it was checked before.

    Raises:
        ConfigurationError: A table is wrong, or a boundary cannot be built and is not to be left out.
    """
    found = {meeting.name: meeting for meeting in _of_planes(spec, crystal, limits)}
    given, left_out = spec.boundaries, dict[str, str]()
    if given is None:
        return Selection(found, left_out, leaves_out=False)
    found |= {meeting.name: meeting for meeting in _up_to_sigma(spec, given, crystal, limits)}
    leaves_out = given.unfit == "left_out"
    for key, item in _items(given, crystal, base_path, limits):
        try:
            meeting = _in_any_plane(crystal, item, key, limits)
            if meeting.name in found:
                raise ConfigurationError(f"{key}: the boundary {meeting.name} is listed already")
        except ConfigurationError as error:
            if not leaves_out:
                raise
            named = error.message if error.message.startswith(key) else f"{key}: {error.message}"
            left_out[key.removeprefix(f"{_KEY}.")] = named
            continue
        found[meeting.name] = meeting
    return Selection(found, left_out, leaves_out)


def _of_planes(spec: CompoundBoundarySpaceSpec, crystal: CompoundCrystal, limits: LimitsSpec | None) -> Iterator[Meeting]:
    """Symmetric boundaries of the planes that a spec lists."""
    for plane in spec.planes:
        key = f"space.planes: {list(plane)}"
        # Campaigns that were stored before this check continue with their perfect crystals.
        if limits is not None and crystal.half_turn_is_symmetry(plane):
            raise ConfigurationError(
                f"{key}: half a turn about its normal leaves the crystal as it is, and there is no boundary; expected another "
                "plane"
            )
        pair = symmetric_pair(crystal.planes(plane))
        yield Meeting(plane_name(plane), key, pair, plane, None, crystal.sigma(plane))


def _up_to_sigma(
    spec: CompoundBoundarySpaceSpec, given: CompoundSelectionSpec, crystal: CompoundCrystal, limits: LimitsSpec | None
) -> Iterator[Meeting]:
    """All symmetric tilts of some axes up to a Σ, each plane once, by the coincidence lattices of a cube."""
    if given.max_sigma is None:
        return
    check_limit(limits, "sigma", given.max_sigma, f"{_KEY}.max_sigma")
    if not crystal.cubic or len(crystal.rotations) != _CUBE:
        raise ConfigurationError(
            f"{_KEY}.max_sigma: {given.max_sigma}; Σ of symmetric tilts is that of a crystal with all rotations of a cube, "
            f"which is the cell of its file, and {spec.crystal} is none: expected planes, general or list"
        )
    low, high = given.angles or (0.0, 180.0)
    seen = {crystal.equal_planes(plane) for plane in spec.planes}
    for i, indices in enumerate(given.axes or ()):
        key = f"{_KEY}.axes[{i}]"
        check_limit(limits, "index", max(map(abs, indices)), f"{key}: {list(indices)}: largest index")
        for tilt in boundaries_up_to(tilt_axis(indices, key), given.max_sigma):
            same = crystal.equal_planes(tilt.plane)
            if same in seen or not low - 1e-9 <= tilt.angle <= high + 1e-9:
                continue
            seen.add(same)
            pair = symmetric_pair(crystal.planes(tilt.plane))
            yield Meeting(plane_name(tilt.plane), f"{_KEY}: {list(tilt.plane)}", pair, tilt.plane, None, tilt.sigma, tilt)


def _items(
    given: CompoundSelectionSpec, crystal: CompoundCrystal, base_path: Path, limits: LimitsSpec | None
) -> Iterator[tuple[str, GeneralBoundarySpec]]:
    """Boundaries in any plane, each with what messages call it."""
    if given.list is None:
        yield from ((f"{_KEY}.general[{i}]", item) for i, item in enumerate(given.general or ()))
        return
    from tansaku.spaces.boundary_list import LIST_KEY, RowIndices, listed

    rows = listed(base_path / given.list, given.sha256, RowIndices("the file", axial=not crystal.cubic), limits)
    for number, item in enumerate(rows, 1):
        key = f"{LIST_KEY}: row {number}"
        try:
            check_crystal_indices(item, key)
        except ValueError as error:
            raise ConfigurationError(str(error)) from error
        yield key, item


def _in_any_plane(crystal: CompoundCrystal, item: GeneralBoundarySpec, key: str, limits: LimitsSpec | None) -> Meeting:
    check_limit(limits, "sigma", item.sigma or 0, f"{key}: sigma")
    for _, vector in item.vectors:
        check_limit(limits, "index", max(map(abs, vector)), f"{key}: {list(vector)}: largest index")
    boundary = crystal_boundary(crystal, item, key)
    first, second, third = boundary.plane
    return Meeting(boundary.name, key, general_pair(boundary), (first, second, third), boundary, boundary.sigma)


def check_planes(crystal: CompoundCrystal, planes: Sequence[Plane]) -> None:
    """Raises ConfigurationError if symmetry makes two planes equal: all their boundaries would be computed twice."""
    found: dict[frozenset[Plane], Plane] = {}
    for plane in planes:
        first = found.setdefault(crystal.equal_planes(plane), plane)
        if first is not plane:
            raise ConfigurationError(
                f"space.planes: {list(plane)} is the same plane as {list(first)} by the crystal's symmetry; expected one"
            )
