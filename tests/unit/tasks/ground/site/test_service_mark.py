"""One service per name and machine, and how long ago it was heard of."""

import os
import time

import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.ground.site.service_mark import ServiceMark


def test_a_second_one_of_the_name_is_refused_and_another_name_is_not(tmp_path):
    with ServiceMark(tmp_path, "a").held():
        with pytest.raises(ConfigurationError, match="'a' already runs on this machine"), ServiceMark(tmp_path, "a").held():
            pytest.fail("two at once")
        with ServiceMark(tmp_path, "b").held():
            pass
    with ServiceMark(tmp_path, "a").held():
        pass


def test_silence_is_counted_from_the_last_beat(tmp_path):
    mark = ServiceMark(tmp_path, "a")
    assert mark.silent_for() is None
    with mark.held():
        assert ServiceMark(tmp_path, "a").silent_for() < 60.0
        past = time.time() - 100.0
        os.utime(tmp_path / "service" / "a.lock", (past, past))
        assert ServiceMark(tmp_path, "a").silent_for() >= 100.0
        mark.beat()
        assert ServiceMark(tmp_path, "a").silent_for() < 60.0
    assert mark.silent_for() is None
