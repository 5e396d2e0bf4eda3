"""Searches of tables in progress, and their cancellation with its entry in the audit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tansaku.deploy.web.checking import Check, check_id, named_files
from tansaku.deploy.web.services import Services
from tansaku.models.domain.accounts import Actor
from tansaku.sparse.tasks.question import TableQuestion
from tansaku.sparse.tasks.web_search import check_columns, search, searched_file, size
from tansaku.tasks.act.checks.sandbox import Watch
from tansaku.tasks.act.commands.audit import Change, record_change


@dataclass(frozen=True)
class Asked:
    """The search of a table that a user requested.

    Attributes:
        at: When.
        file: Name of the table.
        target: Column to explain.
        largest: Largest number of columns in a model.
    """

    user: str
    at: datetime
    file: str
    target: str
    largest: int


def begin_search(services: Services, actor: Actor, name: str, question: TableQuestion) -> Check:
    """Begins to search a table of the library, unless that was done.

    Args:
        name: Of the file, or ``sha256:`` and its hash.

    Raises:
        InvalidSpecError: There is no such CSV file, or it lacks a column.
    """
    desk = services.desk
    file = searched_file(desk, actor, name)
    check_columns(desk, file, question)
    identifier = check_id("search", actor, (file,), question.model_dump())

    def work(watch: Watch) -> Check:
        report = search(desk, file, question, watch)
        return Check(id=identifier, state="valid", files=named_files((file,)), search=report)

    asked = Asked(actor.name, desk.clock(), file.name, question.target, question.max_features)
    return services.checks.begin(identifier, work, note=asked)


def begin_size(services: Services, actor: Actor, name: str, question: TableQuestion) -> Check:
    """Begins to find out how large a search is, unless that was done; arguments and errors as of :func:`begin_search`."""
    desk = services.desk
    file = searched_file(desk, actor, name)
    check_columns(desk, file, question)
    identifier = check_id("size", actor, (file,), question.model_dump())

    def work(watch: Watch) -> Check:
        found = size(desk, file, question, watch)
        return Check(id=identifier, state="valid", files=named_files((file,)), size=found)

    return services.checks.begin(identifier, work)


def cancel(services: Services, actor: Actor, identifier: str) -> bool:
    """Cancels the search of a table.

    Args:
        identifier: Of the search.

    Returns:
        Whether it waited or ran.
    """
    found = services.checks.cancel(actor, identifier, Asked)
    if found is None:
        return False
    check, asked = found
    about = {"user": asked.user, "file": asked.file, "target": asked.target, "max_features": asked.largest}
    change = Change("search.cancel", f"search:{identifier}", {"state": "running"}, {"state": check.state, **about})
    record_change(services.accounts, actor, change, services.clock())
    return True
