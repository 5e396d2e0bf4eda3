"""Lists of structures of all campaigns: a page of those that pass a filter, within a time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tansaku.models.domain.errors import FieldError, NotFoundError
from tansaku.models.domain.ports import ArtifactStore, CampaignStore
from tansaku.models.domain.records import Evaluation
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.views import LARGEST_PAGE, Cursor, PageQuery
from tansaku.tasks.read.views.optimade.entries import Compositions, Entry, campaign_fields
from tansaku.tasks.read.views.optimade.fields import FIELDS, Stage
from tansaku.tasks.read.views.optimade.filters import ALL, LATER, Filter
from tansaku.tasks.read.views.overview import UnreadableCampaign
from tansaku.tasks.read.views.search import Searched, searchable, searched

_LONGEST = 8.0
"""Time after which a page ends early [s]."""

_LONGEST_COUNT = 4.0
"""Time after which the first page no longer counts all that is found [s]."""

_MOST_SITES = 50_000
"""Atoms of a page: with the structure that reaches them it ends early."""

_MOST_SORTED = 20_000
"""Structures that are sorted."""

_CURSOR = re.compile(r"([a-z0-9][a-z0-9-]{0,62})/(\d{1,15})|@(\d{1,9})", re.ASCII)


@dataclass(frozen=True)
class Query:
    """The question.

    Attributes:
        filter: Of structures.
        sort: Names of fields, and whether the largest come first; empty: by campaign and round.
        cursor: ``next`` of the page before; None: the first page.
        limit: Structures of a page.
    """

    filter: Filter = ALL
    sort: tuple[tuple[str, bool], ...] = ()
    cursor: str | None = None
    limit: int = 20


@dataclass
class Found:
    """A page.

    Attributes:
        next: Where the following one begins; None: this is the last one.
        count: Structures of all pages, where they could be counted.
        left_out: Why campaigns are missing.
    """

    entries: list[Entry] = field(default_factory=list)
    next: str | None = None
    count: int | None = None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Structures:
    """The structures of the campaigns of a store.

    Attributes:
        artifacts: Where their atoms are.
        compositions: Those that were read before.
        sees: Whether campaigns of a name are shown.
        clock: Time [s].
    """

    store: CampaignStore
    artifacts: ArtifactStore
    compositions: Compositions
    sees: Callable[[str], bool]
    clock: Callable[[], float] = time.monotonic

    def entry(self, identifier: str) -> Entry:
        """The structure of an id.

        Raises:
            NotFoundError: There is none.
            StoreError: Its campaign cannot be read.
        """
        evaluation = self.store.evaluation(identifier)
        found = self._entry(searched(self.store.campaign_of(evaluation.campaign)), evaluation)
        shown = evaluation.state is EvaluationState.DONE and self.sees(found.campaign.name)
        if not shown or found.composition is None:
            raise NotFoundError(f"no structure {identifier!r} is stored")
        return found

    def page(self, query: Query) -> Found:
        """A page of structures. It ends early where the time is up: the following one then continues.

        Raises:
            FieldError: The cursor is none, or too many structures would have to be sorted.
            SlowQueryError: The database took too long.
        """
        campaigns = [item for item in searchable(self.store) if self.sees(item.name)]
        found = self._sorted(query, campaigns) if query.sort else self._in_order(query, campaigns)
        unread = (item for item in campaigns if isinstance(item, UnreadableCampaign))
        found.left_out = tuple(f"campaign {item.name} is left out: {item.problem}" for item in unread)
        return found

    def _in_order(self, query: Query, campaigns: Sequence[Searched | UnreadableCampaign]) -> Found:
        """A page by campaign and round. The first one also counts, as long as there is time."""
        place = _place(query.cursor)
        if isinstance(place, int):
            raise _no_place()
        found, sites, count = Found(), 0, 0
        begun, last = self.clock(), query.cursor
        for item, entry in self._seen(query.filter, campaigns, place, query.limit + 1):
            spent = self.clock() - begun
            if entry is not None:
                count += 1
                full = len(found.entries) >= query.limit or sites >= _MOST_SITES
                if full and found.next is None:
                    found.next = last
                if found.next is None:
                    found.entries.append(entry)
                    sites += 0 if entry.composition is None else entry.composition.sites
            last = item
            if found.next is None and spent > _LONGEST:
                found.next = last
            if found.next is not None and (query.cursor is not None or spent > _LONGEST_COUNT):
                return found
        found.count = count if query.cursor is None else None
        return found

    def _sorted(self, query: Query, campaigns: Sequence[Searched | UnreadableCampaign]) -> Found:
        """A page in another order, for which all structures are looked at."""
        place = _place(query.cursor)
        begin = place if isinstance(place, int) else 0 if query.cursor is None else -1
        if begin < 0:
            raise _no_place()
        begun = self.clock()
        keyed: list[tuple[list[Any], Searched, int]] = []
        for _, entry in self._seen(query.filter, campaigns, ("", 0), LARGEST_PAGE):
            if len(keyed) > _MOST_SORTED or self.clock() - begun > _LONGEST:
                raise FieldError("sort", "there are too many structures to sort; filter them, or leave it out")
            if entry is not None:
                find = entry.lookup(Stage.COMPOSITION)
                keyed.append(([find(name) for name, _ in query.sort], entry.campaign, entry.evaluation.proposal.number))
        for column, (_, descending) in reversed(list(enumerate(query.sort))):
            known = [item for item in keyed if item[0][column] is not None]
            known.sort(key=lambda item: item[0][column], reverse=descending)
            keyed = known + [item for item in keyed if item[0][column] is None]
        shown = keyed[begin : begin + query.limit]
        entries = [
            self._entry(campaign, evaluation)
            for _, campaign, number in shown
            for evaluation in self.store.numbered(campaign.name, [number])
        ]
        end = begin + query.limit
        return Found(entries, f"@{end}" if end < len(keyed) else None, len(keyed))

    def _seen(
        self, wanted: Filter, campaigns: Sequence[Searched | UnreadableCampaign], place: tuple[str, int], first: int
    ) -> Iterator[tuple[str, Entry | None]]:
        """Evaluations after a place, each with the cursor that follows it, and its structure if that passes the filter.

        Args:
            first: Evaluations that are read first; more are read then.
        """
        name, number = place
        for campaign in campaigns:
            if isinstance(campaign, UnreadableCampaign) or campaign.name < name or not _may_pass(wanted, campaign):
                continue
            after = Cursor(number=number) if campaign.name == name and number else None
            limit = min(first, LARGEST_PAGE)
            while True:
                asked = PageQuery(states=(EvaluationState.DONE,), after=after, limit=limit)
                found = self.store.page(campaign.name, asked)
                for evaluation in found.evaluations:
                    entry = self._entry(campaign, evaluation)
                    yield f"{campaign.name}/{evaluation.proposal.number}", entry if _passes(wanted, entry) else None
                after, limit = found.after, LARGEST_PAGE
                if after is None:
                    break

    def _entry(self, campaign: Searched, evaluation: Evaluation) -> Entry:
        return Entry(campaign, evaluation, self.artifacts, self.compositions)


def _may_pass(wanted: Filter, campaign: Searched) -> bool:
    """Returns whether a structure of a campaign may pass, by what all of them share."""
    shared = campaign_fields(campaign)
    return wanted.test(lambda name: shared.get(name, LATER if name in FIELDS else None)) is not False


def _passes(wanted: Filter, entry: Entry) -> bool:
    """Returns whether it is a structure that passes; its atoms are read only if that is not decided without them."""
    if wanted.test(entry.lookup(Stage.EVALUATION)) is False or entry.composition is None:
        return False
    said = wanted.test(entry.lookup(Stage.COMPOSITION))
    return said is True or (said is None and wanted.test(entry.lookup(Stage.STRUCTURE)) is True)


def _place(cursor: str | None) -> tuple[str, int] | int:
    """The campaign and the round after which a page begins, or its place in a sorted list.

    Raises:
        FieldError: It is none.
    """
    if cursor is None:
        return "", 0
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise _no_place()
    return int(found[3]) if found[3] is not None else (found[1], int(found[2]))


def _no_place() -> FieldError:
    return FieldError("page_cursor", "it is no place in this list; start again without it")
