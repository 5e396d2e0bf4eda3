"""One sparse search (`search.py`) from a file to a report, as `tansaku sparse search` runs it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tansaku.models.averaging.design import Constraints
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict
from tansaku.sparse.models.search.generated import KINDS, generated_table
from tansaku.sparse.models.search.scores import CLASS_SCORES
from tansaku.sparse.tasks.folders import created
from tansaku.sparse.tasks.report import write_report
from tansaku.sparse.tasks.search import Found, Report, SearchSettings, search_table
from tansaku.sparse.tasks.table_file import SearchTable, Wanted, check_size, read_table

METHODS = ("auto", "exhaustive", "sampled")


@dataclass(frozen=True)
class Options:
    """Options of a command.

    Attributes:
        wanted: Of the table.
        largest: Largest number of columns or groups in a model.
        criterion: Score of the models.
        method: One of :data:`METHODS`.
        required: Names of columns of every model.
        groups: Names of columns used together, separated by commas.
        prices: ``NAME=PRICE``.
        generate: Kinds of generated columns, separated by commas; empty: none.
        resamples: Number of resampled tables.
        repeats: Number of virtual data sets of each size.
        steps: Of a sampled search.
        seed: Of the random numbers.
    """

    wanted: Wanted
    largest: int = 4
    criterion: str = "free_energy"
    method: str = "auto"
    required: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    prices: tuple[str, ...] = ()
    generate: str = ""
    resamples: int = 20
    repeats: int = 20
    steps: int = 5000
    seed: int = 0


def run(path: Path, out: Path, options: Options, jobs: int, report: Report, say: Callable[[str], None]) -> JsonDict:
    """Reads, checks, searches and writes the report.

    Args:
        out: Folder of the report; an interrupted search of the same table and settings continues from it.
        jobs: Threads or processes.
        say: Receives findings, a sentence each, before anything is computed.

    Returns:
        What report.json holds.

    Raises:
        ConfigurationError: The file, its columns or an option cannot be used.
    """
    found, extra = find(path, out, options, jobs, report, say)
    return write_report(found, out, extra)


def find(
    path: Path, folder: Path, options: Options, jobs: int, report: Report, say: Callable[[str], None]
) -> tuple[Found, JsonDict]:
    """Reads, checks and searches; arguments and errors as of :func:`run`, which writes the report too.

    Args:
        folder: For the state of the search; it is made when the table was checked.
        jobs: Threads or processes.
        say: Receives findings.

    Returns:
        The result, and where generated columns come from.
    """
    table, settings, extra = prepared(path, options, say)
    found = search_table(table, settings, jobs, created(folder), report)
    if found.convergence is not None and not found.convergence.reached:
        say(
            f"the sampled search has not converged: R-hat {found.convergence.r_hat:.2f} and {found.convergence.round_trips} "
            f"round trips of {found.convergence.temperatures} temperatures; raise --steps"
        )
    counts = {name: len(warned) for name, warned in found.warned.items() if warned}
    if counts:
        by_method = ", ".join(f"{name} {count}" for name, count in counts.items())
        first = found.warned[next(iter(counts))][0]
        say(f"warnings of scikit-learn while the usual methods chose: {by_method}; the first is {first}")
    return found, extra


def prepared(path: Path, options: Options, say: Callable[[str], None]) -> tuple[SearchTable, SearchSettings, JsonDict]:
    """Reads and checks a table; arguments and errors as of :func:`run`.

    Args:
        say: Receives findings.

    Returns:
        The table, how it is searched, and where generated columns come from.
    """
    if options.criterion not in CLASS_SCORES:
        raise ConfigurationError(f"--criterion {options.criterion!r}: expected {', '.join(CLASS_SCORES)}")
    if options.method not in METHODS:
        raise ConfigurationError(f"--method {options.method!r}: expected {', '.join(METHODS)}")
    table = read_table(path, options.wanted)
    if options.criterion == "svm" and not table.classes:
        raise ConfigurationError(f"--criterion 'svm': is for classes, and target {table.target!r} has many values")
    for finding in table.findings:
        say(finding)
    check_size(table, min(options.largest, len(table.names)), path)
    table, extra = _with_generated(table, options)
    constraints = _constraints(table, options, say)
    constraints.check(len(table.names))
    largest = min(options.largest, len(table.names))
    check_size(table, min(largest + len(options.required), len(table.names)), path)
    settings = SearchSettings(
        largest, options.criterion, options.method, constraints,
        options.resamples, options.repeats, options.steps, options.seed,
    )  # fmt: skip
    return table, settings, extra


def _constraints(table: SearchTable, options: Options, say: Callable[[str], None]) -> Constraints:
    prices, unused = {}, []
    for text in options.prices:
        name, _, value = text.rpartition("=")
        try:
            price = float(value)
        except ValueError as error:
            raise ConfigurationError(f"--price {text!r}: expected NAME=NUMBER with a column's name: {error}") from error
        if not (math.isfinite(price) and price >= 0.0):
            raise ConfigurationError(f"--price {text!r}: expected a price of at least 0")
        if name in table.left_out:  # a list of prices may hold all columns of a table
            unused.append(f"{name!r} ({table.left_out[name]})")
        else:
            prices[table.place(name)] = price
    if unused:
        say(f"prices of columns that are left out: {', '.join(unused)}")
    groups = tuple(tuple(table.place(name.strip()) for name in text.split(",")) for text in options.groups)
    return Constraints(required=tuple(table.place(name) for name in options.required), groups=groups, prices=prices)


def _with_generated(table: SearchTable, options: Options) -> tuple[SearchTable, JsonDict]:
    """The table with generated columns, and where they come from."""
    kinds = tuple(kind.strip() for kind in options.generate.split(",") if kind.strip())
    if not kinds:
        return table, {}
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise ConfigurationError(f"--generate {unknown[0]!r}: expected {', '.join(KINDS)}")
    columns = generated_table(table.names, table.x, table.y, kinds)
    names = (*table.names, *(column.name for column in columns))
    import numpy as np

    x = np.column_stack([table.x, *(column.values for column in columns)])
    new = replace(table, names=names, x=x)
    origin = {column.name: {"from": list(column.parents), "kind": column.kind, "unit": column.unit} for column in columns}
    return new, {"generated": origin}
