from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest
from pydantic import ValidationError

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.commands import CommandSpec, offer_commands
from tansaku.models.domain.specs.evaluation_limits import EvaluationLimitsSpec
from tansaku.models.domain.specs.parallel import SERIAL, ParallelSpec
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.ground.settings import (
    THREAD_VARIABLES,
    Settings,
    child_environment,
    child_variables,
    forbid_telemetry,
    given_commands,
    given_limits,
    given_parallel,
    limit_threads,
    prefect_secrets_from_files,
    scheduler_environment,
    thread_environment,
    worker_environment,
)


def test_nothing_set_means_the_users_data_folder() -> None:
    settings = Settings.from_environment({})
    assert settings.home == Path(platformdirs.user_data_dir("tansaku", appauthor=False))
    assert (settings.mongo_uri, settings.site_file, settings.require_all, settings.runtime) == (None, None, False, None)


def test_every_variable_is_read() -> None:
    settings = Settings.from_environment(
        {
            "TANSAKU_HOME": "/data/x",
            "TANSAKU_MONGO_URI": "mongodb://user:hunter2@host/db",
            "TANSAKU_SITE": "/etc/site.yaml",
            "TANSAKU_REQUIRE_ALL": "1",
            "XDG_RUNTIME_DIR": "/run/user/7",
        }
    )
    assert settings.mongo_uri is not None
    assert settings.mongo_uri.get_secret_value() == "mongodb://user:hunter2@host/db"
    assert (settings.home, settings.site_file) == (Path("/data/x"), Path("/etc/site.yaml"))
    assert settings.require_all
    assert settings.runtime == Path("/run/user/7")


def test_relative_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_environment({"TANSAKU_HOME": "here", "TANSAKU_SITE": "site.yaml"})
    assert (settings.home, settings.site_file) == (tmp_path / "here", tmp_path / "site.yaml")


def test_password_is_not_printed() -> None:
    settings = Settings.from_environment({"TANSAKU_MONGO_URI": "mongodb://user:hunter2@host/db"})
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


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
    script = "import sys, tansaku.deploy.cli.main, tansaku.tasks.ground.settings; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_the_scheduler_is_shown_no_secrets() -> None:
    environment = {"PATH": "/bin", "SLURM_CONF": "/etc/slurm.conf", "TANSAKU_MONGO_URI": "mongodb://u:p@h", "AWS_SECRET": "x"}
    assert scheduler_environment(environment) == {"PATH": "/bin", "SLURM_CONF": "/etc/slurm.conf"}


def test_jobs_compute_with_the_kernels_that_the_user_fixed() -> None:
    environment = {"PATH": "/bin", "OPENBLAS_CORETYPE": "Haswell", "MKL_CBWR": "AVX2", "OPENBLAS_VERBOSE": "2"}
    assert scheduler_environment(environment) == {"PATH": "/bin", "OPENBLAS_CORETYPE": "Haswell", "MKL_CBWR": "AVX2"}


def test_a_child_is_shown_what_calculators_read_and_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {"GPAW_SETUP_PATH": "/setups", "PMG_VASP_PSP_DIR": "/potcars", "CUDA_VISIBLE_DEVICES": "1", "LC_ALL": "C.UTF-8"}
    secret = (
        *("TANSAKU_MONGO_URI", "TANSAKU_MONGO_URI_FILE", "PREFECT_API_AUTH_STRING", "PREFECT_API_KEY", "PREFECT_ANYTHING"),
        *("AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "PMG_MAPI_KEY", "SLURM_JWT", "JOBFLOW_JOB_STORE", "MY_LICENSE"),
    )
    for name, value in wanted.items():
        monkeypatch.setenv(name, value)
    for name in secret:
        monkeypatch.setenv(name, "hidden")
    shown = child_environment()
    assert wanted.items() <= shown.items()
    assert shown["PATH"] == os.environ["PATH"]
    assert "hidden" not in shown.values()
    added = worker_environment(SERIAL, ["MY_LICENSE", "NOT_SET", "TANSAKU_MONGO_URI", "PREFECT_API_KEY"])
    assert {name for name, value in added.items() if value == "hidden"} == {"MY_LICENSE"}
    assert "NOT_SET" not in added


@pytest.mark.parametrize(
    "name", ["TANSAKU_MONGO_URI", "TANSAKU_MONGO_URI_FILE", "prefect_api_key", "A B", "A=B", "", "1A", "A\n"]
)
def test_a_site_file_cannot_hand_over_secrets_or_what_is_no_name(name: str) -> None:
    with pytest.raises(ValidationError, match=r"launcher\.local\.environment|is never given to workers"):
        SiteSpec.model_validate({"launcher": {"type": "local", "environment": [name]}})
    assert SiteSpec.model_validate({"launcher": {"type": "local", "environment": ["MY_LICENSE"]}})


def test_a_child_s_libraries_get_the_threads_they_were_given() -> None:
    environment = thread_environment(4)
    assert {environment[name] for name in THREAD_VARIABLES} == {"4"}
    assert environment["PATH"] == os.environ["PATH"]


def secret_file(folder: Path, text: str, mode: int = 0o600) -> str:
    path = folder / "secret"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_database_address_comes_from_a_file_too(tmp_path: Path) -> None:
    settings = Settings.from_environment({"TANSAKU_MONGO_URI_FILE": secret_file(tmp_path, "mongodb://user:hidden@host/db\n")})
    assert settings.mongo_uri is not None
    assert settings.mongo_uri.get_secret_value() == "mongodb://user:hidden@host/db"
    assert "hidden" not in f"{settings!r}"


@pytest.mark.parametrize(
    ("text", "mode", "further", "word"),
    [
        ("mongodb://h/", 0o644, {}, "mode 0644"),
        ("  \n", 0o600, {}, "is empty"),
        ("mongodb://h/", 0o600, {"TANSAKU_MONGO_URI": "mongodb://h/"}, "both are set"),
    ],
)
def test_a_file_that_others_can_read_or_that_says_nothing_is_refused(
    tmp_path: Path, text: str, mode: int, further: dict[str, str], word: str
) -> None:
    with pytest.raises(ConfigurationError, match=word):
        Settings.from_environment({"TANSAKU_MONGO_URI_FILE": secret_file(tmp_path, text, mode), **further})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"TANSAKU_MONGO_URI_FILE: .*nowhere cannot be read"):
        Settings.from_environment({"TANSAKU_MONGO_URI_FILE": str(tmp_path / "nowhere")})


def test_what_a_container_runtime_hands_over_may_have_any_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tansaku.tasks.ground.settings._CONTAINER_SECRETS", tmp_path.resolve())
    settings = Settings.from_environment({"TANSAKU_MONGO_URI_FILE": secret_file(tmp_path, "mongodb://h/", 0o444)})
    assert settings.mongo_uri is not None


def test_prefects_secrets_are_put_where_prefect_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_AUTH_STRING", raising=False)
    monkeypatch.setenv("PREFECT_API_AUTH_STRING_FILE", secret_file(tmp_path, "user:word\n"))
    try:
        prefect_secrets_from_files()
        assert os.environ["PREFECT_API_AUTH_STRING"] == "user:word"
        assert "PREFECT_API_AUTH_STRING_FILE" not in os.environ
    finally:
        os.environ.pop("PREFECT_API_AUTH_STRING", None)


def test_ranks_and_threads_reach_a_worker_by_its_environment(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert given_parallel({"OMP_NUM_THREADS": "7"}) == SERIAL, "what the user's shell says is no order"
    wanted = ParallelSpec(ranks=4, threads=2, mpiexec="/opt/mpi/bin/mpiexec")
    environment = worker_environment(wanted)
    assert environment["OMP_NUM_THREADS"] == "2"
    assert given_parallel(environment) == wanted
    assert wanted.cores == 8
    for name, value in (("TANSAKU_RANKS", "0"), ("TANSAKU_MPIEXEC", "mpiexec; rm"), ("TANSAKU_MPIEXEC", "a\nb")):
        with pytest.raises(ConfigurationError, match="TANSAKU_RANKS"):
            given_parallel({**environment, name: value})


def test_workers_and_launches_are_told_the_programs_of_the_site():
    command = CommandSpec(argv=("my-code", "a b"), files=("/shared/x.pt",), keywords={"cutoff": "number", "xc": ("PBE", "LDA")})
    offer_commands({"my-code": command})
    try:
        told = worker_environment(SERIAL)
    finally:
        offer_commands({})
    assert given_commands(told) == {"my-code": command}
    assert given_commands({}) == {}
    assert "TANSAKU_COMMANDS" not in worker_environment(SERIAL)
    with pytest.raises(ConfigurationError, match="TANSAKU_COMMANDS: it is set by tansaku"):
        given_commands({"TANSAKU_COMMANDS": '{"x": {"argv": []}}'})


def test_workers_are_told_the_limits_of_an_evaluation():
    limits = EvaluationLimitsSpec(memory=64_000, processes=64, size=10.5)
    assert given_limits(worker_environment(SERIAL, limits=limits)) == limits
    assert given_limits(worker_environment(SERIAL)) == given_limits({}) == EvaluationLimitsSpec()
    with pytest.raises(ConfigurationError, match="TANSAKU_EVALUATION_LIMITS: it is set by tansaku"):
        given_limits({"TANSAKU_EVALUATION_LIMITS": '{"memory": 0}'})


@pytest.mark.parametrize(
    "name",
    [
        *("GPAW_PASSPHRASE", "PMG_PASS", "CUDA_PASS", "LC_PASS", "VASP_PWD", "ATOMATE2_PW", "TORCH_CRED", "SLURM_CREDS"),
        *(
            "ASE_CREDENTIALS",
            "FI_CREDENTIAL",
            "PMG_MAPI_KEY",
            "UCX_PASS_PHRASE",
            "vasp_pwd",
            "PYTHON_PWD_HASH",
            "PMG_DB_PASS_RO",
        ),
    ],
)
def test_names_that_look_like_secrets_are_kept_back(name: str) -> None:
    assert child_variables({name: "x"}) == {}


@pytest.mark.parametrize(
    "name", ["CUDA_BYPASS", "VASP_COMPASS", "FI_PASSIVE", "SLURM_JOB_ID", "GPAW_SETUP_PATH", "OMP_NUM_THREADS"]
)
def test_other_names_with_a_known_prefix_are_passed(name: str) -> None:
    assert child_variables({name: "x"}) == {name: "x"}
