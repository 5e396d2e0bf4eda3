"""Campaigns that cannot be read here, beside a healthy one: each is a row that says why, and hides nothing."""

import json
import sys
from datetime import datetime
from pathlib import Path

import pytest
from bson import Binary, Code, Decimal128, MinKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS
from starlette.testclient import TestClient

from tansaku.deploy.cli.exits import ExitCode
from tansaku.deploy.cli.web import services_of
from tansaku.deploy.web.app import create_app
from tansaku.deploy.web.auth.sessions import open_session
from tansaku.models.domain.accounts import Role, User
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.backends.resources import open_resources
from tansaku.tasks.ground.settings import Settings

ESCAPE = "evil\x1b[31m"
EXTRA = "no-extra"


def unset(key):
    return {"$unset": {key: ""}}


def put(key, value):
    return {"$set": {key: value}}


# What is done to each campaign's document, and what is said of it then.
DAMAGES = {
    "no-spec": (unset("spec"), "spec"),
    "calculator": (put("spec.calculator", {"type": "quantum-annealer"}), "quantum-annealer"),
    "space": (put("spec.space.type", "quasicrystal"), "quasicrystal"),
    "new-key": (put("spec.budget.reviewers", 3), "budget.reviewers"),
    "created": (put("created_at", "a while ago"), "created_at"),
    "far-off": (put("created_at", DatetimeMS(10**15)), "created_at"),
    "epoch": (put("epoch", "seven"), "epoch"),
    "lease": (put("lease", {"epoch": 1, "expires_at": datetime(2999, 1, 1)}), "lease"),
    "revision": (unset("revision"), "revision"),
    "newer": (put("schema_version", 2), "schema_version"),
}
# Values that a database holds and tansaku never writes, and where they are put into the document of a campaign.
ODD = {
    "code": Code("7"),
    "uuid": Binary(b"7" * 16, 4),
    "bytes": Binary(b"7"),
    "decimal": Decimal128("7"),
    "regex": Regex("7"),
    "timestamp": Timestamp(7, 1),
    "minkey": MinKey(),
    "reference": ObjectId(b"7" * 12),
}
PLACES = (
    "base_path", "tansaku_version", "created_at", "epoch", "last_number", "driven", "owner", "revision", "outbox",
    "spec.seed", "spec.space.type", "spec.budget.evaluations", "runtime.pid", "stop.proposed",
)  # fmt: skip


@pytest.fixture
def stored(tansaku, campaign_file, mongo_database, tmp_path):
    """``stored()`` gives a command on a database of its own with a finished campaign, and copies of it under other names."""
    site = tmp_path / "site.yaml"
    site.write_text(f"schema_version: 1\ndatabase: {{name: {mongo_database.name}}}\n", encoding="utf-8")
    file = campaign_file(good=3, bad=0)
    healthy = file.stem

    def command(*words):
        return tansaku(*words, "--site", site)

    def copy(name):
        [campaign] = mongo_database.campaigns.find({"name": healthy})
        mongo_database.campaigns.insert_one(campaign | {"_id": name, "name": name})
        for document in list(mongo_database.evaluations.find({"campaign": campaign["_id"]})):
            mongo_database.evaluations.insert_one(document | {"_id": f"{name}-{document['_id']}", "campaign": name})

    def damage(name, change):
        assert mongo_database.campaigns.update_one({"_id": name}, change).modified_count == 1

    assert command("run", file, "--plain").code == ExitCode.OK
    command.healthy, command.copy, command.damage, command.database = healthy, copy, damage, mongo_database
    return command


@pytest.fixture
def damaged(stored):
    """The same, each damage of a copy."""
    for name, (change, _) in DAMAGES.items():
        stored.copy(name)
        stored.damage(name, change)
    stored.copy(ESCAPE)
    stored.damage(ESCAPE, unset("spec"))
    return stored


def test_overviews_show_a_row_for_each_and_the_rest(damaged):
    status = damaged("status")
    assert (status.code, status.err) == (ExitCode.OK, "")
    assert f"{damaged.healthy}: FINISHED" in status.out
    listed = damaged("list")
    assert listed.code == ExitCode.OK
    rows = {line.split("\t")[0]: line for line in listed.out.splitlines()}
    assert rows[damaged.healthy].split("\t")[1:3] == ["FINISHED", "3"]
    entries = {entry["name"]: entry for entry in json.loads(damaged("list", "--json").out)}
    assert entries[damaged.healthy]["state"] == "FINISHED"
    for name, (_, reason) in DAMAGES.items():
        [line] = [line for line in status.out.splitlines() if line.startswith(f"{name}: cannot be read: ")]
        assert reason in line
        assert "cannot be read: " in rows[name]
        assert entries[name]["state"] == "unreadable"
        assert reason in entries[name]["problem"]
    for out in (status.out, listed.out):
        assert "\x1b" not in out
        assert r"evil\x1b[31m" in out


def test_a_value_that_is_never_written_is_named_in_every_overview(stored):
    [campaign] = stored.database.campaigns.find({"name": stored.healthy})
    places = {f"{kind}-{place.replace('.', '-').replace('_', '-')}": place for kind in ODD for place in PLACES}
    stored.database.campaigns.insert_many([campaign | {"_id": name, "name": name} for name in places])
    for name, place in places.items():
        stored.damage(name, put(place, ODD[name.split("-")[0]]))
    entries = {entry["name"]: entry for entry in json.loads(stored("list", "--json").out)}
    named = {name for name, entry in entries.items() if f": {places.get(name)} is of type " in (entry.get("problem") or "")}
    assert named == {*places}
    status = stored("status")
    assert (status.code, status.out.count(": cannot be read: ")) == (ExitCode.OK, len(places))
    assert f"{stored.healthy}: FINISHED" in status.out
    page = dashboard_of(stored)
    assert page.count(" is of type ") == len(places)
    assert all(name in page for name in (*places, stored.healthy))


def dashboard_of(stored):
    """The first page of the dashboard, as an admin sees it."""
    site = SiteSpec.model_validate({"schema_version": 1, "database": {"name": stored.database.name}})
    with open_resources(Settings.from_environment(), site) as resources:
        services = services_of(resources)
        user = User(name="ada", role=Role.ADMIN, password_hash="x", created_at=services.clock())
        services.accounts.add_user(user)
        with TestClient(create_app(services), base_url="http://localhost") as browser:
            browser.cookies.set(services.settings.session_cookie, open_session(services, user, "testclient", None))
            return browser.get("/").text


def test_the_doctor_counts_documents_without_a_name(stored):
    assert "without a name" not in stored("doctor").out
    stored.database.campaigns.insert_many([{"_id": 7}, {"spec": {}}])
    assert "2 documents of the collection `campaigns` without a name" in stored("doctor").out
    assert stored("list").out.count("\n") == 2, "a head and one campaign"


def test_reconcile_reports_them_and_looks_at_the_others(damaged):
    campaign = damaged.database.campaigns.find_one({"name": damaged.healthy})["_id"]
    damaged.database.observations.delete_many({"campaign": campaign})
    done = damaged("reconcile")
    assert done.code == ExitCode.DATABASE
    assert f"{damaged.healthy}: 3 observations rebuilt" in done.out
    assert all(f"{name}: cannot be read: " in done.out for name in DAMAGES)
    assert "\x1b" not in done.out
    report = json.loads(damaged("reconcile", "--json", "--dry-run").out)
    assert {entry["name"] for entry in report["unreadable"]} == {*DAMAGES, ESCAPE}
    assert damaged("reconcile", damaged.healthy).code == ExitCode.OK
    assert damaged("reconcile", "no-spec").code == ExitCode.DATABASE
    assert damaged("reconcile", "nobody").code == ExitCode.NOT_FOUND


def test_commands_on_one_say_why(damaged, tmp_path):
    for name in ("no-spec", "revision", "lease"):  # of the spec, of the record and of one of its parts
        _, reason = DAMAGES[name]
        for words in (
            ("status", name),
            ("show", name),
            ("results", name),
            ("export", name, "--observations", tmp_path / "out.parquet"),
            ("pause", name),
            ("resume", name, "--plain"),
            ("edit", name, "budget.evaluations=9"),
        ):
            ended = damaged(*words)
            assert (ended.code, words) == (ExitCode.DATABASE, words)
            assert reason in ended.err
            assert "Traceback" not in ended.err
    assert not (tmp_path / "out.parquet").exists()


def test_each_can_be_deleted(damaged):
    for name in (*DAMAGES, ESCAPE):
        deleted = damaged("delete", name, "--yes")
        assert (name, deleted.code, "\x1b" in deleted.err + deleted.out) == (name, ExitCode.OK, False)
        assert "3 evaluations, 3 with a value" in deleted.err
        assert "cannot be read: " in deleted.err
        assert damaged.database.evaluations.count_documents({"campaign": name}) == 0
    assert [entry["name"] for entry in json.loads(damaged("list", "--json").out)] == [damaged.healthy]


def test_the_largest_epoch_hides_nothing_and_can_be_deleted(stored):
    """Whether such a record is valid or not: it has a row, the others have theirs, and it can be deleted, twice."""
    stored.copy("last-epoch")
    stored.damage("last-epoch", put("epoch", 2**63 - 1))
    assert {entry["name"] for entry in json.loads(stored("list", "--json").out)} == {"last-epoch", stored.healthy}
    stored.damage("last-epoch", put("revision", 2**63 - 1))
    assert stored("delete", "last-epoch", "--yes").code == ExitCode.OK


def test_a_name_that_is_a_path_deletes_no_folder(stored, tmp_path):

    other = Settings.from_environment().home / "kept"
    other.mkdir(exist_ok=True)
    stored.copy("../kept")
    assert stored("delete", "../kept", "--yes").code == ExitCode.OK
    assert other.is_dir()


def test_one_damaged_evaluation_hides_no_campaign(stored):
    stored.copy("holed")
    first = stored.database.evaluations.find_one({"campaign": "holed"}, sort=[("proposal.number", 1)])
    stored.database.evaluations.update_one({"_id": first["_id"]}, put("proposed_at", "yesterday"))
    shown = stored("status", "holed")
    assert shown.code == ExitCode.OK
    assert "evaluations 2: 2 done" in shown.out
    assert "one of its evaluations cannot be read and is left out above; the campaign cannot continue" in shown.out
    assert "tansaku resume" not in shown.out
    assert "proposed_at" in shown.out
    assert {entry["state"] for entry in json.loads(stored("list", "--json").out)} <= {"FINISHED", "INTERRUPTED"}
    for words in (("results", "holed"), ("resume", "holed", "--plain")):
        refused = stored(*words)
        assert (refused.code, "proposed_at" in refused.err) == (ExitCode.DATABASE, True)
    assert stored("reconcile").code == ExitCode.DATABASE
    assert stored("delete", "holed", "--yes").code == ExitCode.OK


def test_files_that_a_damaged_campaign_names_stay(stored, tmp_path):
    from tansaku.tasks.act.commands.delete import sweep_artifacts

    site = SiteSpec.model_validate({"schema_version": 1, "database": {"name": stored.database.name}})
    with open_resources(Settings.from_environment(), site) as resources:
        for text in ("named", "by nobody"):
            (tmp_path / text).write_text(text)
        named, other = (resources.artifacts.put(tmp_path / text) for text in ("named", "by nobody"))
        stored.copy("holed")
        stored.database.evaluations.update_one({"campaign": "holed"}, put("outcome", {"artifacts": {"a": named}, "value": "x"}))
        assert sweep_artifacts(resources, older_than=-1.0) == 1
        assert resources.artifacts.exists(named)
        assert not resources.artifacts.exists(other)


def test_an_extra_that_is_not_installed_is_a_row_too(stored, require, monkeypatch):
    from tansaku.tasks.node.configuration.campaign_files import load_campaign

    require("pymatgen")
    loaded = load_campaign(Path("examples/tavorite-li.yaml"))
    stored.copy(EXTRA)
    other = {"spec": loaded.spec.model_dump(mode="json"), "base_path": str(loaded.base_path), "last_number": 0, "stop": None}
    stored.damage(EXTRA, {"$set": other})
    stored.database.evaluations.delete_many({"campaign": EXTRA})
    assert "FINISHED" not in stored("status", EXTRA).out
    for module in [one for one in sys.modules if one.split(".")[0] == "pymatgen"]:
        monkeypatch.setitem(sys.modules, module, None)
    rows = {line.split("\t")[0]: line for line in stored("list").out.splitlines()}
    assert "cannot be read: composition spaces need pymatgen" in rows[EXTRA]
    assert "FINISHED" in rows[stored.healthy]
    assert stored("status", EXTRA).code == ExitCode.MISSING_COMPONENT


def test_models_and_data_sets_that_cannot_be_read_hide_no_others(stored):
    for collection, words in (("models", ("model", "list")), ("datasets", ("dataset", "list"))):
        stored.database[collection].insert_one({"_id": "odd@1", "name": "odd", "version": 1})
        listed = stored(*words)
        assert listed.code == ExitCode.OK
        assert "cannot be read: stored" in listed.err
