"""Pages: escaping, navigation by role, and the files that browsers get."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tansaku.deploy.web.app import STATIC
from tansaku.deploy.web.pages.formats import message
from tansaku.deploy.web.pages.rendering import NAVIGATION, Renderer, static_address
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.records import CampaignRecord

VENDORED = STATIC / "vendor"


def test_names_are_shown_as_text(site):
    hostile = "<img src=x onerror=alert(1)>"
    record = CampaignRecord(
        name=hostile, spec={}, spec_hash="0", base_path="/", tansaku_version="0", created_at=datetime.now(UTC)
    )
    site.services.store.create_campaign(record)
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
    assert {entry.title for entry in NAVIGATION if f">{entry.title}</a>" in text} == titles


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


def lines(pattern: str) -> int:
    return sum(len(path.read_text().splitlines()) for path in Path(STATIC).glob(pattern))


def test_our_own_style_and_scripts_stay_small():
    assert lines("*.css") < 400
    assert all(lines(path.name) < 300 for path in STATIC.glob("*.js"))


def test_styles_load_nothing_from_elsewhere():
    assert not [path for path in STATIC.glob("*.css") if "url(" in path.read_text() or "@import" in path.read_text()]


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
    assert len(re.findall(r'<div (?:id="\w+" )?class="wide(?: facts)?"[^>]*>\s*<table', text)) == text.count("<table")
