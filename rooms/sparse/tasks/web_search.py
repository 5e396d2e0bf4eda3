"""Searches of tables in the library, from the dashboard: which few columns explain one of their columns."""

from __future__ import annotations

from collections.abc import Sequence

from tansaku.models.domain.accounts import Actor
from tansaku.models.domain.errors import InvalidSpecError, MissingComponentError, SpecProblem
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.library import LibraryFile
from tansaku.models.domain.records import CampaignFile, JsonDict
from tansaku.models.domain.specs.base import NamesFile
from tansaku.models.domain.wording import counted, significant
from tansaku.sparse.tasks.question import TableQuestion, TableSearch
from tansaku.tasks.act.checks.policy import library_file
from tansaku.tasks.act.checks.request import CheckError, CheckRequest, PageRequest, TableSize
from tansaku.tasks.act.checks.sandbox import ALONE, SandboxError, Watch
from tansaku.tasks.act.commands.create_web import CampaignDesk
from tansaku.tasks.ground.formats.csv_text import heading_of

_ENDING = ".csv"
_MINUTE, _HOUR = 60.0, 3600.0  # [s]
_FIELDS = {
    "--without NAME": "`without`",
    "--keep NAME": "`keep`",
    "--drop-rows": "`drop_rows`",
    "--max-features": "`max_features`",
}
"""Fields of a question by the options of the command line that messages name."""


def searched_file(desk: CampaignDesk, actor: Actor, name: str) -> LibraryFile:
    """The table that a question names.

    Args:
        desk: With the library.
        name: As specs name files.

    Raises:
        InvalidSpecError: There is no such CSV file in the library.
    """
    found = library_file(name, NamesFile("table"), desk.library, actor.name)
    if isinstance(found, LibraryFile) and not found.name.lower().endswith(_ENDING):
        found = f"{found.name}: expected a CSV file, whose name ends in {_ENDING}"
    if not isinstance(found, LibraryFile):
        problem = SpecProblem("file", None, found or f"no file {name!r} is in the library; upload it first")
        raise InvalidSpecError(str(problem), [problem])
    return found


def check_columns(desk: CampaignDesk, file: LibraryFile, question: TableQuestion) -> None:
    """Refuses a question about columns that a table lacks, as far as its first line tells; the search checks it anyway.

    Args:
        desk: Of the dashboard.

    Raises:
        InvalidSpecError: The table has no such column.
    """
    path = desk.files.copied([CampaignFile(path=file.path, sha256=file.sha256)]) / file.path
    names = heading_of(path) if path.is_file() else None
    if names is None:
        return
    asked = {"target": (question.target,), "without": question.without, "keep": question.keep}
    unknown = {key: [name for name in several if name not in names] for key, several in asked.items()}
    problems = [
        SpecProblem(key, None, f"no column {several[0]!r} in {file.name}") for key, several in unknown.items() if several
    ]
    if problems:
        raise InvalidSpecError("; ".join(map(str, problems)), problems, hint=f"it has {shown(', '.join(names), 200)}")


def search(desk: CampaignDesk, file: LibraryFile, question: TableQuestion, watch: Watch = ALONE) -> JsonDict:
    """Searches a table in a process with limits; the report that `tansaku sparse search` writes.

    Args:
        desk: Of the dashboard.
        watch: Who waits for the answer.

    Raises:
        InvalidSpecError: The table or the question cannot be used.
        SandboxError: The search took too long or needed too much.
        BusyError: Too many searches are waiting.
        MissingComponentError: A package is not installed here.
    """
    return _answer(desk, file, question, watch)


def size(desk: CampaignDesk, file: LibraryFile, question: TableQuestion, watch: Watch = ALONE) -> TableSize:
    """Returns the size of the search of a table, and about how long it takes; arguments and errors as of :func:`search`."""
    return TableSize.model_validate(_answer(desk, file, question, watch, only_size=True))


def describe_size(size: TableSize) -> str:
    """The size of a search in words, as far as its time is known."""
    how = "all are judged" if size.exhaustive else "a sample of them is judged"
    said = f"{size.supports:,} sets of up to {size.largest} of {counted(size.columns, 'column')}, {size.rows:,} rows; {how}"
    if size.seconds is None:
        return f"{said}. How long it takes is not known beforehand; after {_duration(size.limit)} it is given up."
    if size.seconds > size.limit:
        allowed = f"the dashboard allows {_duration(size.limit)}"
        return f"{said}. About {_duration(size.seconds)}, and {allowed}: with fewer columns in a model it is faster."
    return f"{said}. About {_duration(size.seconds)}, if nothing else runs."


def _duration(seconds: float) -> str:
    if seconds < _MINUTE:
        return counted(max(1, round(seconds)), "second")
    return counted(round(seconds / _MINUTE), "minute") if seconds < _HOUR else f"{significant(seconds / _HOUR, digits=2)} hours"


def _answer(
    desk: CampaignDesk, file: LibraryFile, question: TableQuestion, watch: Watch, *, only_size: bool = False
) -> JsonDict:
    folder = desk.files.copied([CampaignFile(path=file.path, sha256=file.sha256)])
    search = TableSearch(path=file.path, question=question, only_size=only_size, seconds=desk.sandbox.longest)
    remedy = "fewer columns or a smaller max_features are checked faster"
    page = PageRequest(page="sparse", asked=search.model_dump(mode="json"), long=not only_size, remedy=remedy)
    request = CheckRequest(task="page", base_path=str(folder), limits=desk.site.limits, page=page)
    answer = desk.sandbox.ask(request, watch)
    if answer.error is not None:
        raise _error(answer.error, (str(folder / file.path), file.path), file.name)
    if answer.found is None:
        raise SandboxError("the search gave no answer")
    return answer.found


def _error(error: CheckError, paths: Sequence[str], name: str) -> Exception:
    message, hint = error.message, error.hint
    for path in paths:
        message = message.replace(path, name)
    for option, field in _FIELDS.items():
        hint = None if hint is None else hint.replace(option, field)
    if error.kind == "missing":
        return MissingComponentError(message, hint=hint)
    if error.kind == "memory":
        return SandboxError(message, hint="fewer columns need less")
    return InvalidSpecError(message, [SpecProblem("", None, message)], hint=hint)
