"""`tansaku stop` and `tansaku prefect-login`: the private servers, which are kept between commands."""

from __future__ import annotations

from tansaku.deploy.cli.printing import say


def stop() -> None:
    """Stop the private database and the private Prefect server; the next command that needs one starts it again."""
    from tansaku.flows.server import PrivatePrefect
    from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod
    from tansaku.tasks.ground.settings import Settings

    settings = Settings.from_environment()
    prefect = PrivatePrefect.stop_all(settings.home)
    database = EmbeddedMongod(settings.home, runtime=settings.runtime).stop()
    for title, ran in (("Prefect server", prefect), ("database", database)):
        say(f"{title}: {'stopped' if ran else 'was not running'}")


def prefect_login() -> None:
    """Print the address of the private Prefect server's pages, and what to type in there; starts the server."""
    from tansaku.flows.server import PrivatePrefect
    from tansaku.tasks.ground.settings import Settings

    server = PrivatePrefect.of(Settings.from_environment().home).start()
    say(f"{server.api_url.removesuffix('/api')}/login")
    say(f"{server.auth}")
