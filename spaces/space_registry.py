"""Opens spaces, and asks them for candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from tansaku.models.domain.door import opened
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import RefinedSpace, Space
from tansaku.models.domain.specs.limits import LimitsSpec
from tansaku.models.domain.specs.space import SpaceSpec


@runtime_checkable
class OutlinedSpace(Space, Protocol):
    """A space whose candidates can be listed without their features, which is much faster."""

    def outline(self) -> CandidatePool:
        """All candidates, without feature groups."""
        ...


def open_space(spec: SpaceSpec, base_path: Path, limits: LimitsSpec | None = None) -> Space:
    """Opens a space; only the code of its own type is imported.

    Args:
        spec: The ``space`` part of a campaign file.
        base_path: Folder in which relative paths start.
        limits: What the spec may ask for; None: a stored campaign's, which was judged when the campaign was created, so that
            a job finds its space on every machine.

    Raises:
        ConfigurationError: The spec names what does not exist or does not fit, or asks for more than the limits.
    """
    return cast("Space", opened("spaces", spec.type, spec.opener)(spec, base_path, limits))


def pool_with(space: Space, candidates: Sequence[str]) -> CandidatePool:
    """The pool of a space with the candidates that a campaign has proposed, which a space may have added to it.

    Args:
        candidates: Ids.

    Raises:
        NotFoundError: An id means nothing to a space that adds candidates.
    """
    return space.refined(list(dict.fromkeys(candidates)), []) if isinstance(space, RefinedSpace) else space.pool()


def outline_with(space: Space, candidates: Sequence[str]) -> CandidatePool:
    """Does the same as :func:`pool_with` without feature groups, for overviews."""
    if isinstance(space, OutlinedSpace) and not isinstance(space, RefinedSpace):
        return space.outline()
    return replace(pool_with(space, candidates), groups={})
