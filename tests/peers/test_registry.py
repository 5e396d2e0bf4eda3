import pytest

from tansaku.models.domain.errors import MissingComponentError
from tansaku.models.domain.ours import OURS
from tansaku.peers import registry


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch):
    monkeypatch.setitem(registry.PACKAGES, "physbo", "no_such_package_physbo")
    with pytest.raises(MissingComponentError, match=r"'physbo' needs the package 'no_such_package_physbo'") as raised:
        registry.build_peer("physbo")
    assert "tansaku[bench]" in str(raised.value)


def test_the_table_of_kinds_names_every_peer():
    assert OURS["methods"].keys() == registry.PACKAGES.keys()
