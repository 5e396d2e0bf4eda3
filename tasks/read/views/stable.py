"""Stable candidates of a search for the convex hull: by its last certificate, and by what was computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict, Record
from tansaku.models.domain.specs.objective import OnHullSpec
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.hull import campaign_hull

if TYPE_CHECKING:
    import pandas as pd


class StableCandidate(Record):
    """A candidate that may be on the hull.

    Attributes:
        candidate: Its id.
        probability: Of being on the hull, all candidates competing; None: no certificate says, or it is hardly possible.
        energy_above_hull: Above the hull of what was computed and given [eV/atom]; None: it was not computed.
        round: Number of the proposal that computed it; None: none did.
    """

    candidate: str
    probability: float | None
    energy_above_hull: float | None
    round: int | None


class Stable(Record):
    """Candidates that may be on the hull.

    Attributes:
        found: The likeliest first; those that are on the hull of what was computed are among them.
        certified: Number of the proposal before which the probabilities were drawn; None: there are none yet.
    """

    found: tuple[StableCandidate, ...] = ()
    certified: int | None = None

    @property
    def rows(self) -> list[JsonDict]:
        """One row per candidate as plain data."""
        return [candidate.model_dump() for candidate in self.found]

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as a frame."""
        import pandas as pd

        return pd.DataFrame(self.rows, columns=list(StableCandidate.model_fields))

    def describe(self) -> str:
        """Tells in words which candidates are stable by what was computed so far."""
        on = [found.candidate for found in self.found if found.energy_above_hull == 0.0]
        return f"stable of what was computed: {', '.join(on) or 'none'}"


def stable_of(campaign: Campaign) -> Stable | None:
    """The candidates that may be on the hull; None where the goal is another one."""
    if not isinstance(campaign.spec.objective.goal, OnHullSpec):
        return None
    return campaign.once(Stable, lambda: _stable(campaign))


def _stable(campaign: Campaign) -> Stable:
    certificate, computed = campaign.certificate, _computed(campaign)
    likely = dict((certificate and certificate.stable) or {})
    names = [*likely, *(name for name, row in computed.items() if row["stable"] and name not in likely)]
    found = (
        StableCandidate(
            candidate=name,
            probability=likely.get(name),
            energy_above_hull=computed[name]["energy_above_hull"] if name in computed else None,
            round=computed[name]["round"] if name in computed else None,
        )
        for name in names
    )
    return Stable(found=tuple(found), certified=None if certificate is None else certificate.number)


def _computed(campaign: Campaign) -> dict[str, JsonDict]:
    """Rows of the phase diagram by candidate; none while there is no diagram."""
    try:
        hull = campaign_hull(campaign)
    except ConfigurationError:
        return {}
    return {row["phase"]: row for row in hull.rows if not row["given"]}
