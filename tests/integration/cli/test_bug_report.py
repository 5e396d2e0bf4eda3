"""`tansaku bug-report`: what is in the file, and that no secret is, wherever one lay."""

import os
import stat
from datetime import UTC, datetime

import pytest
import yaml

from tansaku import __version__
from tansaku.deploy.cli.exits import ExitCode
from tansaku.models.domain.findings import Finding
from tansaku.models.domain.records import Event
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.act.checks import bug_report
from tansaku.tasks.backends.stores.mongo import MongoCampaignStore
from tansaku.tasks.ground.settings import Settings
from tests.support.records import campaign_record

SECRET = "planted-in-some-place"
SPEC = {
    "schema_version": 1,
    "name": "faulty",
    "notes": "do not tell of our alloy",
    "space": {
        "type": "crystals",
        "crystals": {"cu": {"structure": "fcc", "elements": ["Cu"], "lattice_parameter": 3.6}},
        "scans": [{"type": "rattle", "atoms": [4], "draws": 1, "strain": 1, "lattice": 5}],
    },
    "calculator": {"type": "command", "command": "mine", "keywords": {"api_key": SECRET, "depth": 1.5}},
    "objective": {"unit": "eV/atom"},
    "budget": {"evaluations": 1},
}


@pytest.fixture
def report(tansaku, mongo_database, monkeypatch, tmp_path):
    """``report()`` is the text for a stored campaign, and how the command ended."""
    found = [Finding(name="python", state="ok", detail=f"found with {SECRET}")]
    monkeypatch.setattr(bug_report, "examine", lambda *_: found)  # its checks have tests of their own, and take long
    monkeypatch.setenv("MY_SERVICE_TOKEN", SECRET)
    monkeypatch.setenv("PWD", "depth: 1.5")
    record = campaign_record(
        CampaignSpec.model_validate(SPEC), name="faulty", tansaku_version="0.0.7", created_at=datetime.now(UTC)
    )
    store = MongoCampaignStore(mongo_database)
    store.create_campaign(record)
    data = {"why": "too late", "auth": {"any": [SECRET[:-2]]}}
    store.append_event(Event(id="e", campaign=store.campaign_id("faulty"), kind="warning.odd", at=datetime.now(UTC), data=data))
    home = Settings.from_environment().home
    log = home / "spool" / "faulty" / "logs" / "1.log"
    log.parent.mkdir(parents=True)
    others = [home / "spool" / "other" / "logs" / "2.log", home / "service" / "other.log"]
    machine = home / "service" / "dashboard-process.log"
    for path in (*others, machine):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"it is that of {path.parts[-3:]}\n")
    log.write_text(f"it began\n{SECRET}\npassword = other-word\nada may pass/word!\nTraceback: the fault\n")
    os.utime(log, (1e9, 1e9))
    site = tmp_path / "site.yaml"
    commands = {"mine": {"argv": ["mine", "--token", SECRET, "--password", "SWORDFISH9"]}}
    site.write_text(yaml.safe_dump({"database": {"name": mongo_database.name}, "commands": commands}))
    file = tmp_path / "report.txt"

    def run(*arguments, name="faulty"):
        ended = tansaku("bug-report", *([name] if name else []), "--out", file, *(arguments or ("--site", site)))
        return ended, file

    yield run
    for path in (log, *others, machine):
        path.unlink()
    log.parent.rmdir()


def test_a_report_has_what_is_needed_and_no_secret(report):
    ended, file = report()
    assert ended.code == ExitCode.OK
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    for part in (
        f"tansaku {__version__}, Python 3.",
        "ok\tpython\tfound with [removed]",
        "created by tansaku 0.0.7",
        "depth: 1.5",
        "faulty: ",
        '"why": "too late"',
        "Traceback: the fault",
        "password = [removed]",
        "pydantic 2",
        "'dashboard-process.log')",
    ):
        assert part in text, part
    assert SECRET[:-2] not in text
    assert "other-word" not in text
    assert "SWORDFISH9" not in text
    assert "our alloy" not in text
    assert "'other" not in text, "logs of other campaigns"
    again, _ = report()
    assert again.code == ExitCode.USAGE
    assert "exists; nothing is overwritten" in again.err
    assert file.read_text() == text


def test_a_database_that_does_not_answer_is_part_of_the_report_and_its_password_is_not(report, monkeypatch):
    monkeypatch.setenv("TANSAKU_MONGO_URI", "mongodb://ada:pass%2Fword%21@127.0.0.1:1/?serverSelectionTimeoutMS=10")
    ended, file = report()
    assert ended.code == ExitCode.OK
    text = file.read_text()
    assert "TransientError" in text
    assert "Traceback: the fault" in text
    assert "pass%2Fword" not in text
    assert "pass/word" not in text


def test_without_a_campaign_the_logs_are_those_of_the_machine_and_of_the_campaign_that_wrote_last(report):
    ended, file = report(name=None)
    assert ended.code == ExitCode.OK
    text = file.read_text()
    assert "logs of the campaign that wrote last, other" in text
    assert "it is that of ('other', 'logs', '2.log')" in text
    assert "'dashboard-process.log')" in text
    assert "'other.log'" not in text
    assert "Traceback: the fault" not in text


def test_the_site_is_the_one_in_use(report, tmp_path, monkeypatch):
    site = tmp_path / "of-the-variable.yaml"
    site.write_text("launcher: {type: local, workers: 3}\n")
    monkeypatch.setenv("TANSAKU_SITE", str(site))
    report("--out", tmp_path / "by-variable.txt", name=None)
    text = (tmp_path / "by-variable.txt").read_text()
    assert f"=== site: {site} ===" in text
    assert "  workers: 3\n" in text
    monkeypatch.delenv("TANSAKU_SITE")
    report("--out", tmp_path / "built-in.txt", name=None)
    text = (tmp_path / "built-in.txt").read_text()
    assert "=== site: built in ===" in text
    assert "  type: local\n" in text
