"""Energies of all supports up to a size, in passes or blocks that survive an interruption."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import comb
from pathlib import Path

import numpy as np

from tansaku.models.averaging.subsets import FloatArray, IntArray, number_of_supports, unrank
from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.search.scores import Score
from tansaku.sparse.models.search.state_file import StateFile

LIMIT = 60_000_000
"""Largest number of supports that are searched exhaustively: half a gigabyte of energies."""

_BLOCK = 20_000
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Running:
    """Settings of running a search: jobs, state file and progress.

    Attributes:
        jobs: Threads of an exhaustive search, processes of a sampled one.
        state: File from which an interrupted search continues; None: none is written.
        progress: Called with the share that is done, from 0 to 1.
    """

    jobs: int = 1
    state: Path | None = None
    progress: Progress | None = None

    def report(self, share: float) -> None:
        """Reports progress."""
        if self.progress is not None:
            self.progress(share)


@dataclass(frozen=True, eq=False)
class AllEnergies:
    """Energies of all supports.

    Attributes:
        n_units: Number of units to choose from.
        by_size: Energies in colexicographic order, one array per size, 0 first.
    """

    n_units: int
    by_size: tuple[FloatArray, ...]

    def __len__(self) -> int:
        return sum(len(energies) for energies in self.by_size)

    def blocks(self, size: int) -> Iterator[tuple[IntArray, FloatArray]]:
        """Supports of one size with their energies, in blocks."""
        energies = self.by_size[size]
        for start in range(0, len(energies), _BLOCK * 10):
            ranks = np.arange(start, min(start + _BLOCK * 10, len(energies)))
            yield unrank(ranks, self.n_units, size), energies[ranks]


def search_all(score: Score, largest: int, running: Running | None = None, key: str = "") -> AllEnergies:
    """Computes the energies of all supports.

    Args:
        largest: Largest number of units in a support.
        key: Identifies table and settings; a state file of another key is not continued.

    Raises:
        ConfigurationError: There are too many supports.
    """
    n, how = score.design.n_units, Running() if running is None else running
    largest = min(largest, n)
    count = number_of_supports(n, largest)
    if count > LIMIT:
        raise ConfigurationError(
            f"{count:,} supports of up to {largest} of {n} columns: expected at most {LIMIT:,}",
            hint="choose a smaller size, or use the sampled search",
        )
    state = StateFile(how.state, f"exhaustive {key} {largest}")
    if score.passes and score.design.free_columns is not None:
        return AllEnergies(n, tuple(_by_sweep(score, largest, how, state)))
    return AllEnergies(n, tuple(_by_blocks(score, largest, how, state)))


def _by_sweep(score: Score, largest: int, how: Running, state: StateFile) -> list[FloatArray]:
    """Passes over the tree, added up in their order whatever the number of threads."""
    kept = state.read()
    begun = 0 if kept is None else int(kept["done"])
    total = None if kept is None else [kept[f"size{size}"] for size in range(largest + 1)]
    with ThreadPoolExecutor(how.jobs) as threads:
        for first in range(begun, score.passes, how.jobs):
            numbers = range(first, min(first + how.jobs, score.passes))
            for levels in threads.map(lambda number: score.sweep_pass(number, largest), numbers):
                total = levels if total is None else [score.joined(a, b) for a, b in zip(total, levels, strict=True)]
            how.report(numbers[-1] / score.passes)
            if total is not None:
                state.write_sometimes({"done": np.array(numbers[-1] + 1)} | {f"size{k}": a for k, a in enumerate(total)})
    how.report(1.0)
    return [score.finished(joined, size) for size, joined in enumerate(total or [])]


def _by_blocks(score: Score, largest: int, how: Running, state: StateFile) -> list[FloatArray]:
    """Blocks of supports in order, for scores and groups that the tree cannot do."""
    n = score.design.n_units
    sizes = [comb(n, size) for size in range(largest + 1)]
    kept = state.read()
    energies = [np.empty(count) for count in sizes] if kept is None else [kept[f"size{size}"] for size in range(largest + 1)]
    begun = 0 if kept is None else int(kept["done"])
    blocks = [(size, start) for size, count in enumerate(sizes) for start in range(0, count, _BLOCK)]
    covered = np.cumsum([min(_BLOCK, sizes[size] - start) for size, start in blocks])

    def compute(block: tuple[int, int]) -> FloatArray:
        size, start = block
        return score.energies(unrank(np.arange(start, min(start + _BLOCK, sizes[size])), n, size))

    with ThreadPoolExecutor(how.jobs) as threads:
        for first in range(begun, len(blocks), how.jobs):
            chosen = blocks[first : first + how.jobs]
            for (size, start), found in zip(chosen, threads.map(compute, chosen), strict=True):
                energies[size][start : start + len(found)] = found
            done = first + len(chosen)
            how.report(covered[done - 1] / covered[-1])
            state.write_sometimes({"done": np.array(done)} | {f"size{k}": a for k, a in enumerate(energies)})
    return energies
