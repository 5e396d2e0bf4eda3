"""Langevin dynamics on a spline: forces, Einstein's relation without forces, and the equilibrium with them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ase import units

from benchmarks.paths.bands import SplineSurface
from benchmarks.paths.dynamics import CASES, Length, dynamics, energy_and_force, exact_energy
from tansaku.models.domain.pool import PeriodicGrid

EDGE, COUNT, HEIGHT = 3.0, 12, 0.1
CELL = EDGE * np.eye(3)
GRID = PeriodicGrid((COUNT, COUNT, COUNT), np.arange(COUNT**3))


def cosine() -> SplineSurface:
    """A sum of three cosines of this height [eV]."""
    places = np.indices((COUNT,) * 3).reshape(3, -1) / COUNT
    return SplineSurface(-HEIGHT * np.cos(2 * np.pi * places).sum(axis=0), GRID, CELL)


def test_forces_are_the_slope_of_the_spline():
    surface, place = cosine(), np.array([0.4, -1.1, 7.3])
    energy, force = energy_and_force(surface.coefficients, surface.inverse, place)
    assert energy == pytest.approx(surface.energies(place[None])[0], abs=1e-9)
    step = 1e-4
    up, down = surface.energies(place + step * np.eye(3)), surface.energies(place - step * np.eye(3))
    assert force == pytest.approx((down - up) / (2 * step), abs=1e-6)
    assert force == pytest.approx(-HEIGHT * 2 * np.pi / EDGE * np.sin(2 * np.pi * place / EDGE), abs=3e-3)


def test_a_free_ion_diffuses_as_einstein_says():
    flat = SplineSurface(np.zeros(COUNT**3), GRID, CELL)
    friction, temperature, mass = 20.0, 800.0, 7.0
    found = dynamics(flat, np.zeros(3), mass, (temperature, friction), Length(ions=150, window=4.0, step=2.0))
    per_ps = units.kB * temperature / mass * (1000 * units.fs) ** 2 / friction  # Å²/ps
    expected = 1e-4 * per_ps * (1.0 - 1.0 / (friction * 4.0))
    assert abs(found["diffusion"] - expected) < 4 * found["error"]
    assert found["error"] < 0.05 * expected


def test_trajectories_sample_the_equilibrium():
    surface = cosine()
    found = dynamics(surface, np.zeros(3), 7.0, (600.0, 10.0), Length(ions=100, window=4.0, step=2.0))
    exact = exact_energy(surface, 600.0)
    assert abs(found["energy"] - exact) < 4 * found["energy_error"]
    assert found["energy_error"] < 0.01
    # Of independent cosines: the quotient of two Bessel functions, three times.
    from scipy.special import i0, i1

    kappa = HEIGHT / (units.kB * 600.0)
    assert exact == pytest.approx(-3 * HEIGHT * i1(kappa) / i0(kappa), abs=1e-3)


def test_the_committed_result_has_every_case():
    result = json.loads((Path(__file__).parents[3] / "benchmarks/paths/dynamics.json").read_text(encoding="utf-8"))
    assert not result["quick"]
    assert [(run["host"], run["temperature"], run["friction"]) for run in result["runs"]] == list(CASES)
