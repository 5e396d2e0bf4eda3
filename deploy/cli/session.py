"""Opening the stores for one command; heavy imports happen here and only when a command needs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tansaku.tasks.resources import Resources

SiteOption = Annotated[
    Path | None,
    typer.Option("--site", metavar="FILE", help="Site file (machine settings); default: $TANSAKU_SITE, else built-in."),
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of a stored campaign.")]


@contextmanager
def opened(site: Path | None) -> Iterator[Resources]:
    """Opens store, artifacts and launcher for a command.

    Args:
        site: Site file given on the command line, or None.

    Raises:
        ConfigurationError: The site file or an environment variable is wrong.
        StoreError: The database cannot be used.
    """
    from tansaku.tasks.configuration import load_site
    from tansaku.tasks.resources import open_resources
    from tansaku.tasks.settings import Settings

    settings = Settings.from_environment()
    with open_resources(settings, load_site(site or settings.site_file)) as resources:
        yield resources
