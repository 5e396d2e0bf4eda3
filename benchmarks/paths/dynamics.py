"""``python -m benchmarks.paths.dynamics --out FILE``: diffusion coefficients of rates beside those of molecular dynamics.

Both are of one surface: the spline through a host's computed energies (:class:`~benchmarks.paths.bands.SplineSurface`), which
makes long trajectories cheap; the host is rigid. Rates are harmonic transition-state theory with refined hops and their
vibrations, and the master equation. Dynamics are Langevin's, by the BAOAB steps of Leimkuhler & Matthews (2013),
https://doi.org/10.1093/amrx/abs010, of many independent ions. The friction represents the host's vibrations, which a rigid
host has not; it is varied. ``energy`` is the mean potential energy beside the exact one, by summation over the spline: it says
whether the trajectories sample the equilibrium. It continues a FILE.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numba
import numpy as np
from ase import units
from ase.data import atomic_masses, atomic_numbers

from benchmarks.command import begun, command
from benchmarks.paths.__main__ import known_problem
from benchmarks.paths.bands import SplineSurface
from benchmarks.paths.hosts import HOSTS, Host
from tansaku.calculators.workflows.migration.checkpoint import Checkpoint
from tansaku.diffusion.hops.basins import find_hops
from tansaku.diffusion.hops.grid_path import GridPaths
from tansaku.diffusion.hops.hop_network import HopNetwork
from tansaku.diffusion.hops.rates import diffusion_tensor, hop_rates
from tansaku.diffusion.hops.refinement import RefinementSettings, Refiner
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

CASES = (
    ("li-wo3", 600.0, 5.0),
    ("li-wo3", 800.0, 1.0),
    ("li-wo3", 800.0, 5.0),
    ("li-wo3", 800.0, 20.0),
    ("li-wo3", 1000.0, 5.0),
    ("li-tio2-rutile", 800.0, 5.0),
    ("li-tio2-rutile", 1000.0, 5.0),
    ("h-srtio3", 800.0, 5.0),
    ("h-srtio3", 1000.0, 5.0),
)
"""Host, temperature [K], friction [1/ps]: hosts with barriers below 0.3 eV."""

WINDOWS = 5
"""Displacements of each trajectory that are counted, one after the other."""

_SETTLING = 5.0
"""Before displacements are counted [ps]."""

_PS = 1000.0 * units.fs


@dataclass(frozen=True)
class Length:
    """Amount of molecular dynamics.

    Attributes:
        ions: Independent trajectories.
        window: Of each displacement [ps].
        step: [fs]; a quarter of it for hydrogen.
    """

    ions: int = 120
    window: float = 10.0
    step: float = 1.0


@numba.njit(cache=True)
def _weights(share: float) -> tuple[FloatArray, FloatArray]:
    """Cubic B-spline weights of four neighbours, and their derivatives."""
    rest = 1.0 - share
    values = np.array(
        (
            rest**3 / 6.0,
            (3.0 * share**3 - 6.0 * share**2 + 4.0) / 6.0,
            (3.0 * rest**3 - 6.0 * rest**2 + 4.0) / 6.0,
            share**3 / 6.0,
        )
    )
    slopes = np.array((-0.5 * rest**2, 1.5 * share**2 - 2.0 * share, -1.5 * rest**2 + 2.0 * rest, 0.5 * share**2))
    return values, slopes


@numba.njit(cache=True)
def energy_and_force(coefficients: FloatArray, inverse: FloatArray, place: FloatArray) -> tuple[float, FloatArray]:
    """Energy [eV] and force [eV/Å] of a periodic cubic spline at a Cartesian position [Å].

    Args:
        coefficients: Of the B-splines, shape ``(n, m, l)``.
        inverse: Of the cell whose vectors are rows, shape ``(3, 3)``.
        place: Shape ``(3,)``.
    """
    shape = coefficients.shape
    first, values, slopes = np.empty(3, np.int64), np.empty((3, 4)), np.empty((3, 4))
    for axis in range(3):
        at = shape[axis] * (place[0] * inverse[0, axis] + place[1] * inverse[1, axis] + place[2] * inverse[2, axis])
        low = np.floor(at)
        first[axis] = np.int64(low) - 1
        values[axis], slopes[axis] = _weights(at - low)
    energy, slope = 0.0, np.zeros(3)
    for i in range(4):
        x = (first[0] + i) % shape[0]
        for j in range(4):
            y = (first[1] + j) % shape[1]
            for k in range(4):
                height = coefficients[x, y, (first[2] + k) % shape[2]]
                energy += height * values[0, i] * values[1, j] * values[2, k]
                slope[0] += height * slopes[0, i] * values[1, j] * values[2, k]
                slope[1] += height * values[0, i] * slopes[1, j] * values[2, k]
                slope[2] += height * values[0, i] * values[1, j] * slopes[2, k]
    force = np.zeros(3)
    for axis in range(3):
        for other in range(3):
            force[axis] -= inverse[axis, other] * shape[other] * slope[other]
    return energy, force


@numba.njit(cache=True)
def _trajectory(
    coefficients: FloatArray,
    inverse: FloatArray,
    start: FloatArray,
    mass: float,
    heat: float,
    friction: float,
    step: float,
    counts: tuple[int, int, int],
    seed: int,
) -> tuple[FloatArray, float]:
    """Positions after settling and after each window, and the mean potential energy between them."""
    np.random.seed(seed)  # noqa: NPY002 - the compiled generator has no other form
    settling, windows, each = counts
    kept, noise = np.exp(-friction * step), np.sqrt(heat / mass * (1.0 - np.exp(-2.0 * friction * step)))
    place, speed = start.copy(), np.sqrt(heat / mass) * np.random.standard_normal(3)  # noqa: NPY002
    places, mean = np.empty((windows + 1, 3)), 0.0
    _, force = energy_and_force(coefficients, inverse, place)
    for number in range(settling + windows * each + 1):
        if number >= settling and (number - settling) % each == 0:
            places[(number - settling) // each] = place
        speed += 0.5 * step / mass * force
        place += 0.5 * step * speed
        speed = kept * speed + noise * np.random.standard_normal(3)  # noqa: NPY002
        place += 0.5 * step * speed
        energy, force = energy_and_force(coefficients, inverse, place)
        speed += 0.5 * step / mass * force
        if number >= settling:
            mean += energy / (windows * each + 1)
    return places, mean


def dynamics(surface: SplineSurface, start: FloatArray, mass: float, case: tuple[float, float], length: Length) -> JsonDict:
    """The diffusion coefficient of independent ions on a surface, with its error.

    Args:
        surface: The spline.
        start: Position [Å], shape ``(3,)``.
        mass: Of the ion [u].
        case: Temperature [K] and friction [1/ps].
        length: How many, how long.

    Returns:
        ``diffusion`` and ``error`` (one standard deviation) [cm²/s], ``energy`` [eV] and its ``energy_error``.
    """
    temperature, friction = case
    step = length.step * units.fs
    counts = (round(_SETTLING * _PS / step), WINDOWS, round(length.window * _PS / step))
    found = [
        _trajectory(
            surface.coefficients, surface.inverse, start, mass, units.kB * temperature, friction / _PS, step, counts, seed
        )
        for seed in range(length.ions)
    ]
    places, energies = np.array([item[0] for item in found]), np.array([item[1] for item in found])
    # Displacements of one ion are nearly independent; ions are: the error is that of their means.
    squares = (np.diff(places, axis=1) ** 2).sum(axis=2).mean(axis=1) / (6.0 * length.window) * 1e-4
    return {
        "diffusion": float(squares.mean()),
        "error": float(squares.std(ddof=1) / np.sqrt(length.ions)),
        "energy": float(energies.mean()),
        "energy_error": float(energies.std(ddof=1) / np.sqrt(length.ions)),
    }


def exact_energy(surface: SplineSurface, temperature: float, finer: int = 2) -> float:
    """Mean potential energy of the Boltzmann distribution [eV], by summation over a grid that is finer by a factor."""
    shape = [finer * count for count in surface.coefficients.shape]
    fractions = np.indices(shape).reshape(3, -1).T / np.array(shape)
    energies = surface.energies(fractions @ np.linalg.inv(surface.inverse))
    weights = np.exp(-(energies - energies.min()) / (units.kB * temperature))
    return float((weights * energies).sum() / weights.sum())


def refined(host: Host) -> tuple[HopNetwork, SplineSurface, FloatArray]:
    """The network of a host's spline with relaxed minima, saddle points and vibrations, the spline, and the lowest position."""
    problem = known_problem(host)
    if problem is None:
        raise FileNotFoundError(
            f"{host.file} is not finished; `python -m benchmarks.paths.exhaustive {host.name}` continues it"
        )
    space = host.space()
    grid, cell = problem.pool.grids[problem.pool.systems[0]], np.asarray(space.host.cell.array)
    surface = SplineSurface(problem.values, grid, cell)
    network = find_hops(problem.values, grid, cell)
    easiest = network.percolations[problem.dimensions - 1]
    if easiest is None:
        raise ValueError("no path leads through this host")
    with tempfile.TemporaryDirectory(prefix="tsk-dynamics-") as folder:
        refiner = Refiner(surface, space.structure_at, RefinementSettings(images=7), Checkpoint(Path(folder), host.name))
        # Hops somewhat above the bottleneck count too, where it is hot.
        found = refiner.refine(network, GridPaths(problem.values, grid, cell), easiest.level + 0.15)
    return found.network, surface, np.array(network.sites[network.minimum].fraction) @ cell


def compare(host: Host, case: tuple[float, float], length: Length) -> JsonDict:
    """Both coefficients of a host at a temperature and a friction."""
    network, surface, start = refined(host)
    ion = float(atomic_masses[atomic_numbers[host.ion]])
    length = replace(length, step=0.25 * length.step) if host.ion == "H" else length
    easiest, lowest = network.percolations[0], network.sites[network.minimum].energy
    rates = np.trace(diffusion_tensor(network, hop_rates(network, case[0]))) / 3.0
    found = dynamics(surface, start, ion, case, length)
    return {
        "host": host.name,
        "temperature": case[0],
        "friction": case[1],
        "barrier": None if easiest is None else easiest.level - lowest,
        "picoseconds": length.ions * WINDOWS * length.window,
        "rates": float(rates),
        **found,
        "ratio": found["diffusion"] / float(rates),
        "exact_energy": exact_energy(surface, case[0]),
    }


def main() -> None:
    """Entry of the command."""
    given = command("paths.dynamics", __doc__, quick="one case, 40 ions").parse_args()
    length = Length(ions=40, window=5.0) if given.quick else Length()
    same = {"schema_version": 1, "quick": given.quick, "ions": length.ions, "window": length.window, "step": length.step}
    result = begun(given.out, same, runs=[])
    known = {(row["host"], row["temperature"], row["friction"]) for row in result["runs"]}
    hosts = {host.name: host for host in HOSTS}
    for name, temperature, friction in CASES[:1] if given.quick else CASES:
        if (name, temperature, friction) in known:
            continue
        row = compare(hosts[name], (temperature, friction), length)
        result["runs"].append(row)
        write_json(given.out, result | {"provenance": describe_machine()})
        print(
            f"{name}, {temperature:g} K, {friction:g}/ps: {row['diffusion']:.3g} ± {row['error']:.2g} cm²/s, "
            f"rates {row['rates']:.3g}",
            flush=True,
        )


if __name__ == "__main__":
    main()
