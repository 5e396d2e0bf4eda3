"""Limits of time: hours of driving, core-hours, a deadline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.history import TimeSpent, out_of_time
from tansaku.models.domain.records import LeaseOwner, Outcome
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import CampaignState
from tansaku.tasks.backends.stores.campaigns import driven_until
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.ground.formats.validation import validate_data
from tansaku.tasks.node.configuration.campaign_files import apply_edits, diff_specs, spec_hash
from tansaku.tasks.read.views.status import campaign_status
from tests.support.records import campaign_record
from tests.unit.tasks.loop.driver.loop.conftest import campaign_spec

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PAST, FUTURE = "2020-01-01T00:00:00Z", "2999-12-31T23:59:59+09:00"


def timed(candidate: str) -> Outcome:
    """Half an hour on two cores."""
    return Outcome(value=float(len(candidate)), wall_time=1800.0, cores=2)


def proposed(bench) -> int:
    return len(bench.sequence())


def test_core_hours_end_the_search_and_evaluations_in_progress_are_finished(open_bench):
    bench = open_bench(budget={"evaluations": 20, "core_hours": 5.0}, outcome=timed)
    assert bench.drive().reason == "core_hours"
    assert 5 <= proposed(bench) <= 7  # three at once
    status = campaign_status(bench.store, "small")
    assert (status.state, status.stop_reason.value, status.active) == (CampaignState.FINISHED, "core_hours", 0)
    assert status.core_hours == proposed(bench)
    assert f"computing time {proposed(bench)} core-hours of 5 core-hours (" in status.describe()
    before = bench.sequence()
    assert bench.drive().reason == "core_hours"
    assert bench.sequence() == before
    bench.command("edit", **{"budget.core_hours": None})
    assert bench.drive().reason == "evaluations"
    assert bench.sequence()[: len(before)] == before


def test_failures_count_as_core_hours(open_bench):
    failed = {"kind": "science", "reason": "overlap", "message": "two atoms in one place"}
    bad = Outcome.model_validate({"failure": failed, "wall_time": 3600.0})
    bench = open_bench(
        budget={"evaluations": 18, "core_hours": 4.0}, outcome=lambda candidate: bad, proposer={"type": "random"}
    )
    assert bench.drive().reason == "core_hours"


def test_a_deadline_ends_it_and_another_one_reopens_it(open_bench):
    bench = open_bench(budget={"evaluations": 6, "deadline": PAST})
    assert bench.drive().reason == "deadline"
    assert proposed(bench) == 0
    status = campaign_status(bench.store, "small")
    assert (status.state, status.stop_reason.value) == (CampaignState.FINISHED, "deadline")
    assert "deadline 2020-01-01 00:00 UTC (it has passed)" in status.describe()
    bench.command("edit", **{"budget.deadline": FUTURE})
    assert bench.drive().reason == "evaluations"
    assert "deadline 2999-12-31 23:59 +09:00 (" in campaign_status(bench.store, "small").describe()


def test_hours_of_driving_end_it_and_more_reopen_it(open_bench):
    bench = open_bench(budget={"evaluations": 20, "hours": 1e-7})  # 0.36 ms
    assert bench.drive().reason == "hours"
    few = proposed(bench)
    assert few < 20
    record = bench.record()
    assert record.driven > 0.36e-3
    assert bench.drive().reason == "hours"
    assert proposed(bench) == few
    assert bench.record().driven > record.driven
    assert campaign_status(bench.store, "small").stop_reason.value == "hours"
    bench.command("edit", **{"budget.hours": 100})
    assert bench.drive().reason == "evaluations"


@pytest.mark.parametrize(("left", "reason"), [("hours", "deadline"), ("deadline", "hours"), ("both", "core_hours")])
def test_of_several_limits_the_reached_ones_count_in_a_fixed_order(left, reason):
    budget = BudgetSpec(hours=1.0, core_hours=1.0, deadline=PAST)
    removed = {"hours": {"hours": None}, "deadline": {"deadline": None}, "both": {"hours": None, "deadline": None}}[left]
    spent = TimeSpent(NOON, 3600.0, 3600.0)
    assert out_of_time(budget.model_copy(update=removed), spent) == reason
    assert out_of_time(BudgetSpec(), spent) is None
    assert out_of_time(BudgetSpec(hours=1.0, core_hours=1.0, deadline=FUTURE), TimeSpent(NOON, 3599.9, 3599.9)) is None


def test_only_the_time_of_drivers_counts():
    now, first_driver = [NOON], LeaseOwner(host="h", pid=1, process_started=0.0, user="ada")
    store = MemoryCampaignStore(lambda: now[0])

    def later(seconds: float) -> float:
        now[0] += timedelta(seconds=seconds)
        return driven_until(store.campaign("search"), now[0])

    store.create_campaign(campaign_record(name="search", created_at=NOON))
    assert later(1000.0) == 0.0
    lease = store.acquire_lease("search", first_driver, 60.0)
    assert later(10.0) == 10.0
    store.renew_lease(lease, 60.0)
    assert later(5.0) == 15.0
    store.release_lease(lease)
    assert later(500.0) == 15.0
    lease = store.acquire_lease("search", first_driver, 60.0)
    later(20.0)
    store.renew_lease(lease, 60.0)
    assert later(1000.0) == 95.0  # killed: until its lease ends nobody can know
    other = first_driver.model_copy(update={"pid": 12})
    lease = store.acquire_lease("search", other, 60.0)
    assert later(0.0) == 35.0  # what it was last heard of counts
    later(7.0)
    store.release_lease(lease)
    assert store.campaign("search").driven == 42.0


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hours", 0),
        ("hours", -1.5),
        ("hours", "soon"),
        ("hours", 1e300),
        ("core_hours", 0),
        ("core_hours", float("inf")),
        ("deadline", "2027-01-31T18:00:00"),
        ("deadline", "tomorrow"),
        ("deadline", 12),
        ("deadline", True),
    ],
)
def test_bad_values_are_refused_by_key(key, value):
    data = campaign_spec().model_dump(mode="json")
    data["budget"][key] = value
    with pytest.raises(ConfigurationError, match=f"budget.{key}"):
        validate_data(CampaignSpec, data)
    with pytest.raises(ConfigurationError, match=f"budget.{key}"):
        apply_edits(campaign_spec(), {f"budget.{key}": value})


def test_limits_notes_and_polish_are_edits_and_do_not_change_the_hash_of_older_campaigns():
    plain = campaign_spec()
    changed = apply_edits(
        plain,
        {
            "budget.hours": 12,
            "budget.core_hours": 200,
            "budget.deadline": FUTURE,
            "notes": "for the paper",
            "execution.polish": 1,
        },
    )
    assert {item.key for item in diff_specs(plain, changed)} == {
        "budget.core_hours", "budget.deadline", "budget.hours", "execution.polish", "notes",
    }  # fmt: skip
    assert all(item.editable for item in diff_specs(plain, changed))
    assert spec_hash(apply_edits(plain, {"notes": "x", "budget.hours": 1})) == spec_hash(plain)
    assert CampaignSpec.model_validate(changed.model_dump(mode="json")) == changed
