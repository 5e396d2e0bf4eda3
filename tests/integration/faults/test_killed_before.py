"""SIGKILL before every call of the store and launcher ports; the resumed campaign is the undisturbed one."""

from __future__ import annotations

import pytest

from tests.support.kill_points import DRIVEN


@pytest.mark.parametrize("method", DRIVEN)
def test_killed_driver_resumes_as_if_nothing_had_happened(kill_points, method):
    kill_points.check(method, "before")
