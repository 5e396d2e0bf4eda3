"""`tansaku project`: each change by its command, with an entry in the audit."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from tansaku.deploy.cli.main import app
from tansaku.models.domain.accounts import Role, User
from tansaku.models.domain.errors import FieldError, NotFoundError
from tansaku.tasks.backends.stores.mongo_accounts import MongoAccounts


@pytest.fixture
def run(mongo_database, mongo_server, tmp_path):
    site = tmp_path / "site.yaml"
    site.write_text(f"database: {{name: {mongo_database.name}}}\n")

    def invoke(*words: str) -> str:
        result = CliRunner().invoke(app, ["project", *words, "--site", str(site)], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return invoke


def test_each_change_has_its_command(run, mongo_database, tmp_path):
    accounts = MongoAccounts(mongo_database)
    accounts.add_user(User(name="ada", role=Role.OPERATOR, created_at=datetime(2026, 1, 1, tzinfo=UTC)))
    (tmp_path / "notes.md").write_text("# Plan\n")
    assert run("create", "tilt", "--owner", "ada") == "project tilt: created\n"
    assert run("member", "tilt", "ada", "--role", "owner") == "project tilt: ada is its owner\n"
    assert run("notes", "tilt", str(tmp_path / "notes.md")) == "project tilt: notes stored\n"
    assert run("tags", "tilt", "copper", "twin") == "project tilt: copper, twin\n"
    assert run("quota", "tilt", "--evaluations", "30") == "project tilt: quota stored\n"
    assert run("privacy", "tilt", "all") == "project tilt: seen by all\n"
    assert run("list").splitlines() == [
        "name\tprivate\tcampaigns\tmembers\tevaluations\tcore-hours",
        "tilt\tno\t0\tada (owner)\t0 of 30\t",
    ]
    actions = [entry.action for entry in reversed(accounts.audit())]
    assert actions == [f"project.{kind}" for kind in ("create", "notes", "tags", "quota", "privacy")]
    assert accounts.project("tilt").notes == "# Plan"


def test_what_is_not_there_is_named(run):
    with pytest.raises(FieldError, match="user: no user 'eve'"):
        run("create", "tilt", "--owner", "eve")
    for words in (("expel", "tilt", "eve"), ("tags", "tilt")):
        with pytest.raises(NotFoundError, match="no project 'tilt'"):
            run(*words)
    with pytest.raises(NotFoundError, match="no campaign 'rows' is stored"):
        run("move", "rows", "tilt")
