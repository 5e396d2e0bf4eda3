"""The candidates of a campaign, at each of its levels."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.levels import with_levels
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.ports import RefinedSpace, Space
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.levels import WANTED, LevelSpec
from tansaku.spaces.space_registry import open_space


def searched_pool(spec: CampaignSpec, space: Space, base_path: Path, pool: CandidatePool | None = None) -> CandidatePool:
    """The pool that a campaign searches: its candidates, or candidates at levels where it has several.

    Args:
        spec: The campaign.
        space: Its space.
        base_path: Folder in which relative paths start.
        pool: The candidates; None: all that the space lists.

    Raises:
        ConfigurationError: A level does not fit the space.
    """
    pool = space.pool() if pool is None else pool
    if not spec.levels:
        return pool
    if isinstance(space, RefinedSpace):
        raise ConfigurationError("levels: this space finds candidates while it is searched; expected one that lists them all")
    costs = [_cost(i, level, spec, pool, base_path) for i, level in enumerate(spec.levels)]
    totals = [float(cost.sum()) for cost in (*costs, pool.cost)]
    for i, (cost, after) in enumerate(pairwise(totals)):
        if cost > after:
            name = WANTED if i + 1 == len(costs) else spec.levels[i + 1].name
            raise ConfigurationError(
                f"levels[{i}].cost: {cost:.4g} for all candidates, more than {after:.4g} of {name}; expected the cheapest first"
            )
    spares = [level.spares if level.resumes else 0.0 for level in spec.levels]
    return with_levels(pool, [level.name for level in spec.levels], costs, [level.relation for level in spec.levels], spares)


def _cost(i: int, level: LevelSpec, spec: CampaignSpec, pool: CandidatePool, base_path: Path) -> FloatArray:
    """Cost of a look at each candidate [the spec's cost unit], shape ``(n_candidates,)``."""
    if level.column is not None and spec.space.at_level(level.column) == spec.space:
        raise ConfigurationError(f"levels[{i}].column: {level.column!r} has the wanted values; expected another column")
    for name, group in pool.groups.items():
        if level.column is not None and level.column in group.columns:
            raise ConfigurationError(
                f"levels[{i}].column: {level.column!r} is also in space.features.{name}; expected a column that is no feature"
            )
    share = None if isinstance(level.cost, str) else level.cost
    if level.column is None:
        return np.asarray((share or 1.0) * pool.cost)
    column = level.cost if isinstance(level.cost, str) else None
    try:
        found = open_space(spec.space.at_level(level.column, column), base_path).pool().cost
        return found if share is None else np.asarray(share * pool.cost)
    except ConfigurationError as error:
        message = error.message.replace("space.columns.cost", f"levels[{i}].cost")
        message = message.replace("space.columns.value", f"levels[{i}].column")
        raise ConfigurationError(message, hint=error.hint) from error
