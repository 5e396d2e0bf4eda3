"""Report of a machine and a campaign for somebody who repairs a fault: one text without secrets."""

from __future__ import annotations

import json
import platform
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote

import yaml
from packaging.requirements import Requirement

from tansaku import __version__
from tansaku.models.domain.errors import TansakuError
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.act.checks.doctor import examine
from tansaku.tasks.backends.launchers.backends import job_folder
from tansaku.tasks.backends.launchers.launches import launch_of_attempt
from tansaku.tasks.backends.resources import open_resources
from tansaku.tasks.backends.stores.connection import server_uri
from tansaku.tasks.ground.settings import Settings, names_secret, secret_values
from tansaku.tasks.node.configuration.campaign_files import load_site
from tansaku.tasks.read.views.attempt_output import end_of_file, plain_text
from tansaku.tasks.read.views.status import campaign_status

_REMOVED = "[removed]"
_SHORTEST = 6
"""Shorter values of variables are words such as "true", and would be removed from every line."""

_EVENTS = 40
_LOGS = 6
_END = 8 * 1024
_OF_WORKERS = "logs/*.log"
_WIDE = 10**6
_PASSWORD = re.compile(r"://[^:/@\s]*:([^@\s]+)@")


def bug_report(settings: Settings, site_file: Path | None, campaign: str | None) -> str:
    """Versions, findings of `tansaku doctor`, the site, a campaign, and the ends of the newest logs.

    A part that cannot be had is replaced by the reason. Removed are values that the environment keeps secret, values of keys
    whose name says so, and what looks like a password; the notes of the campaign are left out.

    Args:
        site_file: The one in use; None: what is built in.
        campaign: Its name; None: none, and of the logs of campaigns those of the one that wrote last.

    Raises:
        ConfigurationError: The site file is wrong, or a file with a secret cannot be read, so that nobody knows what to remove.
    """
    site = load_site(site_file)
    uri = server_uri(settings, site)
    secrets = _secrets([*secret_values(), *([] if uri is None else [uri.get_secret_value()])])
    parts: list[tuple[str, Callable[[], Iterable[str]]]] = [
        ("versions", _versions),
        ("doctor", lambda: (f"{found.state}\t{found.name}\t{found.detail}" for found in examine(settings, site))),
        (f"site: {site_file or 'built in'}", lambda: [_yaml(site.model_dump(mode="json"))]),
    ]
    if campaign is not None:
        parts.append((f"campaign {campaign}", lambda: _campaign(settings, site, campaign)))
    parts.append(("logs of this machine", lambda: _ends(_logs_of_machine(settings.home))))
    if campaign is not None:
        parts.append((f"logs of {campaign}", lambda: _ends(_logs_of_campaign(settings, site, campaign))))
    elif (folder := _newest_spool(settings, site)) is not None:
        parts.append((f"logs of the campaign that wrote last, {folder.name}", lambda: _ends(folder.glob(_OF_WORKERS))))
    text = "\n".join(f"=== {title} ===\n{_said(lines)}\n" for title, lines in parts)
    return plain_text(_without(text, secrets))


def _said(lines: Callable[[], Iterable[str]]) -> str:
    try:
        return "\n".join(lines())
    except Exception:  # noqa: BLE001 - whatever is broken here may be what is reported
        return traceback.format_exc()


def _versions() -> Iterator[str]:
    written = f"{datetime.now(UTC):%Y-%m-%d %H:%M}Z"
    yield f"tansaku {__version__}, Python {platform.python_version()}, {platform.platform()}, written {written}"
    for name in sorted({Requirement(line).name for line in metadata.requires("tansaku") or ()}):
        try:
            yield f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            yield f"{name} is not installed"


def _campaign(settings: Settings, site: SiteSpec, name: str) -> Iterator[str]:
    with open_resources(settings, site) as resources:
        record = resources.store.campaign(name)
        yield f"created by tansaku {record.tansaku_version}"
        yield _yaml({key: value for key, value in record.spec.items() if key != "notes"})
        yield campaign_status(resources.store, name).describe()
        for event in resources.store.events(name)[-_EVENTS:]:
            yield f"{event.at:%Y-%m-%d %H:%M:%S}Z  {event.kind}  {json.dumps(_cleaned(event.data), default=str)}"


def _logs_of_machine(home: Path) -> Iterator[Path]:
    """Logs that belong to no campaign: those of the database, of Prefect, and of the parts of the service."""
    for path in home.rglob("*.log"):
        of_run = path.parent == home / "service" and not path.stem.endswith("-process")
        if not (of_run or path.is_relative_to(home / "spool")):
            yield path


def _logs_of_campaign(settings: Settings, site: SiteSpec, name: str) -> Iterator[Path]:
    """Logs of its runs and workers, and outputs of its jobs on a cluster, which the database knows."""
    yield settings.home / "service" / f"{name}.log"
    identifier, attempts = name, []
    with suppress(TansakuError), open_resources(settings, site) as resources:
        identifier = resources.store.campaign_id(name)
        attempts = [attempt for evaluation in resources.store.evaluations(name) for attempt in evaluation.attempts]
    yield from job_folder(settings, site, identifier).glob(_OF_WORKERS)
    shared = site.launcher.shared_folder
    for attempt in attempts if shared is not None else ():
        launch = launch_of_attempt(Path(str(shared)), attempt.job_name, attempt.token)
        yield from launch.path.glob("*.txt") if launch is not None else ()


def _newest_spool(settings: Settings, site: SiteSpec) -> Path | None:
    """Folder of the jobs of the campaign whose workers wrote last."""
    logs = job_folder(settings, site, "").glob(f"*/{_OF_WORKERS}")
    newest = max(logs, key=lambda path: path.stat().st_mtime, default=None)
    return None if newest is None else newest.parent.parent


def _ends(found: Iterable[Path]) -> Iterator[str]:
    filled = [path for path in set(found) if path.is_file() and path.stat().st_size]
    for path in sorted(filled, key=lambda path: path.stat().st_mtime)[-_LOGS:]:
        end = end_of_file(path, _END)
        yield f"--- {path}\n{end.text if end is not None else ''}"


def _yaml(data: object) -> str:
    return yaml.safe_dump(_cleaned(data), sort_keys=False, allow_unicode=True, width=_WIDE)


def _cleaned(data: object) -> object:
    """Plain data without the values of keys and options whose name says that they are secret, of whatever kind these are."""
    if isinstance(data, dict):
        return {key: _REMOVED if names_secret(str(key)) else _cleaned(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        before = [None, *data][: len(data)]
        return [_REMOVED if _asks_for_secret(option) else _cleaned(value) for option, value in zip(before, data, strict=True)]
    return data


def _asks_for_secret(option: object) -> bool:
    """Returns whether a word of a command line is an option such as ``--password``, whose value is the next word."""
    return isinstance(option, str) and option.startswith("-") and "=" not in option and names_secret(option.lstrip("-"))


def _secrets(values: Sequence[str]) -> list[str]:
    """Values as they are, and the passwords of those that are addresses, the longest first."""
    passwords = [found[1] for value in values if (found := _PASSWORD.search(value)) is not None]
    texts = {text for value in (*values, *passwords) for text in (value, unquote(value)) if len(text) >= _SHORTEST}
    return sorted(texts, key=len, reverse=True)


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, _REMOVED)
    return text
