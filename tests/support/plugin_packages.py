"""Packages with entry points, as an installation leaves them, for tests of plug-ins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def add_package(folder: Path, name: str, modules: Mapping[str, str], entries: Mapping[str, Mapping[str, str]]) -> None:
    """Puts a package of version 1.0 into a folder of the path.

    Args:
        folder: The folder.
        name: Of the distribution.
        modules: Texts by name of the module.
        entries: By group: objects by name of the entry point.
    """
    about = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = []
    for group, objects in entries.items():
        lines += [f"[tansaku.{group}]", *(f"{word} = {value}" for word, value in objects.items()), ""]
    (about / "entry_points.txt").write_text("\n".join(lines))
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)


def add_written_calculator(folder: Path, name: str) -> None:
    """Puts the package that `tansaku new calculator NAME` writes into a folder of the path."""
    from tansaku.deploy.cli.new_plugin import package_files

    word = name.replace("-", "_")
    modules = {path: text for path, text in package_files(name).items() if path.startswith(f"tansaku_{word}")}
    for path, text in modules.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    spec = f"tansaku_{word}.spec:{name.title().replace('-', '')}Spec"
    add_package(folder, f"tansaku-{name}", {}, {"calculators": {word: spec}})


def python(folder: Path, code: str, *words: str, cwd: Path | None = None) -> str:
    """Runs a program in a process that sees the packages of a folder; returns what it prints."""
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=cwd or folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-6000:]
    return done.stdout


def campaign(folder: Path, file: Path, site: Path | None = None) -> dict[str, Any]:
    """Runs a campaign on the memory store with the packages of a folder, as `tests/literal_pages.py` does."""
    from tests.literal_pages import CAMPAIGN

    given = [str(path) for path in (file, site) if path is not None]
    return dict(json.loads(python(folder, CAMPAIGN, *given, cwd=file.parent).splitlines()[-1]))
