"""Links of the documentation lead somewhere, and the README shows commands and files that exist."""

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from tansaku.deploy.campaign_templates import template_files
from tansaku.deploy.cli.main import app
from tansaku.deploy.cli.offered import every_command
from tansaku.tasks.ground.formats.schema import configuration_tables
from tansaku.tasks.node.configuration.campaign_files import load_campaign

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")


@cache
def anchors(page: Path) -> set[str]:
    """Targets inside a page: headings as they are linked, and explicit ones."""
    text = page.read_text()
    if page.name == "configuration.md":  # the site adds the tables
        text += configuration_tables({})
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    broken = []
    for link in LINK.findall(page.read_text()):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_in_an_index():
    indexes = [ROOT / "docs" / "index.md", ROOT / "docs" / "results" / "index.md"]
    linked = {
        (index.parent / link.partition("#")[0]).resolve() for index in indexes for link in LINK.findall(index.read_text())
    }
    assert set((ROOT / "docs").rglob("*.md")) - linked == {indexes[0]}


def test_the_campaign_in_the_readme_is_valid(tmp_path, require):
    require("lammps")
    text = re.search(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    path = tmp_path / "my.yaml"
    path.write_text(text[1])
    assert len(text[1].splitlines()) <= 12
    assert load_campaign(path).spec.name == yaml.safe_load(text[1]).get("name", "my")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_on_the_pages_exist(page):
    known = set(every_command(app).commands)
    named = set(re.findall(r"(?:^|`|&& )tansaku ([a-z]+(?:-[a-z]+)*)", page.read_text(), re.MULTILINE))
    assert named - known == set()


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_examples_are_valid(path, tmp_path, require):
    require("lammps")
    text = path.read_text()
    if "Al99.eam.alloy" in text:  # the user's own potential: any file in its place shows that the rest is right
        from tansaku.calculators.engines.potentials import shipped_folder

        (tmp_path / "Al99.eam.alloy").write_bytes((shipped_folder() / "NiAlH_jea.eam.alloy").read_bytes())
    for file in template_files(path).values():
        (tmp_path / file.name).write_text(file.read_text())
    assert load_campaign(tmp_path / path.name).spec.name == path.stem
