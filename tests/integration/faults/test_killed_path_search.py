"""A search for the bottleneck of an energy surface, killed around its writes: the next driver proposes the same points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tansaku.calculators.structures.extended_xyz import write_extended_xyz
from tansaku.models.domain.specs.energy_surface import EnergySurfaceSpaceSpec
from tansaku.spaces.energy_surface import EnergySurfaceSpace
from tests.support.campaign_files import hydrogen_campaign

EVALUATIONS = 9
STOP = {"within": "1 meV", "probability": 0.95, "every": 3}


@pytest.fixture(scope="module")
def told() -> dict[str, object]:
    """What an undisturbed campaign gives, once it is known."""
    return {}


def made(make_campaign):
    document = hydrogen_campaign(dimensions=3, evaluations=EVALUATIONS)
    return make_campaign(**document | {"budget": {"evaluations": EVALUATIONS, "stop": STOP}})


def outcome(campaign):
    """Proposals and results, and the certificates of the barrier, which are drawn from the model."""
    certificates = [event.data for event in campaign.store.events(campaign.name) if event.kind == "certificate"]
    return campaign.facts(), campaign.observed(), certificates


@pytest.mark.parametrize(
    ("method", "call", "when"),
    [
        ("CampaignStore.insert_refit", 1, "before"),
        pytest.param("CampaignStore.insert_proposal", 7, "after", marks=pytest.mark.slow),
    ],
)
def test_a_killed_search_of_a_surface_goes_on_as_if_nothing_had_happened(make_campaign, told, method, call, when):
    if not told:
        plain = made(make_campaign)
        assert plain.drive()["reason"] == "evaluations"
        told["outcome"] = outcome(plain)
        assert len(told["outcome"][2]) >= 1
    campaign = made(make_campaign)
    assert campaign.drive(kill={"method": method, "call": call, "when": when}) == {"signal": 9}
    assert campaign.drive()["reason"] == "evaluations"
    assert outcome(campaign) == told["outcome"]


def along_a_path(make_campaign):
    """Four evaluations, in each of which the ion relaxes across a straight path; energies in the plane, not on the grid."""
    document = hydrogen_campaign(dimensions=1, evaluations=4)
    space = EnergySurfaceSpace(EnergySurfaceSpaceSpec.model_validate(document["space"]), Path())
    count = space.describe_systems()[0]["grid"][0]
    document["space"]["along"] = {"file": "path.extxyz"}
    document["calculator"] = {"type": "emt", "relaxation": {"fmax": 0.05}}
    document["proposer"] = {"type": "gp", "initial": "roomy", "initial_points": 2}
    campaign = make_campaign(**document)
    ways = [space.structure_at(np.array([step / count, 0.5, 3 / count])) for step in range(count + 1)]
    write_extended_xyz(campaign.folder / "path.extxyz", ways)
    return campaign


def test_a_killed_search_along_a_path_goes_on_as_if_nothing_had_happened(make_campaign):
    plain, campaign = along_a_path(make_campaign), along_a_path(make_campaign)
    assert plain.drive()["reason"] == "evaluations"
    assert campaign.drive(kill={"method": "CampaignStore.accept_outcome", "call": 3, "when": "before"}) == {"signal": 9}
    assert campaign.drive()["reason"] == "evaluations"
    assert outcome(campaign) == outcome(plain)
    moved = [found.outcome.properties["calculation"]["ion_moved"] for found in plain.store.evaluations(plain.name)]
    assert max(moved) > 0.01
