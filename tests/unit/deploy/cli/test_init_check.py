import json
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from tansaku.deploy.cli.init_check import DEFAULT_TEMPLATE
from tansaku.deploy.cli.main import app
from tansaku.models.domain.errors import ConfigurationError

runner = CliRunner()


def test_init_lists_templates_with_what_they_are_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = runner.invoke(app, ["init", "--list"]).output.splitlines()
    names = [line.split()[0] for line in lines]
    assert {"al-110-tilt", "al-110-tilt-38", "cu-emt"} <= set(names)
    assert all(len(line.split()) > 4 for line in lines)
    assert list(tmp_path.iterdir()) == []


def test_init_writes_the_default_example_once(tmp_path):
    assert runner.invoke(app, ["init", "--to", str(tmp_path)]).exit_code == 0
    written = tmp_path / f"{DEFAULT_TEMPLATE}.yaml"
    written.write_text("mine", encoding="utf-8")
    again = runner.invoke(app, ["init", "--to", str(tmp_path)])
    assert isinstance(again.exception, ConfigurationError)
    assert written.read_text(encoding="utf-8") == "mine"


def test_init_writes_the_table_that_an_example_reads(tmp_path):
    """And neither file if one of them is there."""
    table, campaign = (tmp_path / f"cu-boundaries-20.{ending}" for ending in ("csv", "yaml"))
    table.write_text("mine", encoding="utf-8")
    arguments = ["init", "cu-boundaries-20", "--to", str(tmp_path)]
    assert isinstance(runner.invoke(app, arguments).exception, ConfigurationError)
    assert not campaign.exists()
    table.unlink()
    assert runner.invoke(app, arguments).exit_code == 0
    assert campaign.exists()
    assert table.read_text(encoding="utf-8").startswith("axis,sigma,plane")


def test_examples_that_share_a_file_go_into_one_folder(tmp_path):
    for name in ("cu-au-room", "cu-au"):
        assert runner.invoke(app, ["init", name, "--to", str(tmp_path)]).exit_code == 0
    assert {path.name for path in tmp_path.glob("*.yaml")} == {"cu-au-room.yaml", "cu-au.yaml"}


def test_init_writes_the_structure_that_an_example_reads(tmp_path):
    assert runner.invoke(app, ["init", "al-segregation", "--to", str(tmp_path)]).exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"al-segregation.yaml", "al-segregation.extxyz"}


def test_check_shows_pool_cost_budget_and_what_would_run(table_file):
    done = runner.invoke(app, ["check", str(table_file), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert (found["candidates"], found["surfaces"], len(found["systems"])) == (5, 3, 2)
    assert found["exhaustive_cost"] == 10.0
    assert (found["limit"], found["share"]) == (8.0, 0.8)
    assert found["expected_evaluations"] == 4
    assert found["most_evaluations"] == 4
    assert found["initial"][0] == "a1"
    assert found["calculator"] is None
    text = runner.invoke(app, ["check", str(table_file)]).output
    assert "5 candidates, 3 surfaces, 2 systems" in text
    assert "nothing was computed" in text


def test_check_shows_the_limits_of_a_program_and_none_for_other_campaigns(table_file, tmp_path):
    site, campaign = tmp_path / "site.yaml", tmp_path / "program.yaml"
    limits = "launcher: {type: local, evaluation_limits: {memory: 64000}}"
    site.write_text(f"schema_version: 1\n{limits}\ncommands: {{mine: {{argv: [{sys.executable}]}}}}\n")
    campaign.write_text(
        "schema_version: 1\nspace: {type: crystals, crystals: {al: {structure: fcc, elements: [Al], lattice_parameter: 4.05}}, "
        "scans: [{type: rattle, atoms: [4], draws: 4}]}\ncalculator: {type: command, command: mine}\n"
        "objective: {unit: eV/atom}\nproposer: {type: random}\nbudget: {evaluations: 2}\n"
    )
    shown = "limits      64,000 MB of memory, 256 processes, 1,000 MB of files and output for each evaluation\n"
    assert shown in runner.invoke(app, ["check", str(campaign), "--site", str(site)]).output
    assert "limits" not in runner.invoke(app, ["check", str(table_file), "--site", str(site)]).output


def test_a_spreadsheet_has_no_surfaces():
    alloys = Path(__file__).parents[4] / "examples" / "alloys.yaml"
    text = runner.invoke(app, ["check", str(alloys)]).output
    assert "45 candidates, 1 system\n" in text
    assert "surface" not in text


def test_check_prints_the_parameters_of_a_run_of_the_service(table_file):
    done = runner.invoke(app, ["check", str(table_file), "--parameters"])
    assert done.exit_code == 0, done.output
    file = yaml.safe_load(table_file.read_text())
    assert json.loads(done.output) == {"campaign": {"name": table_file.stem} | file}
    table_file.write_text(table_file.read_text() + "surprise: 1\n", encoding="utf-8")
    wrong = runner.invoke(app, ["check", str(table_file), "--parameters"])
    assert isinstance(wrong.exception, ConfigurationError)
    assert wrong.output == ""


def test_the_budget_decides_how_many_evaluations_are_expected(table_file):
    counts = {}
    for budget in ("{cost: 3}", "{cost: 8}", "{evaluations: 2}", "{}"):
        table_file.write_text(table_file.read_text().split("budget:")[0] + f"budget: {budget}\n", encoding="utf-8")
        found = json.loads(runner.invoke(app, ["check", str(table_file), "--json"]).output)
        counts[budget] = (found["expected_evaluations"], found["most_evaluations"])
    assert counts == {"{cost: 3}": (1, 2), "{cost: 8}": (4, 4), "{evaluations: 2}": (2, 2), "{}": (5, 5)}


@pytest.mark.parametrize("line", ["budgett: {cost: 1}", "seed: -1", "proposer: {type: oracle}"])
def test_check_refuses_what_is_wrong_and_names_the_key(table_file, line):
    key = line.split(":")[0]
    lines = [kept for kept in table_file.read_text().splitlines() if not kept.startswith(f"{key}:")]
    table_file.write_text("\n".join([*lines, line]), encoding="utf-8")
    done = runner.invoke(app, ["check", str(table_file)])
    assert isinstance(done.exception, ConfigurationError)
    assert key in str(done.exception)


TAVORITES = """
schema_version: 1
name: tavorites
space:
  type: composition
  parent: {prototype: tavorite}
  sites: {A: {ions: [Li+]}, M: {ions: [V3+]}, X: {ions: [P5+]}, Z: {ions: [F-]}}
calculator: {type: chgnet, workflow: {type: migration_barrier}}
objective: {unit: eV}
"""


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        ("ions: [V3+]", "ions: [Qq3+]", "space.sites.M.ions[0]: 'Qq3+': no element 'Qq'"),
        ("ions: [V3+]", "ions: [V9+]", "space.sites.M.ions[0]: 'V9+': Shannon's table has no radius for this ion; it has V2+"),
        ("ions: [V3+]", "ions: [V2+]", "none of 1 combinations is neutral, the nearest has -2 per cell; expected 0"),
        (
            "calculator:",
            "  rules: [{type: radius, site: M, maximum: 0.1}]\ncalculator:",
            "no candidate remains of 1 combinations",
        ),
        ("{unit: eV}", "{unit: eV, goal: {type: all_below, threshold: 0.3}}", "objective.goal.threshold: 0.3 has no unit"),
    ],
)
def test_a_composition_search_that_cannot_be_is_refused_by_check(tmp_path, require, written, instead, message):
    require("pymatgen")
    require("chgnet")
    path = tmp_path / "tavorites.yaml"
    assert written in TAVORITES
    path.write_text(TAVORITES, encoding="utf-8")
    assert runner.invoke(app, ["check", str(path)]).exit_code == 0
    path.write_text(TAVORITES.replace(written, instead), encoding="utf-8")
    done = runner.invoke(app, ["check", str(path)])
    assert isinstance(done.exception, ConfigurationError)
    assert message in str(done.exception)


def test_a_rehearsal_says_what_the_budget_buys_and_refuses_what_it_cannot_use(table_file):
    command = ["check", str(table_file), "--rehearse", "--within", "1 mJ/m2", "--replays", "3"]
    done = runner.invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "rehearsal   3 replays on its own table" in done.output
    assert "% to get within 1 mJ/m2 of the true answer for 8 units of cost" in done.output
    plain = runner.invoke(app, ["check", str(table_file), "--json"])
    found = json.loads(runner.invoke(app, [*command, "--json"]).output)
    bought = found.pop("budget_rehearsal")
    assert found == json.loads(plain.output)
    assert (bought["replays"], bought["within"], len(bought["found_at"])) == (3, 1.0, 3)
    for options, message in (
        (["--within", "1 mJ/m2"], "only together with --rehearse"),
        (["--rehearse"], "--within: missing; give a tolerance"),
        (["--rehearse", "--within", "1 mJ/m2", "--spread", "3 mJ/m2"], "not needed for a table"),
    ):
        refused = runner.invoke(app, ["check", str(table_file), *options])
        assert isinstance(refused.exception, ConfigurationError)
        assert message in str(refused.exception)
