"""Pages: escaping, navigation by role, and the files that browsers get."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from tansaku.deploy.web.app import STATIC
from tansaku.deploy.web.pages.formats import aligned, cost, message, number, share
from tansaku.deploy.web.pages.rendering import Renderer, navigation, static_address
from tansaku.models.domain.accounts import Role
from tests.support.records import campaign_record

VENDORED = STATIC / "vendor"


def test_names_are_shown_as_text(site):
    site.services.store.create_campaign(campaign_record(name="<img src=x onerror=alert(1)>"))
    text = site.logged_in(Role.VIEWER).get("/").text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "<img" not in text


def test_a_page_has_what_every_page_has(site):
    text = site.logged_in(Role.OPERATOR).get("/").text
    for expected in ('<html lang="en">', 'href="#main"', 'id="main"', 'aria-label="Main"', 'aria-current="page"', "Log out"):
        assert expected in text
    assert text.count('role="status"') == 1
    assert text.count("<h1>") == 1
    assert '<span class="role">operator</span>' in text


@pytest.mark.parametrize(("role", "titles"), [(Role.VIEWER, {"Campaigns"}), (Role.ADMIN, {"Campaigns", "Admin"})])
def test_the_navigation_shows_pages_that_exist_and_may_be_seen(make_site, role, titles):
    site = make_site()
    site.app.state.renderer = Renderer({"/", "/admin"})
    text = site.logged_in(role).get("/").text
    assert {entry.title for entry in navigation() if f">{entry.title}</a>" in text} == titles


def test_the_address_of_a_static_file_changes_with_its_content():
    digest = hashlib.sha256((STATIC / "style.css").read_bytes()).hexdigest()
    assert static_address("style.css") == f"/static/style.css?v={digest[:12]}"


def test_vendored_files_are_those_of_the_manifest():
    manifest = json.loads((VENDORED / "MANIFEST.json").read_text())
    listed = {entry["file"] for entry in manifest} | {entry["licence_file"] for entry in manifest}
    assert listed == {path.name for path in VENDORED.iterdir()} - {"MANIFEST.json"}
    for entry in manifest:
        assert hashlib.sha256((VENDORED / entry["file"]).read_bytes()).hexdigest() == entry["sha256"], entry["file"]
        assert entry["version"] in entry["file"]
        assert (VENDORED / entry["licence_file"]).stat().st_size > 100


def lines(pattern: str) -> int:
    return sum(len(path.read_text().splitlines()) for path in Path(STATIC).glob(pattern))


def test_our_own_style_and_scripts_stay_small():
    assert lines("*.css") < 400
    assert all(lines(path.name) < 300 for path in STATIC.glob("*.js"))


def test_styles_load_nothing_from_elsewhere():
    assert not [path for path in STATIC.glob("*.css") if "url(" in path.read_text() or "@import" in path.read_text()]


def test_numbers_have_few_digits_and_all_of_them_on_hover():
    assert number(61.96831, 0.1234) == '<data value="61.96831" title="61.96831 ± 0.1234">61.97 ± 0.12</data>'
    assert number(1 / 3, digits=3) == f'<data value="{1 / 3!r}" title="{1 / 3!r}">0.333</data>'
    assert number(2.5) == "2.5"
    assert number(2) == "2"
    assert number(None) == "–"


def test_the_numbers_of_a_column_are_aligned_by_their_points():
    shown = aligned([61.96831, 1203.45, 62.0, None, 1.5e-9])
    assert [re.sub(r"<[^>]*>", "", text) for text in shown] == ["61.968", "1203.5", "62", "–", "1.5e-9"]
    assert [re.findall(r"room-(\d)", text) for text in shown] == [[], ["2"], ["4"], [], []]
    assert aligned([1.0, 2.0]) == ["1", "2"]
    assert aligned([1.23, 4.567], [0.1, 0.01], digits=3)[0].endswith('class="room-1">1.23 ± 0.10</data>')


@pytest.mark.parametrize(
    ("value", "shown"), [(59211.6, "59,212 s"), (99.96, "100 s"), (2.345, "2.35 s"), (0.0, "0 s"), (0.0123, "0.0123 s")]
)
def test_costs_below_a_hundred_keep_three_digits(value, shown):
    assert cost(value, "s") == shown
    assert (cost(None), share(1.0, None), share(1.0, 3.0)) == ("–", "", "33.3 %")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("`tansaku resume a` starts it", "<code>tansaku resume a</code> starts it"),
        ("`<b>` and one ` alone", "<code>&lt;b&gt;</code> and one ` alone"),
        ("\x1b[31mred\x1b[0m `a", "red `a"),
    ],
)
def test_messages_set_commands_as_code_and_escape_all_else(text, shown):
    assert message(text) == message(text).__html__() == shown


@pytest.mark.parametrize("template", sorted((STATIC.parent / "templates").glob("*.html")), ids=lambda path: path.stem)
def test_every_table_scrolls_in_its_own_box(template):
    """On a phone a page is as wide as the screen, and a table is often wider."""
    text = template.read_text()
    assert len(re.findall(r'<div (?:id="\w+" )?class="wide(?: facts| log)?"[^>]*>\s*<table', text)) == text.count("<table")
