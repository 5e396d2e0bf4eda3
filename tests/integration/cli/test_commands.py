import csv
import io
import json
import os

import pytest

from tansaku.deploy.cli.exits import ExitCode
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.backends.stores.connection import connect
from tansaku.tasks.backends.stores.mongo import MongoCampaignStore
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.ground.site.processes import process_identity, this_driver

DOCUMENTED = {"candidate", "system", "surface", "value", "cost", "state", "attempts", "round", "reason"}


def evaluations(tansaku, name):
    return json.loads(tansaku("results", name, "--evaluations", "--json").out)


@pytest.fixture
def ran(tansaku, campaign_file):
    """Writes a campaign as ``campaign_file`` does, and runs it."""

    def run(**keys):
        file = campaign_file(**keys)
        tansaku("run", file, "--plain")
        return file

    return run


def test_run_and_results(tansaku, campaign_file):
    file = campaign_file(good=6, bad=1)
    name = file.stem
    done = tansaku("run", file, "--plain")
    assert done.code == ExitCode.OK, done.err
    assert done.out == ""
    assert "FAILED b0" in done.err
    rows = evaluations(tansaku, name)
    assert [row["candidate"] for row in rows] == ["a0", "a1", "a2", "a3", "a4", "a5", "b0"]
    assert [row["round"] for row in rows] == list(range(1, 8))
    assert all(row.keys() >= DOCUMENTED for row in rows)
    assert rows[-1]["reason"].startswith("recorded_failure: ")
    systems = json.loads(tansaku("results", name, "--json").out)
    assert [(row["system"], row["value"], row["unit"], row["evaluations"], row["failed"], row["share"]) for row in systems] == [
        ("left", 5.0, "eV", 4, 1, 1.0),
        ("right", 6.0, "eV", 3, 0, 1.0),
    ]
    table = list(csv.DictReader(io.StringIO(tansaku("results", name, "--csv").out)))
    assert [row["best_candidate"] for row in table] == ["a5", "a4"]
    lines = tansaku("results", name, "--evaluations").out.splitlines()
    assert lines[0].split("\t")[:3] == ["round", "candidate", "system"]
    assert len(lines) == 8


def test_status_shows_failures_first_and_lists_agree(tansaku, ran):
    file = ran(good=2, bad=2)
    lines = tansaku("status", file.stem).out.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["FAILED", "b0"], ["FAILED", "b1"]]
    assert lines[2].split() == ["retry:", "tansaku", "retry", file.stem]
    [entry] = json.loads(tansaku("status", file.stem, "--json").out)
    assert (entry["state"], entry["stop_reason"], entry["failed"]) == ("FINISHED", "exhausted", 2)
    listed = {row["name"]: row for row in json.loads(tansaku("list", "--json").out)}
    assert listed[file.stem] == entry
    assert any(line.split("\t")[:2] == [file.stem, "FINISHED"] for line in tansaku("list").out.splitlines())


def test_parameters_are_shown_beside_the_best_candidate(tansaku, tmp_path):
    numbers = {"type": "number", "low": 0, "high": 1}
    space = {"type": "parameters", "parameters": {"x1": numbers, "x2": numbers}, "pool": 64, "function": "ackley"}
    document = {"schema_version": 1, "space": space, "objective": {"unit": "1"}, "proposer": {"type": "random"}}
    file = tmp_path / "two-parameters.yaml"
    file.write_text(json.dumps(document | {"budget": {"evaluations": 3}, "execution": {"polish": 0}}))
    assert tansaku("run", file, "--plain").code == ExitCode.OK
    [row] = json.loads(tansaku("results", file.stem, "--json").out)
    assert row["cells"].keys() == {"x1", "x2"}
    assert f"{row['best_candidate']}: x1 {row['cells']['x1']:.6g}, x2 " in tansaku("results", file.stem).out
    [line] = csv.DictReader(io.StringIO(tansaku("results", file.stem, "--csv").out))
    assert float(line["cells.x1"]) == row["cells"]["x1"]
    assert json.loads(tansaku("show", file.stem, row["best_candidate"], "--json").out)["cells"] == row["cells"]


def test_show_and_log(tansaku, ran):
    file = ran()
    spec = json.loads(tansaku("show", file.stem, "--json").out)["spec"]
    assert spec["objective"]["unit"] == "eV"
    [shown] = json.loads(tansaku("show", file.stem, "a3", "--json").out)["evaluations"]
    assert shown["outcome"]["value"] == 7.0
    kinds = [event["kind"] for event in json.loads(tansaku("log", file.stem, "--json").out)]
    assert kinds[-1] == "stopped"
    assert "evaluation.failed" in kinds
    assert "evaluation.done" not in kinds
    every = [event["kind"] for event in json.loads(tansaku("log", file.stem, "--all", "-n", "1000", "--json").out)]
    assert every.count("evaluation.done") == 6
    assert len(tansaku("log", file.stem, "--all", "-n", "3").out.splitlines()) == 3


def test_an_edit_reopens_the_campaign_and_is_logged(tansaku, ran):
    file = ran(good=6, bad=0, budget="{evaluations: 2}")
    assert len(evaluations(tansaku, file.stem)) == 2
    edited = tansaku("edit", file.stem, "budget.evaluations=4")
    assert edited.code == ExitCode.OK
    assert "budget.evaluations: 2 -> 4" in edited.out
    assert tansaku("resume", file.stem, "--plain").code == ExitCode.OK
    assert len(evaluations(tansaku, file.stem)) == 4
    events = json.loads(tansaku("log", file.stem, "-n", "1000", "--json").out)
    [event] = [event for event in events if event["kind"] == "edited"]
    assert event["data"]["changes"] == [{"key": "budget.evaluations", "old": 2, "new": 4}]


@pytest.mark.parametrize("change", ["seed=3", "budget.evaluations=many", "budget", "budget.evaluations=[1"])
def test_edits_that_are_not_allowed(tansaku, ran, change):
    file = ran(budget="{evaluations: 1}")
    refused = tansaku("edit", file.stem, change)
    assert refused.code == ExitCode.USAGE
    assert change.split("=")[0] in refused.err


def test_pause_and_resume(tansaku, ran):
    file = ran(good=4, bad=0, budget="{evaluations: 1}")
    tansaku("edit", file.stem, "budget.evaluations=null")
    assert "tansaku resume" in tansaku("pause", file.stem).out
    paused = tansaku("run", file, "--plain")
    assert paused.code == ExitCode.OK
    assert len(evaluations(tansaku, file.stem)) == 1
    assert json.loads(tansaku("status", file.stem, "--json").out)[0]["state"] == "PAUSED"
    assert tansaku("resume", file.stem, "--plain").code == ExitCode.OK
    assert len(evaluations(tansaku, file.stem)) == 4


def test_retry_is_another_attempt_and_rerun_another_replicate(tansaku, ran):
    file = ran(good=2, bad=1)
    assert tansaku("retry", file.stem, "--plain").code == ExitCode.OK
    rows = {row["candidate"]: row for row in evaluations(tansaku, file.stem)}
    assert (rows["b0"]["state"], rows["b0"]["attempts"], rows["a0"]["attempts"]) == ("FAILED", 2, 1)
    assert tansaku("rerun", file.stem, "a1", "--plain").code == ExitCode.OK
    rows = evaluations(tansaku, file.stem)
    assert [(row["candidate"], row["replicate"]) for row in rows if row["candidate"] == "a1"] == [("a1", 0), ("a1", 1)]
    assert tansaku("retry", file.stem, "nobody", "--plain").code == ExitCode.NOT_FOUND


def test_cancel(tansaku, ran):
    file = ran(budget="{evaluations: 1}")
    refused = tansaku("cancel", file.stem)
    assert refused.code == ExitCode.USAGE
    assert "is FINISHED; cancel applies to campaigns that are NEW" in refused.err
    tansaku("edit", file.stem, "budget.evaluations=2")
    for _ in range(2):
        assert tansaku("cancel", file.stem).code == ExitCode.OK
    assert json.loads(tansaku("status", file.stem, "--json").out)[0]["state"] == "CANCELLED"


def test_wishes_can_be_stored_for_another_driver(tansaku, ran):
    file = ran(good=3, bad=0, budget="{evaluations: 1}")
    tansaku("edit", file.stem, "budget.cost=100")
    assert tansaku("cancel", file.stem, "--no-run").code == ExitCode.OK
    assert tansaku("resume", file.stem, "--no-run").code == ExitCode.OK
    assert len(evaluations(tansaku, file.stem)) == 1


def test_another_driver_owns_the_campaign(tansaku, ran):
    file = ran(budget="{evaluations: 1}")
    store = MongoCampaignStore(connect(Settings.from_environment(), SiteSpec()))
    parent = process_identity(os.getppid())
    owner = this_driver().model_copy(update={"pid": parent["pid"], "process_started": parent["started"]})
    lease = store.acquire_lease(file.stem, owner, 60.0)
    try:
        refused = tansaku("run", file, "--plain")
        assert refused.code == ExitCode.LEASE_HELD
        assert str(lease.owner.pid) in refused.err
        assert "driver applies it" in tansaku("pause", file.stem).out
    finally:
        store.release_lease(lease)
        store.close()


def test_too_many_failures_stop_the_campaign(tansaku, campaign_file):
    file = campaign_file(good=1, bad=30)
    stopped = tansaku("run", file, "--plain")
    assert stopped.code == ExitCode.STOPPED
    assert f"tansaku status {file.stem}" in stopped.err


def test_a_campaign_without_any_value_ends_with_a_code_and_says_so(tansaku, campaign_file):
    file = campaign_file(good=1, bad=2, proposer="listed, candidates: [b0, b1]")
    ended = tansaku("run", file, "--plain")
    assert ended.code == ExitCode.STOPPED
    assert f"no evaluation gave a value: `tansaku status {file.stem}` shows why" in ended.err
    assert tansaku("resume", file.stem, "--plain").code == ExitCode.STOPPED


@pytest.mark.parametrize(
    "arguments",
    [["results"], ["status"], ["show"], ["log"], ["pause"], ["resume"], ["cancel"], ["retry"], ["plot"], ["edit"], ["export"]],
)
def test_unknown_campaign(tansaku, arguments, tmp_path):
    extra = {"edit": ["seed=1"], "export": ["--observations", tmp_path / "x.parquet"]}.get(arguments[0], [])
    ended = tansaku(*arguments, "nobody-knows-it", *extra)
    assert ended.code == ExitCode.NOT_FOUND
    assert "nobody-knows-it" in ended.err


def test_export_and_import_continue_on_an_empty_database(tansaku, campaign_file, tmp_path):
    file = campaign_file(good=6, bad=1, budget="{evaluations: 3}")
    name = file.stem
    tansaku("run", file, "--plain")
    parquet = tmp_path / "observations.parquet"
    assert tansaku("export", name, "--observations", parquet).code == ExitCode.OK
    site = tmp_path / "site.yaml"
    site.write_text("schema_version: 1\ndatabase: {name: empty-one}\n", encoding="utf-8")
    elsewhere = ("--site", site)
    assert tansaku("import", "other-name", "--observations", parquet, *elsewhere).code == ExitCode.USAGE
    assert "3 new of 3" in tansaku("import", "--observations", parquet, *elsewhere).out
    assert "0 new of 3" in tansaku("import", name, "--observations", parquet, *elsewhere).out
    before = json.loads(tansaku("results", name, "--evaluations", "--json", *elsewhere).out)
    tansaku("edit", name, "budget.evaluations=5", *elsewhere)
    assert tansaku("resume", name, "--plain", *elsewhere).code == ExitCode.OK
    after = json.loads(tansaku("results", name, "--evaluations", "--json", *elsewhere).out)
    assert after[:3] == before
    assert [row["candidate"] for row in after] == ["a0", "a1", "a2", "a3", "a4"]
    assert len(evaluations(tansaku, name)) == 3


def test_export_needs_to_know_what(tansaku, ran):
    file = ran(budget="{evaluations: 1}")
    assert tansaku("export", file.stem).code == ExitCode.USAGE


def test_a_dry_run_spends_nothing(tansaku, campaign_file):
    file = campaign_file()
    dry = tansaku("run", file, "--dry-run")
    assert dry.code == ExitCode.OK
    assert dry.out == tansaku("check", file).out
    assert tansaku("status", file.stem).code == ExitCode.NOT_FOUND


def test_plot_draws_what_there_is(tansaku, ran, tmp_path):
    file = ran()
    drawn = tansaku("plot", file.stem, "--out", tmp_path / "figures").out.split()
    kinds = ("best-value-over-evaluations", "convergence", "parallel")
    assert [path.rsplit("/", 1)[1] for path in drawn] == [f"{file.stem}-{kind}.png" for kind in kinds]
