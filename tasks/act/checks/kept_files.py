"""Campaign files that name, by hash and name, files which the database keeps: those of scripts and of the dashboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from tansaku.models.domain.library import KEPT_PATTERN
from tansaku.models.domain.records import CampaignFile
from tansaku.models.domain.specs.limits import LimitsSpec
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.local_files import LocalFiles
from tansaku.tasks.ground.formats.yaml_text import YamlText
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign, folder_of, load_campaign, read_named

Database = Callable[[], AbstractContextManager[Resources]]
"""Opens the database of stored campaigns."""


def load_file(path: Path | YamlText, limits: LimitsSpec | None, database: Database | None) -> LoadedCampaign:
    """Loads a campaign file, or its text; opens a database only where that keeps what the file names.

    Args:
        limits: As of ``load_campaign``.
        database: None: all files lie in the folder of the campaign file.

    Raises:
        ConfigurationError: As of ``load_campaign``.
    """
    if database is None or not lacks_files(path):
        return load_campaign(path, limits)
    with database() as resources:
        return load_kept(resources, path, limits)


def lacks_files(path: Path | YamlText) -> bool:
    """Returns whether a campaign file names files that a database keeps and that its folder lacks.

    Raises:
        ConfigurationError: As of ``read_named``.
    """
    return any(not (folder_of(path) / file.path).exists() for file in _named(path))


def load_kept(resources: Resources, path: Path | YamlText, limits: LimitsSpec | None) -> LoadedCampaign:
    """Loads a campaign file with the files that the database keeps, which it copies to this machine.

    Raises:
        ConfigurationError: As of ``load_campaign``, also where the database has not all of them.
    """
    files = _named(path)
    folder = LocalFiles(resources.artifacts, resources.files_folder).copied(files)
    if not all((folder / file.path).is_file() for file in files):
        return load_campaign(path, limits)
    return replace(load_campaign(path, limits, folder), files=files)


def _named(path: Path | YamlText) -> tuple[CampaignFile, ...]:
    """The files that a campaign file names by hash and name."""
    found = re.finditer(f"(['\"]){KEPT_PATTERN}\\1", str(read_named(path).data))
    files = {match["sha256"]: f"{match['sha256']}/{match['name']}" for match in found}
    return tuple(CampaignFile(path=text, sha256=sha256) for sha256, text in files.items())
