"""Opens the stores for a command; heavy imports happen here, and only when a command needs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tansaku.models.domain.authors import Actor
    from tansaku.models.domain.specs.site import SiteSpec
    from tansaku.tasks.backends.launchers.cluster import Cluster
    from tansaku.tasks.backends.resources import DatabaseResources

ForceStop = Annotated[bool, typer.Option("--force", help="Stop it also under running drivers; they start it again.")]

SiteOption = Annotated[
    Path | None,
    typer.Option("--site", metavar="FILE", help="Site file (machine settings); default: $TANSAKU_SITE, else built-in."),
]


def complete_campaign(context: typer.Context, incomplete: str) -> list[str]:
    """Names of stored campaigns for shell completion; none if the database does not answer at once."""
    from tansaku.models.domain.errors import TansakuError
    from tansaku.models.domain.identifiers import printable
    from tansaku.tasks.backends.stores.connection import campaign_names
    from tansaku.tasks.ground.settings import Settings
    from tansaku.tasks.node.configuration.campaign_files import load_site

    try:
        settings = Settings.from_environment()
        given = context.params.get("site")
        names = campaign_names(settings, load_site(Path(given) if given else settings.site_file))
    except (TansakuError, OSError):
        # Completion stays silent: the command itself reports what is wrong.
        return []
    return [name for name in names if name.startswith(incomplete) and printable(name) == name]


NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of a stored campaign.", autocompletion=complete_campaign)
]


def this_user() -> Actor:
    """The user who runs this command."""
    from tansaku.models.domain.authors import Actor
    from tansaku.tasks.ground.site.users import user_name

    return Actor(user_name(), "command line")


def read_site(site: Path | None) -> SiteSpec:
    """The site that a command works on; campaign files may name its programs.

    Args:
        site: Site file given on the command line, or None.

    Raises:
        ConfigurationError: The site file or an environment variable is wrong.
    """
    from tansaku.tasks.ground.settings import Settings
    from tansaku.tasks.node.configuration.campaign_files import load_site

    return load_site(site or Settings.from_environment().site_file)


@contextmanager
def opened(site: Path | None) -> Iterator[DatabaseResources]:
    """Opens store, artifacts and launcher for a command.

    Args:
        site: Site file given on the command line, or None.

    Raises:
        ConfigurationError: The site file or an environment variable is wrong.
        StoreError: The database cannot be used.
    """
    from tansaku.tasks.backends.resources import open_resources
    from tansaku.tasks.ground.settings import Settings
    from tansaku.tasks.node.configuration.campaign_files import load_site

    settings = Settings.from_environment()
    with open_resources(settings, load_site(site or settings.site_file)) as resources:
        yield resources


@contextmanager
def opened_cluster(site: Path | None) -> Iterator[tuple[Cluster, Path]]:
    """Opens the cluster of a site file; yields it with the path of the file.

    Raises:
        ConfigurationError: No site file is given, or it does not describe a cluster.
    """
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.backends.launchers.cluster import open_cluster
    from tansaku.tasks.backends.stores.connection import connect
    from tansaku.tasks.backends.stores.site_workers import SiteWorkers
    from tansaku.tasks.ground.settings import Settings
    from tansaku.tasks.node.configuration.campaign_files import load_site

    settings = Settings.from_environment()
    file = site or settings.site_file
    if file is None:
        raise ConfigurationError("no site file", hint="give --site FILE or set TANSAKU_SITE; `tansaku site init` writes one")
    spec = load_site(file)
    database = connect(settings, spec)
    try:
        yield open_cluster(settings, spec, SiteWorkers(database)), file
    finally:
        database.client.close()
