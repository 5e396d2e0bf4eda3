"""The part of a site file on notifications as it is now: an admin's edit applies without a new start."""

from __future__ import annotations

from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.notifications import NotificationsSpec
from tansaku.tasks.node.configuration.campaign_files import load_site


class SiteNotifications:
    """The part on notifications of a site file, which is read again when the file has changed.

    Args:
        path: The site file; None: there is none, and the part stays as it is.
        spec: As the file was read.
    """

    def __init__(self, path: Path | None, spec: NotificationsSpec) -> None:
        self._path, self._spec = path, spec
        self._seen = self._state()

    def now(self) -> NotificationsSpec:
        """The part as it is now; as it was before, as long as the file is gone or wrong."""
        state = self._state()
        if self._path is not None and state is not None and state != self._seen:
            self._seen = state
            try:
                self._spec = load_site(self._path).notifications
            except ConfigurationError:
                return self._spec
        return self._spec

    def _state(self) -> tuple[int, int, int] | None:
        """Numbers that change with the file's content; None: there is no file."""
        try:
            found = None if self._path is None else self._path.stat()
        except OSError:
            return None
        return None if found is None else (found.st_mtime_ns, found.st_size, found.st_ino)
