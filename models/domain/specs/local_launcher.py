"""The launcher part of the site file of a machine that computes by itself."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, StringConstraints

from tansaku.models.domain.secret_variables import is_reserved
from tansaku.models.domain.specs.base import NonNegativeFloat, PositiveInt, Timeout
from tansaku.models.domain.specs.launcher_base import LauncherBase
from tansaku.models.domain.specs.parallel import SERIAL, ParallelSpec


def _may_be_handed_over(name: str) -> str:
    if is_reserved(name):
        raise ValueError(f"{name} is never given to workers: it is the database's secret or belongs to Prefect")
    return name


VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"), AfterValidator(_may_be_handed_over)]
"""Name of a variable of the environment that workers may be given."""


class LocalLauncherSpec(LauncherBase):
    """Worker processes on this machine.

    Attributes:
        evaluation_limits: Limits of one evaluation by a program of the site or a plug-in.
        workers: None: as many as the campaign's ``in_flight``, at most the number of cores.
        kill_grace: Time between TERM and KILL [s].
        parallel: Cores of each worker: threads of the numerical libraries, and ranks of a DFT code.
        min_free_space: No job is started while the disk of the jobs' folder has less room than this [MB].
        environment: Names of variables that workers get besides those that they always get, e.g. ``[MY_CODE_LICENSE]``.
    """

    opener: ClassVar[str] = "tansaku.tasks.backends.launchers.local_backend:LocalBackend"
    type: Literal["local"] = "local"
    workers: PositiveInt | None = None
    kill_grace: Timeout = 3.0
    parallel: ParallelSpec = SERIAL
    min_free_space: NonNegativeFloat = 20.0
    environment: tuple[VariableName, ...] = ()
