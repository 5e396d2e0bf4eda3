"""`tansaku web user`: users are added, changed and removed, and the audit names who did it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from tansaku.deploy.cli.main import app
from tansaku.deploy.cli.web import first_page
from tansaku.deploy.web.auth.tokens import user_of_login_link
from tansaku.deploy.web.services import Services
from tansaku.models.domain.accounts import Role, User
from tansaku.models.domain.errors import FieldError, StoreError
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.backends.stores.memory_registry import MemoryRegistry
from tansaku.tasks.backends.stores.mongo_accounts import MongoAccounts
from tansaku.tasks.backends.stores.mongo_library import MongoLibrary
from tansaku.tasks.backends.stores.mongo_notifications import MongoNotifications
from tansaku.tasks.backends.stores.mongo_requests import MongoRequests
from tansaku.tasks.backends.stores.mongo_schedules import MongoSchedules
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.ground.site.dashboard_address import noted_address
from tansaku.tasks.ground.site.users import user_name

PASSWORD = "correct horse battery"


@pytest.fixture
def run(mongo_database, mongo_server, tmp_path):
    site = tmp_path / "site.yaml"
    site.write_text(f"database: {{name: {mongo_database.name}}}\n")

    def invoke(*words: str, entered: str = "") -> str:
        result = CliRunner().invoke(app, ["web", *words, "--site", str(site)], input=entered, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return invoke


def test_a_user_is_added_listed_changed_and_removed(run, mongo_database, tmp_path):
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    file.chmod(0o600)
    assert run("user", "add", "ada", "--role", "admin", "--password-file", str(file)) == "user ada: added as admin\n"
    assert run("user", "add", "bob", entered=f"{PASSWORD}\n{PASSWORD}\n").endswith("user bob: added as viewer\n")
    assert run("user", "add", "eve", "--no-password") == "user eve: added as viewer\n"
    assert run("user", "change", "bob", "--role", "operator", "--disable") == "user bob: operator, disabled\n"
    assert run("user", "list").splitlines() == [
        "name\trole\tdisabled\tpassword",
        "ada\tadmin\tno\tyes",
        "bob\toperator\tyes\tyes",
        "eve\tviewer\tno\tno",
    ]
    assert run("user", "remove", "eve") == "user eve: removed\n"
    with pytest.raises(StoreError, match="'ada' is the only admin"):
        run("user", "remove", "ada")
    entries = list(mongo_database["web_audit"].find().sort("_id", 1))
    assert [entry["action"] for entry in entries] == ["user.add"] * 3 + ["user.change", "user.remove"]
    assert {entry["actor"] for entry in entries} == {user_name()}
    assert PASSWORD not in str(entries)
    assert mongo_database["web_users"].find_one({"_id": "ada"})["password_hash"].startswith("$argon2id$")


def test_a_name_that_cannot_be_one_is_refused_before_the_password_is_asked_for(run):
    with pytest.raises(FieldError, match="name: 'A b'"):
        run("user", "add", "A b")


def test_a_login_link_is_printed_for_a_user(run):
    run("user", "add", "ada", "--no-password")
    assert run("login-link", "ada", "--url", "https://x.org/").startswith("https://x.org/login#token=")
    assert run("login-link", "ada").startswith("http://127.0.0.1:8421/login#token=")
    with noted_address(Settings.from_environment().home, "http://127.0.0.1:40123"):
        assert run("login-link", "ada").startswith("http://127.0.0.1:40123/login#token=")


@pytest.fixture
def services(emptied_database, tmp_path) -> Services:
    return Services(
        store=MemoryCampaignStore(),
        artifacts=FileArtifactStore(tmp_path),
        accounts=MongoAccounts(emptied_database),
        registry=MemoryRegistry(),
        requests=MongoRequests(emptied_database),
        schedules=MongoSchedules(emptied_database),
        notifications=MongoNotifications(emptied_database),
        library=MongoLibrary(emptied_database),
    )


def linked_user(services: Services) -> User | None:
    """Whom the first page's link logs in; None: it is no link."""
    url, _, token = first_page(services, "http://x").partition("/login#token=")
    assert url == "http://x"
    return user_of_login_link(services, token) if token else None


def test_the_first_user_is_whoever_starts_the_server(services):
    assert linked_user(services).role is Role.ADMIN
    assert linked_user(services).name == user_name()
    assert [user.name for user in services.accounts.users()] == [user_name()]


def test_whoever_starts_it_gets_the_role_they_have(services):
    services.accounts.add_user(User(name=user_name(), role=Role.VIEWER, created_at=services.clock()))
    assert linked_user(services).role is Role.VIEWER


@pytest.mark.parametrize(("name", "disabled"), [("ada", False), (None, True)], ids=["a stranger", "a disabled user"])
def test_where_there_are_users_no_other_is_added_and_none_enabled(services, name, disabled):
    user = User(name=name or user_name(), role=Role.ADMIN, disabled=disabled, created_at=services.clock())
    services.accounts.add_user(user)
    assert linked_user(services) is None
    assert services.accounts.users() == [user.model_copy(update={"created_at": services.accounts.users()[0].created_at})]
