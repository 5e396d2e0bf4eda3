"""Settings from environment variables, and those passed on to child processes; the only module that reads or changes them."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeVar

import platformdirs
from pydantic import BaseModel, ConfigDict, SecretStr, TypeAdapter, ValidationError

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.secret_variables import (
    FILE_SUFFIX,
    MONGO_URI_VARIABLE,
    PREFECT_SECRETS,
    PROXY_SECRET_VARIABLE,
    is_reserved,
)
from tansaku.models.domain.specs.calculators.table import variables
from tansaku.models.domain.specs.commands import CommandSpec, offered_commands
from tansaku.models.domain.specs.evaluation_limits import EvaluationLimitsSpec
from tansaku.models.domain.specs.parallel import ParallelSpec
from tansaku.tasks.ground.site.users import user_name, user_path

HOME_VARIABLE = "TANSAKU_HOME"
SITE_VARIABLE = "TANSAKU_SITE"
REQUIRE_ALL_VARIABLE = "TANSAKU_REQUIRE_ALL"
RUNTIME_VARIABLE = "XDG_RUNTIME_DIR"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
RANKS_VARIABLE = "TANSAKU_RANKS"
MPIEXEC_VARIABLE = "TANSAKU_MPIEXEC"
COMMANDS_VARIABLE = "TANSAKU_COMMANDS"
LIMITS_VARIABLE = "TANSAKU_EVALUATION_LIMITS"

_KERNEL_VARIABLES = ("MKL_CBWR", "OPENBLAS_CORETYPE")
"""Variables that select BLAS kernels; users fix them to get identical last digits on every machine."""

_SCHEDULER_VARIABLES = (
    "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "LOGNAME", "MODULEPATH", "MODULESHOME", "PATH", "SHELL", "SLURM_CONF",
    "TMPDIR", "TZ", "USER", *_KERNEL_VARIABLES,
)  # fmt: skip

_CONTAINER_SECRETS = Path("/run/secrets")
_LONGEST_SECRET = 8192

_PREFECT = "PREFECT_"

_Given = TypeVar("_Given")

_FALSE = frozenset({"", "0", "false", "no", "off"})
_TRUE = frozenset({"1", "true", "yes", "on"})


class Settings(BaseModel):
    """Machine-wide settings.

    Attributes:
        home: Folder of everything tansaku keeps on this machine: the embedded database, spools, logs.
        mongo_uri: Address of a MongoDB server, with credentials; None: the site file's, else the embedded server.
        proxy_secret: Secret that a proxy that logs users in sends to the dashboard with each request.
        site_file: Site file to use when a command names none.
        require_all: Tests that would be left out for a missing component fail instead.
        runtime: The user's run-time folder, where sockets live; None where the system has none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path
    mongo_uri: SecretStr | None = None
    proxy_secret: SecretStr | None = None
    site_file: Path | None = None
    require_all: bool = False
    runtime: Path | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Reads the TANSAKU_ variables and XDG_RUNTIME_DIR; an empty one counts as unset.

        ``TANSAKU_MONGO_URI_FILE`` and ``TANSAKU_PROXY_SECRET_FILE`` name files with the secrets instead.

        Args:
            environment: None: the process's.

        Raises:
            ConfigurationError: A variable has a value that makes no sense.
        """
        values = os.environ if environment is None else environment
        uri = _secret(values, MONGO_URI_VARIABLE)
        site = values.get(SITE_VARIABLE, "").strip()
        runtime = values.get(RUNTIME_VARIABLE, "").strip()
        return cls(
            home=_folder(values.get(HOME_VARIABLE, "").strip()),
            mongo_uri=uri,
            proxy_secret=_secret(values, PROXY_SECRET_VARIABLE),
            site_file=user_path(site, SITE_VARIABLE).absolute() if site else None,
            require_all=_truth(REQUIRE_ALL_VARIABLE, values.get(REQUIRE_ALL_VARIABLE, "")),
            runtime=Path(runtime) if runtime.startswith("/") else None,
        )


def lend_home() -> None:
    """Makes tansaku's home folder the user's, for a user who has none: ASE and others cannot be imported without one.

    Nothing changes where TANSAKU_HOME is not set; the command itself then says that it is needed.
    """
    home = os.environ.get(HOME_VARIABLE, "").strip()
    if Path(home).is_absolute():
        os.environ["HOME"] = home


def limit_threads() -> None:
    """Keeps the numerical libraries of this process to one thread each: a driver's cores belong to its workers.

    They read it when they are imported, so it comes before numpy. Variables set by the user are kept.
    """
    for variable in THREAD_VARIABLES:
        os.environ.setdefault(variable, "1")


def scheduler_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Environment of a batch system's commands and their jobs, without secrets: the scheduler stores it in files.

    Args:
        environment: None: the process's.
    """
    values = os.environ if environment is None else environment
    return {name: values[name] for name in _SCHEDULER_VARIABLES if name in values}


def child_environment(added: Collection[str] = ()) -> dict[str, str]:
    """Environment of child processes, without secrets.

    Args:
        added: Names of further variables, from the site file.
    """
    return child_variables(os.environ, added)


def thread_environment(threads: int, added: Collection[str] = ()) -> dict[str, str]:
    """:func:`child_environment` with numerical libraries set to ``threads`` threads."""
    return child_environment(added) | dict.fromkeys(THREAD_VARIABLES, str(threads))


def service_environment() -> dict[str, str]:
    """Environment of the service of our own Prefect server: without settings of another server and the proxy's secret."""
    return {name: value for name, value in os.environ.items() if not name.startswith((_PREFECT, PROXY_SECRET_VARIABLE))}


def secret_values() -> list[str]:
    """Secrets of the environment, which must appear in nothing that a user gives away; also those in files that it names.

    Raises:
        ConfigurationError: A file with a secret cannot be read.
    """
    named = (MONGO_URI_VARIABLE, PROXY_SECRET_VARIABLE, *PREFECT_SECRETS)
    read = [secret.get_secret_value() for name in named if (secret := _secret(os.environ, name)) is not None]
    # PWD is the shell's folder, no password.
    return [*read, *(value for name, value in os.environ.items() if names_secret(name) and name != "PWD")]


def names_prefect_server() -> bool:
    """Returns whether PREFECT_API_URL is set."""
    return bool(os.environ.get(f"{_PREFECT}API_URL", "").strip())


def has_prefect_files() -> bool:
    """Returns whether there are files in which a Prefect server may be named; Prefect itself reads them."""
    home = Path(os.environ.get(f"{_PREFECT}HOME", "").strip() or "~/.prefect").expanduser()
    profiles = Path(os.environ.get(f"{_PREFECT}PROFILES_PATH", "").strip() or home / "profiles.toml").expanduser()
    return any(path.is_file() for path in (profiles, Path(".env"), Path("prefect.toml")))


def worker_environment(
    parallel: ParallelSpec, added: Collection[str] = (), limits: EvaluationLimitsSpec | None = None
) -> dict[str, str]:
    """:func:`child_environment` for a worker whose calculators may use these ranks and threads, within these limits."""
    variables = {
        RANKS_VARIABLE: str(parallel.ranks),
        MPIEXEC_VARIABLE: parallel.mpiexec,
        LIMITS_VARIABLE: (limits or EvaluationLimitsSpec()).model_dump_json(),
    }
    return thread_environment(parallel.threads, added) | variables | commands_environment()


def commands_environment() -> dict[str, str]:
    """The variable by which a process that this one starts learns of the site's programs; none where the site has none."""
    offered = {name: command.model_dump(mode="json") for name, command in offered_commands().items()}
    return {COMMANDS_VARIABLE: json.dumps(offered)} if offered else {}


def given_commands(environment: Mapping[str, str] | None = None) -> dict[str, CommandSpec]:
    """The site's programs as :func:`commands_environment` handed them over.

    Args:
        environment: None: the process's.

    Raises:
        ConfigurationError: The variable has a value that makes no sense.
    """
    return _handed_over(COMMANDS_VARIABLE, dict[str, CommandSpec], environment)


def given_limits(environment: Mapping[str, str] | None = None) -> EvaluationLimitsSpec:
    """Returns the limits set by :func:`worker_environment`, or the defaults.

    Args:
        environment: None: the process's.

    Raises:
        ConfigurationError: The variable has a value that makes no sense.
    """
    return _handed_over(LIMITS_VARIABLE, EvaluationLimitsSpec, environment)


def given_parallel(environment: Mapping[str, str] | None = None) -> ParallelSpec:
    """Returns the ranks and threads set by :func:`worker_environment`; one rank and one thread by default.

    Args:
        environment: None: the process's.

    Raises:
        ConfigurationError: A variable has a value that makes no sense.
    """
    values = os.environ if environment is None else environment
    given = {
        "ranks": values.get(RANKS_VARIABLE),
        "threads": values.get(THREAD_VARIABLES[0]) if RANKS_VARIABLE in values else None,
        "mpiexec": values.get(MPIEXEC_VARIABLE),
    }
    try:
        return ParallelSpec.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise ConfigurationError(f"{RANKS_VARIABLE}, {THREAD_VARIABLES[0]} or {MPIEXEC_VARIABLE}: {given}") from error


def forbid_telemetry() -> None:
    """Tells libraries of this process that they may report nothing; Prefect reads it when it is imported.

    Somebody who set ``DO_NOT_TRACK`` himself, to whatever value, is left alone.
    """
    os.environ.setdefault("DO_NOT_TRACK", "1")


def prefect_secrets_from_files() -> None:
    """Sets Prefect's own secrets from the files that ``NAME_FILE`` variables name; Prefect reads them when it is imported.

    Raises:
        ConfigurationError: A file cannot be read or is open to others, or a secret is given twice.
    """
    for name in PREFECT_SECRETS:
        if (value := _secret(os.environ, name)) is not None:
            os.environ[name] = value.get_secret_value()
            os.environ.pop(name + FILE_SUFFIX, None)


def read_secret_file(path: Path, name: str) -> SecretStr:
    """Reads a secret from a file that nobody else can read.

    Below ``/run/secrets``, where a container runtime puts what one container may see, the mode says nothing and is not asked.

    Args:
        name: Key or variable that named it, for errors.

    Raises:
        ConfigurationError: It cannot be read, is empty, or others could read it.
    """
    try:
        with path.open() as stream:
            mode = stat.S_IMODE(path.stat().st_mode)
            text = stream.read(_LONGEST_SECRET).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{name}: {path} cannot be read: {type(error).__name__}") from error
    if mode & 0o077 and not path.resolve().is_relative_to(_CONTAINER_SECRETS):
        raise ConfigurationError(
            f"{name}: {path} has mode {mode:04o}; others could read the password", hint=f"chmod 600 {path}"
        )
    if not text:
        raise ConfigurationError(f"{name}: {path} is empty; expected a secret on one line")
    return SecretStr(text)


def _handed_over(name: str, kind: type[_Given], environment: Mapping[str, str] | None) -> _Given:
    """Returns the value of a variable of our own, which is JSON; an empty value if it is not set."""
    values = os.environ if environment is None else environment
    try:
        return TypeAdapter(kind).validate_json(values.get(name) or "{}")
    except ValidationError as error:
        raise ConfigurationError(f"{name}: it is set by tansaku for its own workers; unset it") from error


def _secret(values: Mapping[str, str], name: str) -> SecretStr | None:
    """A secret from its variable or from the file that ``NAME_FILE`` names."""
    given, file = values.get(name, "").strip(), values.get(name + FILE_SUFFIX, "").strip()
    if given and file:
        raise ConfigurationError(f"{name} and {name}{FILE_SUFFIX}: both are set; expected one of them")
    if file:
        return read_secret_file(user_path(file, name + FILE_SUFFIX), name + FILE_SUFFIX)
    return SecretStr(given) if given else None


def _folder(value: str) -> Path:
    if not value:
        try:
            return platformdirs.user_data_path("tansaku", appauthor=False)
        except RuntimeError as error:
            raise ConfigurationError(
                f"{HOME_VARIABLE}: not set, and {user_name()} has no home folder (HOME is not set)",
                hint=f"set {HOME_VARIABLE} to a folder that you may write",
            ) from error
    if "\0" in value:
        raise ConfigurationError(f"{HOME_VARIABLE}: {value!r} is not a path")
    return user_path(value, HOME_VARIABLE).absolute()


def _truth(name: str, value: str) -> bool:
    word = value.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ConfigurationError(f"{name}: {value!r} is neither yes nor no", hint=f"set {name}=1 or leave it out")
    return word in _TRUE


_NAMES = frozenset(
    {
        # The user's session.
        *("HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TMP", "TEMP", "KRB5CCNAME", "SCRATCH"),
        # Where programs, libraries and modules are.
        *("PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV"),
        *("MODULEPATH", "MODULESHOME", "LOADEDMODULES", "_LMFILES_"),
        # Folders of what packages keep; not the other HF_ variables, one of which is a token.
        *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "MPLBACKEND", "MPLCONFIGDIR"),
        *("HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "DO_NOT_TRACK"),
        # Our own that a worker's calculators may need.
        *("TANSAKU_HOME", "TANSAKU_REQUIRE_ALL"),
        # Devices.
        *("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ZE_AFFINITY_MASK"),
    }
)
_PREFIXES = (
    *("LC_", "PYTHON", "LMOD_"),
    # Numerical libraries.
    *(
        "OMP_",
        "GOMP_",
        "KMP_",
        "MKL_",
        "OPENBLAS_",
        "GOTO_",
        "BLIS_",
        "NUMEXPR_",
        "TORCH_",
        "PYTORCH_",
        "CUDA_",
        "NVIDIA_",
        "NCCL_",
    ),
    # MPI, and the batch system whose job this may be.
    *("SLURM_", "PMI_", "PMIX_", "PALS_", "OMPI_", "PRTE_", "MPICH_", "HYDRA_", "I_MPI_", "UCX_", "FI_", "PSM2_", "CRAY_"),
    # Calculators.
    *("ASE_", *variables()),
)
_SECRET_WORD = re.compile(
    r"SECRET|PASSWORD|PASSWD|PASSPHRASE|TOKEN|CREDENTIAL|AUTH|JWT|MONGO"
    # Short words stand alone: BYPASS and COMPASS hold no secret.
    r"|(?:^|_)(?:(?:API)?KEY|PASS|PWD|PW|CREDS?)(?:$|_)",
    re.IGNORECASE,
)


def child_variables(environment: Mapping[str, str], added: Collection[str] = ()) -> dict[str, str]:
    """Returns the part of an environment that is passed to a child process.

    Args:
        environment: The parent's.
        added: Further names, from the site file.
    """
    return {name: value for name, value in environment.items() if name in added or _is_known(name) if not is_reserved(name)}


def names_secret(name: str) -> bool:
    """Returns whether the name of a variable or a key says that its value is secret."""
    return is_reserved(name) or _SECRET_WORD.search(name) is not None


def _is_known(name: str) -> bool:
    return name in _NAMES or (name.startswith(_PREFIXES) and not names_secret(name))
