"""The shipped table on which campaigns are replayed, parts of it, and the rules of a replayed round."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np

from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray, IntArray
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.engine.gp import GPProposer
from tansaku.tasks.act.replay.records import ReplayTask
from tansaku.tasks.act.replay.run import open_table
from tansaku.tasks.loop.ledger.rounds import RoundRules
from tansaku.tasks.node.configuration.campaign_files import load_campaign

CAMPAIGN = Path(__file__).parents[1] / "boundaries" / "al-110-grid-table.yaml"
"""The table, as a campaign file."""


@cache
def whole(path: Path = CAMPAIGN) -> tuple[CandidatePool, FloatArray]:
    """A table's pool and values, read once in a process.

    Args:
        path: Campaign file on a table.
    """
    campaign = load_campaign(path)
    space = open_table(ReplayTask(spec=campaign.spec, base_path=str(campaign.base_path), method="default", seed=0))
    return space.pool(), space.values()


def pairs(path: Path = CAMPAIGN) -> list[tuple[int, int]]:
    """All pairs of a table's systems."""
    return list(combinations(range(len(whole(path)[0].systems)), 2))


def restricted(pool: CandidatePool, systems: Sequence[int]) -> tuple[CandidatePool, IntArray]:
    """The part of a pool that holds some systems, and the positions it was taken from."""
    kept = np.flatnonzero(np.isin(pool.system_codes, systems))
    surfaces = np.unique(pool.surface_codes[kept])
    part = CandidatePool(
        ids=pool.ids[kept],
        systems=tuple(pool.systems[code] for code in systems),
        system_codes=np.searchsorted(systems, pool.system_codes[kept]),
        surfaces=tuple(pool.surfaces[code] for code in surfaces),
        surface_codes=np.searchsorted(surfaces, pool.surface_codes[kept]),
        groups={
            name: FeatureGroup.compact(name, group.values, group.index[kept], group.columns)
            for name, group in pool.groups.items()
        },
        cost=pool.cost[kept],
    )
    return part, kept


def rules(pool: CandidatePool, proposer: GPProposer, seed: int, evaluations: int) -> RoundRules:
    """Rules of a campaign that looks for minima until its evaluations are spent, one at a time.

    Args:
        pool: What it searches.
        proposer: Gives the number of initial candidates.
        seed: The campaign's.
        evaluations: Budget.
    """
    return RoundRules(
        seed=seed,
        source="table",
        direction="minimize",
        budget=BudgetSpec(evaluations=evaluations),
        limit=None,
        initial_count=proposer.initial_count(pool),
    )
