"""Ask and tell from Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.identifiers import shown
from tansaku.tasks.act.measurements import ask_tell
from tansaku.tasks.act.measurements.report_file import Report, ReportError, report_at, report_of
from tansaku.tasks.act.measurements.stored_commands import Receipt, store_ask
from tansaku.tasks.act.measurements.waiting import waiting_proposals
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.ground.site.users import user_name
from tansaku_client.candidates import by_number, of_frame
from tansaku_client.errors import ConfigurationError as NotSent

T = TypeVar("T")

if TYPE_CHECKING:
    import pandas as pd

    Values = str | Path | pd.DataFrame | Mapping[int, float | Mapping[str, object]] | Sequence[Mapping[str, object]]


def ask(resources: Resources, name: str, count: int | None, *, values_only: bool = False) -> pd.DataFrame:
    """Proposes until enough proposals wait; returns these, one row each, with the columns that describe the candidates.

    Where a descriptor is to be measured first, a row for each of its candidates follows, without a number: ``measure`` names
    the descriptor.
    """
    import pandas as pd

    store_ask(resources.store, script_user(), name, count, values_only=values_only)
    ask_tell.advance(resources, name)
    asked = waiting_proposals(resources.store, name)
    rows = [item.model_dump(exclude={"cells", "others"}) | asked.predictions(item) | item.cells for item in asked.waiting]
    offer = asked.descriptor
    rows += [] if offer is None else [{"candidate": candidate, "measure": offer.column} for candidate in offer.candidates]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=["number", "candidate"])


def tell(resources: Resources, name: str, values: Values) -> Receipt:
    """Records measured values, all or none."""
    return ask_tell.tell(resources, script_user(), name, report_from(values), patience=ask_tell.PATIENCE)


def report_from(values: Values) -> Report:
    """The report that values in any form make. Raises ReportError, and ConfigurationError where there is no such file."""
    import pandas as pd

    if isinstance(values, str | Path):
        return report_at(Path(values))
    if isinstance(values, pd.DataFrame):
        return report_of(_given(of_frame, values))
    if isinstance(values, Mapping):
        return report_of(_given(by_number, values))
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        raise ReportError([f"{shown(values)}; expected a row of `ask()`, a frame, rows, values by number or a file"])
    return report_of(values)


def _given(rows: Callable[[T], list[dict[str, object]]], values: T) -> list[dict[str, object]]:
    try:
        return rows(values)
    except NotSent as error:
        raise ReportError([str(error)]) from error


def script_user() -> Actor:
    """The user who runs this script."""
    return Actor(user_name(), "Python")
