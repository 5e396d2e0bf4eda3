"""Servers that the tests of one process share: MongoDB, and SLURM with a FireWorks site; and what starts a Prefect server."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.prefect_database import MigratedDatabase
from tests.support.slurm_cluster import SlurmCluster

if TYPE_CHECKING:
    from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod
    from tansaku.tasks.backends.stores.mongo_schema import MongoDatabase
    from tests.support.fireworks_backend import FireworksBackend

RUNNING_CLUSTERS: list[SlurmCluster] = []
"""Clusters whose state goes into the report of a failed test."""


@pytest.fixture(scope="session")
def mongo_server(require: Callable[[str], None], _own_home: None) -> EmbeddedMongod:
    """The real server of this test process; the session's end stops it."""
    require("mongod")
    from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod
    from tansaku.tasks.ground.settings import Settings

    server = EmbeddedMongod(Settings.from_environment().home)
    server.start()
    return server


@pytest.fixture
def mongo_database(mongo_server: EmbeddedMongod) -> Iterator[MongoDatabase]:
    """An empty database on the real server, dropped afterwards."""
    from tansaku.tasks.backends.stores.connection import open_database

    database = open_database(mongo_server.start(), f"test-{secrets.token_hex(6)}")
    yield database
    database.client.drop_database(database.name)
    database.client.close()


@pytest.fixture(scope="session")
def _kept_database(mongo_server: EmbeddedMongod) -> Iterator[MongoDatabase]:
    from tansaku.tasks.backends.stores.connection import open_database

    database = open_database(mongo_server.start(), f"kept-{secrets.token_hex(6)}")
    yield database
    database.client.close()


@pytest.fixture
def emptied_database(mongo_server: EmbeddedMongod, _kept_database: MongoDatabase) -> MongoDatabase:
    """A database without documents that keeps its collections and indexes: building and dropping them takes long."""
    mongo_server.start()  # an earlier test may have stopped it
    for name in _kept_database.list_collection_names():
        _kept_database[name].delete_many({})
    return _kept_database


@pytest.fixture(scope="session")
def prefect_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> MigratedDatabase:
    """Spares every new home of Prefect's the migrations."""
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if hasattr(request.config, "workerinput") else folder
    return MigratedDatabase(shared / "prefect-migrated.db")


@pytest.fixture(scope="session")
def slurm_cluster(require: Callable[[str], None]) -> Iterator[SlurmCluster]:
    """A real SLURM with two nodes; the session's end stops it."""
    require("slurm")
    require("fireworks")
    yield from _running_slurm(accounting=False)


@pytest.fixture(scope="session")
def accounting_slurm_cluster(require: Callable[[str], None]) -> Iterator[SlurmCluster]:
    """Another one, with slurmdbd."""
    require("slurmdbd")
    require("fireworks")
    yield from _running_slurm(accounting=True)


def _running_slurm(*, accounting: bool) -> Iterator[SlurmCluster]:
    with tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as folder:
        cluster = SlurmCluster(Path(folder), accounting=accounting)
        try:
            cluster.start()
            RUNNING_CLUSTERS.append(cluster)
            yield cluster
        finally:
            if cluster in RUNNING_CLUSTERS:
                RUNNING_CLUSTERS.remove(cluster)
            cluster.stop()


@pytest.fixture
def slurm(slurm_cluster: SlurmCluster) -> SlurmCluster:
    """The cluster as it was at first: no jobs, both nodes idle."""
    slurm_cluster.make_ready()
    return slurm_cluster


@pytest.fixture
def fireworks_site(
    slurm: SlurmCluster, mongo_server: EmbeddedMongod, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., FireworksBackend]]:
    """``fireworks_site(uri=…, **launcher keys)``: a FireWorks site on the SLURM, with databases of its own."""
    from tests.support.fireworks_backend import FireworksBackend

    monkeypatch.setenv("SLURM_CONF", str(slurm.configuration))
    made: list[FireworksBackend] = []

    def make(uri: str | None = None, **keys: object) -> FireworksBackend:
        folder = tmp_path if not made else tmp_path / f"site-{len(made)}"
        folder.mkdir(exist_ok=True)
        address, name = uri or mongo_server.start(), f"site-{secrets.token_hex(6)}"
        made.append(FireworksBackend(folder, address, name, **keys))
        return made[-1]

    yield make
    slurm.make_ready()
    for site in made:
        site.drop()
