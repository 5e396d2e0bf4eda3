"""Users, sessions, tokens, projects and the audit of the dashboard in MongoDB; no dump contains them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from tansaku.models.domain.accounts import ApiToken, AuditEntry, LoginLink, SavedSearch, Session, User
from tansaku.models.domain.projects import Placement, Project
from tansaku.models.domain.records import JsonDict, Record
from tansaku.tasks.backends.stores.documents import from_document, readable_of, to_document
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.mongo_schema import MongoCollection, MongoDatabase, build_indexes, durable

USERS, SESSIONS, TOKENS, LINKS, AUDIT = "web_users", "web_sessions", "web_tokens", "web_login_links", "web_audit"

PROJECTS, PLACEMENTS, SEARCHES = "web_projects", "web_placements", "web_searches"

ACCOUNT_COLLECTIONS = (USERS, SESSIONS, TOKENS, LINKS, AUDIT, PROJECTS, PLACEMENTS, SEARCHES)

_OWNED = [
    IndexModel([("user", ASCENDING), ("created_at", DESCENDING)], name="user"),
    IndexModel([("expires_at", ASCENDING)], name="expiry"),
]
ACCOUNT_INDEXES = {
    SESSIONS: _OWNED,
    TOKENS: _OWNED,
    LINKS: _OWNED[1:],
    PLACEMENTS: [IndexModel([("project", ASCENDING)], name="project")],
}
"""Indexes besides those of the ids."""

RecordT = TypeVar("RecordT", bound=Record)


class MongoAccounts:
    """``Accounts`` in MongoDB."""

    def __init__(self, database: MongoDatabase) -> None:
        self._database = durable(database)

    @cached_property
    def _collections(self) -> Mapping[str, MongoCollection]:
        """The collections, with their indexes: built when they are first used, so that other commands need not wait."""
        with translated("opening the accounts"):
            for name, indexes in ACCOUNT_INDEXES.items():
                build_indexes(self._database[name], indexes)
        return {name: self._database[name] for name in ACCOUNT_COLLECTIONS}

    def add_user(self, user: User) -> bool:
        """Inserts a user; returns whether the name was free."""
        return self._insert(USERS, user, "name")

    def user(self, name: str) -> User | None:
        """Returns a user, or None."""
        return self._record(USERS, User, "name", name)

    def users(self) -> list[User]:
        """All users by name."""
        return self._named(USERS, User)

    def replace_user(self, user: User) -> bool:
        """Stores a user's new record; returns whether there was one of this name."""
        with translated(f"storing user {user.name!r}"):
            document = to_document(user, key="name")
            return self._collections[USERS].replace_one({"_id": user.name}, document).matched_count == 1

    def remove_user(self, name: str) -> bool:
        """Removes a user with all sessions, tokens, login links and searches; the user goes first, the others are then void."""
        with translated(f"removing user {name!r}"):
            removed = self._collections[USERS].delete_one({"_id": name}).deleted_count == 1
            for owned in (SESSIONS, TOKENS, LINKS, SEARCHES):
                self._collections[owned].delete_many({"user": name})
        return removed

    def add_session(self, session: Session) -> None:
        """Stores a session."""
        self._insert(SESSIONS, session, "id")

    def session(self, session_id: str) -> Session | None:
        """Returns a session, or None."""
        return self._record(SESSIONS, Session, "id", session_id)

    def sessions(self, user: str | None = None) -> list[Session]:
        """Sessions of a user or of all, the newest first."""
        return self._owned(SESSIONS, Session, user)

    def remove_session(self, session_id: str) -> bool:
        """Ends a session."""
        return self._remove(SESSIONS, session_id)

    def remove_sessions(self, user: str) -> int:
        """Ends all sessions and login links of a user."""
        with translated(f"ending the sessions of {user!r}"):
            self._collections[LINKS].delete_many({"user": user})
            return self._collections[SESSIONS].delete_many({"user": user}).deleted_count

    def add_token(self, token: ApiToken) -> None:
        """Stores a token."""
        self._insert(TOKENS, token, "id")

    def token(self, token_id: str) -> ApiToken | None:
        """Returns a token, or None."""
        return self._record(TOKENS, ApiToken, "id", token_id)

    def tokens(self, user: str | None = None) -> list[ApiToken]:
        """Tokens of a user or of all, the newest first."""
        return self._owned(TOKENS, ApiToken, user)

    def remove_token(self, token_id: str) -> bool:
        """Revokes a token."""
        return self._remove(TOKENS, token_id)

    def add_login_link(self, link: LoginLink) -> None:
        """Stores a login link."""
        self._insert(LINKS, link, "id")

    def take_login_link(self, link_id: str) -> LoginLink | None:
        """Removes and returns a login link in one operation."""
        with translated("using a login link"):
            found = self._collections[LINKS].find_one_and_delete({"_id": link_id})
        return None if found is None else from_document(LoginLink, found, key="id")

    def remove_expired(self, now: datetime) -> int:
        """Removes what expired before ``now``."""
        with translated("removing expired sessions"):
            expired = {"expires_at": {"$lt": now}}
            return sum(self._collections[name].delete_many(expired).deleted_count for name in (SESSIONS, TOKENS, LINKS))

    def keep_search(self, search: SavedSearch) -> None:
        """Stores a search in place of the one of its id."""
        with translated(f"storing search {search.id!r}"):
            self._collections[SEARCHES].replace_one({"_id": search.id}, to_document(search, key="id"), upsert=True)

    def searches(self, user: str) -> list[SavedSearch]:
        """Searches of a user, by name."""
        with translated(f"reading the searches of {user!r}"):
            found = self._collections[SEARCHES].find({"user": user}).sort("_id", ASCENDING)
            return readable_of(SavedSearch, found, key="id")[0]

    def remove_search(self, search_id: str) -> bool:
        """Removes a search."""
        return self._remove(SEARCHES, search_id)

    def add_project(self, project: Project) -> bool:
        """Inserts a project; returns whether the name was free."""
        return self._insert(PROJECTS, project, "name")

    def project(self, name: str) -> Project | None:
        """Returns a project, or None."""
        return self._record(PROJECTS, Project, "name", name)

    def projects(self) -> list[Project]:
        """All projects by name."""
        return self._named(PROJECTS, Project)

    def replace_project(self, project: Project) -> bool:
        """Stores a project's new record with the next version, unless the stored one has another version."""
        document = to_document(project.model_copy(update={"version": project.version + 1}), key="name")
        with translated(f"storing project {project.name!r}"):
            known = {"_id": project.name, "version": project.version}
            return self._collections[PROJECTS].replace_one(known, document).matched_count == 1

    def place_campaign(self, campaign: str, project: str | None) -> None:
        """Puts the campaign of an id into a project in one write; None: into none."""
        with translated(f"placing campaign {campaign}"):
            if project is None:
                self._collections[PLACEMENTS].delete_one({"_id": campaign})
                return
            document = to_document(Placement(campaign=campaign, project=project), key="campaign")
            self._collections[PLACEMENTS].replace_one({"_id": campaign}, document, upsert=True)

    def project_of(self, campaign: str) -> str | None:
        """Name of the project of the campaign of an id, or None."""
        found = self._record(PLACEMENTS, Placement, "campaign", campaign)
        return None if found is None else found.project

    def placed_in(self, projects: Collection[str]) -> frozenset[str]:
        """Ids of all campaigns of some projects."""
        with translated("reading the campaigns of projects"):
            found = self._collections[PLACEMENTS].find({"project": {"$in": list(projects)}}, {"_id": 1})
            return frozenset(document["_id"] for document in found)

    def append_audit(self, entry: AuditEntry) -> None:
        """Appends to the audit."""
        self._insert(AUDIT, entry, "id")

    def audit(
        self, *, before: str | None = None, limit: int = 100, actor: str | None = None, subject: str | None = None
    ) -> list[AuditEntry]:
        """The newest entries, or the newest whose id is less than ``before``; of an actor or on a subject, if one is given."""
        given = {"_id": None if before is None else {"$lt": before}, "actor": actor, "subject": subject}
        chosen: JsonDict = {key: value for key, value in given.items() if value is not None}
        with translated("reading the audit"):
            found = self._collections[AUDIT].find(chosen).sort("_id", DESCENDING).limit(limit)
            return [from_document(AuditEntry, document, key="id") for document in found]

    def _insert(self, collection: str, record: Record, key: str) -> bool:
        with translated(f"storing a {type(record).__name__}"):
            try:
                self._collections[collection].insert_one(to_document(record, key=key))
            except DuplicateKeyError:
                return False
        return True

    def _record(self, collection: str, kind: type[RecordT], key: str, value: str) -> RecordT | None:
        with translated(f"reading a {kind.__name__}"):
            found = self._collections[collection].find_one({"_id": value})
        return None if found is None else from_document(kind, found, key=key)

    def _named(self, collection: str, kind: type[RecordT]) -> list[RecordT]:
        """All records of a collection whose key is their name, by name."""
        with translated(f"reading each {kind.__name__}"):
            found = self._collections[collection].find().sort("_id", ASCENDING)
            return [from_document(kind, document, key="name") for document in found]

    def _owned(self, collection: str, kind: type[RecordT], user: str | None) -> list[RecordT]:
        order = [("created_at", DESCENDING), ("_id", DESCENDING)]
        with translated(f"reading each {kind.__name__}"):
            found = self._collections[collection].find({} if user is None else {"user": user}).sort(order)
            return [from_document(kind, document, key="id") for document in found]

    def _remove(self, collection: str, key: str) -> bool:
        with translated(f"removing from {collection}"):
            return self._collections[collection].delete_one({"_id": key}).deleted_count == 1
