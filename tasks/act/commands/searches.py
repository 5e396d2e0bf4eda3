"""Searches that a user keeps under names. Each change is in the audit, and repeating it changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tansaku.models.domain.accounts import LONGEST_SEARCH_NAME, MOST_SEARCHES, Accounts, Actor, SavedSearch
from tansaku.models.domain.errors import FieldError, NotFoundError
from tansaku.models.domain.identifiers import printable, shown
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.act.commands.audit import Change, record_change


@dataclass(frozen=True)
class SavedSearches:
    """The searches of a user.

    Attributes:
        accounts: Where they are stored.
        actor: Whose they are.
        clock: Current time.
    """

    accounts: Accounts
    actor: Actor
    clock: Callable[[], datetime]

    def all(self) -> list[SavedSearch]:
        """Returns them by name."""
        return self.accounts.searches(self.actor.name)

    def save(self, name: str, conditions: Mapping[str, str]) -> SavedSearch:
        """Stores a search in place of the one of its name.

        Args:
            conditions: Checked values of the search's fields, by field.

        Raises:
            FieldError: The name cannot be one, or there are too many.
        """
        name = " ".join(printable(name).split())
        if not 0 < len(name) <= LONGEST_SEARCH_NAME or name.startswith(".") or "/" in name:
            raise FieldError("name", f"expected 1 to {LONGEST_SEARCH_NAME} characters, not '.' first, no '/'")
        found = {known.name: known for known in self.all()}
        search = SavedSearch(id=self._id(name), user=self.actor.name, name=name, conditions=dict(conditions))
        known = found.get(name)
        if known == search:
            return search
        if known is None and len(found) >= MOST_SEARCHES:
            raise FieldError("name", f"a user has {MOST_SEARCHES} saved searches at most; delete one before")
        self._record("save", search, before=None if known is None else dict(known.conditions), after=dict(conditions))
        self.accounts.keep_search(search)
        return search

    def remove(self, name: str) -> None:
        """Deletes a search. Raises NotFoundError unless the user has one of this name."""
        known = next((known for known in self.all() if known.name == name), None)
        if known is None:
            raise NotFoundError(f"you have saved no search {shown(name)}")
        self._record("remove", known, before=dict(known.conditions))
        self.accounts.remove_search(known.id)

    def _id(self, name: str) -> str:
        return f"{self.actor.name}/{name}"

    def _record(self, action: str, search: SavedSearch, **values: JsonDict | None) -> None:
        change = Change(f"search.{action}", f"search:{search.id}", **values)
        record_change(self.accounts, self.actor, change, self.clock())
