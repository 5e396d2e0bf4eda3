"""The blocks of ``docs/guide/levels.md`` for barriers and boundaries, run in the examples that they belong to, but shorter."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tests.support.actors import ADA
from tests.support.copper_desk import opened_desk
from tests.support.pages import blocks_of

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = [yaml.safe_load(text) for language, text in blocks_of(ROOT / "docs/guide/levels.md") if language == "yaml"]


def block(calculator: str) -> dict:
    """The first block of levels for a campaign with a calculator."""
    return next(found for found in BLOCKS if "levels" in found and found.get("calculator", {}).get("type") == calculator)


def run(folder: Path, example: str, given: dict, cost: float, **sites: list[str]) -> list:
    """Evaluations of an example with a block of the guide, and a small budget.

    Args:
        sites: Ions on sites of its crystals, instead of all.
    """
    document = yaml.safe_load((ROOT / "examples" / f"{example}.yaml").read_text("utf-8"))
    document |= given | {"calculator": document["calculator"] | given["calculator"], "budget": {"cost": cost}}
    document["space"].get("sites", {}).update({site: {"ions": ions} for site, ions in sites.items()})
    document["execution"] = {"in_flight": 1, "polish": 0}
    del document["proposer"]
    (folder / f"{example}.yaml").write_text(yaml.safe_dump(document), "utf-8")
    desk = opened_desk(folder)
    prepare_campaign(desk.resources, ADA, load_campaign(folder / f"{example}.yaml"))
    assert desk.drive(example) in ("budget", "exhausted")
    return desk.store.evaluations(example)


def test_a_look_at_a_barrier_and_the_full_barrier(tmp_path, require):
    require("chgnet")
    given = block("chgnet")
    given["calculator"]["workflow"] = {"type": "migration_barrier", "dimensions": 1, "max_hop": 5.0, "hops": "needed"}
    look, full = run(tmp_path, "tavorite-li", given, 1.1, M=["In3+"], X=["As5+"], Z=["Cl-"])
    assert (look.proposal.level, full.proposal.level) == ("look", None)
    assert look.proposal.candidate == full.proposal.candidate == "Li-In3-As5-Cl"
    assert full.outcome.value == pytest.approx(look.outcome.value, abs=0.2)
    assert 0.2 < full.outcome.value < 0.6


def test_rough_relaxations_before_whole_ones(tmp_path, require):
    require("lammps")
    given = block("lammps") | {"budget": None}
    given["calculator"]["potential"] = "NiAlH_jea.eam.alloy"
    found = run(tmp_path, "al-110-tilt", given, 3000.0)
    values = {(item.proposal.candidate, item.proposal.level): item.outcome.value for item in found if item.outcome}
    both = [candidate for candidate, level in values if level == "rough" and (candidate, None) in values]
    assert len(both) >= 5
    assert all(values[candidate, "rough"] >= values[candidate, None] for candidate in both)
