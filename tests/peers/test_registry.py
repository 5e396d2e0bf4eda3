import pytest

from tansaku.models.domain.errors import MissingComponentError
from tansaku.models.engine.peers import registry


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch):
    monkeypatch.setitem(registry.PACKAGES, "physbo", "no_such_package_physbo")
    with pytest.raises(MissingComponentError, match=r"'physbo' needs the package 'no_such_package_physbo'") as raised:
        registry.build_peer("physbo")
    assert "tansaku[bench]" in str(raised.value)
