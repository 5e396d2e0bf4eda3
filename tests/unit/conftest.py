"""A small campaign on a table, in files and in a memory store."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tansaku.models.domain.records import CampaignRecord, LeaseOwner, Proposal
from tansaku.tasks.configuration import load_campaign, spec_hash
from tansaku.tasks.stores.memory import MemoryCampaignStore

CANDIDATES = """\
id,system,surface,value,cost,x
a1,alpha,alpha/0,5.0,2.0,0.0
a2,alpha,alpha/0,3.0,2.0,0.5
a3,alpha,alpha/1,,4.0,1.0
b1,<b>beta</b>,beta/0,9.0,1.0,0.0
b2,<b>beta</b>,beta/0,7.0,1.0,0.5
"""

CAMPAIGN = """\
schema_version: 1
name: small-table
space:
  type: table
  candidates: candidates.csv
  columns: {id: id, system: system, surface: surface, value: value, cost: cost}
  features:
    translation: {columns: [x]}
objective: {direction: minimize, unit: mJ/m2}
proposer: {type: grid}
budget: {cost: 8}
"""


@pytest.fixture
def table_file(tmp_path: Path) -> Path:
    """Campaign file on a table of two systems and five candidates, one of them failed."""
    (tmp_path / "candidates.csv").write_text(CANDIDATES, encoding="utf-8")
    path = tmp_path / "small-table.yaml"
    path.write_text(textwrap.dedent(CAMPAIGN), encoding="utf-8")
    return path


@pytest.fixture
def recorded(table_file: Path) -> Callable[..., MemoryCampaignStore]:
    """Builds a store in which the named candidates of the table were proposed and evaluated, in that order."""

    def build(*candidates: str, polish: tuple[str, ...] = ()) -> MemoryCampaignStore:
        from tansaku.spaces.registry import open_space

        loaded = load_campaign(table_file)
        space = open_space(loaded.spec.space, loaded.base_path)
        pool = space.pool()
        store = MemoryCampaignStore()
        store.create_campaign(
            CampaignRecord(
                name=loaded.spec.name,
                spec=loaded.spec.model_dump(mode="json"),
                spec_hash=spec_hash(loaded.spec),
                base_path=str(loaded.base_path),
                tansaku_version="0.1.0",
                created_at=datetime.now(UTC),
            )
        )
        owner = LeaseOwner(host="here", pid=1, process_started=0.0, user="me")
        lease = store.acquire_lease(loaded.spec.name, owner, 60.0)
        for number, candidate in enumerate((*candidates, *polish), start=1):
            position = int(pool.positions([candidate])[0])
            again = number > len(candidates)
            proposal = Proposal(
                number=number,
                candidate=candidate,
                system=pool.systems[pool.system_codes[position]],
                surface=pool.surfaces[pool.surface_codes[position]],
                source="polish" if again else "table",
                predicted_cost=float(pool.cost[position]),
                purpose="polish" if again else "search",
                model="test",
            )
            evaluation = store.insert_proposal(lease, proposal)
            store.begin_attempt(lease, evaluation.id, 1, f"token-{number}", f"job-{number}")
            store.accept_outcome(lease, evaluation.id, f"token-{number}", space.recorded(candidate))
        store.release_lease(lease)
        return store

    return build
