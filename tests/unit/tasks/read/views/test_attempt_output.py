"""Output of attempts as the dashboard shows it: ends of regular files, plain, without secrets."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.backends.launchers.launches import LaunchFolder, launch_name
from tansaku.tasks.read.views.attempt_output import attempt_logs, attempt_outputs, end_of_file, plain_text, without_secrets

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def cluster(folder) -> SiteSpec:
    return SiteSpec.model_validate({"launcher": {"type": "fireworks", "folder": str(folder)}})


def test_a_clusters_files_newest_attempt_first(tmp_path, evaluation):
    launch = LaunchFolder.of(tmp_path, launch_name("job-1", "one"))
    launch.create()
    (launch.path / "out.txt").write_text("\x1b[31mred\x1b[0m <b>\n")
    launch.write("exit", {"reason": "walltime", "message": "after 60 s"})
    second, first = attempt_outputs(cluster(tmp_path), tmp_path / "spool", evaluation)
    assert (first.attempt, first.ended, first.reason) == (1, "walltime after 60 s", "walltime: too long")
    assert [(file.name, file.text, file.cut) for file in first.files] == [("out.txt", "red <b>", False)]
    assert (second.files, "not started" in second.note) == ((), True)


def test_a_folder_of_another_machine_is_named(tmp_path, evaluation):
    away = tmp_path / "away"
    for site, jobs in ((cluster(away), away / "spool"), (SiteSpec(), away)):
        output = attempt_outputs(site, jobs, evaluation)[0]
        assert output.folder == str(away)
        assert "not on this machine" in output.note
    (unknown, _) = attempt_outputs(SiteSpec(), None, evaluation)
    assert (unknown.folder, unknown.files) == (None, ())


def test_workers_of_this_machine_that_ran_during_the_attempt(tmp_path, evaluation):
    logs = tmp_path / "logs"
    logs.mkdir()
    for hours, name in ((-3, "before"), (0.5, "during"), (5, "after")):
        begun = NOON + timedelta(hours=hours)
        path = logs / f"{round(begun.timestamp() * 1e9)}-{name}.log"
        path.write_text(name)
        os.utime(path, (begun.timestamp() + 60,) * 2)
    (_, first) = attempt_outputs(SiteSpec(), tmp_path, evaluation)
    assert [file.text for file in first.files] == ["during"]


def test_only_whole_last_lines_of_regular_files(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("mongodb://ada:secret@host\nlast\n")
    found = end_of_file(path, most=15)
    assert (found.text, found.cut, found.size) == ("last", True, 31)
    (tmp_path / "link").symlink_to(path)
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "none", "."):
        assert end_of_file(tmp_path / name) is None


def test_a_last_line_that_is_longer_than_the_rest_of_what_is_read_is_not_lost(tmp_path):
    path = tmp_path / "mongod.log"
    long = "a" * 100
    path.write_text(f"first\ntoken={long}\nlast of {long} end\n")
    found = end_of_file(path, most=50)
    assert (found.text, found.cut) == (f"last of {long} end", True)
    path.write_text(f"token={long}\n")
    assert end_of_file(path, most=50).text == "token=[removed]", "its beginning says what is secret"
    path.write_text("b" * 2**20 + "\n")
    assert end_of_file(path, most=50).text == "(a line of more than a megabyte)"


@pytest.mark.parametrize(
    "text",
    [
        "mongodb+srv://ada:hunter2@db.example.org/x",
        "TANSAKU_MONGO_URI=mongodb://ada:hunter2@host",
        "PREFECT_API_AUTH_STRING: 'admin:hunter2'",
        '{"password": "hunter2"}',
        "Authorization: Bearer hunter2",
        "export MY_API_KEY=hunter2",
        "\x1b[1mtoken\x1b[0m = hunter2",
    ],
)
def test_secrets_are_removed(text):
    assert "hunter2" not in plain_text(text)


def test_other_text_stays():
    text = "step 12: energy -3.5 eV, see https://example.org/page and ada@example.org\n\tdone"
    assert plain_text(text) == without_secrets(text) == text
    assert plain_text("bell\x07") == "bell\\x07"


def test_output_errors_and_end_of_every_attempt(tmp_path, evaluation):
    folder = LaunchFolder.of(tmp_path, launch_name("job-1", "one"))
    folder.create()
    (folder.path / "out.txt").write_text("computing\n")
    (folder.path / "err.txt").write_bytes(b"x" * 200_000 + b"slurmstepd: killed \xff\n")
    folder.write("exit", {"reason": "walltime", "message": "after 60 s"})
    site = SiteSpec.model_validate({"launcher": {"type": "fireworks", "folder": str(tmp_path)}})
    first, second = attempt_logs(site, [evaluation])
    assert (first.ended, first.reason) == ("walltime after 60 s", "walltime: too long")
    assert first.files["out.txt"] == "computing\n"
    assert len(first.files["err.txt"]) < 100_000
    assert "slurmstepd: killed" in first.files["err.txt"]
    assert Path(first.folder) == folder.path
    assert (second.folder, second.files, second.ended) == (None, {}, "")


def test_a_site_without_a_shared_folder_has_no_files(evaluation):
    assert [(log.attempt, log.folder) for log in attempt_logs(SiteSpec(), [evaluation])] == [(1, None), (2, None)]
