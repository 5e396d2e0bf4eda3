"""The dashboard with browsers, as its own tests have it."""

from tests.unit.conftest import recorded, table_file
from tests.unit.deploy.web.conftest import make_site, site

__all__ = ["make_site", "recorded", "site", "table_file"]
