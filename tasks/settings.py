"""What the environment says; the only module that reads or changes it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs
from pydantic import BaseModel, ConfigDict, SecretStr

from tansaku.models.domain.errors import ConfigurationError

HOME_VARIABLE = "TANSAKU_HOME"
MONGO_URI_VARIABLE = "TANSAKU_MONGO_URI"
SITE_VARIABLE = "TANSAKU_SITE"
REQUIRE_ALL_VARIABLE = "TANSAKU_REQUIRE_ALL"
RUNTIME_VARIABLE = "XDG_RUNTIME_DIR"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

_SCHEDULER_VARIABLES = (
    "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "LOGNAME", "MODULEPATH", "MODULESHOME", "PATH", "SHELL", "SLURM_CONF",
    "TMPDIR", "TZ", "USER",
)  # fmt: skip

_FALSE = frozenset({"", "0", "false", "no", "off"})
_TRUE = frozenset({"1", "true", "yes", "on"})


class Settings(BaseModel):
    """Machine-wide settings.

    Attributes:
        home: Folder of everything tansaku keeps on this machine: the embedded database, spools, logs.
        mongo_uri: Address of a MongoDB server, with credentials; None: the site file's, else the embedded server.
        site_file: Site file to use when a command names none.
        require_all: Tests that would be left out for a missing component fail instead.
        runtime: The user's run-time folder, where sockets live; None where the system has none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path
    mongo_uri: SecretStr | None = None
    site_file: Path | None = None
    require_all: bool = False
    runtime: Path | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Reads the TANSAKU_ variables and XDG_RUNTIME_DIR; an empty one counts as unset.

        Args:
            environment: None: the process's.

        Raises:
            ConfigurationError: A variable has a value that makes no sense.
        """
        values = os.environ if environment is None else environment
        uri = values.get(MONGO_URI_VARIABLE, "").strip()
        site = values.get(SITE_VARIABLE, "").strip()
        runtime = values.get(RUNTIME_VARIABLE, "").strip()
        return cls(
            home=_folder(values.get(HOME_VARIABLE, "").strip()),
            mongo_uri=SecretStr(uri) if uri else None,
            site_file=Path(site).expanduser().absolute() if site else None,
            require_all=_truth(REQUIRE_ALL_VARIABLE, values.get(REQUIRE_ALL_VARIABLE, "")),
            runtime=Path(runtime) if runtime.startswith("/") else None,
        )


def limit_threads() -> None:
    """Keeps the numerical libraries of this process to one thread each: a driver's cores belong to its workers.

    They read it when they are imported, so it comes before numpy. What the user set stays.
    """
    for variable in THREAD_VARIABLES:
        os.environ.setdefault(variable, "1")


def scheduler_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a batch system's commands, and by them the jobs, may see: it ends in files of the scheduler, so no secrets.

    Args:
        environment: None: the process's.
    """
    values = os.environ if environment is None else environment
    return {name: values[name] for name in _SCHEDULER_VARIABLES if name in values}


def thread_environment(threads: int) -> dict[str, str]:
    """This process's environment with numerical libraries set to ``threads`` threads, for a child."""
    return {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads))}


def forbid_telemetry() -> None:
    """Tells libraries of this process that they may report nothing; Prefect reads it when it is imported.

    Somebody who set ``DO_NOT_TRACK`` himself, to whatever value, is left alone.
    """
    os.environ.setdefault("DO_NOT_TRACK", "1")


def _folder(value: str) -> Path:
    if not value:
        return platformdirs.user_data_path("tansaku", appauthor=False)
    if "\0" in value:
        raise ConfigurationError(f"{HOME_VARIABLE}: {value!r} is no path")
    return Path(value).expanduser().absolute()


def _truth(name: str, value: str) -> bool:
    word = value.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ConfigurationError(f"{name}: {value!r} is neither yes nor no", hint=f"set {name}=1 or leave it out")
    return word in _TRUE
