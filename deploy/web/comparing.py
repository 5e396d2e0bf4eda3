"""Reads the campaigns that a page or a request compares."""

from __future__ import annotations

from collections.abc import Sequence

from tansaku.deploy.web.services import Services
from tansaku.models.domain.accounts import Actor
from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.wording import counted
from tansaku.tasks.read.views.comparison import MOST_CAMPAIGNS, Comparison, compared


def comparison_of(services: Services, actor: Actor, names: Sequence[str]) -> Comparison:
    """Compares campaigns by name; repeated names count once.

    Raises:
        FieldError: They are too few or too many, or cannot be compared.
        NotFoundError: One of them is not stored, or the actor may not see it.
        StoreError: One of them cannot be read.
    """
    chosen = list(dict.fromkeys(names))
    if not 2 <= len(chosen) <= MOST_CAMPAIGNS:
        raise FieldError("name", f"{counted(len(chosen), 'campaign')} chosen; expected 2 to {MOST_CAMPAIGNS}")
    sight = services.sight(actor)
    for name in chosen:
        sight.check(name)
    return compared([services.readings.reading(name) for name in chosen])
