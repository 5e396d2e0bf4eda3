"""Synthetic snapshots of known modes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tansaku.models.averaging.subsets import FloatArray
from tansaku.sparse.models.modes.dynamics import Snapshots


@dataclass(frozen=True)
class Case:
    """Snapshots and how they are decomposed.

    Attributes:
        snapshots: The synthetic data.
        delays: Of the Hankel matrix.
        rank: Number of modes.
        most: Largest number of modes of a set.
        pydmd: Number of penalties that PyDMD tries, and its largest number of iterations.
    """

    snapshots: Snapshots
    delays: int
    rank: int
    most: int
    pydmd: tuple[int, int] = (8, 300)


def linear(modes: int, channels: int, times: int, noise: float, seed: int) -> Snapshots:
    """A linear system of damped waves whose shapes are not orthogonal: each is a packet on a line."""
    rng = np.random.default_rng([23, 3, seed])
    place = np.linspace(0.0, 1.0, channels)
    pairs = modes // 2
    rates = -rng.uniform(0.0, 0.04, pairs) + 1j * np.sort(rng.uniform(0.05, 3.0, pairs))
    centres, widths = rng.uniform(0.1, 0.9, pairs), rng.uniform(0.05, 0.3, pairs)
    waves = np.exp(2j * np.pi * rng.uniform(0.5, 12.0, pairs) * place[:, None])
    shapes = np.exp(-0.5 * ((place[:, None] - centres) / widths) ** 2) * waves
    strengths = np.exp(rng.normal(size=pairs)) * np.exp(2j * np.pi * rng.random(pairs))
    values = ((shapes * strengths) @ np.exp(np.outer(rates, np.arange(times)))).real
    return Snapshots(0.0, 1.0, values + noise * values.std() * rng.normal(size=values.shape))


def cylinder(noise: float = 0.02) -> Snapshots:
    """A wake: vortices shed at one frequency, its harmonics, and two decays."""
    rng = np.random.default_rng([23, 3, 99])
    x, y = (part.ravel() for part in np.meshgrid(np.linspace(0.0, 4.0, 30), np.linspace(-1.0, 1.0, 12), indexing="ij"))
    t, values = 0.1 * np.arange(120), np.zeros((len(x), 120))
    for harmonic in range(1, 6):
        shape = np.exp(-0.2 * harmonic * x) * (y if harmonic % 2 == 0 else 1.0 - y**2)
        wave = np.cos(2 * np.pi * harmonic * (0.6 * x[:, None] - 0.33 * t) + harmonic)
        values += 0.5 ** (harmonic - 1) * shape[:, None] * wave
    for damping, strength in ((0.15, 0.6), (0.5, 0.4)):
        values += strength * (np.exp(-((x - 1.0 / damping**0.5) ** 2)) * (1.0 - y**2))[:, None] * np.exp(-damping * t)
    return Snapshots(0.0, 0.1, values + noise * rng.normal(size=values.shape))


def trace(seed: int) -> tuple[Snapshots, FloatArray]:
    """A signal of 1 to 4 damped oscillations at a twentieth of noise; frequencies, rising."""
    rng = np.random.default_rng([23, 4, seed])
    count = 1 + seed % 4
    t = 0.05 * np.arange(200)
    while True:
        frequency = np.sort(rng.uniform(0.5, 8.0, count))
        if count == 1 or np.diff(frequency).min() >= 0.2:  # twice the width of a bin of the Fourier transform
            break
    damping, size = rng.uniform(0.1, 0.6, count), rng.uniform(0.3, 1.0, count)
    phase = rng.uniform(-np.pi, np.pi, count)
    parts = np.exp(-np.outer(damping, t)) * np.cos(2 * np.pi * np.outer(frequency, t) + phase[:, None])
    noise = 0.05 * size.mean() * rng.normal(size=len(t))
    return Snapshots(0.0, 0.05, (size @ parts + noise)[None]), frequency


def cases(*, quick: bool) -> dict[str, Case]:
    """The sets by name."""
    signal, _ = trace(3)
    found = {
        "channel": Case(linear(26, 150, 100, 0.01, 1), 1, 26, 20),
        "cylinder": Case(cylinder(), 1, 24, 16),
        "signal": Case(signal, 100, 20, 14),
    }
    if quick:
        return {"cylinder": found["cylinder"]}
    return found | {"large": Case(linear(256, 400, 400, 0.01, 2), 1, 256, 32, (5, 80))}
