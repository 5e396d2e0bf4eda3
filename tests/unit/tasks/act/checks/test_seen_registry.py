"""Models and data sets of a private project's campaigns are there for its members alone."""

from __future__ import annotations

from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.projects import Project
from tansaku.models.domain.records import LeaseOwner
from tansaku.models.domain.retraining import Retrain, RetrainEnd
from tansaku.tasks.act.checks.seen_registry import SeenRegistry
from tansaku.tasks.act.checks.sight import Sight
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory_registry import MemoryRegistry
from tansaku.tasks.backends.stores.mongo_accounts import MongoAccounts
from tests.support.records import NOW
from tests.support.stored_models import store_models

NAME = "small-table"


def test_what_a_hidden_campaign_has_trained_is_left_out(recorded, emptied_database, tmp_path):
    store, accounts, registry = recorded("a1"), MongoAccounts(emptied_database), MemoryRegistry()
    store_models(registry, FileArtifactStore(tmp_path / "artifacts"), tmp_path)
    record = store.campaign(NAME)
    lease = store.acquire_lease(NAME, LeaseOwner(host="h", pid=1, process_started=1.0, user="ada"), 60.0)
    begun = {"number": 1, "at_proposal": 2, "horizon": 1, "model": "alloy", "observations": 1, "reason": "first"}
    of_it = {"campaign": lease.campaign, "uses_from": 3}
    store.insert_retrain(lease, Retrain(dataset="a" * 64, begun_at=NOW, **begun, **of_it))
    store.end_retrain(lease, RetrainEnd(number=1, ok=True, version="alloy@2", ended_at=NOW, **of_it))

    def labels(role: Role) -> list[str]:
        seen = SeenRegistry(registry, Sight(accounts, store, Actor(name="ada", role=role)))
        assert [model.label for model in seen.models("alloy")] == [model.label for model in seen.readable_models()[0]]
        return [model.label for model in seen.models()]

    every = [f"alloy@{number}" for number in (1, 2, 3)]
    assert labels(Role.VIEWER) == every
    accounts.add_project(Project(name="tilt", created_by="bob", created_at=NOW))
    accounts.place_campaign(record.id, "tilt")
    assert labels(Role.OPERATOR) == [every[0], every[2]]
    assert labels(Role.ADMIN) == every
    accounts.replace_project(accounts.project("tilt").model_copy(update={"private": False}))
    assert labels(Role.VIEWER) == every
