"""The dashboard, run as ``python -m tansaku.deploy.cli.web_process`` by `tansaku serve`: it cannot outlive its parent."""

from __future__ import annotations

from pathlib import Path

from tansaku.models.domain.errors import TansakuError
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.ground.site.bound_process import Parent


def main() -> None:
    """Gets the settings and serves until the parent ends or asks for the end."""
    from tansaku.deploy.web.server import GRACE

    parent = Parent()
    parent.end_with(GRACE + 1.0)
    try:
        _serve(parent)
    except TansakuError as error:
        parent.tell(error=error.message, hint=error.hint, kind=type(error).__name__)


def _serve(parent: Parent) -> None:
    from tansaku.tasks.ground.site.garbage import share_heap

    share_heap()  # before anything begins threads
    from tansaku.deploy.cli.web import first_page, services_of
    from tansaku.deploy.web.app import create_app
    from tansaku.deploy.web.server import Address, listening, serve
    from tansaku.tasks.backends.resources import open_resources
    from tansaku.tasks.ground.site.dashboard_address import noted_address
    from tansaku.tasks.node.configuration.campaign_files import load_site

    message = parent.message
    address = Address(port=message["port"])
    settings = _settings(message)
    site = None if message["site"] is None else Path(message["site"])
    with listening(address) as bound:
        port = int(bound.getsockname()[1])
        with open_resources(settings, load_site(site or settings.site_file)) as resources:
            services = services_of(resources, address.settings(port), site)
            services.passwords.prepare()
            url = address.url(port)
            app = create_app(services)
            parent.tell(port=port, url=url, page=first_page(services, url) if message["link"] else url)
            with noted_address(settings.home, url):
                serve(app, address, bound)


def _settings(message: JsonDict) -> Settings:
    return Settings.model_validate(message["settings"])


if __name__ == "__main__":
    main()
