"""The search of a checked table, in stages that survive an interruption: search, usual methods, resampling, virtual data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from tansaku.models.averaging.design import Constraints, Design
from tansaku.models.averaging.subsets import FloatArray, number_of_supports
from tansaku.models.domain.records import JsonDict
from tansaku.sparse.models.search.chain import Sampling
from tansaku.sparse.models.search.estimators import columns_of, feature_posterior
from tansaku.sparse.models.search.exhaustive import AllEnergies, Running, search_all
from tansaku.sparse.models.search.landscape import Landscape, landscape, members
from tansaku.sparse.models.search.margin import class_score
from tansaku.sparse.models.search.methods import available, choice
from tansaku.sparse.models.search.prices import Offer, front_of_all, front_of_some
from tansaku.sparse.models.search.sampled import Convergence, search_sampled
from tansaku.sparse.models.search.scores import Score, ScoreName, linear_score
from tansaku.sparse.models.search.virtual import Recovery, VirtualModel, enough
from tansaku.sparse.tasks.table_file import SearchTable
from tansaku.tasks.node.jobs.spool_files import read_json, write_json

EXHAUSTIVE_UP_TO = 3_000_000
"""Number of supports up to which ``auto`` searches all of them."""
REPEATED_UP_TO = 300_000
"""The same for searches that are repeated on resampled and virtual data."""
_KEPT_ROWS = 0.8
GROWTH = (1, 2, 4)
"""Rows of virtual data, in units of the table's."""

Chosen = dict[str, list[int]]
"""Columns by method."""

Report = Callable[[str, float], None]
"""Called with the stage and the share of it that is done."""


@dataclass(frozen=True)
class SearchSettings:
    """Settings of a search of a table.

    Attributes:
        largest: Largest number of columns or groups in a model.
        criterion: Score of the models.
        method: ``exhaustive``, ``sampled`` or ``auto``.
        constraints: Required columns, groups and prices.
        resamples: Number of resampled tables.
        repeats: Number of virtual data sets of each size.
        steps: Of a sampled search's chains.
        seed: Of the random numbers.
    """

    largest: int = 4
    criterion: ScoreName = "free_energy"
    method: str = "auto"
    constraints: Constraints = field(default_factory=Constraints)
    resamples: int = 20
    repeats: int = 20
    steps: int = 5000
    seed: int = 0

    def key(self, table: SearchTable) -> str:
        """Identifies the search: the same table and settings."""
        said = json.dumps(asdict(self), sort_keys=True, default=str)
        return hashlib.sha256(said.encode() + repr(table.names).encode() + table.x.tobytes() + table.y.tobytes()).hexdigest()[
            :16
        ]


@dataclass(frozen=True, eq=False)
class Found:
    """The result of a search.

    Attributes:
        design: The prepared table.
        landscape: Density of states, posteriors, best models.
        convergence: Of a sampled search; None: all supports were searched.
        posterior: Probability of each column.
        offers: The accuracy-price front.
        chosen: By each usual method: its columns and energy.
        stability: By method: how often the same columns are chosen again, and how often each column is.
        recovery: Of virtual data.
        warned: By usual method: what the packages that it uses warned of, of the whole table.
    """

    table: SearchTable
    settings: SearchSettings
    design: Design
    landscape: Landscape
    convergence: Convergence | None
    posterior: FloatArray
    offers: tuple[Offer, ...]
    chosen: dict[str, tuple[tuple[int, ...], float]]
    stability: JsonDict
    recovery: tuple[Recovery, ...]
    warned: dict[str, tuple[str, ...]]

    @property
    def best(self) -> tuple[int, ...]:
        """Columns of the best model."""
        return columns_of(self.design, members(self.landscape.supports[0]))

    @property
    def enough_rows(self) -> int | None:
        """Rows with which the best model is recovered in 9 of 10 virtual data sets."""
        return enough(self.recovery)


def build_score(settings: SearchSettings, design: Design, *, classes: bool) -> Score:
    """The score of the supports of a table."""
    return (class_score if classes else linear_score)(settings.criterion, design)


def number_of_units(table: SearchTable, settings: SearchSettings) -> int:
    """Number of columns, or of groups of columns, that supports are made of."""
    return Design.of(table.x, table.y, settings.constraints, classes=bool(table.classes)).n_units


def is_exhaustive(settings: SearchSettings, n_units: int, limit: int = EXHAUSTIVE_UP_TO) -> bool:
    """Returns whether all supports are searched."""
    return settings.method == "exhaustive" or (
        settings.method == "auto" and number_of_supports(n_units, settings.largest) <= limit
    )


def search_table(table: SearchTable, settings: SearchSettings, jobs: int, folder: Path, report: Report) -> Found:
    """Searches a table; the stages that an interrupted run of the same search finished are not repeated.

    Args:
        table: Checked.
        jobs: Threads or processes.
        folder: For the state of the search.
    """
    key, classes = settings.key(table), bool(table.classes)
    design = Design.of(table.x, table.y, settings.constraints, classes=classes)
    score = build_score(settings, design, classes=classes)
    running = Running(jobs, folder / "search.npz", lambda share: report("search", share))
    found, everything, convergence = _searched(score, settings, running, key)
    prices = np.array([settings.constraints.price(unit) for unit in design.units])
    offers = front_of_some(found.supports, found.energies, prices) if everything is None else front_of_all(everything, prices)
    chosen: dict[str, tuple[tuple[int, ...], float]] = {}
    warned: dict[str, tuple[str, ...]] = {}
    if design.free_columns is not None:
        for name, method in available(classes=classes).items():
            best_choice = choice(method, score, settings.largest)
            chosen[name] = (columns_of(design, best_choice.units), best_choice.energy)
            warned[name] = best_choice.warnings
    best = columns_of(design, members(found.supports[0]))
    stages = _Stages(table, settings, jobs, folder / f"repeats-{key}.json", report)
    return Found(
        table, settings, design, found, convergence, feature_posterior(design, found), tuple(offers), chosen,
        stages.stability(best, chosen), stages.recovery(VirtualModel.of(design, best, classes=classes)), warned,
    )  # fmt: skip


def _searched(
    score: Score, settings: SearchSettings, running: Running, key: str
) -> tuple[Landscape, AllEnergies | None, Convergence | None]:
    if is_exhaustive(settings, score.design.n_units):
        everything = search_all(score, settings.largest, running, key)
        return landscape(everything), everything, None
    sampled = search_sampled(score, settings.largest, Sampling(steps=settings.steps, seed=settings.seed), running, key)
    return sampled.landscape, None, sampled.convergence


@dataclass(frozen=True, eq=False)
class Repeat:
    """One more search, of other data.

    Attributes:
        x: Values of the columns, (n_rows, n_columns).
        y: Target, (n_rows,).
        classes: Whether the target is a class.
        with_methods: Whether the usual methods choose too.
    """

    x: FloatArray
    y: FloatArray
    settings: SearchSettings
    classes: bool
    with_methods: bool


def repeated(repeat: Repeat) -> Chosen:
    """Columns that the search, and if asked for the usual methods, choose."""
    settings = repeat.settings
    design = Design.of(repeat.x, repeat.y, settings.constraints, classes=repeat.classes)
    score = build_score(settings, design, classes=repeat.classes)
    if is_exhaustive(settings, design.n_units, REPEATED_UP_TO):
        found = landscape(search_all(score, settings.largest), bins=1)
    else:
        short = Sampling(chains=2, steps=max(500, settings.steps // 5), pilot=200, seed=settings.seed)
        found = search_sampled(score, settings.largest, short).landscape
    chosen = {"search": list(columns_of(design, members(found.supports[0])))}
    if repeat.with_methods and design.free_columns is not None:
        for name, method in available(classes=repeat.classes).items():
            chosen[name] = list(columns_of(design, choice(method, score, settings.largest).units))
    return chosen


class _Stages:
    """Repeated searches, whose results are stored as they end."""

    def __init__(self, table: SearchTable, settings: SearchSettings, jobs: int, path: Path, report: Report) -> None:
        self._table, self._settings, self._jobs, self._path, self._report = table, settings, jobs, path, report
        self._done: JsonDict = read_json(path) or {}

    def _run(self, stage: str, repeats: Sequence[tuple[str, Repeat]]) -> None:
        """Runs the searches that an earlier run did not finish."""
        missing = [(name, repeat) for name, repeat in repeats if name not in self._done]
        done = len(repeats) - len(missing)
        if self._jobs == 1 or len(missing) < 2:
            results = map(repeated, [repeat for _, repeat in missing])
            self._collect(stage, missing, results, done, len(repeats))
            return
        from multiprocessing import get_context

        with ProcessPoolExecutor(self._jobs, mp_context=get_context("forkserver")) as workers:
            self._collect(stage, missing, workers.map(repeated, [repeat for _, repeat in missing]), done, len(repeats))

    def _collect(
        self, stage: str, missing: Sequence[tuple[str, Repeat]], results: Iterable[Chosen], done: int, total: int
    ) -> None:
        for (name, _), chosen in zip(missing, results, strict=True):
            self._done[name] = chosen
            write_json(self._path, self._done)
            done += 1
            self._report(stage, done / total)

    def stability(self, best: tuple[int, ...], chosen: dict[str, tuple[tuple[int, ...], float]]) -> JsonDict:
        """Measures how the choices change when a fifth of the rows is left out."""
        table, settings, repeats = self._table, self._settings, []
        for number in range(settings.resamples):
            rng = np.random.default_rng([settings.seed, 1, number])
            rows = np.sort(rng.choice(len(table.y), max(settings.largest + 2, round(_KEPT_ROWS * len(table.y))), replace=False))
            if np.ptp(table.y[rows]) > 0.0:
                repeats.append(
                    (f"resample {number}", Repeat(table.x[rows], table.y[rows], settings, bool(table.classes), True))
                )
        self._run("resampling", repeats)
        whole = {"search": best} | {name: columns for name, (columns, _) in chosen.items()}
        result: JsonDict = {}
        for name, columns in whole.items():
            again = [self._done[repeat][name] for repeat, _ in repeats]
            counts = np.bincount(
                np.array([column for found in again for column in found], dtype=np.int64), minlength=len(table.names)
            )
            result[name] = {
                "same": float(np.mean([tuple(found) == columns for found in again])) if again else None,
                "distinct": len({tuple(found) for found in again}),
                "columns": {table.names[place]: counts[place] / len(again) for place in np.flatnonzero(counts)},
            }
        return result

    def recovery(self, model: VirtualModel) -> tuple[Recovery, ...]:
        """Measures how often the best model is found again in data that it made."""
        settings, results = self._settings, []
        if settings.repeats == 0 or not model.columns:
            return ()
        by_rows: dict[int, list[tuple[str, Repeat]]] = {}
        for rows in (growth * len(self._table.y) for growth in GROWTH):
            for number in range(settings.repeats):
                x, y = model.draw(rows, np.random.default_rng([settings.seed, 2, rows, number]))
                repeat = Repeat(x, y, settings, model.classes, False)
                by_rows.setdefault(rows, []).append((f"virtual {rows} {number}", repeat))
        self._run("virtual data", [repeat for repeats in by_rows.values() for repeat in repeats])
        for rows, repeats in by_rows.items():
            found = [set(self._done[name]["search"]) for name, _ in repeats]
            results.append(Recovery.of(rows, set(model.columns), found))
        return tuple(results)
