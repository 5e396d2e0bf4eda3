"""Searches a table for the dashboard, in its process with limits."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from tansaku.models.domain.records import JsonDict
from tansaku.sparse.tasks.question import TableSearch
from tansaku.sparse.tasks.report import report_data
from tansaku.sparse.tasks.search_command import Options, find, prepared
from tansaku.sparse.tasks.size import size_of
from tansaku.sparse.tasks.table_file import Wanted


def answer(asked: JsonDict, folder: Path, report: Callable[[str, float], None]) -> JsonDict:
    """Searches a table as `tansaku sparse search` does, or tells how large that is; draws nothing and leaves no file.

    Args:
        asked: A :class:`TableSearch`.
        folder: Of the table.
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
