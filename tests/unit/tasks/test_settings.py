import os
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.settings import (
    THREAD_VARIABLES,
    Settings,
    forbid_telemetry,
    limit_threads,
    scheduler_environment,
    thread_environment,
)


def test_nothing_set_means_the_users_data_folder() -> None:
    settings = Settings.from_environment({})
    assert settings.home == Path(platformdirs.user_data_dir("tansaku", appauthor=False))
    assert (settings.mongo_uri, settings.site_file, settings.require_all, settings.runtime) == (None, None, False, None)


def test_every_variable_is_read() -> None:
    settings = Settings.from_environment(
        {
            "TANSAKU_HOME": "/data/x",
            "TANSAKU_MONGO_URI": "mongodb://user:secret@host/db",
            "TANSAKU_SITE": "/etc/site.yaml",
            "TANSAKU_REQUIRE_ALL": "1",
            "XDG_RUNTIME_DIR": "/run/user/7",
        }
    )
    assert settings.mongo_uri is not None
    assert settings.mongo_uri.get_secret_value() == "mongodb://user:secret@host/db"
    assert (settings.home, settings.site_file) == (Path("/data/x"), Path("/etc/site.yaml"))
    assert settings.require_all
    assert settings.runtime == Path("/run/user/7")


def test_relative_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_environment({"TANSAKU_HOME": "here", "TANSAKU_SITE": "site.yaml"})
    assert (settings.home, settings.site_file) == (tmp_path / "here", tmp_path / "site.yaml")


def test_password_is_not_printed() -> None:
    settings = Settings.from_environment({"TANSAKU_MONGO_URI": "mongodb://user:secret@host/db"})
    assert "secret" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_wrong_truth_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="TANSAKU_REQUIRE_ALL: 'maybe'"):
        Settings.from_environment({"TANSAKU_REQUIRE_ALL": "maybe"})


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings.from_environment({}).home = Path("/x")  # type: ignore[misc]


@pytest.mark.parametrize(("before", "after"), [(None, "1"), ("0", "0")])
def test_libraries_may_report_nothing_unless_the_user_decided(monkeypatch, before, after):
    monkeypatch.setenv("DO_NOT_TRACK", "")
    monkeypatch.delenv("DO_NOT_TRACK")
    if before is not None:
        monkeypatch.setenv("DO_NOT_TRACK", before)
    forbid_telemetry()
    assert os.environ["DO_NOT_TRACK"] == after


def test_a_driver_keeps_to_one_thread_unless_the_user_decided(monkeypatch):
    for variable in THREAD_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "4")
    limit_threads()
    assert [os.environ[variable] for variable in THREAD_VARIABLES] == ["1", "1", "4"]


def test_the_settings_come_before_numpy():
    # Thread counts are read when numpy is imported.
    script = "import sys, tansaku.deploy.cli.main, tansaku.tasks.settings; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_the_scheduler_is_shown_no_secrets() -> None:
    environment = {"PATH": "/bin", "SLURM_CONF": "/etc/slurm.conf", "TANSAKU_MONGO_URI": "mongodb://u:p@h", "AWS_SECRET": "x"}
    assert scheduler_environment(environment) == {"PATH": "/bin", "SLURM_CONF": "/etc/slurm.conf"}


def test_a_child_s_libraries_get_the_threads_they_were_given() -> None:
    environment = thread_environment(4)
    assert {environment[name] for name in THREAD_VARIABLES} == {"4"}
    assert environment["PATH"] == os.environ["PATH"]
