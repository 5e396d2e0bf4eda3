"""The documentation's site builds strictly, and a reader's browser loads nothing from another server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tansaku.deploy.cli.main import app
from tansaku.deploy.cli.offered import every_command

ROOT = Path(__file__).resolve().parents[2]
LOADED = {"audio": "src", "embed": "src", "iframe": "src", "img": "src", "link": "href", "script": "src", "source": "src"}


def build(root: Path, out: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        # Never with --quiet: the warnings that it hides do not count as failures of a strict build.
        [Path(sys.executable).with_name("mkdocs"), "build", "--strict", "--site-dir", out],
        cwd=root,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("site")
    result = build(ROOT, out)
    assert result.returncode == 0, result.stderr
    return out


class Loads(HTMLParser):
    """What a page makes a browser load: the addresses of scripts, styles, images and frames."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attributes):
        address = dict(attributes).get(LOADED.get(tag, ""))
        if address:
            self.found.append(address)


def loads(page: Path) -> list[str]:
    parser = Loads()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser.found


def foreign(page: Path) -> list[str]:
    """Addresses that a page loads from elsewhere."""
    return [address for address in loads(page) if re.match(r"[a-z]+:|//", address) and not address.startswith("data:")]


def test_every_page_is_in_the_site(site):
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    assert {page for page in pages if not (site / page).exists()} == set()
    assert (site / "search/search_index.json").exists()


def test_the_page_of_commands_has_all_of_them(site):
    page = (site / "reference/commands.html").read_text(encoding="utf-8")
    shown = {name for name, command in every_command(app).commands.items() if not command.hidden}
    assert shown - set(re.findall(r"<code>tansaku ([a-z]+(?:-[a-z]+)*)", page.partition('id="all-commands"')[2])) == set()
    assert "Applies to campaigns that are RUNNING" in page


def test_the_configuration_page_has_the_tables_of_all_keys(site):
    page = (site / "reference/configuration.html").read_text(encoding="utf-8")
    assert "<code>max_failed_fraction</code>" in page
    assert 'id="the-site-file"' in page


def test_the_page_of_collections_has_the_fields_of_all_records(site):
    page = (site / "reference/mongodb.html").read_text(encoding="utf-8")
    assert "<code>outcome.predicted_by</code>" in page
    assert 'id="indexes"' in page


def test_nothing_is_loaded_from_another_server(site):
    assert {page.name: found for page in site.rglob("*.html") if (found := foreign(page))} == {}
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"@import[^;]+|@font-face|url\(\s*['\"]?(?:https?:)?//[^)]+\)", styles) == []


def test_what_a_page_loads_is_there(site):
    for page in site.rglob("*.html"):
        if page.name == "404.html":  # its addresses are those of a server's root
            continue
        missing = [name for name in loads(page) if name != "." and not (page.parent / name.partition("?")[0]).exists()]
        assert missing == [], page


def test_a_script_of_another_server_would_be_seen(tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<script src="https://cdn.example.org/x.js"></script><link href="//example.org/a.css"><img src="a.png">')
    assert foreign(page) == ["https://cdn.example.org/x.js", "//example.org/a.css"]


def test_pages_with_formulas_and_no_others_load_mathjax(site):
    texts = {page: page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    with_formulas = {page for page, text in texts.items() if 'class="arithmatex"' in text}
    assert with_formulas
    assert {page for page, text in texts.items() if "mathjax/tex-svg.js" in text} == with_formulas


def test_a_broken_link_fails_the_build(tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("docs", "benchmarks", "tasks", "models", "examples", "calculators", "spaces", "deploy", "rooms"):
        (copy / name).symlink_to(ROOT / name)
    (copy / "docs").unlink()
    shutil.copytree(ROOT / "docs", copy / "docs")
    for name in ("mkdocs.yml", "README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"):
        shutil.copy(ROOT / name, copy / name)
    page = copy / "docs/guide/glossary.md"
    page.write_text(page.read_text() + "\n[nowhere](nowhere.md)\n")
    result = build(copy, tmp_path / "site")
    assert result.returncode != 0
    assert "nowhere.md" in result.stderr
