"""The page of the audit, and its CSV."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

from tansaku.models.domain.accounts import Actor, Role
from tansaku.tasks.act.commands.audit import Change, record_change


def record(site, number: int, actor: str = "ada", subject: str = "campaign:a", **change: object) -> None:
    moment = site.clock() + timedelta(seconds=number)
    actor = Actor(name=actor, role=Role.ADMIN, address="10.0.0.1")
    record_change(site.services.accounts, actor, Change(f"test.{number:03d}", subject, **change), moment)


def test_changes_are_shown_page_by_page_and_escaped(site):
    browser = site.logged_in(Role.ADMIN)
    for number in range(120):
        record(site, number + 1)
    record(site, 121, after={"name": "<script>alert(1)</script>\x1b[31m"})
    page = browser.get("/audit").text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "\x1b" not in page
    assert ("test.121" in page, "test.022" in page, "test.021" in page) == (True, True, False)
    older = browser.get("/audit?" + page.split('href="/audit?')[1].split('"')[0].replace("&amp;", "&")).text
    assert ("test.021" in older, "test.022" in older) == (True, False)
    assert "Newest" in older


def test_a_change_is_told_in_words_with_all_values_folded(site):
    browser = site.logged_in(Role.ADMIN)
    payload = {"budget.evaluations": 4, "budget.cost": 1.0}
    record(site, 1, before={"budget.evaluations": 3, "budget.cost": 1.0}, after={"id": "<b>key</b>", "payload": payload})
    record(site, 2, before={"role": "viewer"}, after={"role": "admin"})
    page = browser.get("/audit").text
    assert "budget.evaluations 3 → 4" in page
    assert "budget.cost 1" not in page
    assert "role viewer → admin" in page
    assert page.count("<details><summary>Details</summary>") >= 2
    assert "<dt>after: id</dt><dd>&lt;b&gt;key&lt;/b&gt;</dd>" in page


def test_changes_of_a_user_or_on_a_subject_are_chosen(site):
    browser = site.logged_in(Role.ADMIN)
    record(site, 1)
    record(site, 2, actor="eve")
    record(site, 3, subject="campaign:b")
    page = browser.get("/audit?actor=ada&subject=campaign:a").text
    assert ("test.001" in page, "test.002" in page, "test.003" in page) == (True, False, False)
    assert "that fits" in browser.get("/audit?actor=nobody").text


def test_the_csv_holds_them_all_and_no_formula(site):
    browser = site.logged_in(Role.ADMIN)
    record(site, 1, subject="=cmd|' /C calc'!A0", before={"x": 1})
    answer = browser.get("/audit.csv?actor=ada")
    assert answer.headers["Content-Type"].startswith("text/csv")
    header, row = csv.reader(io.StringIO(answer.text))
    assert header[:3] == ["time", "user", "address"]
    assert row[1:6] == ["ada", "10.0.0.1", "test.001", "'=cmd|' /C calc'!A0", '{"x": 1}']
