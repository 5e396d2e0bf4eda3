"""The sampled search (AES): chains of replica exchange, joined by multiple histograms, with measures of convergence."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy.special import logsumexp

from tansaku.models.averaging.subsets import EMPTY, FloatArray, log_binomial, log_prior
from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.search.chain import BLOCK, Chain, ChainJob, Sampling, best_of, run_chain, tune
from tansaku.sparse.models.search.exhaustive import Running
from tansaku.sparse.models.search.histogram import (
    Reweighted,
    Samples,
    evidence_by_integration,
    integrated_autocorrelation,
    reweighted,
    split_r_hat,
)
from tansaku.sparse.models.search.landscape import Landscape
from tansaku.sparse.models.search.replicas import Sampled
from tansaku.sparse.models.search.state_file import StateFile


@dataclass(frozen=True, eq=False)
class Convergence:
    """Diagnostics of a sampled search's convergence.

    Attributes:
        r_hat: Largest split R-hat of the features' indicators at temperature 1.
        round_trips: Round trips of replicas between the prior and the posterior, all chains together.
        temperatures: Number of temperatures.
        rejection: Mean rejection rate of exchanges.
        log_evidence_histogram: Log evidence by the multiple histogram.
        log_evidence_integration: Log evidence by thermodynamic integration.
    """

    r_hat: float
    round_trips: int
    temperatures: int
    rejection: float
    log_evidence_histogram: float
    log_evidence_integration: float

    @property
    def reached(self) -> bool:
        """Whether chains agree and replicas went round, by usual rules."""
        return self.r_hat < 1.1 and self.round_trips >= self.temperatures


@dataclass(frozen=True, eq=False)
class SampledLandscape:
    """A sampled space of supports.

    Attributes:
        landscape: As of an exhaustive search; numbers of supports are estimates, normalised to the binomial of each size.
        convergence: Measures of convergence.
        visits: All visits with their prior mass.
    """

    landscape: Landscape
    convergence: Convergence
    visits: Reweighted

    def log_density(self, edges: FloatArray) -> FloatArray:
        """Logarithm of the number of supports in given energy bins, by size, (n_sizes, n_bins)."""
        return _log_density(self.visits, edges, self.landscape.n_units, len(self.landscape.size_posterior) - 1)


def search_sampled(
    score: Sampled, largest: int, settings: Sampling | None = None, running: Running | None = None, key: str = ""
) -> SampledLandscape:
    """Samples supports.

    Args:
        largest: Largest number of units in a support.
        running: How; the state of chain ``i`` is in the state file's name with ``.i`` added.
        key: Identifies table and settings.

    Raises:
        ConfigurationError: There is nothing to choose from, one chain only, or too few steps.
    """
    given, how = Sampling() if settings is None else settings, Running() if running is None else running
    largest = min(largest, score.units.count)
    if largest < 1 or given.chains < 2 or not 0 <= given.smallest <= largest:
        raise ConfigurationError(f"{largest} columns at most, {given.chains} chains: expected at least 1 column and 2 chains")
    if given.steps < 2 * BLOCK:
        raise ConfigurationError(f"chains of {given.steps} steps: expected at least {2 * BLOCK}, whose halves are compared")
    job = ChainJob(score, largest, given, 0, key=key)
    jobs = [replace(job, number=number, betas=_ladder(job, how), state=_file(how, number)) for number in range(given.chains)]
    return joined(_chains(jobs, how), score.units.count, largest, given)


def _ladder(job: ChainJob, how: Running) -> FloatArray:
    """The tuned temperatures, the same for all chains."""
    file = StateFile(
        None if how.state is None else how.state.with_name(how.state.name + ".ladder"),
        f"{job.key} {job.largest} {job.settings}",
    )
    stored = file.read()
    if stored is not None:
        return stored["betas"]
    betas = tune(job)
    file.write({"betas": betas})
    return betas


def _file(how: Running, number: int) -> Path | None:
    return None if how.state is None else how.state.with_name(f"{how.state.name}.{number}")


def _report_part(how: Running, done: int, total: int, share: float) -> None:
    how.report((done + share) / total)


def _chains(jobs: Sequence[ChainJob], how: Running) -> list[Chain]:
    """Runs the chains, one after the other or in processes."""
    chains: list[Chain] = []
    if how.jobs == 1:
        for job in jobs:
            done = len(chains)
            chains.append(run_chain(job, partial(_report_part, how, done, len(jobs))))
        return chains
    with ProcessPoolExecutor(min(how.jobs, len(jobs)), mp_context=multiprocessing.get_context("forkserver")) as workers:
        for chain in workers.map(run_chain, jobs):
            chains.append(chain)
            how.report(len(chains) / len(jobs))
    return chains


def joined(chains: Sequence[Chain], n_units: int, largest: int, settings: Sampling) -> SampledLandscape:
    """Combines the records of all chains into one landscape."""
    betas = chains[0].betas
    energies = [np.concatenate([chain.prior_energies for chain in chains])]
    sizes = [np.concatenate([chain.prior_sizes for chain in chains])]
    for place in range(1, len(betas)):
        energies.append(np.concatenate([chain.energies[:, place] for chain in chains]))
        sizes.append(np.concatenate([chain.sizes[:, place] for chain in chains]))
    slow = [
        np.mean([integrated_autocorrelation(chain.energies[:, place]) for chain in chains]) for place in range(1, len(betas))
    ]
    samples = Samples(betas, tuple(energies), tuple(sizes), np.array([1.0, *slow]), settings.smallest, largest)
    visits = reweighted(samples)
    evidence = visits.log_evidence()
    edges = np.linspace(visits.energies.min(), visits.energies.max() + 1e-9 * max(1.0, abs(visits.energies.max())), 61)
    supports, best = best_of(
        np.concatenate([chain.supports for chain in chains]), np.concatenate([chain.best for chain in chains])
    )
    order = np.argsort(best - log_prior(n_units, largest)[(supports != EMPTY).sum(axis=1)], kind="stable")
    posterior = np.array(
        [
            np.exp(logsumexp((visits.log_mass - visits.energies)[visits.sizes == size]) - evidence)
            if np.any(visits.sizes == size)
            else 0.0
            for size in range(largest + 1)
        ]
    )
    indicators = np.array([chain.indicators for chain in chains])
    # The distinct supports visited are a lower bound of the evidence, which a search that has not converged may miss.
    prior = log_prior(n_units, largest)[(supports != EMPTY).sum(axis=1)]
    bound = max(evidence, float(logsumexp(prior - best)))
    found = Landscape(
        n_units, edges, _log_density(visits, edges, n_units, largest), supports[order], best[order],
        indicators.mean(axis=(0, 1)), posterior, bound,
    )  # fmt: skip
    convergence = Convergence(
        float(split_r_hat(indicators, BLOCK).max()), sum(chain.trips for chain in chains), len(betas),
        float(np.mean([chain.rejected.mean() for chain in chains])), evidence, evidence_by_integration(samples),
    )  # fmt: skip
    return SampledLandscape(found, convergence, visits)


def _log_density(visits: Reweighted, edges: FloatArray, n_units: int, largest: int) -> FloatArray:
    """Sums of prior masses in bins, normalised to the number of supports of each size."""
    result = np.full((largest + 1, len(edges) - 1), -np.inf)
    for size in range(largest + 1):
        own = visits.sizes == size
        if not own.any():
            continue
        log_mass = visits.log_mass[own] - logsumexp(visits.log_mass[own])
        top = log_mass.max()
        mass, _ = np.histogram(visits.energies[own], edges, weights=np.exp(log_mass - top))
        with np.errstate(divide="ignore"):
            result[size] = np.log(mass) + top + log_binomial(n_units, size)
    return result
