"""The places where a campaign of a script is kept: the database, or the memory of the process."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import ClassVar, Protocol

from tansaku.models.domain.ports import Launcher
from tansaku.models.domain.records import CampaignFile
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.backends.resources import Resources, open_resources
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.local_files import LocalFiles
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.ground.site.threads import one_thread
from tansaku.tasks.node.configuration.campaign_files import load_site


class Place(Protocol):
    """Opens what a campaign needs."""

    site: SiteSpec

    def turn(self, name: str) -> AbstractContextManager[object]:
        """Holds back other threads of this process that would drive a campaign too: a process owns its lease as one."""
        ...

    def open(self) -> AbstractContextManager[Resources]:
        """Opens store, artifacts and launchers."""
        ...


class Database:
    """The database that commands use; it is open only while something is read or written."""

    _turns: ClassVar[dict[str, threading.Lock]] = {}

    def __init__(self) -> None:
        self._settings = Settings.from_environment()
        self.site = load_site(self._settings.site_file)

    def turn(self, name: str) -> AbstractContextManager[object]:
        """Holds back other threads that would drive a campaign."""
        return self._turns.setdefault(name, threading.Lock())

    @contextmanager
    def open(self) -> Iterator[Resources]:
        """Opens the database; errors as of ``open_resources``."""
        with open_resources(self._settings, self.site) as resources, one_thread():
            yield resources


class Memory:
    """The memory of this process, and a temporary folder for files, which is gone with it."""

    def __init__(self) -> None:
        settings = Settings.from_environment()
        self.site = load_site(settings.site_file)
        self._folder = tempfile.TemporaryDirectory(prefix="tansaku-")
        self._turn = threading.Lock()
        home = Path(self._folder.name)
        self._resources = Resources(
            settings=settings.model_copy(update={"home": home}),
            site=self.site,
            store=MemoryCampaignStore(),
            artifacts=FileArtifactStore(home / "artifacts"),
            open_launcher=self._launcher,
        )

    def turn(self, _: str) -> AbstractContextManager[object]:
        """Holds back other threads that would drive the campaign."""
        return self._turn

    @contextmanager
    def open(self) -> Iterator[Resources]:
        """Yields what is always open."""
        with one_thread():
            yield self._resources

    def _launcher(self, campaign: CampaignSpec) -> Launcher:
        from tansaku.tasks.backends.launchers.local_backend import local_launcher

        return local_launcher(self._resources.settings, self.site, campaign)


def keep_files(resources: Resources, files: Mapping[str, bytes]) -> tuple[Path, tuple[CampaignFile, ...]]:
    """Stores the files that a script made, and copies them to this machine.

    Args:
        files: Contents by path, which begins with the hash.

    Returns:
        The folder at which the paths start, and the records of the files.
    """
    records = []
    with tempfile.TemporaryDirectory(prefix="tansaku-") as folder:
        for path, content in files.items():
            draft = Path(folder) / Path(path).name
            draft.write_bytes(content)
            records.append(CampaignFile(path=path, sha256=resources.artifacts.put(draft)))
    return LocalFiles(resources.artifacts, resources.files_folder).copied(records), tuple(records)
