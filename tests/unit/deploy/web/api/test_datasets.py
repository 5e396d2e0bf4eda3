"""Data sets by the API: in pages, the oldest first, without their files."""

from datetime import UTC, datetime, timedelta

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.model_registry import DatasetRecord

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_data_sets_are_listed_in_pages(site):
    for number in range(3):
        record = DatasetRecord(
            sha256=f"{number}" * 64,
            name="copper",
            artifact="a" * 64,
            spec={},
            groups={"g": "training"},
            structures=number,
            atoms=4,
            properties=("energy",),
            sources={},
            created_at=NOON + timedelta(hours=number),
        )
        site.services.registry.add_dataset(record)
    browser = site.logged_in(Role.VIEWER)
    first = browser.get("/api/v1/datasets?limit=2").json()
    assert [item["structures"] for item in first["items"]] == [0, 1]
    assert "artifact" not in first["items"][0]
    rest = browser.get("/api/v1/datasets", params={"limit": 2, "after": first["next"]}).json()
    assert [item["structures"] for item in rest["items"]] == [2]
    assert (rest["next"], rest["unreadable"]) == (None, [])
    assert browser.get("/api/v1/datasets?after=gone").json()["key"] == "after"
    assert site.browser().get("/api/v1/datasets").status_code == 401
