"""The contract of the store of users, sessions, tokens and audit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from tansaku.models.domain.accounts import Accounts, Actor, ApiToken, AuditEntry, LoginLink, Role, SavedSearch, Session, User
from tansaku.models.domain.projects import Member, Project, Quota
from tansaku.models.domain.roles import ProjectRole
from tansaku.tasks.backends.stores.mongo_accounts import MongoAccounts

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FIRST, SECOND = "1" * 64, "2" * 64


@pytest.fixture
def accounts(emptied_database) -> Accounts:
    return MongoAccounts(emptied_database)


def user(name: str = "ada", **changes: object) -> User:
    return User(name=name, role=Role.VIEWER, password_hash="$argon2id$x", created_at=NOON).model_copy(update=changes)


def session(session_id: str = FIRST, name: str = "ada", minutes: float = 0.0) -> Session:
    begin = NOON + timedelta(minutes=minutes)
    return Session(id=session_id, user=name, address="::1", created_at=begin, expires_at=begin + timedelta(hours=1))


def token(token_id: str = FIRST, name: str = "ada", minutes: float = 0.0) -> ApiToken:
    begin = NOON + timedelta(minutes=minutes)
    expiry = begin + timedelta(hours=1)
    return ApiToken(id=token_id, user=name, label="l", role=Role.VIEWER, created_at=begin, expires_at=expiry)


def link(link_id: str = FIRST, name: str = "ada") -> LoginLink:
    return LoginLink(id=link_id, user=name, expires_at=NOON + timedelta(minutes=15))


def search(name: str, user: str = "ada", **conditions: str) -> SavedSearch:
    return SavedSearch(id=f"{user}/{name}", user=user, name=name, conditions=conditions)


def entry(entry_id: str) -> AuditEntry:
    return AuditEntry(id=entry_id, at=NOON, actor="ada", address="local", action="user.add", subject="user:bob", after={"a": 1})


def test_users_come_back_by_name_and_a_name_is_given_once(accounts):
    assert accounts.add_user(user("bob"))
    assert accounts.add_user(user("ada"))
    assert not accounts.add_user(user("bob", role=Role.ADMIN))
    assert accounts.users() == [user("ada"), user("bob")]
    assert accounts.user("bob") == user("bob")
    assert accounts.user("eve") is None


def test_a_search_is_kept_for_its_user_in_place_of_the_one_of_its_name(accounts):
    for kept in (search("b"), search("a", order="lowest"), search("a", "bob"), search("a", order="highest")):
        accounts.keep_search(kept)
    assert accounts.searches("ada") == [search("a", order="highest"), search("b")]
    assert accounts.remove_search("ada/a")
    assert not accounts.remove_search("ada/a")
    assert (accounts.searches("ada"), accounts.searches("bob")) == ([search("b")], [search("a", "bob")])


def test_a_name_is_given_once_when_asked_for_at_once(accounts):
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda role: accounts.add_user(user(role=role)), [*Role, *Role]))
    assert given.count(True) == 1


def test_a_user_is_changed_only_if_known(accounts):
    assert not accounts.replace_user(user())
    assert accounts.user("ada") is None
    accounts.add_user(user())
    assert accounts.replace_user(user(role=Role.ADMIN, disabled=True))
    assert accounts.user("ada") == user(role=Role.ADMIN, disabled=True)


def test_a_removed_user_leaves_nothing(accounts):
    accounts.add_user(user())
    accounts.add_session(session())
    accounts.add_token(token())
    accounts.add_login_link(link())
    accounts.keep_search(search("lowest"))
    accounts.add_session(session(SECOND, "bob"))
    assert accounts.remove_user("ada")
    assert not accounts.remove_user("ada")
    assert (accounts.sessions("ada"), accounts.tokens("ada"), accounts.take_login_link(FIRST)) == ([], [], None)
    assert accounts.searches("ada") == []
    assert accounts.sessions() == [session(SECOND, "bob")]


def test_sessions_are_listed_by_age_and_ended(accounts):
    later = session(SECOND, minutes=1)
    accounts.add_session(session())
    accounts.add_session(later)
    accounts.add_session(session("3" * 64, "bob", minutes=2))
    assert accounts.session(FIRST) == session()
    assert accounts.sessions("ada") == [later, session()]
    assert accounts.remove_session(FIRST)
    assert not accounts.remove_session(FIRST)
    assert accounts.session(FIRST) is None
    accounts.add_login_link(link())
    assert accounts.remove_sessions("ada") == 1
    assert accounts.take_login_link(FIRST) is None
    assert [kept.user for kept in accounts.sessions()] == ["bob"]


def test_tokens_are_listed_by_age_and_revoked(accounts):
    later = token(SECOND, minutes=1)
    accounts.add_token(token())
    accounts.add_token(later)
    assert accounts.token(SECOND) == later
    assert accounts.tokens() == accounts.tokens("ada") == [later, token()]
    assert accounts.tokens("bob") == []
    assert accounts.remove_token(FIRST)
    assert not accounts.remove_token(FIRST)
    assert accounts.token(FIRST) is None


def test_a_login_link_is_taken_once_by_one(accounts):
    accounts.add_login_link(link())
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: accounts.take_login_link(FIRST), range(8)))
    assert [found for found in taken if found is not None] == [link()]


def test_only_what_has_expired_is_removed(accounts):
    accounts.add_session(session())
    accounts.add_session(session(SECOND, minutes=30))
    accounts.add_token(token())
    accounts.add_login_link(link())
    assert accounts.remove_expired(NOON) == 0
    assert accounts.remove_expired(NOON + timedelta(minutes=61)) == 3
    assert accounts.sessions() == [session(SECOND, minutes=30)]


def test_the_audit_is_read_from_its_end_page_by_page(accounts):
    for number in (2, 1, 3):
        accounts.append_audit(entry(f"{number}"))
    accounts.append_audit(entry("2").model_copy(update={"actor": "eve"}))
    assert [found.id for found in accounts.audit(limit=2)] == ["3", "2"]
    assert accounts.audit(before="2") == [entry("1")]
    assert accounts.audit()[1].actor == "ada"


def test_the_audit_of_a_user_or_on_a_subject_is_read(accounts):
    for number, actor, subject in (("1", "ada", "campaign:a"), ("2", "eve", "campaign:a"), ("3", "ada", "campaign:b")):
        accounts.append_audit(entry(number).model_copy(update={"actor": actor, "subject": subject}))
    assert [found.id for found in accounts.audit(actor="ada")] == ["3", "1"]
    assert [found.id for found in accounts.audit(subject="campaign:a", limit=1)] == ["2"]
    assert [found.id for found in accounts.audit(actor="ada", subject="campaign:a", before="3")] == ["1"]
    assert accounts.audit(actor="bob") == []


def test_a_role_includes_those_before_it():
    assert [[role.includes(other) for other in Role] for role in Role] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
    assert Actor(name="ada", role=Role.OPERATOR).may(Role.VIEWER)


@pytest.mark.parametrize("name", ["", "Ada", "a b", "../a", "a\n", "a" * 64, "-a"])
def test_names_that_could_be_mistaken_are_refused(name):
    with pytest.raises(ValidationError):
        User(name=name, role=Role.VIEWER, created_at=NOON)


def project(name: str = "tilt", **changes: object) -> Project:
    return Project(name=name, created_by="ada", created_at=NOON).model_copy(update=changes)


def test_projects_come_back_by_name_and_a_name_is_given_once(accounts):
    assert accounts.add_project(project("twist"))
    assert accounts.add_project(project())
    assert not accounts.add_project(project(private=False))
    assert accounts.projects() == [project(), project("twist")]
    assert accounts.project("tilt") == project()
    assert accounts.project("none") is None


def test_a_project_is_replaced_only_from_its_present_version(accounts):
    accounts.add_project(project())
    member = Member(user="ada", role=ProjectRole.OWNER, since=NOON)
    changed = project(members=(member,), notes="$where: {}\n<b>", tags=("$set",), quota=Quota(evaluations=5))
    assert accounts.replace_project(changed)
    assert accounts.project("tilt") == changed.model_copy(update={"version": 2})
    assert not accounts.replace_project(project(notes="older"))
    assert not accounts.replace_project(project("none"))
    with ThreadPoolExecutor(4) as pool:
        wanted = [project(notes=str(number), version=2) for number in range(8)]
        assert list(pool.map(accounts.replace_project, wanted)).count(True) == 1


def test_a_campaign_is_in_one_project_at_most(accounts):
    assert accounts.project_of("1") is None
    accounts.place_campaign("1", "tilt")
    accounts.place_campaign("2", "tilt")
    accounts.place_campaign("1", "twist")
    assert (accounts.project_of("1"), accounts.project_of("2")) == ("twist", "tilt")
    assert accounts.placed_in(["tilt"]) == {"2"}
    assert accounts.placed_in(["tilt", "twist", "none"]) == {"1", "2"}
    assert accounts.placed_in([]) == frozenset()
    for _ in range(2):
        accounts.place_campaign("1", None)
    assert accounts.project_of("1") is None
