"""Cancellation of searches of tables, with its entry in the audit."""

from __future__ import annotations

from tansaku.deploy.web.services import Services
from tansaku.models.domain.accounts import Actor
from tansaku.tasks.act.commands.audit import Change, record_change


def cancel(services: Services, actor: Actor, identifier: str) -> bool:
    """Cancels the search of a table.

    Args:
        services: Of the application.
        actor: Who cancels it.
        identifier: Of the search.

    Returns:
        Whether it waited or ran.
    """
    found = services.checks.cancel(actor, identifier)
    if found is None:
        return False
    check, asked = found
    about = {"user": asked.user, "file": asked.file, "target": asked.target, "max_features": asked.largest}
    change = Change("search.cancel", f"search:{identifier}", {"state": "running"}, {"state": check.state, **about})
    record_change(services.accounts, actor, change, services.clock())
    return True
