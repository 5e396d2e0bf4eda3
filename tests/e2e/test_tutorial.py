"""The notebooks of the guide run from their first cell to their last, in a home of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def execute(tmp_path, monkeypatch):
    """Runs a notebook; returns what it prints."""
    programs = Path(sys.executable).parent
    monkeypatch.setenv("TANSAKU_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.delenv("TANSAKU_MONGO_URI", raising=False)

    def executed(name: str) -> str:
        notebook = nbformat.read(ROOT / "docs/guide" / name, as_version=4)
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert all(not cell.outputs for cell in cells), "commit it without outputs"
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
        assert all(not cell.outputs or cell.outputs[0].output_type != "error" for cell in cells)
        return "".join(output.get("text", "") for cell in cells for output in cell.outputs)

    yield executed
    if (tmp_path / "home").exists():
        subprocess.run([programs / "tansaku", "db", "stop"], check=False, capture_output=True)


def test_the_tutorial_runs(execute, require):
    require("mongod")
    printed = execute("tutorial.ipynb")
    assert "nothing was computed" in printed
    assert "12 evaluations" in printed


def test_the_notebook_of_a_search_in_python_runs(execute, tmp_path):
    printed = execute("python.ipynb")
    assert re.search(r"Found\(p\S+ .*solvent='ethanol', value (79|80)", printed)
    assert printed.count("Found(") == 2
    assert (tmp_path / "yield.png").is_file()


def test_the_notebook_on_sparse_modelling_runs(execute, tmp_path, require):
    require("sklearn")
    shutil.copy(ROOT / "examples/sparse-synthetic.csv", tmp_path)
    printed = execute("sparse-notebook.ipynb")
    assert "chosen: x1, x3, x7" in printed
    assert "176 sets" in printed
    assert "search: {'x1, x3, x7': 5}" in printed
