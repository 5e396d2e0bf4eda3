"""Retention of launch folders: until they are old and their results have been read."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError, TransientError
from tansaku.tasks.backends.launchers.launches import LaunchFolder, all_launches, open_spool
from tansaku.tasks.node.jobs.spool_files import read_json

_ENDINGS = ("exit.json", "heartbeat.json", "submitted.json", "launch.json")


def sweep_launches(folder: Path, older_than: float, *, dry_run: bool = False) -> int:
    """Deletes the folders of launches that are over and old.

    Kept are launches that have a job which is not over, or one whose result nobody has read. A job that was given up while its
    node was out of sight is forgotten together with its launch.

    Args:
        folder: The site's shared folder.
        older_than: Age since a launch was last heard of [s].
        dry_run: Only count.

    Returns:
        How many.

    Raises:
        TransientError: The folder cannot be read.
    """
    now = time.time()
    old = [
        launch for launch in all_launches(folder) if now - _last_heard(launch) > older_than and not _is_needed(folder, launch)
    ]
    if not dry_run:
        _sweep(folder, old)
    return len(old)


def forget_campaign(folder: Path, campaign: str) -> None:
    """Deletes the folders of a deleted campaign's launches. Raises TransientError."""
    _sweep(folder, [launch for launch in all_launches(folder) if _jobs(launch)[0] == campaign])


def _last_heard(launch: LaunchFolder) -> float:
    """Time of the last write by the file system's clock; differences between clocks do not matter for days."""
    files = (launch.path, *(launch.path / name for name in _ENDINGS))
    try:
        return max(path.stat().st_mtime for path in files if path.exists())
    except (OSError, ValueError) as error:
        raise TransientError(f"launch {launch.path} cannot be read: {error}") from error


def _jobs(launch: LaunchFolder) -> tuple[str, list[str]]:
    """Campaign and jobs of a launch; none where its order is not of this version."""
    try:
        order = launch.order()
    except ConfigurationError:
        return "", []
    return order.campaign, [member.name for member in order.members]


def _is_needed(folder: Path, launch: LaunchFolder) -> bool:
    campaign, names = _jobs(launch)
    spool = open_spool(folder, campaign)
    own = [name for name in names if launch.does(spool, name)]
    return any((spool.folder(name) / "result.json").exists() or not spool.is_over(name) for name in own)


def _sweep(folder: Path, launches: Sequence[LaunchFolder]) -> None:
    for launch in launches:
        campaign, names = _jobs(launch)
        spool = open_spool(folder, campaign)
        for name in names:
            if launch.does(spool, name):
                spool.remove(name)
                spool.sweep()
        shutil.rmtree(launch.path, ignore_errors=True)
    for entry in (folder / "members").glob("*.json") if launches else ():
        known = read_json(entry)
        if known is None or not LaunchFolder.of(folder, known["launch"]).path.is_dir():
            entry.unlink(missing_ok=True)
