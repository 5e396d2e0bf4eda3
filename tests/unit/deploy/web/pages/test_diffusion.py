"""The page of an ion's diffusion and its data by the API."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.records import CampaignRecord, Event, LeaseOwner, Outcome, Proposal
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.engine.percolation import bottleneck
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.configuration import spec_hash
from tansaku.tasks.steps.certificates import CERTIFICATE
from tansaku.tasks.stores.memory import MemoryCampaignStore
from tansaku.tasks.views import diffusion_readings
from tansaku.tasks.views.diffusion_readings import FRESH, DiffusionReadings

NAME = "h-in-al"
PAGE = f"/campaigns/{NAME}"
API = f"/api/v1{PAGE}/diffusion"
SPEC = {
    "schema_version": 1,
    "name": NAME,
    "space": {
        "type": "energy_surface",
        "host": {"structure": "fcc", "elements": ["Al"], "lattice_parameter": 4.05},
        "ion": "H",
        "grid": 0.3,
        "supercell": [2, 2, 2],
    },
    "calculator": {"type": "emt"},
    "objective": {"property": "energy", "unit": "meV", "goal": {"type": "bottleneck", "dimensions": 2}},
    "proposer": {"type": "gp", "initial_points": 5},
    "budget": {"evaluations": 100},
    "execution": {"polish": 0},
}


class Surface:
    """A campaign on a store, all energies of its surface, and how many of them the campaign has."""

    def __init__(self) -> None:
        spec = CampaignSpec.model_validate(SPEC)
        space, calculator = open_space(spec.space, Path()), open_calculator(spec.calculator, Path())
        self.pool = space.pool()
        self.energies = np.array([calculator.evaluate(space.structure(str(name))).energy for name in self.pool.ids])
        self.order = np.argsort(self.energies)
        self.store = MemoryCampaignStore()
        self.count = 0
        self.store.create_campaign(
            CampaignRecord(
                name=NAME,
                spec=spec.model_dump(mode="json"),
                spec_hash=spec_hash(spec),
                base_path="",
                tansaku_version="0.1.0",
                created_at=datetime.now(UTC),
            )
        )

    @property
    def barriers(self) -> tuple[float, float, float]:
        """Of all energies [eV]."""
        return bottleneck(self.energies, self.pool.grids[self.pool.systems[0]]).barriers

    def compute(self, count: int) -> None:
        """Stores the next lowest energies."""
        lease = self.store.acquire_lease(NAME, LeaseOwner(host="h", pid=1, process_started=0.0, user="u"), 60.0)
        for place in self.order[self.count : self.count + count]:
            self.count += 1
            proposal = Proposal(
                number=self.count,
                candidate=str(self.pool.ids[place]),
                system=self.pool.systems[0],
                surface=self.pool.surfaces[0],
                source="test",
                predicted_cost=1.0,
                model="gp",
            )
            found = self.store.insert_proposal(lease, proposal)
            self.store.begin_attempt(lease, found.id, 1, f"token-{self.count}", f"job-{self.count}")
            outcome = Outcome(value=1000.0 * float(self.energies[place]))
            self.store.accept_outcome(lease, found.id, f"token-{self.count}", outcome)
        self.store.release_lease(lease)

    def certify(self, estimate: float, tolerance: float) -> None:
        """Stores a certificate [meV]."""
        data = {
            "number": self.count + 1, "horizon": self.count, "searched": self.count, "confidence": 0.95,
            "tolerance": tolerance, "estimate": estimate, "unit": "meV",
        }  # fmt: skip
        event = Event(id=f"c{self.count}", campaign=NAME, kind=CERTIFICATE, at=datetime.now(UTC), data=data)
        self.store.append_event(event)


@pytest.fixture
def surface() -> Surface:
    """Nothing is computed yet."""
    return Surface()


def test_barriers_slices_path_posterior_and_rates(surface, make_site):
    surface.compute(len(surface.order) - 3)
    surface.certify(600.0, 50.0)
    browser = make_site(surface.store).logged_in(Role.VIEWER)
    answer = browser.get(API)
    assert answer.status_code == 200
    assert browser.get(API, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    found = answer.json()
    # All that is as low as the bottleneck is computed, so that nothing of the model is left in the barriers.
    assert [row["barrier"] for row in found["barriers"]] == pytest.approx(surface.barriers, abs=1e-6)
    assert all(row["computed"] for row in found["barriers"])
    assert (found["dimensions"], found["evaluations"]) == (2, surface.count)
    cuts = found["slices"]
    assert [cut["axis"] for cut in cuts] == ["a", "b", "c"]
    # The minimum or the bottleneck is in each slice, and energies are above the minimum.
    shown = [value for cut in cuts for row in cut["energy"] for value in row if value is not None]
    assert min(shown) >= 0.0
    assert any(abs(value - surface.barriers[1]) < 1e-6 for value in shown)
    assert max(found["path"]["energy"]) == pytest.approx(surface.barriers[1], abs=1e-6)
    assert all(found["path"]["computed"])
    assert found["posterior"] == {"evaluations": [surface.count], "barrier": [0.6], "tolerance": [0.05]}
    assert any(hop["limits"] for hop in found["hops"])
    assert sum(hop["count"] for hop in found["hops"]) > len(found["hops"])
    rates = found["diffusion"]
    assert rates["coefficient"] == sorted(rates["coefficient"])
    assert rates["energy"] == pytest.approx(surface.barriers[2], abs=0.2)

    page = browser.get(f"{PAGE}/diffusion").text
    assert f'data-diffusion="{API}"' in page
    assert f"{surface.barriers[1]:.6g}" in page
    assert "(looked for)" in page
    assert f'href="{PAGE}/diffusion"' in browser.get(PAGE).text


def test_what_cannot_be_shown_is_said(surface, make_site, recorded):
    browser = make_site(surface.store).logged_in(Role.VIEWER)
    assert browser.get(API).json()["problem"] == f"campaign '{NAME}' has no computed energy yet"
    assert "no computed energy yet" in browser.get(f"{PAGE}/diffusion").text
    assert browser.get("/api/v1/campaigns/none/diffusion").status_code == 404
    other = make_site(recorded("a1")).with_session(Role.VIEWER)
    answers = [other.get(path) for path in ("/api/v1/campaigns/small-table/diffusion", "/campaigns/small-table/diffusion")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert "does not search for the bottleneck" in answers[0].json()["detail"]
    assert "small-table/diffusion" not in other.get("/campaigns/small-table").text


def test_a_running_campaign_is_read_from_time_to_time(surface, monkeypatch):
    surface.compute(12)
    now = [100.0]
    readings = DiffusionReadings(surface.store, None, lambda _: f"v{surface.count}", lambda: now[0])
    first = readings.diffusion(NAME)
    assert (first.version, first.evaluations) == ("v12", 12)
    surface.compute(2)
    now[0] += 0.9 * FRESH
    assert readings.diffusion(NAME) is first
    now[0] += 0.2 * FRESH
    assert readings.diffusion(NAME).evaluations == 14
    now[0] += 2 * FRESH
    assert readings.diffusion(NAME) is readings.diffusion(NAME)
    monkeypatch.setattr(diffusion_readings, "LARGEST_GRID", 10)
    surface.compute(1)
    assert readings.diffusion(NAME).problem == "1000 points of the grid are too many for a page; `tansaku path` shows them"
    with pytest.raises(NotFoundError):
        readings.diffusion("none")
