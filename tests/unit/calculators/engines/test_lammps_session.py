from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tansaku.calculators.engines.lammps_session import Box, LammpsSession
from tansaku.calculators.engines.motion import Motion
from tansaku.calculators.engines.potentials import resolve_potential
from tansaku.models.domain.errors import CalculationError, TransientError
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec

NOBODY = Motion()
ONE_CALCULATION = """
import os, signal, sys
from pathlib import Path
from ase.build import bulk
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.models.domain.specs.calculators.lammps import LammpsSpec

stale = Path(f"/dev/shm/mpich_shm_{os.getpid():x}_0")
stale.write_bytes(b"left by a killed process of the same id")
calculator = open_calculator(LammpsSpec(potential="Al_jnp.eam"), Path("/"))
energy = calculator.evaluate(bulk("Al", "fcc", a=4.0)).energy
print(energy, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def session(require, tmp_path):
    require("lammps")
    session = LammpsSession(resolve_potential(LammpsSpec(potential="Al_jnp.eam"), tmp_path), ["Al"], triclinic=False)
    yield session
    session.close()


def load_crystal(session: LammpsSession, a0: float = 4.0) -> None:
    positions = a0 * np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    session.load(Box(a0, a0, a0), positions, np.ones(4, dtype=np.intp))


def test_killed_processes_leave_no_shared_memory_and_do_not_hinder_later_ones(require):
    require("lammps")
    process = subprocess.Popen([sys.executable, "-c", ONE_CALCULATION], stdout=subprocess.PIPE, text=True)
    output, _ = process.communicate()
    assert float(output) < -3
    assert not list(Path("/dev/shm").glob(f"mpich_shm_{process.pid:x}_*"))


def test_the_instance_of_this_process_has_no_shared_memory_either(session):
    load_crystal(session)
    assert not list(Path("/dev/shm").glob(f"mpich_shm_{os.getpid():x}_*"))


def test_stretching_takes_the_atoms_along(session):
    load_crystal(session)
    session.stretch(1.05)
    state = session.snapshot()
    assert state.box.lz == pytest.approx(4.2)
    np.testing.assert_allclose(sorted(state.positions[:, 2]), [0, 0, 2.1, 2.1], atol=1e-12)
    assert state.stress[2, 2] > 0


def test_an_unknown_command_is_plumbing_and_a_burst_is_science(session):
    with pytest.raises(TransientError, match="frobnicate"):
        session.command("frobnicate all")
    load_crystal(session)
    session.command("velocity all create 1e12 1", "fix move all nve", "timestep 1.0")
    with pytest.raises(CalculationError) as caught:
        session.command("run 100")
    assert caught.value.reason in ("lost_atoms", "exploded")


def test_held_atoms_keep_x_and_y_only(session):
    load_crystal(session)
    moved = 4.0 * np.array([[0.03, 0.02, 0.02], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    session.load(Box(4.0, 4.0, 4.0), moved, np.ones(4, dtype=np.intp))
    steps = session.minimize(1e-3, 100, Motion(held=np.array([0])))
    positions = session.snapshot().positions
    assert steps > 0
    np.testing.assert_allclose(positions[0, :2], moved[0, :2], atol=1e-12)
    assert positions[0, 2] != moved[0, 2]
    assert session.minimize(1e-3, 100, NOBODY) > 0
