"""Programs as tests see them: VASP's stand-in, and a machine whose clock was set."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

PACED = os.pathsep.join([str(Path(__file__).with_name("paced")), str(Path(__file__).parents[2])])
"""The PYTHONPATH of processes in which ASE's EMT mostly sleeps (``paced_emt.py``)."""


@pytest.fixture
def set_clock(tmp_path: Path) -> Callable[[float, list[str]], str]:
    """``set_clock(step, argv)``: output of a program that sees the machine's clock set by ``step`` seconds, as root.

    The boot time in /proc/stat, which moves with the clock, is replaced in a mount namespace of the program's own.
    """

    def run(step: float, argv: list[str]) -> str:
        stat = tmp_path / "stat"
        real = Path("/proc/stat").read_text()
        stat.write_text(re.sub(r"(?m)^btime (\d+)$", lambda found: f"btime {int(found[1]) + round(step)}", real))
        inside = ["sh", "-c", 'mount --bind "$0" /proc/stat && exec "$@"', str(stat), *argv]
        command = ["unshare", "--mount", "--propagation", "private", *inside]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    return run


@pytest.fixture
def vasp(require: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """What stands for VASP (``vasp_program.py``) on the PATH, and headers of POTCARs where pymatgen looks for them."""
    require("atomate2")
    from tests.support import vasp_program as program

    potcars = program.write_potcars(tmp_path / "vasp" / "potcars", "Al", "Cu", "Ni")
    monkeypatch.setenv("PATH", str(program.install(tmp_path / "vasp" / "bin")), prepend=os.pathsep)
    monkeypatch.setenv("PMG_VASP_PSP_DIR", str(potcars))
    from pymatgen.core import SETTINGS

    monkeypatch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", str(potcars))
    monkeypatch.setattr("tansaku.calculators.engines.vasp.POLL", 0.1)
    return program
