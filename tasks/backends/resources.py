"""The only composition root: opens store, artifacts and launchers according to settings and site."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tansaku.models.domain.accounts import Accounts
from tansaku.models.domain.library import FileLibrary
from tansaku.models.domain.model_registry import Registry
from tansaku.models.domain.notifications import Notifications
from tansaku.models.domain.ports import ArtifactStore, CampaignStore, Launcher
from tansaku.models.domain.requests import Requests, SiteQueue
from tansaku.models.domain.schedules import Schedules
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.backends.launchers.backends import backend_of, files_folder, job_folder
from tansaku.tasks.ground.settings import Settings

if TYPE_CHECKING:
    from tansaku.tasks.backends.launchers.cluster import Cluster

LauncherFactory = Callable[[CampaignSpec], Launcher]


def _in_memory() -> Registry:
    from tansaku.tasks.backends.stores.memory_registry import MemoryRegistry

    return MemoryRegistry()


def _leave_alone() -> None:
    """Does nothing: an external server restarts by itself."""


def _no_queue() -> None:
    """Used where no queue has to be filled."""


def _no_cluster() -> None:
    """The site's jobs run on this machine."""


class NamesCampaigns(Protocol):
    """A store that refers to campaigns by name."""

    def rename_campaign(self, old: str, new: str, created_at: datetime) -> None:
        """Gives a campaign its new name."""
        ...


class NamesArtifacts(Protocol):
    """A store that refers to artifacts."""

    def named_artifacts(self) -> Iterator[str]:
        """The SHA-256 of each."""
        ...


class NothingNamed:
    """A ``NamesCampaigns`` and ``NamesArtifacts`` in which nothing is stored."""

    def rename_campaign(self, old: str, new: str, created_at: datetime) -> None:
        """Finds nothing to change."""

    def named_artifacts(self) -> Iterator[str]:
        """Finds none."""
        return iter(())


@dataclass(frozen=True)
class Resources:
    """Opened resources of a command or a driver.

    Attributes:
        settings: From the environment.
        site: The machine.
        artifacts: Big values.
        open_launcher: Opens the backend of a campaign; it is not started yet.
        queue: Who fills the queue of the site's cluster, and what that refused; None for other sites.
        cluster: Opens the site's cluster; None for other sites.
        revive: Brings a server of our own back that does not answer; does nothing for somebody else's.
        registry: Data sets and models.
        requests: What names campaigns among the requests of the dashboard.
        schedules: What names campaigns among the times at which they are run.
        library: What refers to artifacts among the files that users uploaded.
    """

    settings: Settings
    site: SiteSpec
    store: CampaignStore
    artifacts: ArtifactStore
    open_launcher: LauncherFactory
    revive: Callable[[], object] = _leave_alone
    queue: Callable[[], SiteQueue | None] = _no_queue
    cluster: Callable[[], Cluster | None] = _no_cluster
    registry: Registry = field(default_factory=_in_memory)
    requests: NamesCampaigns = field(default_factory=NothingNamed)
    schedules: NamesCampaigns = field(default_factory=NothingNamed)
    library: NamesArtifacts = field(default_factory=NothingNamed)

    def launcher(self, campaign: CampaignSpec, identifier: str) -> Launcher:
        """The backend of a campaign, not started yet; it knows the campaign by its id alone, for names change."""
        if campaign.manual:
            from tansaku.tasks.backends.launchers.manual import ManualLauncher

            return ManualLauncher()
        return self.open_launcher(campaign.model_copy(update={"name": identifier}))

    @property
    def files_folder(self) -> Path:
        """Folder of the copies of the library's files, beside those of the jobs."""
        return files_folder(self.settings, self.site)

    def job_folder(self, identifier: str) -> Path:
        """Folder of the jobs of the campaign with an id: of this machine, or shared with a cluster's nodes."""
        return job_folder(self.settings, self.site, identifier)


@dataclass(frozen=True, kw_only=True)
class DatabaseResources(Resources):
    """Resources in a database.

    Attributes:
        accounts: Users, sessions and audit of the dashboard.
        requests: Requests of the dashboard, and reports of services.
        schedules: Times at which campaigns are run.
        notifications: Who wants to hear what, and the messages.
        library: Files that users uploaded for campaigns.
    """

    accounts: Accounts
    requests: Requests
    schedules: Schedules
    notifications: Notifications
    library: FileLibrary


@contextmanager
def open_resources(settings: Settings, site: SiteSpec) -> Iterator[DatabaseResources]:
    """Opens everything settings and site name; closes the connections at the end.

    Raises:
        ConfigurationError: A setting is wrong.
        StoreError: The database refuses, or is of a newer schema.
        TransientError: The database does not answer.
    """
    from tansaku.tasks.backends.stores.artifacts import GridFSArtifactStore
    from tansaku.tasks.backends.stores.connection import connect, embedded_server
    from tansaku.tasks.backends.stores.local_files import LocalFiles
    from tansaku.tasks.backends.stores.mongo import MongoCampaignStore
    from tansaku.tasks.backends.stores.mongo_accounts import MongoAccounts
    from tansaku.tasks.backends.stores.mongo_library import MongoLibrary
    from tansaku.tasks.backends.stores.mongo_notifications import MongoNotifications
    from tansaku.tasks.backends.stores.mongo_registry import MongoRegistry
    from tansaku.tasks.backends.stores.mongo_requests import MongoRequests
    from tansaku.tasks.backends.stores.mongo_schedules import MongoSchedules
    from tansaku.tasks.backends.stores.site_workers import SiteWorkers

    database = connect(settings, site)
    embedded = embedded_server(settings, site)
    artifacts = GridFSArtifactStore(database)
    store = MongoCampaignStore(database, LocalFiles(artifacts, files_folder(settings, site)).with_files)
    backend = backend_of(settings, site, SiteWorkers(database))
    try:
        yield DatabaseResources(
            settings=settings,
            site=site,
            store=store,
            artifacts=artifacts,
            open_launcher=backend.launcher,
            queue=backend.queue,
            cluster=backend.cluster,
            revive=_leave_alone if embedded is None else embedded.start,
            registry=MongoRegistry(database),
            accounts=MongoAccounts(database),
            requests=MongoRequests(database),
            schedules=MongoSchedules(database),
            notifications=MongoNotifications(database),
            library=MongoLibrary(database),
        )
    finally:
        store.close()
