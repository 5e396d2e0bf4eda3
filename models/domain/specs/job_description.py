"""Jobs that plug-ins bring: how candidates of their spaces are computed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import get_args

from tansaku.models.domain.plugins import Plugin, loaded
from tansaku.models.domain.specs.space_base import JobName


@dataclass(frozen=True)
class JobDescription:
    """One job; the description of a space names it in ``jobs``.

    Attributes:
        opener: Module and function, such as ``my_package.jobs:open_job``; called with the job's document and its folder, it
            returns what computes an ``Outcome``.
    """

    opener: str


@lru_cache(maxsize=1)
def plugin_jobs() -> dict[str, tuple[Plugin, JobDescription]]:
    """Jobs of the installed plug-ins by name."""

    def check(plugin: Plugin, found: object) -> tuple[Plugin, JobDescription]:
        if not isinstance(found, JobDescription):
            raise TypeError(f"{plugin.entry.value} is not a JobDescription")
        return plugin, found

    return loaded("workflows", check, get_args(JobName))
