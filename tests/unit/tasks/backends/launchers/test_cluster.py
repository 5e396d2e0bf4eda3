from __future__ import annotations

import importlib.util

import pytest

from tansaku.models.domain.errors import ConfigurationError, MissingComponentError
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.backends.launchers.cluster import open_cluster
from tansaku.tasks.ground.settings import Settings


def site(folder, **launcher) -> SiteSpec:
    return SiteSpec.model_validate({"launcher": {"type": "fireworks", "folder": str(folder), **launcher}})


def test_a_site_without_a_cluster_is_told_so(tmp_path):
    with pytest.raises(ConfigurationError, match=r"launcher\.type: 'local'"):
        open_cluster(Settings(home=tmp_path), SiteSpec(), None)


def test_the_missing_extra_is_named(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "fireworks" else find(name))
    with pytest.raises(MissingComponentError, match="needs FireWorks") as error:
        open_cluster(Settings(home=tmp_path), site(tmp_path), None)
    assert "tansaku[fireworks]" in error.value.hint


@pytest.mark.parametrize(
    ("settings", "why"), [({}, "embedded server"), ({"mongo_uri": "mongodb://h/x"}, "do not inherit our environment")]
)
def test_nodes_that_could_not_find_the_database_are_noticed_before_anything_is_spent(tmp_path, require, settings, why):
    require("fireworks")
    with pytest.raises(ConfigurationError, match=r"database\.uri_file: missing") as error:
        open_cluster(Settings(home=tmp_path, **settings), site(tmp_path), None)
    assert why in error.value.message
    assert "offline" in error.value.hint


def test_offline_nodes_are_told_nothing_of_the_database(tmp_path, require):
    require("fireworks")
    settings = Settings(home=tmp_path, mongo_uri="mongodb://ada:secret@h/x")
    cluster = open_cluster(settings, site(tmp_path, mode="offline"), None)
    assert cluster.uri_file is None
    cluster.launchpad.connection.close()
