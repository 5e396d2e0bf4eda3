"""Results of other campaigns are adopted instead of computed again: which ones, and at what cost."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from importlib.metadata import EntryPoint

import pyarrow.parquet as pq
import pytest

from tansaku.models.domain import plugins
from tansaku.models.domain.adoption import adopted_from
from tansaku.models.domain.errors import ConfigurationError, NotFoundError, SpecChangedError, StoreError
from tansaku.models.domain.ports import JobResult
from tansaku.models.domain.records import Failure, Outcome
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import FailureKind
from tansaku.tasks.act.commands.copy import copy_campaign
from tansaku.tasks.act.commands.delete import delete_campaign
from tansaku.tasks.act.commands.export_import import export_observations, import_observations
from tansaku.tasks.act.commands.rename import rename_campaign
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.ground.site.processes import this_driver
from tansaku.tasks.loop.reuse.freezing import is_own
from tansaku.tasks.loop.reuse.plugin_versions import OTHER_PLUGINS
from tansaku.tasks.node.configuration.campaign_files import spec_hash
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.results import evaluation_rows
from tansaku.tasks.read.views.status import campaign_status
from tests.support.actors import ADA
from tests.support.copper_desk import COPPER, Direct


def test_known_structures_are_adopted_and_the_rest_is_computed(desk):
    desk.create("new", -1, 4, reuse=True)
    assert desk.frozen("new") == {"results": 5, "campaigns": {"old": 5}, "left_out": {}}
    assert desk.drive("new") == "exhausted"
    assert desk.origins("new") == [("old", 2), ("old", 3), ("old", 4), ("old", 5), None, None]
    assert len(desk.launcher.computed) == 2
    mine, theirs = desk.store.evaluations("new"), desk.store.evaluations("old")
    assert [item.outcome.value for item in mine[:4]] == [item.outcome.value for item in theirs[1:]]
    assert [item.outcome.artifacts for item in mine[:4]] == [item.outcome.artifacts for item in theirs[1:]]
    assert mine[0].outcome.provenance == theirs[1].outcome.provenance
    assert len(desk.store.observations("new")) == 6


def test_what_is_adopted_costs_nothing_and_is_shown_as_such(desk):
    desk.run("new", -1, 4, reuse=True, budget={"core_hours": 1e9})
    status = campaign_status(desk.store, "new")
    costs = [item.proposal.predicted_cost for item in desk.store.evaluations("new")]
    assert costs[:4] == [0.0] * 4
    assert all(cost > 0 for cost in costs[4:])
    assert status.cost == sum(costs)
    assert (status.adopted, status.core_hours) == (4, pytest.approx(14 / 3600))
    assert "  evaluations 2: 2 done, 0 failed, 0 in progress; 4 known already" in status.describe()
    rows = evaluation_rows(Campaign.load(desk.store, "new"))
    assert [row["from"] for row in rows] == [*(f"emt in old, proposal {number}" for number in (2, 3, 4, 5)), "emt", "emt"]
    assert [row["cost"] for row in rows[:4]] == [0.0] * 4
    assert adopted_from(desk.store.evaluations("new")[0]).core_seconds == 7.0


def test_without_the_key_everything_is_computed(desk):
    record = desk.create("new", -1, 4)
    assert record.spec["reuse_sha256"] is None
    assert desk.store.events("new", kind="reuse.frozen") == []
    desk.drive("new")
    assert desk.origins("new") == [None] * 6
    loaded = desk.write("new", -1, 4)
    assert record.spec_hash == spec_hash(loaded.spec)
    with pytest.raises(SpecChangedError, match=r"reuse: .* -> True"):
        desk.create("new", -1, 4, reuse=True)


@pytest.mark.parametrize("what", ["relaxed", "calculator", "structure"])
def test_another_computation_is_not_adopted(desk, what):
    space = {
        "type": "crystals",
        "crystals": {"new": COPPER | ({"lattice_parameter": 3.61} if what == "structure" else {})},
        "scans": [{"type": "lattice", "percent": {"start": -1, "stop": 1, "steps": 3}}],
    }
    changes = {
        "relaxed": {"space": space | {"relaxed": True}},
        "calculator": {"calculator": {"type": "ase", "name": "emt"}},
        "structure": {"space": space},
    }[what]
    desk.create("new", -1, 1, reuse=True, **changes)
    assert desk.frozen("new")["results"] == (5 if what == "structure" else 0)
    desk.drive("new")
    assert len(desk.launcher.computed) == 3
    assert desk.origins("new") == [None] * 3


def installed(monkeypatch, version: str) -> None:
    """A plug-in brings the objective, in this version."""
    entry = EntryPoint("energy_per_atom", "json:dumps", "tansaku.objectives")
    plugin = plugins.Plugin("objectives", "energy_per_atom", "mine", version, entry)
    monkeypatch.setattr(plugins, "_ACCEPTED", {("objectives", "energy_per_atom"): plugin})


def test_results_of_another_version_of_a_plugin_are_not_adopted(desk, monkeypatch):
    installed(monkeypatch, "1.0")
    desk.run("first", -2, 2)
    for name, version, count in (("same", "1.0", 5), ("newer", "1.1", 0)):
        installed(monkeypatch, version)
        desk.create(name, -2, 2, reuse=True)
        assert desk.frozen(name)["results"] == count


def test_a_campaign_that_goes_on_with_another_version_of_a_plugin_says_so_once(desk, monkeypatch):
    def warnings() -> list[dict]:
        return [event.data for event in desk.resources.store.events("first", kind=OTHER_PLUGINS)]

    installed(monkeypatch, "1.0")
    for _ in range(2):
        desk.run("first", -2, 2)
        assert warnings() == []
    installed(monkeypatch, "1.1")
    for _ in range(2):
        desk.drive("first")
        kind = "(objectives: energy_per_atom)"
        assert warnings() == [{"now": [f"mine 1.1 {kind}"], "before": [f"mine 1.0 {kind}"]}]


def test_it_is_frozen_when_the_campaign_is_created(desk):
    record = desk.create("new", -1, 6, reuse=True)
    desk.run("later", 3, 6)
    assert desk.create("new", -1, 6, reuse=True) == record
    desk.drive("new")
    assert [origin is None for origin in desk.origins("new")] == [False] * 4 + [True] * 4
    copied = copy_campaign(desk.resources, ADA, "new", "again", {})
    assert copied.spec["reuse_sha256"] != record.spec["reuse_sha256"]
    desk.drive("again")
    assert desk.launcher.computed == []
    assert copy_campaign(desk.resources, ADA, "new", "alone", {"reuse": False}).spec["known_first"] is None
    assert {campaign for campaign, _ in desk.origins("again")} == {"old", "new"}  # the older of two that computed the same
    with pytest.raises(ConfigurationError, match="reuse_sha256: the adoptable results have SHA-256"):
        desk.create("third", -1, 6, reuse=True, reuse_sha256=record.spec["reuse_sha256"])


def test_imported_and_adopted_values_and_failures_are_never_adopted(desk, tmp_path):
    export_observations(desk.store, "old", tmp_path / "old.parquet")
    delete_campaign(desk.resources, ADA, "old")
    import_observations(desk.store, tmp_path / "old.parquet", this_driver())
    assert len(desk.store.observations("old")) == 5
    desk.create("new", -1, 2, reuse=True)
    assert desk.frozen("new")["results"] == 0
    real = desk.launcher.fetch

    def fails(handle):
        desk.launcher.fetch = real
        failure = Failure(kind=FailureKind.SCIENCE, reason="overlap", message="two atoms in one place")
        result = real(handle)
        return JobResult(result.token, Outcome(failure=failure), result.folder)

    desk.launcher.fetch = fails
    desk.drive("new")
    own = [item for item in desk.store.evaluations("new") if item.outcome.value is not None]
    assert [is_own(item) for item in own] == [True] * 3
    desk.create("third", -1, 2, reuse=True)
    assert desk.frozen("third")["campaigns"] == {"new": 3}
    desk.drive("third")
    desk.create("fourth", -1, 2, reuse=True)
    assert desk.frozen("fourth")["campaigns"]["third"] == 1


def test_what_may_be_adopted_moves_with_an_exported_campaign(desk, tmp_path):
    desk.create("new", -1, 4, reuse=True)
    file = tmp_path / "new.parquet"
    export_observations(desk.store, "new", file, desk.resources.artifacts)
    store, artifacts = MemoryCampaignStore(), FileArtifactStore(tmp_path / "elsewhere")
    import_observations(store, file, this_driver(), artifacts=artifacts)
    launcher = Direct(tmp_path)
    there = replace(
        desk,
        resources=replace(desk.resources, store=store, artifacts=artifacts, open_launcher=lambda _spec: launcher),
        launcher=launcher,
    )
    there.drive("new")
    desk.drive("new")
    assert there.origins("new") == desk.origins("new")
    assert [origin is None for origin in there.origins("new")] == [False] * 4 + [True] * 2
    table = pq.read_table(file)
    header = json.loads(table.schema.metadata[b"tansaku"])
    header["known"] = header["known"].replace('"number":2', '"number":3')
    pq.write_table(table.replace_schema_metadata({b"tansaku": json.dumps(header)}), file)
    with pytest.raises(StoreError, match="its known results have the hash"):
        import_observations(MemoryCampaignStore(), file, this_driver(), artifacts=artifacts)


@pytest.mark.parametrize(
    "changes",
    [{"value": 1e308}, {"value": -1e90}, {"value": None}, {"artifacts": {"structure": "../../../../../etc/passwd"}}],
)
def test_known_results_that_no_calculation_has_are_not_imported(desk, tmp_path, changes):
    desk.create("new", -1, 4, reuse=True)
    file = tmp_path / "new.parquet"
    export_observations(desk.store, "new", file, desk.resources.artifacts)
    table = pq.read_table(file)
    header = json.loads(table.schema.metadata[b"tansaku"])
    known = json.loads(header["known"])
    next(iter(known.values()))["outcome"] |= changes
    header["known"] = json.dumps(known)
    spec = CampaignSpec.model_validate(
        header["campaign"]["spec"] | {"reuse_sha256": hashlib.sha256(header["known"].encode()).hexdigest()}
    )
    header["campaign"] |= {"spec": spec.model_dump(mode="json"), "spec_hash": spec_hash(spec)}
    pq.write_table(table.replace_schema_metadata({b"tansaku": json.dumps(header)}), file)
    store = MemoryCampaignStore()
    with pytest.raises(StoreError, match="none that a calculation can have"):
        import_observations(store, file, this_driver(), artifacts=FileArtifactStore(tmp_path / "elsewhere"))
    assert store.campaign_names() == []


def test_a_source_that_was_deleted_or_renamed_stays_known(desk):
    desk.create("new", -1, 4, reuse=True)
    rename_campaign(desk.resources, ADA, "old", "ancient")
    desk.drive("new")
    assert desk.origins("new")[0] == ("ancient", 2)
    rename_campaign(desk.resources, ADA, "ancient", "oldest")
    assert desk.origins("new")[:2] == [("ancient", 2), ("ancient", 3)]  # its name when they were adopted
    desk.create("last", -1, 4, reuse=True)
    delete_campaign(desk.resources, ADA, "oldest")
    desk.drive("last")
    assert desk.launcher.computed == []


def test_an_unreadable_campaign_is_named_and_stops_nothing(desk):
    broken = desk.store.campaign("old").model_copy(
        update={"id": "broken", "name": "broken", "spec": {"space": {"type": "teapot"}}}
    )
    desk.store.create_campaign(broken)
    desk.create("new", -1, 1, reuse=True)
    assert desk.frozen("new")["results"] == 5
    assert "not valid" in desk.frozen("new")["left_out"]["broken"]


def test_repeats_are_computed(desk):
    desk.run("new", -1, 0, reuse=True)
    candidate = desk.store.evaluations("new")[0].proposal.candidate
    from tansaku.tasks.act.commands.steer import request

    request(desk.store, ADA, "new", "rerun", [candidate])
    desk.drive("new")
    assert desk.launcher.computed == [candidate]
    assert desk.origins("new") == [("old", 2), ("old", 3), None]


@pytest.mark.parametrize(
    "changes", [{"calculator": None}, {"calculator": {"type": "manual"}}], ids=["a table with values", "measured values"]
)
def test_values_that_are_not_computed_are_not_reused(desk, changes):
    (desk.folder / "t.csv").write_text("id,x,value\na,1,2\nb,2,3\n")
    columns = {"id": "id"} | ({"value": "value"} if changes["calculator"] is None else {})
    space = {"type": "table", "candidates": "t.csv", "columns": columns, "features": {"x": {"columns": ["x"]}}}
    objective = {"direction": "minimize", "unit": "eV"}
    with pytest.raises(ConfigurationError, match="reuse: values that are measured or recorded are not computed twice"):
        desk.create("new", -1, 1, reuse=True, space=space, objective=objective, **changes)
    with pytest.raises(NotFoundError):
        desk.store.campaign("new")
