"""The page about the collections, with the tables that the site adds, names every field that is stored; its examples run."""

import re
import subprocess
from pathlib import Path

import pytest

from tansaku.models.domain.library import LibraryFile
from tansaku.models.domain.records import (
    CampaignFile,
    Command,
    Failure,
    LeaseOwner,
    Look,
    Outcome,
    Quantity,
    Refit,
)
from tansaku.models.domain.retraining import Retrain, RetrainEnd
from tansaku.models.domain.states import FailureKind
from tansaku.tasks.backends.stores.collection_tables import collection_tables
from tansaku.tasks.backends.stores.mongo import MongoCampaignStore
from tansaku.tasks.backends.stores.mongo_library import LIBRARY, MongoLibrary
from tansaku.tasks.backends.stores.mongo_registry import MongoRegistry
from tansaku.tasks.backends.stores.mongo_schema import INDEXES, MongoDatabase
from tests.support.records import NOW, campaign_record, dataset_record, model_record, proposal_of

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "mongodb.md").read_text()
FREE = (
    "spec",
    "payload",
    "handle",
    "properties",
    "quantities",
    "artifacts",
    "settings",
    "hyperparameters",
    "runtime",
    "data",
    "groups",
    "chosen",
)


@pytest.fixture
def filled(mongo_database: MongoDatabase) -> MongoDatabase:
    store = MongoCampaignStore(mongo_database)
    store.create_campaign(
        campaign_record(
            name="al-110-tilt", files=(CampaignFile(path=f"{'e' * 64}/rows.csv", sha256="e" * 64),), runtime={"pid": 1}
        )
    )
    lease = store.acquire_lease("al-110-tilt", LeaseOwner(host="h", pid=1, process_started=1.0, user="ada"), 60.0)
    store.add_command("al-110-tilt", Command(id="p", kind="pause", created_at=NOW))
    fit = {"campaign": "al-110-tilt", "number": 1, "at_proposal": 1, "horizon": 0, "fitted_at": NOW}
    store.insert_refit(lease, Refit(hyperparameters={"l": 1.0}, **fit))
    retrain = {"campaign": "al-110-tilt", "number": 1, "uses_from": 3}
    learned = {"at_proposal": 3, "horizon": 2, "model": "m", "dataset": "d", "observations": 2, "reason": "first"}
    store.insert_retrain(lease, Retrain(begun_at=NOW, **retrain, **learned))
    store.end_retrain(lease, RetrainEnd(ok=True, ended_at=NOW, **retrain))
    overlap = Failure(kind=FailureKind.SCIENCE, reason="overlap", message="too close")
    outcomes = [
        Outcome(value=2.0, quantities={"e": Quantity(value=1.0, unit="eV")}),
        Outcome(value=1.0),
        Outcome(failure=overlap),
        None,
    ]
    for number, outcome in enumerate(outcomes, start=1):
        proposal = proposal_of(number, predicted_cost=1.5, look=Look(model="m@1", weights="w", deviations=3.0))
        evaluation = store.insert_proposal(lease, proposal)
        store.begin_attempt(lease, evaluation.id, 1, f"t{number}", f"j{number}")
        if outcome is not None:
            store.accept_outcome(lease, evaluation.id, f"t{number}", outcome)
    fill_registry(MongoRegistry(mongo_database))
    file = LibraryFile(sha256="e" * 64, name="rows.csv", kind="table", size=1, user="ada", created_at=NOW)
    MongoLibrary(mongo_database).add_file(file)
    return mongo_database


def fill_registry(registry: MongoRegistry) -> None:
    registry.add_dataset(dataset_record())
    registry.add_model(model_record())


def fields_of(value: object) -> set[str]:
    if isinstance(value, dict):
        below = (fields_of(inner) for key, inner in value.items() if key not in FREE)
        return set(value).union(*below)
    if isinstance(value, list):
        return set().union(*map(fields_of, value))
    return set()


@pytest.mark.parametrize("collection", sorted([*INDEXES, LIBRARY]))
def test_every_stored_field_is_described(filled: MongoDatabase, collection: str) -> None:
    of_the_store = next(
        line for line in PAGE.splitlines() if line.startswith("| `") and f"`{collection}`" in line.split("|")[1]
    )
    of_the_records = collection_tables().partition(f"### `{collection}`\n")[2].partition("\n##")[0]
    named = set(re.findall(r"[a-z0-9_]+", " ".join(re.findall(r"`([a-z0-9_.]+)`", of_the_store + of_the_records))))
    stored = set().union(*(fields_of(document) for document in filled[collection].find()))
    assert stored - named == set()
    assert len(stored) > 5


def test_every_index_is_described() -> None:
    section = collection_tables().partition("## Indexes")[2]
    for collection, indexes in INDEXES.items():
        for index in indexes:
            keys = ", ".join(f"`{key}`" for key in index.document["key"])
            line = f"| {collection} | {keys} | {'unique ' if index.document.get('unique') else ''}|"
            assert line in section


def test_the_python_example_runs(filled: MongoDatabase, mongo_server: object, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert '["tansaku"]' in code
    code = code.replace('["tansaku"]\n', f'["{filled.name}"]\n')
    uri = mongo_server.start()
    monkeypatch.setattr(
        subprocess, "run", lambda words, **options: subprocess.CompletedProcess(words, 0, stdout=f"{uri}\n", stderr="")
    )
    found: dict[str, object] = {}
    exec(code, found)
    assert found["best"].to_dict() == {"s": 1.0}
    assert (found["spent"], found["reserved"]) == (4.5, 1.5)
    assert len(found["recent"]) == 10
    found["database"].client.close()


def test_the_shell_examples_run(filled: MongoDatabase) -> None:
    """The aggregations of the mongosh block, read as data."""
    (code,) = re.findall(r"```js\n(.*?)```", PAGE, re.DOTALL)
    pipelines = re.findall(r"db\.(\w+)\.aggregate\((\[.*?\])\)\n", code, re.DOTALL)
    assert len(pipelines) == 3
    assert 'const id = db.campaigns.findOne({name: "al-110-tilt"})._id' in code
    known = {"id": filled["campaigns"].find_one({"name": "al-110-tilt"})["_id"]}
    for collection, text in pipelines:
        quoted = re.sub(r"([{,]\s*)([$\w]+):", r'\1"\2":', text).replace("null", "None").replace("false", "False")
        assert list(filled[collection].aggregate(eval(quoted, known)))
