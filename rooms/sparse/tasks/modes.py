"""One search for few dynamic modes, as `tansaku sparse modes` runs it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import comb
from pathlib import Path

import numpy as np

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
from tansaku.sparse.tasks.modes_file import read_snapshots
from tansaku.sparse.tasks.search import Report

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
        settings: Used.
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
        snapshots: Measured.
        settings: How.
        jobs: Processes of a sampled search.
        state: Folder from which an interrupted sampled search continues; None: none is written.
        report: Receives progress.

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
        path: Of the snapshots.
        out: Folder of the report; an interrupted sampled search continues from it.
        step: Time between two frames of a trajectory.
        settings: How.
        jobs: Processes.
        report: Receives progress.

    Returns:
        What report.json holds.

    Raises:
        ConfigurationError: The file or a setting cannot be used, or the folder cannot be created.
    """
    from tansaku.sparse.tasks.modes_report import write_modes_report

    settings.check()
    snapshots = read_snapshots(path, step)
    return write_modes_report(find_modes(snapshots, settings, jobs, created(out), report), path.name, out)
