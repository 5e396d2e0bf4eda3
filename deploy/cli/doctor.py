"""`tansaku doctor`: checks whether this machine has what tansaku needs."""

from __future__ import annotations

from typing import Annotated

import typer

from tansaku.deploy.cli.session import SiteOption
from tansaku.deploy.cli.tables import show_findings


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
    site: SiteOption = None,
) -> None:
    """Checks Python, packages, LAMMPS, MongoDB, folders, disk and processors; exits 5 if something required is missing."""
    from tansaku.tasks.configuration import load_site
    from tansaku.tasks.settings import Settings
    from tansaku.tasks.site.doctor import examine

    settings = Settings.from_environment()
    findings = list(examine(settings, load_site(site or settings.site_file)))
    show_findings(findings, as_json=as_json)
