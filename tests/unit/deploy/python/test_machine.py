"""The campaigns of this machine's database, which a memory stands for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tansaku as ts
from tansaku.deploy.cli.agents import Tools
from tansaku.deploy.python.places import Database, Memory
from tansaku.tasks.ground.formats.yaml_text import parse_yaml

SPEC = """\
schema_version: 1
name: rows
space: {type: table, candidates: rows.csv, columns: {id: id}, features: {place: {columns: [x]}}}
calculator: {type: manual}
objective: {unit: GPa}
budget: {evaluations: 3}
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    memory = Memory()
    monkeypatch.setattr(Database, "open", lambda _: memory.open())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("id,x\na,0.0\nb,0.5\nc,1.0\n")
    return ts.connect()


def test_a_campaign_file_is_a_path_a_text_or_keys(machine, tmp_path):
    keys = parse_yaml(SPEC, "spec").data
    (tmp_path / "file.yaml").write_text(SPEC)
    for given in (SPEC, json.dumps(keys), keys, tmp_path / "file.yaml", "file.yaml"):
        assert machine.check(given).candidates == 3
        assert machine.create(given) is machine["rows"]
    assert [line.name for line in machine.campaigns] == ["rows"]
    assert machine["rows"].spec.space.candidates == "rows.csv"


def test_an_agent_gives_the_text_of_a_campaign_file(machine):
    tools = Tools(machine)
    assert "3 candidates" in tools.check(SPEC)
    assert tools.create(json.dumps(parse_yaml(SPEC, "spec").data), dry_run=False) == "stored: rows"
    assert tools.create(SPEC, dry_run=False) == "stored: rows"
    with pytest.raises(ts.ConfigurationError, match=r"spec: 'zzz' is no campaign file; expected the path of .*, or its text"):
        tools.check("zzz")


def test_what_is_wrong_in_a_text_is_named_with_its_line(machine):
    with pytest.raises(ts.ConfigurationError, match=r"objective\.units: unknown key .*'unit'.*\(spec, line 5\)"):
        machine.check(SPEC.replace("unit:", "units:"))
    with pytest.raises(ts.ConfigurationError, match=r"name: missing.*\(spec, line 1\)"):
        machine.create(SPEC.replace("name: rows\n", ""))
    with pytest.raises(ts.ConfigurationError, match="spec: 3; expected a campaign file as path, text or keys"):
        machine.create(3)


def test_the_user_of_this_machine_may_do_everything(machine):
    with machine as same:
        assert (same.user.name, same.user.role) != ("", "")


def test_what_is_created_runs_where_that_is_wanted(machine):
    values = "id,x,y\na,0.0,3\nb,0.5,1\nc,1.0,2\n"
    Path("rows.csv").write_text(values)
    keys = parse_yaml(SPEC.replace("{id: id}", "{id: id, value: y}").replace("calculator: {type: manual}\n", ""), "spec").data
    campaign = machine.create(keys, run=True)
    assert campaign.wait(60) in ("evaluations", "exhausted")
    assert campaign.best.id == "b"


def test_nothing_is_uploaded_to_the_own_machine(machine, tmp_path):
    with pytest.raises(ts.StateError, match=r"rows\.csv: nothing is uploaded here") as refused:
        machine.upload(tmp_path / "rows.csv")
    assert "name its path in the campaign" in refused.value.hint


def test_what_is_opened_has_a_name():
    with pytest.raises(ts.ConfigurationError, match=r"^name: None; expected the name of a campaign"):
        ts.Campaign.open(None)
