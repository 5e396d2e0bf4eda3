"""Base class of the launchers' specs. Code that depends on the launcher calls its methods and names no type."""

from __future__ import annotations

from tansaku.models.domain.specs.base import Spec


class LauncherBase(Spec):
    """Base class of the specs of launchers."""

    @property
    def shared_folder(self) -> str | None:
        """Folder for the jobs of all campaigns that other machines see too; None: jobs stay in this machine's home folder."""
        return None
