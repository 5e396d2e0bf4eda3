"""What every store offers to overviews: names without reading, counts, what can be read, and which files are named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, Evaluation, Lease, Outcome, Refit
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.read.views.overview import UnreadableCampaign, each_campaign
from tests.support.records import proposal_of

REFIT = Refit(campaign="search", number=1, at_proposal=2, horizon=1, hyperparameters={}, fitted_at=datetime.now(UTC))


@pytest.fixture
def submitted(store: CampaignStore, lease: Lease) -> Evaluation:
    evaluation = store.insert_proposal(lease, proposal_of())
    store.begin_attempt(lease, evaluation.id, 1, "token-1", "job-1")
    return store.record_handle(lease, evaluation.id, "token-1", {"spool": "/x", "name": "job-1"})


def test_names_are_listed_without_reading_what_they_name(store: CampaignStore, record: CampaignRecord) -> None:
    """The stored spec is none that this program knows; ``each_campaign`` says so of the one and reads the other."""
    for name in ("odd", "even"):
        store.create_campaign(record.model_copy(update={"id": name, "name": name}))
    assert store.campaign_names() == ["even", "odd"]

    def read(name: str) -> str:
        stored = store.campaign(name)
        return stored_spec(stored).name if name == "odd" else stored.name

    first, second = each_campaign(store, read)
    assert first == "even"
    assert isinstance(second, UnreadableCampaign)
    assert second.name == "odd"
    assert second.problem.startswith("the stored spec of campaign 'odd' is not valid in this version: ")


def test_a_campaign_that_is_deleted_while_others_are_read_is_left_out(store: CampaignStore, record: CampaignRecord) -> None:
    for name in ("a", "b"):
        store.create_campaign(record.model_copy(update={"id": name, "name": name}))

    def read(name: str) -> str:
        if name == "a":
            store.delete_campaign("b")
        return store.campaign(name).name

    assert list(each_campaign(store, read)) == ["a"]
    with pytest.raises(NotFoundError):
        list(each_campaign(store, lambda name: store.campaign(name).name, ["a", "b"]))


def test_counts_and_readable_evaluations(store: CampaignStore, lease: Lease, submitted: Evaluation) -> None:
    store.insert_refit(lease, REFIT)
    counts = store.stored_counts("search")
    assert (counts["evaluations"], counts["refits"]) == (1, 1)
    assert counts["events"] == len(store.events("search")) > 0
    assert store.stored_counts("nothing") == {"evaluations": 0, "refits": 0, "events": 0}
    assert store.readable_evaluations("search") == ([submitted], [])
    assert store.readable_evaluations("nothing") == ([], [])


def test_every_stored_file_that_is_named_is_listed(store: CampaignStore, lease: Lease, submitted: Evaluation) -> None:
    named = Outcome(value=-3.5, artifacts={"structure": "a" * 64})
    store.accept_outcome(lease, submitted.id, "token-1", named)
    store.insert_refit(lease, REFIT.model_copy(update={"hyperparameters": {"transfer": [{"sha256": "b" * 64}]}}))
    assert {"a" * 64, "b" * 64} <= set(store.named_artifacts())
