"""`tansaku doctor` and `bug-report`: what this machine has, and all that somebody else needs to know of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import SiteOption, complete_campaign
from tansaku.deploy.cli.tables import show_findings


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
    site: SiteOption = None,
) -> None:
    """Checks Python, packages, LAMMPS, MongoDB, folders, disk and processors; exits 5 if something required is missing."""
    from tansaku.tasks.act.checks.doctor import examine
    from tansaku.tasks.ground.settings import Settings
    from tansaku.tasks.node.configuration.campaign_files import load_site

    settings = Settings.from_environment()
    findings = list(examine(settings, load_site(site or settings.site_file)))
    show_findings(findings, as_json=as_json)


def bug_report(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Campaign that the fault concerns.", autocompletion=complete_campaign),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="File to write.")] = Path("tansaku-bug-report.txt"),
    site: SiteOption = None,
) -> None:
    """Writes versions, findings of doctor, a campaign's spec and events, and the ends of logs to one file, without secrets."""
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.act.checks.bug_report import bug_report as report
    from tansaku.tasks.ground.settings import Settings

    settings = Settings.from_environment()
    if out.exists():
        raise ConfigurationError(f"--out: {out} exists; nothing is overwritten", hint="move it away, or name another file")
    text = report(settings, site or settings.site_file, name)
    try:
        with os.fdopen(os.open(out, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ConfigurationError(f"--out: {out} cannot be written: {error.strerror}") from error
    say(f"wrote {out}; read it before you give it away")
