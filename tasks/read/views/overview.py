"""Overview of campaigns: an unreadable campaign becomes a row with the reason and does not hide the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, TypeVar

from tansaku.models.domain.errors import NotFoundError, TansakuError, TransientError
from tansaku.models.domain.identifiers import printable
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import Record
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.grain_boundary import LARGEST_MISFIT_UNSAID

Found = TypeVar("Found")

_DAMAGE = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError)
"""Errors raised when reading malformed data (pydantic's ValidationError is a ValueError)."""


class UnreadableCampaign(Record):
    """A stored campaign that cannot be read here.

    Attributes:
        name: As it is stored.
        problem: Why.
    """

    name: str
    state: Literal["unreadable"] = "unreadable"
    problem: str

    def describe(self, failures: int | None = None) -> str:  # noqa: ARG002 - as a status that could be read
        """The campaign in one line, as ``CampaignStatus.describe`` has it."""
        return f"{printable(self.name)}: cannot be read: {self.problem}"


def crystal_warnings(spec: CampaignSpec) -> tuple[str, ...]:
    """Warnings about a campaign's crystal: that it is strained, on purpose or by a lattice parameter that is slightly off."""
    crystal = spec.space.reference_crystal
    if crystal is None:
        return ()
    edge = crystal.lattice_parameter
    if crystal.strained:
        return (f"space.crystal.strained: true; lattice parameter {edge} Å is not compared with the calculator's own",)
    off = crystal.misfit
    if off is None or abs(off) <= LARGEST_MISFIT_UNSAID:
        return ()
    own = crystal.own_lattice_parameter
    lengths = ", ".join(f"{length:.6g}" for length in (own if isinstance(own, tuple) else (own or edge,)))
    return (
        f"space.crystal.lattice_parameter: {edge} Å is {100 * off:+.2f} % off the calculator's own "
        f"{lengths} Å; the strained grains make energies too low, more so in thick grains",
    )


def each_campaign(
    store: CampaignStore, read: Callable[[str], Found], names: Sequence[str] | None = None
) -> Iterator[Found | UnreadableCampaign]:
    """Reads campaigns one by one.

    Args:
        read: Reads a campaign by name.
        names: Names of campaigns; None: all stored ones, except those deleted in the meantime.

    Raises:
        NotFoundError: A name in ``names`` is not stored.
        TransientError: The database does not answer.
    """
    for name in store.campaign_names() if names is None else names:
        try:
            found: Found | UnreadableCampaign = read(name)
        except TransientError:
            raise
        except TansakuError as error:
            if isinstance(error, NotFoundError) and name not in store.campaign_names():
                if names is None:
                    continue
                raise
            found = UnreadableCampaign(name=name, problem=printable(error.message))
        except _DAMAGE as error:
            said = printable(" ".join(str(error).split()))
            found = UnreadableCampaign(name=name, problem=f"its stored data are damaged ({type(error).__name__}: {said})")
        yield found
