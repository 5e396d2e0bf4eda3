"""The tutorial notebook runs from its first cell to its last, in a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs/guide/tutorial.ipynb"


@pytest.fixture
def folder(tmp_path, monkeypatch, require):
    require("mongod")
    programs = Path(sys.executable).parent
    monkeypatch.setenv("TANSAKU_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.delenv("TANSAKU_MONGO_URI", raising=False)
    yield tmp_path
    subprocess.run([programs / "tansaku", "db", "stop"], check=False, capture_output=True)


def test_the_tutorial_runs(folder):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code"), "commit it without outputs"
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    printed = "".join(output.get("text", "") for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs)
    assert "nothing was computed" in printed
    assert "12 evaluations" in printed
    assert all(
        not cell.outputs or cell.outputs[0].output_type != "error" for cell in notebook.cells if cell.cell_type == "code"
    )
