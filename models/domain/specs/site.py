"""The site file: it describes the machine, not the science."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from tansaku.models.domain.door import one_of, spec_kinds
from tansaku.models.domain.specs.base import Name, Spec, Timeout
from tansaku.models.domain.specs.commands import CommandName, CommandSpec
from tansaku.models.domain.specs.launcher_base import LauncherBase
from tansaku.models.domain.specs.limits import LimitsSpec
from tansaku.models.domain.specs.local_launcher import LocalLauncherSpec
from tansaku.models.domain.specs.notifications import NotificationsSpec
from tansaku.models.domain.specs.surrogate import DeviceChoice
from tansaku.models.domain.specs.web import WebSpec

if TYPE_CHECKING:
    LauncherSpec = LauncherBase
else:
    LauncherSpec = one_of(spec_kinds("launchers", LauncherBase).values())


class TimingSpec(Spec):
    """Times of the plumbing [s].

    Attributes:
        lease: A driver that has not renewed its lease for this long may be replaced.
        heartbeat: Interval at which a driver renews its lease.
        poll: Longest time between two polls of the jobs.
        patience: How long a driver keeps trying when the database or the backend does not answer.
        reminder: A driver that has had no result for this long reports what it waits for.
    """

    lease: Timeout = 30.0
    heartbeat: Timeout = 5.0
    poll: Timeout = 1.0
    patience: Timeout = 600.0
    reminder: Timeout = 60.0


class DatabaseSpec(Spec):
    """Location of MongoDB. The URI itself comes from the environment or a 0600 file, never from here.

    Attributes:
        uri_file: File of mode 0600 that holds the URI; None: TANSAKU_MONGO_URI, else the embedded server.
        name: Database name.
    """

    uri_file: str | None = None
    name: str = "tansaku"


DeviceName = Literal["numpy", "cpu", "cuda", "auto"]


class EngineSpec(Spec):
    """Device on which this machine computes the next proposal.

    Attributes:
        device: ``numpy``; torch on the processor (``cpu``) or a GPU (``cuda``), which pays off for some ten thousand candidates
            and more without a shared grid; ``auto``: a GPU if torch sees one, else numpy.
    """

    device: DeviceName = "numpy"


class TrainingSiteSpec(Spec):
    """Place and device where this machine's campaigns train their surrogates.

    Attributes:
        by: ``launcher``: as a job of the launcher, which asks a cluster for what its ``classes`` say of the calculator
            ``training``; ``service``: as a run of the deployment ``retrain`` of `tansaku serve`, on its work pool.
        service: Name of that service.
        device: Where surrogates that gain from a GPU compute: ``auto``: on one where there is one.
    """

    by: Literal["launcher", "service"] = "launcher"
    service: Name = "tansaku"
    device: DeviceChoice = "auto"


class SiteSpec(Spec):
    """A site file.

    Attributes:
        schema_version: Version of this format.
        launcher: How evaluations are run.
        database: Database of the campaigns.
        timing: Times of the plumbing.
        engine: How proposals are computed.
        training: How surrogates are trained.
        limits: Limits for campaign files.
        web: The dashboard.
        notifications: How messages about campaigns are sent.
        commands: Programs that campaign files may call by name, with ``calculator.type: command``.
    """

    schema_version: Literal[1] = 1
    launcher: LauncherSpec = LocalLauncherSpec()
    database: DatabaseSpec = DatabaseSpec()
    timing: TimingSpec = TimingSpec()
    engine: EngineSpec = EngineSpec()
    training: TrainingSiteSpec = TrainingSiteSpec()
    limits: LimitsSpec = LimitsSpec()
    web: WebSpec = WebSpec()
    notifications: NotificationsSpec = NotificationsSpec()
    commands: Annotated[dict[CommandName, CommandSpec], Field(max_length=100)] = Field(default_factory=dict)
