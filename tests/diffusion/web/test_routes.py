"""The page of an ion's diffusion and its data by the API."""

from __future__ import annotations

import pytest

from tansaku.diffusion.tasks import readings as diffusion_readings
from tansaku.diffusion.tasks.readings import FRESH, DiffusionReadings
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.wording import significant
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tests.support.known_surface import NAME, KnownSurface

PAGE = f"/campaigns/{NAME}"
API = f"/api/v1{PAGE}/diffusion"


@pytest.fixture
def surface() -> KnownSurface:
    """Nothing is computed yet."""
    return KnownSurface(MemoryCampaignStore())


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
    assert (found["dimensions"], found["evaluations"], found["connectivity"]) == (2, surface.count, 26)
    assert all(row["grid_error"] > 2.0 * abs(row["grid_shift"]) for row in found["barriers"])
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
    assert rates["dimensions"] == 3
    assert [sum(axes) for axes in rates["along"]] == pytest.approx([3.0 * mean for mean in rates["coefficient"]])

    head = browser.get(PAGE).text
    assert '<span class="label">Barrier of the path</span><span class="large">600 meV</span>' in head
    assert "Lowest energy so far" in head
    assert "Best so far" not in head
    page = browser.get(f"{PAGE}/diffusion").text
    assert f'data-diffusion="{API}"' in page
    assert significant(surface.barriers[1], digits=4) in page
    assert "(looked for)" in page
    assert "Over the grid, 26 neighbours of a point" in page
    assert f">{significant(found['barriers'][1]['grid_error'], digits=2)}</data></td>" in page
    assert "The mean is over all directions in space; the ion moves in 3 dimensions" in page
    assert significant(rates["along"][0][0], digits=3) in page
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
