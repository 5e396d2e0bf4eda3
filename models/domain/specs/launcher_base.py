"""What every spec of a launcher says of itself. Code that differs from launcher to launcher asks this, and names no type."""

from __future__ import annotations

from tansaku.models.domain.specs.base import Spec


class LauncherBase(Spec):
    """Base of the specs of launchers, none of its own."""

    @property
    def shared_folder(self) -> str | None:
        """Folder for the jobs of all campaigns that other machines see too; None: jobs stay in this machine's home folder."""
        return None
