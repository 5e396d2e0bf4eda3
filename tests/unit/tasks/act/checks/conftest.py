"""Campaign files that are refused before anything is spent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.act.checks.check import preview_campaign
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tests.support.actors import ADA


@pytest.fixture
def assert_refused() -> Callable[[Path, str, str], None]:
    """Asserts that the check and the creation both refuse a file, each in these words, and that its name stays free."""

    def look(path: Path, said: str, said_by_creation: str = "") -> None:
        store = MemoryCampaignStore()
        with pytest.raises(ConfigurationError, match=said):
            preview_campaign(path)
        with pytest.raises(ConfigurationError, match=said_by_creation or said):
            prepare_campaign(SimpleNamespace(store=store, site=SiteSpec()), ADA, load_campaign(path))
        assert store.campaign_names() == []

    return look
