"""`tansaku site`: writes the site file of a cluster, and checks it against the cluster."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import SiteOption, opened_cluster
from tansaku.deploy.cli.tables import show_findings

site_app = typer.Typer(name="site", help="Write or check the site file of a cluster.", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]

KINDS = ("slurm", "slurm-offline")


@site_app.command("init")
def site_init(
    kind: Annotated[str, typer.Argument(metavar="[KIND]", help=f"One of {', '.join(KINDS)}.")] = KINDS[0],
    folder: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Folder to write the file to.")] = Path(),
) -> None:
    """Writes a site file for a SLURM cluster, to be filled in; never overwrites a file."""
    from tansaku.models.domain.errors import ConfigurationError, NotFoundError

    if kind not in KINDS:
        raise NotFoundError(f"no site template {kind!r}", hint="available: " + ", ".join(KINDS))
    target = folder / "site.yaml"
    try:
        with target.open("x", encoding="utf-8") as stream:
            stream.write(files("tansaku.deploy").joinpath("hpc", f"{kind}.yaml").read_text(encoding="utf-8"))
    except FileExistsError as error:
        raise ConfigurationError(f"{str(target)!r} exists already; nothing was written") from error
    except OSError as error:
        raise ConfigurationError(f"--to {str(folder)!r}: {error.strerror}") from error
    say(f"wrote {target}")
    say(f"next: replace every CHANGE-ME, then tansaku site check --site {target}")


@site_app.command("check")
def site_check(
    patience: Annotated[float, typer.Option("--patience", min=1.0, help="Seconds to wait for the test job.")] = 300.0,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Checks folder, database, scheduler and partitions, and runs a test job on a compute node; exits 5 if a check fails."""
    from tansaku.tasks.act.checks.site import check_site

    with opened_cluster(site) as (cluster, _):
        findings = list(check_site(cluster, patience))
    show_findings(findings, as_json=as_json)
