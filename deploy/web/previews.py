"""Describes the result of checking a new campaign; the page New shows this text with and without scripts."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field

from tansaku.models.domain.library import LibraryFile
from tansaku.models.domain.wording import counted
from tansaku.tasks.act.checks.check import NO_CALCULATOR, CampaignPreview

_SHOWN = 5  # first evaluations
_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


class Fact(BaseModel):
    """A line in the result of a check."""

    title: str = Field(examples=["Cost"])
    text: str = Field(examples=["1,200 core-seconds, 1.55 % of the 77,400 of everything"])


def facts_of(preview: CampaignPreview, in_flight: int, files: Sequence[LibraryFile]) -> list[Fact]:
    """Facts about a campaign: what it would search, run and cost, and how long it would take.

    Args:
        preview: Of the campaign.
        in_flight: Evaluations that it has in progress at once.
        files: Of the library, that it names.
    """
    pool = (
        counted(preview.candidates, "candidate"),
        counted(preview.surfaces, "surface"),
        counted(len(preview.systems), "system"),
    )
    known = {
        "Pool": " · ".join(pool),
        "Budget buys": f"about {counted(preview.expected_evaluations, 'evaluation')}, at most {preview.most_evaluations:,}",
        "Cost": _cost(preview),
        "Time": _time(preview, in_flight),
        "Proposer": f"{preview.proposer}, {counted(len(preview.initial), 'initial evaluation')}",
        "Calculator": preview.calculator or NO_CALCULATOR,
        "First evaluations": ", ".join(preview.initial[:_SHOWN]),
        "Crystal": preview.crystal or "",
    }
    found = [Fact(title=title, text=text) for title, text in known.items() if text]
    found += [Fact(title="File", text=f"{file.name}, sha256:{file.sha256[:12]}…, uploaded by {file.user}") for file in files]
    return found + [Fact(title="Learns from", text=line) for line in preview.transfer]


def _cost(preview: CampaignPreview) -> str:
    """Describes the cost that the budget allows, or of the expected evaluations where it limits no cost."""
    unit = "" if preview.cost_unit is None else f" {preview.cost_unit}"
    everything = f"the {preview.exhaustive_cost:,.0f}{unit} of everything"
    if preview.limit is None or preview.share is None:
        return f"no limit; about {_expected(preview):,.0f}{unit}, of {everything}"
    return f"at most {preview.limit:,.0f}{unit}, {100 * preview.share:.3g} % of {everything}"


def _time(preview: CampaignPreview, in_flight: int) -> str:
    """Describes the time of the expected evaluations, where cost is time."""
    if preview.cost_unit is None:
        return "not known before something was measured"
    seconds = max(_expected(preview) / in_flight, 1.0)
    # The next smaller unit up to two of a unit: "90 s" says more than "2 min".
    size, unit = next((size, unit) for size, unit in _UNITS if seconds >= 2 * size or unit == "s")
    return f"about {seconds / size:.0f} {unit} with {in_flight} in flight on one core each, estimated before any measurement"


def _expected(preview: CampaignPreview) -> float:
    """Cost of the expected evaluations at the mean cost of a candidate."""
    return preview.exhaustive_cost * preview.expected_evaluations / preview.candidates
