"""`tansaku db`: the embedded database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import ForceStop, SiteOption
from tansaku.deploy.cli.tables import show_json, show_table

if TYPE_CHECKING:
    from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod
    from tansaku.tasks.backends.stores.mongo_schema import MongoDatabase

db_app = typer.Typer(help="The database: start, stop, inspect, dump, restore.", no_args_is_help=True)

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@db_app.command()
def start() -> None:
    """Starts the embedded server, if it is not running, and prints its URI."""
    say(_embedded().start())


@db_app.command()
def stop(*, force: ForceStop = False) -> None:
    """Stops the embedded server cleanly; the next command that needs it starts it again."""
    from tansaku.tasks.backends.stores.live_drivers import refuse_running_drivers

    server = _embedded()
    if not force:
        refuse_running_drivers(server)
    say("stopped" if server.stop() else "the server was not running")


@db_app.command()
def status(*, as_json: JsonFlag = False, site: SiteOption = None) -> None:
    """Shows whether the embedded server is running and in use, the paths of its data and log, and its size."""
    from tansaku.tasks.backends.stores.connection import embedded_server
    from tansaku.tasks.ground.settings import Settings
    from tansaku.tasks.node.configuration.campaign_files import load_site

    settings = Settings.from_environment()
    in_use = embedded_server(settings, load_site(site or settings.site_file)) is not None
    found = _embedded().status()
    rows: dict[str, str | float | int | None] = {
        "in_use": in_use,
        "running": found.running,
        "answering": found.answering,
        "pid": found.pid,
        "started_at": None if found.started_at is None else found.started_at.isoformat(timespec="seconds"),
        "uri": found.uri,
        "data": str(found.data),
        "log": str(found.log),
        "size_mb": round(found.size / 2**20, 1),
    }
    if as_json:
        show_json(rows)
    else:
        show_table(["key", "value"], [[key, value] for key, value in rows.items()])
    if not found.running:
        raise typer.Exit(1)


@db_app.command()
def path() -> None:
    """Prints the folder of the embedded server's data."""
    say(str(_embedded().data))


@db_app.command()
def dump(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write, e.g. tansaku.dump.")], site: SiteOption = None
) -> None:
    """Writes the whole database to one file."""
    from tansaku.tasks.backends.stores import archive

    with _database(site) as database:
        _show_counts(archive.dump(database, file))


@db_app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File that `tansaku db dump` wrote.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace what the database holds.")] = False,
    site: SiteOption = None,
) -> None:
    """Read a dump into an empty database."""
    from tansaku.tasks.backends.stores import archive

    with _database(site) as database:
        _show_counts(archive.restore(database, file, force=force))


@db_app.command("add-user")
def add_user(
    user: Annotated[str, typer.Argument(metavar="USER", help="Its name.")],
    databases: Annotated[
        list[str], typer.Argument(metavar="DATABASE...", help="Database that the user may read and write; may be repeated.")
    ],
    *,
    password_file: Annotated[Path, typer.Option("--password-file", metavar="FILE", help="File with the user's password.")],
    admin_file: Annotated[
        Path, typer.Option("--admin-file", metavar="FILE", help="File with the URI of a user who may create users.")
    ],
    web: Annotated[bool, typer.Option("--web", help="Only what the dashboard needs, on one database.")] = False,
) -> None:
    """Creates or updates a MongoDB user that can read and write the given databases and nothing else."""
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.backends.stores.users import store_user, store_web_user
    from tansaku.tasks.ground.settings import read_secret_file

    if web and len(databases) > 1:
        raise ConfigurationError("--web: expected one database")
    password = read_secret_file(password_file, "--password-file")
    administrator = read_secret_file(admin_file, "--admin-file")
    if web:
        new, rights = store_web_user(administrator, user, password, databases[0]), "has the dashboard's rights on"
    else:
        new, rights = store_user(administrator, user, password, databases), "reads and writes"
    say(f"user {user}: {'created' if new else 'updated'}, {rights} {', '.join(databases)}")


def _embedded() -> EmbeddedMongod:
    from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod
    from tansaku.tasks.ground.settings import Settings

    settings = Settings.from_environment()
    return EmbeddedMongod(settings.home, runtime=settings.runtime)


@contextmanager
def _database(site: Path | None) -> Iterator[MongoDatabase]:
    from tansaku.tasks.backends.stores.connection import connect
    from tansaku.tasks.ground.settings import Settings
    from tansaku.tasks.node.configuration.campaign_files import load_site

    settings = Settings.from_environment()
    database = connect(settings, load_site(site or settings.site_file))
    try:
        yield database
    finally:
        database.client.close()


def _show_counts(counts: dict[str, int]) -> None:
    show_table(["collection", "documents"], [[name, count] for name, count in sorted(counts.items())])
