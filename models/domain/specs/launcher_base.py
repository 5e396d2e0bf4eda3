"""Base class of the launchers' specs. Code that depends on the launcher calls its methods and names no type."""

from __future__ import annotations

from tansaku.models.domain.specs.base import KindSpec
from tansaku.models.domain.specs.evaluation_limits import EvaluationLimitsSpec


class LauncherBase(KindSpec):
    """Base class of the specs of launchers.

    Attributes:
        evaluation_limits: Limits of one evaluation by a program of the site or a plug-in.
    """

    evaluation_limits: EvaluationLimitsSpec = EvaluationLimitsSpec()

    @property
    def shared_folder(self) -> str | None:
        """Folder for the jobs of all campaigns that other machines see too; None: jobs stay in this machine's home folder."""
        return None
