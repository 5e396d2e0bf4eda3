"""A form that is refused is shown again: with what was typed, the message at the field, and no secret."""

from __future__ import annotations

import re

import pytest

from tansaku.deploy.web.pages.refused import NOTHING, Form, Refused
from tansaku.models.domain.accounts import Role

PAGE = "/campaigns/small-table"
SECRET = "a secret that was typed"


def field_of(text: str, name: str, kept: str) -> str:
    """The tag of the field of a name that holds a value."""
    return next(tag for tag in re.findall(r"<input[^>]*>", text) if f'name="{name}"' in tag and f'value="{kept}"' in tag)


@pytest.mark.parametrize(
    ("path", "fields", "wrong", "kept", "said"),
    [
        (
            f"{PAGE}/commands",
            {"kind": "edit", "cost": "much", "hours": "7"},
            ("edit", "cost", "much"),
            ("hours", "7"),
            "is not a number",
        ),
        (
            f"{PAGE}/commands",
            {"kind": "edit", "evaluations": "1.5"},
            ("edit", "evaluations", "1.5"),
            None,
            "is not a whole number",
        ),
        (f"{PAGE}/copies", {"name": "Not a Name"}, ("copy", "name", "Not a Name"), None, "expected up to 63"),
        (f"{PAGE}/name", {"name": "small-table"}, ("rename", "name", "small-table"), None, "is stored already"),
        (f"{PAGE}/deletion", {"confirm": "table"}, ("delete", "confirm", "table"), None, "type the name"),
        (
            "/account/tokens",
            {"label": "mine", "role": "viewer", "days": "many"},
            ("token", "days", "many"),
            ("label", "mine"),
            "not a number",
        ),
        (
            "/admin/users",
            {"name": "No Name", "role": "operator", "password": SECRET},
            ("add", "name", "No Name"),
            None,
            "expected",
        ),
        (
            "/schedules",
            {"key": "the-schedule", "campaign": "small-table", "cron": "now", "zone": "UTC"},
            ("add", "cron", "now"),
            ("zone", "UTC"),
            "now",
        ),
    ],
)
def test_a_refused_form_keeps_what_was_typed_and_says_what_is_wrong_at_the_field(site_with, path, fields, wrong, kept, said):
    browser = site_with("a1").with_session(Role.ADMIN)
    revision = re.search(r'name="revision" value="(\w+)"', browser.get(PAGE).text)[1]
    answer = browser.submit(path, {"key": "a-new-key", "revision": revision, **fields})
    assert answer.status_code == 422
    form, name, typed = wrong
    tag = field_of(answer.text, name, typed)
    assert 'aria-invalid="true"' in tag
    note = f"problem-{form}-{name}"
    assert f'aria-describedby="{note}"' in tag
    assert said in re.search(rf'id="{note}" role="alert">([^<]*)<', answer.text)[1]
    if kept is not None:
        assert "aria-invalid" not in field_of(answer.text, *kept)
    assert SECRET not in answer.text
    assert answer.text.count('aria-invalid="true"') == 1


def test_a_text_of_several_lines_is_kept_and_its_details_are_open(site_with):
    browser = site_with("a1").with_session(Role.OPERATOR)
    answer = browser.submit(f"{PAGE}/copies", {"name": "another", "changes": "seed=1\nnothing.like=<that>"})
    assert answer.status_code == 422
    assert "\nseed=1\nnothing.like=&lt;that&gt;</textarea>" in answer.text
    assert re.search(r"<details open>\s*<summary>Copy</summary>", answer.text)
    assert 'id="problem-copy-changes"' in answer.text


def test_an_edit_that_came_too_late_can_be_sent_again(site_with):
    browser = site_with("a1").with_session(Role.OPERATOR)

    def edit(text: str, **fields: str):
        revision = re.search(r'name="revision" value="(\w+)"', text)[1]
        return browser.submit(f"{PAGE}/commands", {"kind": "edit", "revision": revision, **fields})

    seen = browser.get(PAGE).text
    assert edit(seen, key="first-edit", cost="12").status_code == 303
    late = edit(seen, key="late-edit", cost="13")
    assert (late.status_code, 'id="problem-edit"' in late.text) == (412, True)
    assert field_of(late.text, "cost", "13")
    assert edit(late.text, key="third-edit", cost="13").status_code == 303


def test_a_password_is_never_shown_again(site):
    browser = site.with_session(Role.OPERATOR)
    fields = {"present": SECRET, "new": f"{SECRET} 1", "again": f"{SECRET} 2"}
    answer = browser.submit("/account/password", fields)
    assert (answer.status_code, 'id="problem-password-again"' in answer.text) == (422, True)
    assert SECRET not in answer.text
    assert Refused(Form("password", fields)).value("password", "new", "") == ""


def test_what_is_gone_has_no_page_to_show_again(site):
    answer = site.with_session(Role.ADMIN).submit(f"{PAGE}/deletion", {"confirm": "small-table"})
    assert (answer.status_code, "<h1>Not Found</h1>" in answer.text) == (404, True)


def test_nothing_is_marked_where_nothing_was_refused():
    assert not NOTHING
    assert (NOTHING.note("edit", "cost"), NOTHING.mark("edit", "cost"), NOTHING.opened("edit")) == ("", "", "")
    assert NOTHING.value("edit", "cost", 3) == 3
    assert (NOTHING.note("", ""), NOTHING.opened("x")) == ("", "")
