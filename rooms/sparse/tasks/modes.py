"""One search for few dynamic modes, as `tansaku sparse modes` runs it."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import comb
from pathlib import Path

import numpy as np

from tansaku.calculators.structures.unreadable import unreadable
from tansaku.models.averaging.subsets import FloatArray, number_of_supports, unrank
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict
from tansaku.sparse.models.modes.dynamics import Modes, Snapshots, decomposed, usual_delays
from tansaku.sparse.models.modes.path import ALL, Held
from tansaku.sparse.models.modes.path import Path as BestSets
from tansaku.sparse.models.modes.problem import amplitude_problem
from tansaku.sparse.models.modes.refine import ModeFit, fits_by_number
from tansaku.sparse.models.modes.relaxation import relaxed
from tansaku.sparse.models.modes.score import ModeScore
from tansaku.sparse.models.numbers import number_posterior
from tansaku.sparse.models.search.chain import Sampling
from tansaku.sparse.models.search.exhaustive import LIMIT, AllEnergies, Running
from tansaku.sparse.models.search.landscape import Landscape, landscape, members
from tansaku.sparse.models.search.sampled import Convergence, search_sampled
from tansaku.sparse.tasks.folders import created
from tansaku.sparse.tasks.number_file import check_sizes, read_numbers
from tansaku.sparse.tasks.search import Report

_MOST_CHANNELS = 10_000  # of a text file
_MOST_TIMES = 20_000
_LARGEST_BYTES = 200_000_000
_MOST_VALUES = 50_000_000
_TRAJECTORIES = (".xyz", ".extxyz", ".traj")
METHODS = ("auto", "exhaustive", "greedy", "sampled")
_CHAINS = 4
_FEWEST_STEPS = 200
_BLOCK = 5000


@dataclass(frozen=True)
class ModeSettings:
    """Settings of a search for modes.

    Attributes:
        most: Largest number of oscillations and decays.
        rank: Number of modes of the decomposition, among which is chosen; 0: by the data.
        delays: Of the Hankel matrix; 0: by the numbers of channels and times.
        method: One of :data:`METHODS`.
        steps: Of a sampled search.
        seed: Of the random numbers.
    """

    most: int = 6
    rank: int = 0
    delays: int = 0
    method: str = "auto"
    steps: int = 1000
    seed: int = 0

    def check(self) -> None:
        """Checks what does not depend on the data.

        Raises:
            ConfigurationError: A setting cannot be used.
        """
        if self.method not in METHODS:
            raise ConfigurationError(f"--method {self.method!r}: expected {', '.join(METHODS)}")
        bounds = {
            "max-modes": (self.most, 1),
            "rank": (self.rank, 0),
            "delays": (self.delays, 0),
            "steps": (self.steps, _FEWEST_STEPS),
        }
        for name, (value, least) in bounds.items():
            if value < least:
                raise ConfigurationError(f"--{name} {value}: expected at least {least}")


@dataclass(frozen=True, eq=False)
class FoundModes:
    """The result.

    Attributes:
        snapshots: That were explained.
        delays: Of the Hankel matrix.
        method: By which sets were searched.
        modes: All that were chosen from.
        path: Best set of each number of modes, a pair counted as two.
        relaxation: What the convex relaxation reaches with least squares afterwards, by number of modes.
        fits: The best fit of each number of oscillations and decays, from 0.
        landscape: Posterior of all sets; None: sets were searched by single moves only.
        convergence: Of a sampled search.
    """

    snapshots: Snapshots
    settings: ModeSettings
    delays: int
    method: str
    modes: Modes
    path: tuple[Held, ...]
    relaxation: dict[int, Held]
    fits: tuple[ModeFit, ...]
    landscape: Landscape | None
    convergence: Convergence | None

    @property
    def posterior(self) -> FloatArray:
        """Posterior of the number of oscillations and decays."""
        return number_posterior([fit.evidence for fit in self.fits])

    @property
    def best(self) -> ModeFit:
        """The fit of the most probable number."""
        return self.fits[int(np.argmax(self.posterior))]


def find_modes(snapshots: Snapshots, settings: ModeSettings, jobs: int, state: Path | None, report: Report) -> FoundModes:
    """Finds the modes of snapshots.

    Args:
        jobs: Processes of a sampled search.
        state: Folder from which an interrupted sampled search continues; None: none is written.

    Raises:
        ConfigurationError: A setting cannot be used.
    """
    settings.check()
    delays = settings.delays or usual_delays(snapshots)
    modes = decomposed(snapshots, delays, settings.rank)
    report("decomposition", 1.0)
    n, largest = len(modes.eigenvalues), min(settings.most, len(modes.eigenvalues))
    count = number_of_supports(n, largest)
    method = settings.method if settings.method != "auto" else "exhaustive" if count <= ALL else "greedy"
    if method == "exhaustive" and count > LIMIT // 10:
        raise ConfigurationError(
            f"{count:,} sets of up to {largest} of {n}: expected at most {LIMIT // 10:,}",
            hint="choose a smaller --max-modes or --rank, or --method greedy or sampled",
        )
    problem = amplitude_problem(modes)
    sets, convex = (BestSets.of_units(problem, modes, largest) for _ in range(2))
    for support in relaxed(problem, modes.oscillating):
        convex.offer(support)
        sets.offer(support)
    score = ModeScore(snapshots, modes.eigenvalues)
    scene, convergence = None, None
    if method == "exhaustive":
        sets.search_all(largest, lambda share: report("sets of modes", share))
        scene = landscape(_all_energies(score, largest, lambda share: report("free energies", share)))
    else:
        sets.improve(lambda share: report("sets of modes", share))
    if method == "sampled":
        scene, convergence = _sampled(score, largest, settings, Running(jobs, state), _key(snapshots, settings), report)
        for row in scene.supports:
            sets.offer(members(row))
        sets.improve(lambda share: report("sets of modes", share))
    fits = fits_by_number(snapshots, modes.rates, score, _supports(sets.best, scene), largest)
    report("refinement", 1.0)
    relaxation = {convex.number(held.support): held for held in convex.best}
    return FoundModes(snapshots, settings, delays, method, modes, tuple(sets.best), relaxation, fits, scene, convergence)


def _all_energies(score: ModeScore, largest: int, progress: Callable[[float], None]) -> AllEnergies:
    """Free energies of all sets."""
    n = score.units.count
    by_size = []
    for size in range(largest + 1):
        count = comb(n, size)
        parts = [
            score.energies(unrank(np.arange(start, min(start + _BLOCK, count)), n, size)) for start in range(0, count, _BLOCK)
        ]
        by_size.append(np.concatenate(parts))
        progress((size + 1) / (largest + 1))
    return AllEnergies(n, tuple(by_size))


def _sampled(
    score: ModeScore, largest: int, settings: ModeSettings, running: Running, key: str, report: Report
) -> tuple[Landscape, Convergence]:
    sampling = Sampling(_CHAINS, settings.steps, max(50, settings.steps // 10), seed=settings.seed)
    file = None if running.state is None else running.state / "modes.npz"
    found = search_sampled(score, largest, sampling, Running(running.jobs, file, lambda share: report("sampling", share)), key)
    return found.landscape, found.convergence


def _key(snapshots: Snapshots, settings: ModeSettings) -> str:
    """Identifies the search: the same snapshots and settings."""
    data = json.dumps([asdict(settings), snapshots.step, snapshots.values.shape], sort_keys=True).encode()
    return hashlib.sha256(data + snapshots.values.tobytes()).hexdigest()[:16]


def _supports(path: list[Held], scene: Landscape | None) -> set[tuple[int, ...]]:
    """Sets of lowest loss by number of modes, and of lowest free energy by number of units."""
    supports = {held.support for held in path}
    seen: set[int] = set()
    for row in () if scene is None else scene.supports:
        support = members(row)
        if len(support) not in seen:
            seen.add(len(support))
            supports.add(support)
    return supports


def run(path: Path, out: Path, step: float | None, settings: ModeSettings, jobs: int, report: Report) -> JsonDict:
    """Finds the modes of a file's snapshots and writes the report.

    Args:
        out: Folder of the report; an interrupted sampled search continues from it.
        step: Time between two frames of a trajectory.

    Returns:
        What report.json holds.

    Raises:
        ConfigurationError: The file or a setting cannot be used, or the folder cannot be created.
    """
    from tansaku.sparse.tasks.modes_report import write_modes_report

    settings.check()
    snapshots = read_snapshots(path, step)
    return write_modes_report(find_modes(snapshots, settings, jobs, created(out), report), path.name, out)


def read_snapshots(path: Path, step: float | None = None) -> Snapshots:
    """Reads a file by its suffix.

    Args:
        path: ``.npz`` with ``time`` (n_times,) and ``values`` (n_times, ...); ``.xyz``, ``.extxyz`` or ``.traj`` with
            velocities, which are multiplied by the square root of the mass; else text with the time and one or more channels.
        step: Time between two frames; of trajectories only.

    Raises:
        ConfigurationError: The file cannot be read or used.
    """
    trajectory = path.suffix in _TRAJECTORIES
    if trajectory != (step is not None) or (step is not None and not (np.isfinite(step) and step > 0.0)):
        raise ConfigurationError(
            f"{path}: --time-step is the time between two frames of a trajectory (above 0), and of a trajectory only"
        )
    if step is not None:
        values = _velocities(path)
        times = np.arange(len(values), dtype=np.float64) * step
    elif path.suffix == ".npz":
        times, values = _arrays(path)
    else:
        rows = read_numbers(path, _LARGEST_BYTES, lambda count: 2 <= count <= 1 + _MOST_CHANNELS, "at least 2")
        times, values = rows[:, :1].ravel(), rows[:, 1:]
    if len(times) > _MOST_TIMES:
        raise ConfigurationError(f"{path}: {len(times)} times, at most {_MOST_TIMES}", hint="take every second or third")
    try:
        return Snapshots.at(np.asarray(times, dtype=np.float64), np.ascontiguousarray(values.T, dtype=np.float64))
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def _arrays(path: Path) -> tuple[FloatArray, FloatArray]:
    try:
        with np.load(path, allow_pickle=False) as held:
            times, values = held["time"], held["values"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ConfigurationError(f"{path}: expected arrays `time` and `values`: {error}") from error
    if times.ndim != 1 or values.ndim < 1 or len(values) != len(times) or values.size > _MOST_VALUES:
        raise ConfigurationError(
            f"{path}: time {times.shape}, values {values.shape}: expected (n_times,) and (n_times, ...), "
            f"at most {_MOST_VALUES} values"
        )
    for name, array in (("time", times), ("values", values)):
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise ConfigurationError(f"{path}: {name} has values that are not finite real numbers")
        check_sizes(array.astype(np.float64), path)
    return times.astype(np.float64), values.reshape(len(times), -1)


def _velocities(path: Path) -> FloatArray:
    """Velocities times the root of the mass, (n_times, 3 n_atoms): their squares add up to twice the kinetic energy."""
    from ase.io import iread

    rows: list[FloatArray] = []
    try:
        for atoms in iread(path, index=":"):
            if not atoms.has("momenta"):
                raise ConfigurationError(f"{path}, frame {len(rows)}: it has no velocities")
            if rows and len(rows[0]) != 3 * len(atoms):
                raise ConfigurationError(f"{path}, frame {len(rows)}: {len(atoms)} atoms, {len(rows[0]) // 3} in the first")
            rows.append((atoms.get_momenta() / np.sqrt(atoms.get_masses())[:, None]).ravel())
            if len(rows) * len(rows[0]) > _MOST_VALUES:
                raise ConfigurationError(f"{path}: more than {_MOST_VALUES} velocities")
    except ConfigurationError:
        raise
    except Exception as error:  # the parsers meet bad files with whatever their next line raises; all are re-raised as ours
        raise unreadable(path, "", error, "a trajectory") from error
    return np.array(rows).reshape(len(rows), -1 if rows else 0)
