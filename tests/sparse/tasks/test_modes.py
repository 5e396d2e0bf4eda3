"""From a file to the report of its modes."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import write
from ase.io.trajectory import Trajectory
from ase.md.verlet import VelocityVerlet
from ase.vibrations import Vibrations

from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.modes.dynamics import Snapshots
from tansaku.sparse.tasks.modes import ModeSettings, find_modes, read_snapshots, run

pytestmark = pytest.mark.needs("pydmd")

EXAMPLE = Path(__file__).parents[3] / "examples/phonons-synthetic.csv"
TRUE = [[2.93, 0.35, 1.0, 0.4], [0.0, 1.2, 0.8, 0.0], [4.11, 0.25, 0.45, -1.1], [4.44, 0.5, 0.25, 2.0]]
"""Frequency, damping, amplitude and phase of the example, strongest first."""


def say(stage, share):
    pass


def test_the_report_of_the_example(tmp_path):
    data = run(EXAMPLE, tmp_path / "out", None, ModeSettings(most=5), 1, say)
    assert json.loads((tmp_path / "out/report.json").read_text()) == json.loads(json.dumps(data))
    assert data["method"] == "exhaustive"
    assert data["number"] == 4
    assert data["noise"] == pytest.approx(0.05, rel=0.15)
    names = ("frequency", "damping", "amplitude", "phase")
    for row, true in zip(data["modes"], TRUE, strict=True):
        for name, value in zip(names, true, strict=True):
            assert row[name] == pytest.approx(value, abs=4.0 * (row[f"{name}_error"] or 1e-12))
    with (tmp_path / "out/modes.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["frequency"]) for row in rows] == [row["frequency"] for row in data["modes"]]
    assert rows[1]["phase_error"] == ""
    with np.load(tmp_path / "out/shapes.npz") as held:
        assert held["amplitude"][:, 0].tolist() == pytest.approx([row["amplitude"] for row in data["modes"]])
    assert (tmp_path / "out/report.html").read_text().count("data:image/png;base64,") == 5
    for point in data["path"]:
        if point["relaxation"] is not None:
            assert point["search"]["loss"] <= point["relaxation"]["loss"] * (1.0 + 1e-9)


def test_every_method_finds_the_same_oscillations():
    snapshots = read_snapshots(EXAMPLE)
    found = [
        find_modes(snapshots, ModeSettings(most=4, rank=10, method=method, steps=200), 1, None, say)
        for method in ("exhaustive", "greedy", "sampled")
    ]
    for other in found[1:]:
        assert other.best.frequency == pytest.approx(found[0].best.frequency, abs=1e-4)
    assert found[1].landscape is None
    sampled = found[2].landscape.feature_posterior
    assert sampled == pytest.approx(found[0].landscape.feature_posterior, abs=0.15)


def test_an_interrupted_sampling_ends_as_an_undisturbed_one(tmp_path):
    snapshots = read_snapshots(EXAMPLE)
    settings = ModeSettings(most=2, rank=8, method="sampled", steps=200)
    whole = find_modes(snapshots, settings, 1, None, say).landscape
    stages = []

    class StopError(Exception):
        pass

    def stop(stage, share):
        stages.append(stage)
        if stages.count("sampling") == 5:
            raise StopError

    with pytest.raises(StopError):
        find_modes(snapshots, settings, 1, tmp_path, stop)
    again = find_modes(snapshots, settings, 1, tmp_path, say).landscape
    assert again.feature_posterior.tolist() == whole.feature_posterior.tolist()


def test_a_field_has_its_waves(tmp_path):
    rng = np.random.default_rng(1)
    x, t = np.linspace(0.0, 1.0, 40), 0.1 * np.arange(80)
    waves = np.cos(2 * np.pi * (x - 0.7 * t[:, None])) + 0.5 * np.cos(2 * np.pi * (2 * x - 1.6 * t[:, None]))
    values = (waves + 0.05 * rng.normal(size=waves.shape)).reshape(80, 8, 5)
    np.savez(tmp_path / "field.npz", time=t, values=values)
    data = run(tmp_path / "field.npz", tmp_path / "out", None, ModeSettings(most=4), 1, say)
    assert [row["frequency"] for row in data["modes"]] == pytest.approx([0.7, 1.6], abs=2e-3)
    assert [row["amplitude"] for row in data["modes"]] == pytest.approx([1.0, 0.5], abs=0.02)
    assert data["noise"] == pytest.approx(0.05, rel=0.05)
    assert data["modes"][0]["phase"] is None
    with np.load(tmp_path / "out/shapes.npz") as held:
        phase = np.unwrap(held["phase"][0])
    assert phase[-1] - phase[0] == pytest.approx(-2 * np.pi, abs=0.1)  # the wave goes to larger x


def vibrating(momenta):
    """A molecule whose two atoms vibrate against each other."""
    frames = []
    for value in momenta:
        atoms = Atoms("OH", [[0, 0, 0], [0, 0, 1]])
        atoms.set_momenta([[0, 0, value], [0, 0, -value]])
        frames.append(atoms)
    return frames


def test_velocities_of_a_trajectory(tmp_path):
    t = 0.5 * np.arange(100)
    write(tmp_path / "md.xyz", vibrating(np.cos(2 * np.pi * 0.11 * t)))
    data = run(tmp_path / "md.xyz", tmp_path / "out", 0.5, ModeSettings(most=2), 1, say)
    assert data["number"] == 1
    assert data["modes"][0]["frequency"] == pytest.approx(0.11, abs=1e-6)
    assert data["modes"][0]["damping"] == pytest.approx(0.0, abs=1e-6)
    kinetic = 0.5 / 15.999 + 0.5 / 1.008
    assert 6 * data["modes"][0]["amplitude"] ** 2 == pytest.approx(2 * kinetic, rel=1e-4)
    with pytest.raises(ConfigurationError, match="--time-step is the time between two frames"):
        read_snapshots(tmp_path / "md.xyz")
    write(tmp_path / "still.xyz", [Atoms("OH", [[0, 0, 0], [0, 0, 1]])] * 3)
    with pytest.raises(ConfigurationError, match="frame 0: it has no velocities"):
        read_snapshots(tmp_path / "still.xyz", 1.0)
    (tmp_path / "text.xyz").write_text("no trajectory\n")
    with pytest.raises(ConfigurationError, match="cannot be read as a trajectory"):
        read_snapshots(tmp_path / "text.xyz", 1.0)


def test_molecular_dynamics_has_the_vibrations_of_the_cell(tmp_path):
    def copper():
        atoms = bulk("Cu", "fcc", a=3.59, cubic=True)
        atoms.calc = EMT()
        return atoms

    atoms, step = copper(), 5e-3  # ps
    speeds = np.random.default_rng(1).normal(scale=3e-4, size=(4, 3))
    atoms.set_velocities(speeds - speeds.mean(axis=0))
    with Trajectory(tmp_path / "md.traj", "w", atoms) as frames:
        motion = VelocityVerlet(atoms, timestep=1000.0 * step * units.fs)
        motion.attach(frames.write, interval=2)
        motion.run(400)
    data = run(tmp_path / "md.traj", tmp_path / "out", 2.0 * step, ModeSettings(most=2), 1, say)
    vibrations = Vibrations(copper(), name=str(tmp_path / "vibrations"), delta=0.003)
    vibrations.run()
    angular = np.real(vibrations.get_energies())[[3, 11]] / units._hbar * units._e * 1e-12  # of the two kinds [1/ps]
    expected = 2.0 / step * np.arcsin(0.5 * step * angular) / (2.0 * np.pi)  # what Verlet's integration makes of them
    assert sorted(row["frequency"] for row in data["modes"]) == pytest.approx(expected, rel=5e-4)
    assert [row["damping"] for row in data["modes"]] == pytest.approx([0.0, 0.0], abs=0.01)


def test_noise_alone_has_no_oscillation():
    numbers = []
    for seed in range(5):
        values = np.random.default_rng(seed).normal(size=(1, 200))
        numbers.append(len(find_modes(Snapshots(0.0, 1.0, values), ModeSettings(most=3), 1, None, say).best.frequency))
    assert numbers.count(0) >= 4


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("".join(f"{n} {n % 3}\n" for n in range(10)), "10 times: expected at least 16"),
        ("".join(f"{n} {n % 3}\n" for n in range(30)) + "33 1\n", "the step from time 29 to 33 is 4"),
        ("".join(f"{n} {n % 3}\n" for n in range(30)) + "30 nan\n", "line 31"),
        ("".join(f"{n}\n" for n in range(30)), "line 1: '0'; expected at least 2"),
        ("".join(f"{n} 1\n" for n in range(30)), "no channel changes"),
        ("".join(f"{n} {n % 3}e200\n" for n in range(30)), r"the largest number is 2e\+200"),
        ("".join(f"{n} {n % 3}e-200\n" for n in range(30)), "the largest number is 2e-200; expected 1e-100"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, text, match):
    path = tmp_path / "t.txt"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=match):
        run(path, tmp_path / "out", None, ModeSettings(), 1, say)
    assert not (tmp_path / "out").exists()


def test_arrays_that_cannot_be_used(tmp_path):
    path = tmp_path / "f.npz"
    for arrays, match in (
        ({"values": np.ones((20, 2))}, "expected arrays `time` and `values`"),
        ({"time": np.arange(20.0), "values": np.ones((19, 2))}, r"time \(20,\), values \(19, 2\)"),
        ({"time": np.arange(20.0), "values": np.full((20, 2), np.inf)}, "values has values that are not finite"),
        ({"time": np.arange(20.0), "values": np.full((20, 2), 1e-150)}, "the largest number is 1e-150"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(ConfigurationError, match=match):
            read_snapshots(path)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        (ModeSettings(most=0), "--max-modes 0"),
        (ModeSettings(method="best"), "--method 'best'"),
        (ModeSettings(steps=10), "--steps 10"),
        (ModeSettings(rank=-1), "--rank -1"),
    ],
)
def test_settings_that_cannot_be_used(tmp_path, settings, match):
    with pytest.raises(ConfigurationError, match=match):
        run(EXAMPLE, tmp_path / "out", None, settings, 1, say)
    assert not (tmp_path / "out").exists()
