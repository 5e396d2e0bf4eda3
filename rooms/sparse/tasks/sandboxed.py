"""Searches a table for the dashboard, in its process with limits."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from tansaku.models.averaging.subsets import number_of_supports
from tansaku.models.domain.records import JsonDict
from tansaku.sparse.tasks.question import TableSearch
from tansaku.sparse.tasks.report import report_data
from tansaku.sparse.tasks.search import (
    GROWTH,
    REPEATED_UP_TO,
    Repeat,
    SearchSettings,
    is_exhaustive,
    number_of_units,
    repeated,
)
from tansaku.sparse.tasks.search_command import Options, find, prepared
from tansaku.sparse.tasks.table_file import SearchTable, Wanted
from tansaku.tasks.act.checks.request import TableSize

_TRIED = 20_000
"""Number of supports of the trial by which the time is estimated."""


def answer(asked: JsonDict, folder: Path, report: Callable[[str, float], None]) -> JsonDict:
    """Searches a table as `tansaku sparse search` does, or tells how large that is; draws nothing and leaves no file.

    Args:
        asked: A :class:`TableSearch`.
        report: Called with the stage and its share that is done.
    """
    request = TableSearch.model_validate(asked)
    question, path = request.question, folder / request.path
    wanted = Wanted(question.target, question.without, question.keep, drop_rows=question.drop_rows)
    options = Options(wanted, question.max_features, resamples=question.resamples, repeats=question.repeats)
    if request.only_size:
        table, settings, _ = prepared(path, options, lambda _: None)
        return size_of(table, settings, request.seconds).model_dump(mode="json")
    with tempfile.TemporaryDirectory(prefix="tsk-search-") as place:
        found, extra = find(path, Path(place), options, 1, report, lambda _: None)
    return report_data(found) | extra


def size_of(table: SearchTable, settings: SearchSettings, limit: float) -> TableSize:
    """The size of a search, and its expected time by a trial with at most :data:`_TRIED` supports.

    Args:
        table: Checked.
        limit: Time after which the search is given up [s].
    """
    units = number_of_units(table, settings)
    supports = number_of_supports(units, settings.largest)
    seconds = _expected(table, settings, units) if is_exhaustive(settings, units, REPEATED_UP_TO) else None
    return TableSize(
        rows=len(table.y),
        columns=len(table.names),
        largest=settings.largest,
        supports=supports,
        exhaustive=is_exhaustive(settings, units),
        seconds=seconds,
        limit=limit,
    )


def _expected(table: SearchTable, settings: SearchSettings, units: int) -> float:
    """The expected time of a search of which every part is exhaustive [s]."""
    largest = settings.largest
    while largest > 1 and number_of_supports(units, largest) > _TRIED:
        largest -= 1
    tried = replace(settings, largest=largest)
    trial = Repeat(table.x, table.y, tried, bool(table.classes), with_methods=True)
    repeated(trial)  # packages are loaded
    with_methods = _seconds(trial)
    alone = _seconds(replace(trial, with_methods=False))
    # The cost of judging a model grows with its columns.
    growth = number_of_supports(units, settings.largest) / number_of_supports(units, largest) * settings.largest / largest
    searches = 1 + settings.resamples + len(GROWTH) * settings.repeats
    return searches * alone * growth + (1 + settings.resamples) * max(0.0, with_methods - alone)


def _seconds(trial: Repeat) -> float:
    """The shorter of two runs [s]: other programs may have disturbed one."""
    times = []
    for _ in range(2):
        begun = time.perf_counter()
        repeated(trial)
        times.append(time.perf_counter() - begun)
    return float(np.min(times))
