"""A FireWorks launcher on the tests' own SLURM, as the launcher contract and the fault tests open it."""

from __future__ import annotations

import json
import os
import shlex
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import psutil

from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.backends.launchers.cluster import Cluster, open_cluster
from tansaku.tasks.backends.launchers.fireworks import FireworksLauncher
from tansaku.tasks.backends.launchers.launches import open_spool
from tansaku.tasks.backends.stores.connection import open_database
from tansaku.tasks.backends.stores.site_workers import SiteWorkers
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.node.jobs.spool import Spool
from tests.support.programs import PACED
from tests.support.workers import computing

ROOT = Path(__file__).resolve().parents[2]
QUICK = {"heartbeat": 0.2, "silence": 2.0, "look": 0.2, "kill_grace": 0.3, "patience": 2.0}
PACED_PYTHON = f"""\
#!/bin/sh
PYTHONPATH={shlex.quote(PACED)} exec {shlex.quote(sys.executable)} "$@"
"""
"""Python on the compute nodes: ASE's EMT sleeps there, as in ``paced_emt.py``."""


class FireworksBackend:
    """A site of its own: shared folder, LaunchPad and leases; the SLURM is everybody's.

    Args:
        folder: Of the test.
        uri: MongoDB's address, as compute nodes use it too.
        database: Name that nobody else uses.
        keys: Further keys of the site file's launcher part.
    """

    many = 5
    slots = 2

    def __init__(self, folder: Path, uri: str, database: str, **keys: object) -> None:
        self.folder, self.uri, self.database, self.keys = folder, uri, database, keys
        self.shared = folder / "shared"
        self.uri_file = folder / "uri"
        self.uri_file.touch(mode=0o600)
        self.uri_file.write_text(uri)
        self.python = folder / "python"
        self.python.write_text(PACED_PYTHON)
        self.python.chmod(0o700)
        (folder / "backend.json").write_text(json.dumps([uri, database, keys]))

    @classmethod
    def again(cls, folder: Path) -> FireworksBackend:
        """The backend of a folder, in another process."""
        uri, database, keys = json.loads((folder / "backend.json").read_text())
        return cls(folder, uri, database, **keys)

    @property
    def site(self) -> SiteSpec:
        names = {"folder": str(self.shared), "database": f"{self.database}-lp", "python": str(self.python)}
        launcher = {"type": "fireworks"} | names | QUICK | self.keys
        return SiteSpec.model_validate(
            {"launcher": launcher, "database": {"uri_file": str(self.uri_file), "name": self.database}}
        )

    def cluster(self) -> Cluster:
        workers = SiteWorkers(open_database(self.uri, self.database))
        return open_cluster(Settings(home=self.folder / "home"), self.site, workers)

    def open(self) -> FireworksLauncher:
        return self.cluster().launcher("test")

    @property
    def spool(self) -> Spool:
        return open_spool(self.shared, "test")

    def signal_worker(self, name: str, number: int) -> None:
        claim = self.spool.claimed(name)
        assert claim is not None
        os.kill(computing(claim.pid), number)

    def processes(self) -> list[psutil.Process]:
        """What lives on the compute nodes for this site."""
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            with suppress(psutil.NoSuchProcess):
                words = process.info["cmdline"] or ()
                if process.info["status"] != psutil.STATUS_ZOMBIE and any(word.startswith(str(self.shared)) for word in words):
                    found.append(process)
        return found

    def supervisor(self, launch: str) -> psutil.Process:
        """What watches a launch on its node."""
        (found,) = (one for one in self.processes() if one.info["cmdline"][-1] == str(self.shared / "launches" / launch))
        return found

    def driver(self, statements: str) -> str:
        return textwrap.dedent(
            f"""
            import os, sys
            from pathlib import Path
            sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests/contracts")!r}]
            from tests.support.fireworks_backend import FireworksBackend
            from test_launchers import await_state, request
            folder = Path({str(self.folder)!r})
            launcher = FireworksBackend.again(folder).open()
            launcher.start()
            """
        ) + textwrap.dedent(statements)

    def drop(self) -> None:
        client = open_database(self.uri, self.database).client
        for name in (self.database, f"{self.database}-lp"):
            client.drop_database(name)
        client.close()
