"""`tansaku --server URL` has the commands that a dashboard's API carries out, and says so of the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tansaku.deploy.cli.main import app
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.errors import ConfigurationError, NotFoundError, SpecChangedError
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.hull import campaign_hull
from tests.support.alloys import store_alloys
from tests.unit.client.conftest import SPEC, Dashboard, dashboard, make_site, site

__all__ = ["dashboard", "make_site", "site"]


class Terminal:
    """``tansaku --server`` with a token in a file."""

    def __init__(self, served: Dashboard, folder: Path) -> None:
        self.served, self.token = served, folder / "token"
        self.give(Role.OPERATOR)

    def give(self, role: Role) -> None:
        self.token.write_text(self.served.token(role))
        self.token.chmod(0o600)

    def run(self, *words: object) -> str:
        environment = {"TANSAKU_TOKEN_FILE": str(self.token)}
        done = CliRunner().invoke(app, ["--server", self.served.address, *map(str, words)], env=environment)
        if done.exception is not None:
            raise done.exception
        return done.stdout


@pytest.fixture
def terminal(dashboard: Dashboard, tmp_path: Path) -> Terminal:
    return Terminal(dashboard, tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "rows.yaml"
    made.write_text(SPEC)
    return made


def test_a_campaign_is_made_measured_and_read(terminal: Terminal, file: Path, tmp_path: Path):
    assert "valid" in terminal.run("check", file)
    assert terminal.run("run", "--no-run", file) == "rows: stored; `tansaku resume rows` runs it\n"
    assert "rows\tNEW" in terminal.run("list")
    table = tmp_path / "asked.csv"
    assert "1  a  (x 0, kind soft)" in terminal.run("ask", "rows", "-n", 2, "--csv", table)
    assert "rows: 1 value" in terminal.run("tell", "rows", "a", "2.5 GPa")
    filled = [line.split(",") for line in table.read_text().splitlines()]
    filled[2][filled[0].index("value [GPa]")] = "1.5"
    table.write_text("\n".join(map(",".join, filled)))
    told = terminal.run("tell", "rows", table, "--next", table)
    assert told.startswith("rows: 1 value\n")
    assert "rows: 2 proposals wait" in told
    assert [line.split(",")[0] for line in table.read_text().splitlines()] == ["number", "3", "4"]
    again = json.loads(terminal.run("tell", "rows", "a", "2.5 GPa", "--next", table, "--json"))
    assert again["new"] == {}
    assert [item["number"] for item in again["asked"]["waiting"]] == [3, 4]
    (tmp_path / "curve.txt").write_text("1 2 3")
    assert (
        terminal.run("attach", "rows", 1, tmp_path / "curve.txt") == "rows: curve.txt (5 bytes) is kept with the value of a\n"
    )
    terminal.served.connect()["rows"].ask(2)  # after it the reports are applied
    assert "1.5" in terminal.run("results", "rows", "--csv")
    values = [row["value"] for row in json.loads(terminal.run("results", "rows", "--evaluations", "--json"))]
    assert values[:2] == [2.5, 1.5]
    assert "WAITING" in terminal.run("status", "rows")
    assert terminal.run("pause", "rows").startswith("rows: pause: ")
    assert json.loads(terminal.run("status", "--json"))[0]["state"] == "PAUSED"
    assert terminal.run("edit", "rows", "budget.evaluations=5").startswith("rows: edit: ")


def test_the_phase_diagram_is_that_of_the_command_of_this_machine(terminal: Terminal):
    store_alloys(terminal.served.site.services.store)
    found = campaign_hull(Campaign.load(terminal.served.site.services.store, "cu-au"))
    assert json.loads(terminal.run("hull", "cu-au", "--json")) == found.rows
    assert terminal.run("hull", "cu-au").endswith(f"{found.describe()}\n")
    assert terminal.run("hull", "cu-au", "--csv").startswith("phase,formula,energy_per_atom")
    with pytest.raises(ConfigurationError, match="give one of them"):
        terminal.run("hull", "cu-au", "--csv", "--json")


def test_errors_are_those_of_a_command_of_this_machine(terminal: Terminal, file: Path, tmp_path: Path):
    with pytest.raises(
        ConfigurationError, match=r"tansaku db needs the machine's own database[\s\S]*ask, attach, cancel, check"
    ):
        terminal.run("db", "status")
    with pytest.raises(NotFoundError, match="other"):
        terminal.run("status", "other")
    with pytest.raises(ConfigurationError, match=r"'.*none.yaml' cannot be read: No such file"):
        terminal.run("run", tmp_path / "none.yaml")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(SPEC.replace("type: grid", "type: nogrid").replace("in_flight: 2", "in_flight: many"))
    with pytest.raises(ConfigurationError, match=r"proposer.*nogrid[\s\S]*execution.in_flight: "):
        terminal.run("run", wrong)
    terminal.run("run", "--no-run", file)
    file.write_text(SPEC.replace("unit: GPa", "unit: MPa"))
    with pytest.raises(SpecChangedError, match="rows"):
        terminal.run("run", file)
    terminal.give(Role.VIEWER)
    with pytest.raises(ConfigurationError, match="operator"):
        terminal.run("pause", "rows")
    terminal.token.chmod(0o644)
    with pytest.raises(ConfigurationError, match="TANSAKU_TOKEN_FILE: others may read"):
        terminal.run("list")
