"""Conventions of the whole test suite: one thread per process, a home of its own, and the plug-ins of ``tests.support``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.support.temporary_files import keep_in_memory

# Before any test module imports numpy: two test processes on two cores must not start four BLAS threads.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_threads] = "1"

keep_in_memory()
pytest.register_assert_rewrite("tests.support.kill_points")  # a failed comparison shows what differs
# In this order: what imports another plug-in comes after it.
pytest_plugins = [
    "tests.support.mishin_aluminium",
    "tests.support.components",
    "tests.support.servers",
    "tests.support.programs",
    "tests.support.materials",
    "tests.support.pools",
    "tests.support.warm_workers",
    "tests.support.benchmarks",
    "tests.support.reports",
    "tests.support.distribution",
    "tests.support.suites",
]

# No deadline: a test that fails because the machine is busy says nothing. In CI every run tries the same examples.
hypothesis.settings.register_profile("tansaku", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("tansaku")


@pytest.fixture(scope="session", autouse=True)
def _own_home() -> Iterator[None]:
    """A home of this test process alone, on a path short enough for a unix socket; nothing of the user's is touched."""
    with (
        tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("TANSAKU_HOME", folder)
        patch.delenv("TANSAKU_MONGO_URI", raising=False)
        patch.delenv("TANSAKU_SITE", raising=False)
        patch.setenv("PREFECT_HOME", str(Path(folder, "prefect")))
        patch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        patch.setenv("DO_NOT_TRACK", "1")
        patch.setenv("MPLBACKEND", "Agg")
        patch.delenv("XDG_RUNTIME_DIR", raising=False)
        yield
        if Path(folder, "mongod").exists():
            from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod

            EmbeddedMongod(Path(folder)).stop()
        if Path(folder, "prefect").exists():
            from tansaku.flows.server import PrivatePrefect

            PrivatePrefect.stop_all(Path(folder))
