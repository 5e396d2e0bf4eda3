"""`tansaku web`: serves the dashboard and manages its users."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import SiteOption, opened
from tansaku.deploy.cli.tables import show_table

if TYPE_CHECKING:
    from tansaku.deploy.web.services import Services, WebSettings
    from tansaku.tasks.act.commands.users import Administration
    from tansaku.tasks.backends.resources import DatabaseResources

web_app = typer.Typer(help="The dashboard: a web page to watch and steer campaigns, and its users.", no_args_is_help=True)
user_app = typer.Typer(help="Users of the dashboard.", no_args_is_help=True)
web_app.add_typer(user_app, name="user")

# The values of the domain's Role, which is not imported before a command needs it.
RoleName = Literal["viewer", "operator", "admin"]
_USUAL_ADDRESS = "http://127.0.0.1:8421"
UserArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.")]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", metavar="FILE", help="File of mode 0600 with the password; default: ask.")
]


@web_app.command()
def start(
    host: Annotated[str, typer.Option("--host", metavar="HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0: any that is free.")] = 8421,
    uds: Annotated[
        Path | None, typer.Option("--uds", metavar="PATH", help="Listen on a unix socket of this path instead.")
    ] = None,
    cert: Annotated[Path | None, typer.Option("--cert", metavar="FILE", help="Certificate for TLS, in PEM format.")] = None,
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="Key of the certificate.")] = None,
    tls_proxy: Annotated[bool, typer.Option("--tls-proxy", help="Browsers reach the server by TLS through a proxy.")] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="Name by which browsers may address the server; may be repeated."),
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen beyond this machine without TLS; passwords can then be read.")
    ] = False,
    no_delete: Annotated[bool, typer.Option("--no-delete", help="Leave the deletion of campaigns to the service.")] = False,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in a browser, logged in.")] = False,
    site: SiteOption = None,
) -> None:
    """Serves the dashboard until Ctrl-C; prints its address and, for the first user, a link that logs in once."""
    from tansaku.tasks.ground.site.garbage import share_heap

    share_heap()  # before anything begins threads
    from tansaku.deploy.web.app import create_app
    from tansaku.deploy.web.server import Address, listening, serve
    from tansaku.tasks.ground.site.dashboard_address import noted_address

    names = tuple(allow_host or ())
    address = Address(host, port, uds, cert, key, tls_proxy, insecure, names)
    with listening(address) as bound:
        number = 0 if uds is not None else int(bound.getsockname()[1])
        with _services(site, replace(address.settings(number), deletes=not no_delete)) as services:
            services.passwords.prepare()
            page = None if uds is not None else first_page(services, address.url(number))
            say(f"dashboard: unix socket {uds}" if page is None else f"dashboard: {page}")
            if open_browser and page is not None:
                typer.launch(page)
            with noted_address(_home(services), address.public_url(number)):
                serve(create_app(services), address, bound)
    say("dashboard: stopped")


@web_app.command("login-link")
def login_link(
    name: UserArgument,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="Address of the dashboard; default: that of the one that runs.")
    ] = None,
    site: SiteOption = None,
) -> None:
    """Prints a link that logs a user in once within 15 minutes."""
    from tansaku.models.domain.errors import NotFoundError
    from tansaku.tasks.ground.site.dashboard_address import known_address

    with _services(site) as services:
        if services.accounts.user(name) is None:
            raise NotFoundError(f"no user {name!r}", hint="`tansaku web user list` shows the users")
        address = url or known_address(_home(services)) or _USUAL_ADDRESS
        say(_link(services, name, address.rstrip("/")))


@user_app.command("list")
def list_users(site: SiteOption = None) -> None:
    """Lists the users."""
    with opened(site) as resources:
        rows = [
            [user.name, user.role.value, user.disabled, user.password_hash is not None] for user in resources.accounts.users()
        ]
    show_table(["name", "role", "disabled", "password"], rows)


@user_app.command()
def add(
    name: UserArgument,
    *,
    role: Annotated[RoleName, typer.Option("--role", help="What the user may do.")] = "viewer",
    password_file: PasswordFile = None,
    no_password: Annotated[bool, typer.Option("--no-password", help="Login only by links of `login-link`.")] = False,
    site: SiteOption = None,
) -> None:
    """Adds a user; asks for the password."""
    from tansaku.models.domain.accounts import Role
    from tansaku.tasks.act.commands.users import check_user_name

    check_user_name(name)
    with _services(site) as services:
        stored = None if no_password else _hashed(services, password_file)
        _administration(services).add_user(name, Role(role), stored)
    say(f"user {name}: added as {role}")


@user_app.command()
def change(
    name: UserArgument,
    *,
    role: Annotated[RoleName | None, typer.Option("--role", help="What the user may do.")] = None,
    disabled: Annotated[bool | None, typer.Option("--disable/--enable", help="Whether the user may log in.")] = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for a new password; ends the user's sessions.")] = False,
    password_file: PasswordFile = None,
    site: SiteOption = None,
) -> None:
    """Changes a user's role, password, or whether the user may log in."""
    from tansaku.models.domain.accounts import Role
    from tansaku.tasks.act.commands.users import UserChange

    with _services(site) as services:
        stored = _hashed(services, password_file) if password or password_file is not None else None
        user = _administration(services).change_user(name, UserChange(None if role is None else Role(role), disabled, stored))
    say(f"user {name}: {user.role}{', disabled' if user.disabled else ''}")


@user_app.command()
def remove(name: UserArgument, site: SiteOption = None) -> None:
    """Removes a user with all sessions and tokens."""
    with _services(site) as services:
        _administration(services).remove_user(name)
    say(f"user {name}: removed")


def _home(services: Services) -> Path:
    assert services.resources is not None
    return services.resources.settings.home


@contextmanager
def _services(site: Path | None, settings: WebSettings | None = None) -> Iterator[Services]:
    with opened(site) as resources:
        yield services_of(resources, settings, site)


def services_of(resources: DatabaseResources, settings: WebSettings | None = None, site: Path | None = None) -> Services:
    """The application's services, from opened resources.

    Args:
        resources: The caller closes them.
        settings: How the web process behaves; None: the usual.
        site: The site file; None: that of the environment.
    """
    from tansaku.deploy.web.services import Services, WebSettings

    return Services(
        store=resources.store,
        artifacts=resources.artifacts,
        accounts=resources.accounts,
        registry=resources.registry,
        requests=resources.requests,
        resources=resources,
        library=resources.library,
        schedules=resources.schedules,
        notifications=resources.notifications,
        site=resources.site,
        site_file=site or resources.settings.site_file,
        settings=replace(settings or WebSettings(), proxy_secret=resources.settings.proxy_secret),
    )


def _administration(services: Services) -> Administration:
    """Changes of accounts by the user who runs the command."""
    from tansaku.tasks.act.commands.audit import by_command
    from tansaku.tasks.act.commands.users import Administration

    return Administration(services.accounts, by_command(), services.clock)


def first_page(services: Services, url: str) -> str:
    """First address to open: with a login link for the user who started the server, if that is a user or there is none yet."""
    from tansaku.models.domain.accounts import Role
    from tansaku.models.domain.errors import FieldError
    from tansaku.tasks.act.commands.users import check_user_name
    from tansaku.tasks.ground.site.users import user_name

    name = user_name()
    try:
        check_user_name(name)
    except FieldError:
        name = "admin"
    known = services.accounts.user(name)
    if known is None:
        if services.accounts.users():
            return url
        _administration(services).add_user(name, Role.ADMIN, None)
    elif known.disabled:
        return url
    return _link(services, name, url)


def _link(services: Services, name: str, url: str) -> str:
    from tansaku.deploy.web.auth.tokens import issue_login_link

    return f"{url}/login#token={issue_login_link(services, name)}"


def _hashed(services: Services, file: Path | None) -> str:
    from tansaku.tasks.ground.settings import read_secret_file

    if file is not None:
        return services.passwords.hash(read_secret_file(file, "--password-file").get_secret_value())
    return services.passwords.hash(typer.prompt("password", hide_input=True, confirmation_prompt=True, err=True))
