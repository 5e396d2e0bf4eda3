"""One chain of a replica exchange: it tunes its temperatures, runs, records, and continues after an interruption."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tansaku.models.averaging.subsets import EMPTY, FloatArray, IntArray, Units
from tansaku.sparse.models.search.exhaustive import Progress
from tansaku.sparse.models.search.landscape import KEPT
from tansaku.sparse.models.search.replicas import Moves, Replicas, Sampled
from tansaku.sparse.models.search.state_file import StateFile

_FEWEST_RUNGS, _MOST_RUNGS = 6, 40
_PER_BARRIER = 3.0  # intervals of temperature per unit of the communication barrier

BLOCK = 100
_TUNINGS = 3
_FIRST = 256  # supports from the prior for the first ladder


@dataclass(frozen=True)
class Sampling:
    """Settings of a sampled search.

    Attributes:
        chains: Independent chains, each with all temperatures; at least 2, so that they can be compared.
        steps: Recorded steps of a chain, at least 200; a tenth more is discarded at its beginning.
        pilot: Steps of each of the three rounds that tune the temperatures.
        prior_draws: Supports drawn from the prior per step.
        smallest: Smallest number of units; equal to the largest: only that size.
        seed: Of the random numbers.
        repeats: Moves of every replica per recorded step.
        starts: Supports that replicas begin from instead of draws from the prior, filled up with EMPTY.
    """

    chains: int = 4
    steps: int = 5000
    pilot: int = 500
    prior_draws: int = 8
    smallest: int = 0
    seed: int = 0
    repeats: int = 1
    starts: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, eq=False)
class Chain:
    """Record of a chain.

    Attributes:
        betas: Its inverse temperatures.
        energies: Of every replica after each step, (n_steps, n_temperatures).
        prior_energies: Of supports drawn from the prior.
        indicators: How often a unit of each bin was in the support at 1, means of blocks, (n_blocks, n_bins).
        supports: Best supports visited, sorted members, best first, (n_kept, largest).
        best: Their energies.
        trips: Round trips between 0 and 1.
        rejected: Rejection rates of exchanges.
    """

    betas: FloatArray
    energies: FloatArray
    sizes: IntArray
    prior_energies: FloatArray
    prior_sizes: IntArray
    indicators: FloatArray
    supports: IntArray
    best: FloatArray
    trips: int
    rejected: FloatArray


@dataclass(frozen=True)
class ChainJob:
    """A chain to run, possibly in a process of its own.

    Attributes:
        score: Of supports.
        largest: Largest number of units.
        settings: Of the search.
        betas: Inverse temperatures; None: they are tuned.
        key: Of the search.
    """

    score: Sampled
    largest: int
    settings: Sampling
    number: int
    betas: FloatArray | None = None
    state: Path | None = None
    key: str = ""

    @property
    def moves(self) -> Moves:
        """Moves of a step."""
        return Moves(self.score, self.settings.smallest, self.largest, self.settings.prior_draws, self.settings.repeats)

    def seeded(self, stage: int) -> np.random.Generator:
        """Random numbers of a stage of the chain."""
        return np.random.default_rng([self.settings.seed, self.number, stage])


def tune(job: ChainJob) -> FloatArray:
    """Inverse temperatures at which neighbours exchange equally often."""
    moves, rng = job.moves, job.seeded(0)
    betas = first_ladder(job.score.energies(moves.draw(_FIRST, rng)))
    for _ in range(_TUNINGS):
        state = begun(job, betas, rng)
        for _ in range(job.settings.pilot):
            moves.step(state)
        betas = tuned(betas, 1.0 - state.accepted / np.maximum(state.proposed, 1.0))
    return betas


def begun(job: ChainJob, betas: FloatArray, rng: np.random.Generator) -> Replicas:
    """Replicas that start from the prior, or from the given supports in turn, each chain with another one."""
    moves = job.moves
    supports = moves.draw(len(betas), rng)
    if job.settings.starts:
        given = np.array(job.settings.starts, dtype=np.int64)
        supports[1:] = given[(np.arange(1, len(betas)) + job.number) % len(given)]
    return Replicas(supports, moves.score.energies(supports), betas, rng)


def run_chain(job: ChainJob, progress: Progress | None = None) -> Chain:
    """Runs a chain to its end, from its state file if there is one."""
    file = StateFile(job.state, f"chain {job.number} of {job.key} {job.largest} {job.settings}")
    stored = file.read()
    moves = job.moves
    if stored is None:
        betas = tune(job) if job.betas is None else job.betas
        state = begun(job, betas, job.seeded(1))
        for _ in range(job.settings.steps // 10):
            moves.step(state)
        state.restart_counts()
        chain = _empty(betas, job)
    else:
        state, chain = (
            Replicas.restored({name[6:]: value for name, value in stored.items() if name.startswith("state_")}),
            _of(stored),
        )
    while state.steps < job.settings.steps:
        chain = _extended(chain, *_block(moves, state, job.score.units))
        file.write_sometimes(_arrays(state, chain))
        if progress is not None:
            progress(state.steps / job.settings.steps)
    if stored is None or state.steps > int(stored["state_steps"]):
        file.write(_arrays(state, chain))
    rejected = 1.0 - state.accepted / np.maximum(state.proposed, 1.0)
    return replace(chain, trips=state.trips, rejected=rejected)


def _block(moves: Moves, state: Replicas, units: Units) -> tuple[Chain, IntArray, FloatArray]:
    """Some steps, as a short chain, and all supports visited with their energies."""
    energies, visited, drawn, fresh = [], [], [], []
    for _ in range(BLOCK):
        support, energy = moves.step(state)
        energies.append(state.energies.copy())
        visited.append(state.supports.copy())
        drawn.append(support)
        fresh.append(energy)
    supports, values = np.array(visited), np.array(energies)
    coldest = supports[:, -1]
    used, (rows, _) = np.zeros((BLOCK, units.n_bins)), np.nonzero(coldest != EMPTY)
    used[rows, units.bins(coldest[coldest != EMPTY])] = 1.0
    indicator = used.mean(axis=0)
    sizes = (supports != EMPTY).sum(axis=2)
    prior, prior_values = np.concatenate(drawn), np.concatenate(fresh)
    everything = np.concatenate([supports.reshape(-1, supports.shape[2]), prior])
    nothing = supports[0][:0]
    short = Chain(
        state.betas,
        values,
        sizes,
        prior_values,
        (prior != EMPTY).sum(axis=1),
        indicator[None],
        nothing,
        values[0][:0],
        0,
        values[0][:0],
    )
    return short, everything, np.concatenate([values.ravel(), prior_values])


def _extended(chain: Chain, short: Chain, supports: IntArray, energies: FloatArray) -> Chain:
    names = ("energies", "sizes", "prior_energies", "prior_sizes", "indicators")
    joined = {name: np.concatenate([getattr(chain, name), getattr(short, name)]) for name in names}
    members, best = best_of(np.concatenate([chain.supports, supports]), np.concatenate([chain.best, energies]))
    return replace(chain, **joined, supports=members, best=best)  # type: ignore[arg-type]


def best_of(supports: IntArray, energies: FloatArray) -> tuple[IntArray, FloatArray]:
    """Distinct supports of lowest energy, sorted members before what fills up."""
    if len(energies) > 4 * KEPT:
        chosen = np.argpartition(energies, 4 * KEPT)[: 4 * KEPT]
        supports, energies = supports[chosen], energies[chosen]
    ordered = np.sort(np.where(supports == EMPTY, np.iinfo(np.int64).max, supports), axis=1)
    ordered, places = np.unique(ordered, axis=0, return_index=True)
    order = np.argsort(energies[places], kind="stable")[:KEPT]
    members = np.where(ordered[order] == np.iinfo(np.int64).max, EMPTY, ordered[order])
    return members, energies[places][order]


_RECORDED = (
    "betas", "energies", "sizes", "prior_energies", "prior_sizes", "indicators", "supports", "best",
)  # fmt: skip


def _empty(betas: FloatArray, job: ChainJob) -> Chain:
    count, units = len(betas), job.score.units
    whole, seen = np.empty((0, count), dtype=np.int64), np.empty((0, units.n_bins))
    members = np.empty((0, min(job.largest, units.count)), dtype=np.int64)
    nothing = np.empty(0)
    return Chain(betas, whole.astype(float), whole, nothing, whole[:, 0], seen, members, nothing, 0, nothing)


def _arrays(state: Replicas, chain: Chain) -> dict[str, NDArray]:  # type: ignore[type-arg]
    kept = {f"state_{name}": value for name, value in state.arrays().items()}
    return kept | {name: getattr(chain, name) for name in _RECORDED}


def _of(stored: dict[str, NDArray]) -> Chain:  # type: ignore[type-arg]
    return Chain(**{name: stored[name] for name in _RECORDED}, trips=0, rejected=np.empty(0))


def first_ladder(energies: FloatArray) -> FloatArray:
    """Inverse temperatures from 0 to 1 to begin with.

    Args:
        energies: Of supports drawn from the prior.
    """
    spread = max(float(energies.std()), 1.0)
    return np.concatenate([[0.0], np.geomspace(min(0.3, 1.0 / spread), 1.0, 15)])


def tuned(betas: FloatArray, rejected: FloatArray) -> FloatArray:
    """Spaces temperatures by the communication barrier, the sum of the rejection rates (Syed et al., doi:10.1111/rssb.12464).

    Args:
        betas: Inverse temperatures, rising.
        rejected: Rejection rates of exchanges between neighbours.
    """
    steps = np.maximum(rejected, 1e-3)
    barrier = np.concatenate([[0.0], np.cumsum(steps)])
    count = int(np.clip(round(_PER_BARRIER * barrier[-1]) + 2, _FEWEST_RUNGS, _MOST_RUNGS))
    result = np.interp(np.linspace(0.0, barrier[-1], count), barrier, betas)
    result[0], result[-1] = 0.0, 1.0
    return np.asarray(result)
