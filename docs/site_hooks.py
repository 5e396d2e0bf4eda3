"""Hooks of `mkdocs build`: MathJax, pages from the repository's root, the tutorial, and links to files outside docs/."""

from __future__ import annotations

import importlib.util
import json
import os
import re
from pathlib import Path

import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from tansaku.deploy.cli.main import app
from tansaku.deploy.cli.offered import every_command
from tansaku.tasks.backends.stores.collection_tables import collection_tables
from tansaku.tasks.ground.formats.schema import configuration_tables, examples_in

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
COMMANDS = "reference/commands.md"
CONFIGURATION = "reference/configuration.md"
COLLECTIONS = "reference/mongodb.md"
MATHJAX = "assets/mathjax"
ROOT_PAGES = {name: f"develop/{name.lower()}" for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")}
NOTEBOOKS = {
    "guide/python.ipynb": "guide/python-page.md",
    "guide/tutorial.ipynb": "guide/tutorial-page.md",
    "guide/sparse-notebook.ipynb": "guide/sparse-notebook-page.md",
}

_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"(^ *```.*?^ *```[^\n]*$)", re.MULTILINE | re.DOTALL)
# The menu would offer a speech engine that is fetched from a server of others.
_SETTINGS = """\
window.MathJax = {
  tex: {inlineMath: [["\\\\(", "\\\\)"]], displayMath: [["\\\\[", "\\\\]"]]},
  options: {enableMenu: false, ignoreHtmlClass: ".*|", processHtmlClass: "arithmatex"}
};
"""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Anchors as GitHub makes them, so that a link works in both places; the pages new-….md under their heading."""
    config.mdx_configs.setdefault("toc", {})["slugify"] = slugify(case="lower")
    development = next(part["Development"] for part in config.nav or [] if "Development" in part)
    extending = next(part for part in development if "Extending" in part)
    extending["Extending"] = [path.relative_to(DOCS).as_posix() for path in sorted(DOCS.glob("develop/new-*.md"))]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds what the site shows but docs/ does not hold."""
    for name, uri in ROOT_PAGES.items():
        files.append(File.generated(config, uri, content=(ROOT / name).read_text(encoding="utf-8")))
    for notebook, uri in NOTEBOOKS.items():
        files.append(File.generated(config, uri, content=notebook_page(DOCS / notebook)))
    for path in sorted({path for page in files.documentation_pages() for path in _outside(page)}):
        uri = f"source/{path.relative_to(ROOT).as_posix()}"
        files.append(File.generated(config, uri, abs_src_path=str(path)))
    files.append(File.generated(config, f"{MATHJAX}/settings.js", content=_SETTINGS))
    files.append(File.generated(config, f"{MATHJAX}/tex-svg.js", abs_src_path=str(mathjax())))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Links to files of the repository lead to their copies in the site; a link to a folder becomes plain text.

    The references of commands, of configuration and of collections get their tables.
    """
    uri = page.file.src_uri
    if uri == COMMANDS:
        markdown = f"{markdown}\n\n{command_tables()}"
    elif uri == CONFIGURATION:
        markdown = configuration_page()
    elif uri == COLLECTIONS:
        markdown = f"{markdown}\n\n## Fields of the collections\n\n{collection_tables()}"

    def moved(match: re.Match[str]) -> str:
        target, _, anchor = match[3].partition("#")
        path = _resolved(uri, target)
        if path is None or uri in NOTEBOOKS.values():
            return match[0]
        if path.is_relative_to(DOCS) and path.suffix != ".ipynb" and uri not in ROOT_PAGES.values():
            return match[0]
        if path.is_dir():
            return match[2]
        inside = _site_path(path)
        link = os.path.relpath(inside, Path(uri).parent) + (f"#{anchor}" if anchor else "")
        return f"{match[1]}[{match[2]}]({link})"

    return "".join(part if part.lstrip().startswith("```") else _LINK.sub(moved, part) for part in _FENCE.split(markdown))


def on_post_page(output: str, *, page: Page, **_: object) -> str:
    """Pages with formulas, and only those, load MathJax."""
    if 'class="arithmatex"' not in output:
        return output
    folder = os.path.relpath(MATHJAX, Path(page.file.dest_uri).parent)
    scripts = "".join(f'<script src="{folder}/{name}"></script>' for name in ("settings.js", "tex-svg.js"))
    return output.replace("</body>", f"{scripts}</body>")


def command_tables() -> str:
    """All commands with the first sentences of their help and their options, by the headings of `tansaku --help`."""
    lines = ["## All commands", ""]
    shown = {name: command for name, command in every_command(app).commands.items() if not command.hidden}
    for panel in dict.fromkeys(command.rich_help_panel for command in shown.values()):
        lines += [f"### Commands: {panel}", "", "| command | what it does | options |", "| --- | --- | --- |"]
        for name, command in shown.items():
            if command.rich_help_panel == panel:
                lines += _rows(f"tansaku {name}", command)
        lines.append("")
    return "\n".join(lines)


def _rows(name: str, command: TyperCommand | TyperGroup) -> list[str]:
    """Rows of a command, or of those of a group."""
    if isinstance(command, TyperGroup):
        return [row for below, found in command.commands.items() if not found.hidden for row in _rows(f"{name} {below}", found)]
    arguments = (part for part in command.params if isinstance(part, TyperArgument))
    given = " ".join(part.metavar or str(part.name).upper() for part in arguments)
    options = [
        f"`{part.opts[0]}` {part.help or ''}" for part in command.params if isinstance(part, TyperOption) and not part.hidden
    ]
    cells = (f"`{f'{name} {given}'.strip()}`", " ".join((command.help or "").split()), "<br>".join(options))
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"]


def configuration_page() -> str:
    """The configuration reference with the tables of all keys, their examples from the shipped campaign files."""
    files = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "examples").glob("*.yaml")))
    introduction = (DOCS / CONFIGURATION).read_text(encoding="utf-8").rpartition("\n\n")[0]
    return f"{introduction}\n\n{configuration_tables(examples_in(files))}"


def mathjax() -> Path:
    """MathJax 3.2.2 in one file that draws formulas as SVG: no fonts; from the wheel `sphinx-mathjax-offline`."""
    # The folder has a hyphen, so it cannot be imported by name.
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("MathJax is missing: pip install -c constraints.txt -e '.[docs]'")
    return Path(spec.origin).with_name("static") / "mathjax" / "tex-svg.js"


def notebook_page(path: Path) -> str:
    """A notebook without its outputs as a page."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    texts = [
        "".join(cell["source"]) if cell["cell_type"] == "markdown" else f"```python\n{''.join(cell['source'])}\n```"
        for cell in cells
    ]
    return "\n\n".join([*texts, f"This page is a notebook: [{path.name}]({path.name})."]) + "\n"


def _resolved(uri: str, target: str) -> Path | None:
    """The file of the repository that a link of a page means; None for links of the web and within the page."""
    if not target or "://" in target or target.startswith("mailto:"):
        return None
    origin = next((ROOT for name in ROOT_PAGES.values() if name == uri), (DOCS / uri).parent)
    return Path(os.path.normpath(origin / target))


def _site_path(path: Path) -> str:
    name = path.relative_to(ROOT).as_posix()
    if name in ROOT_PAGES:
        return ROOT_PAGES[name]
    if name == "README.md":
        return "index.md"
    if not path.is_relative_to(DOCS):
        return f"source/{name}"
    inside = path.relative_to(DOCS).as_posix()
    return NOTEBOOKS.get(inside, inside)


def _outside(page: File) -> set[Path]:
    """Files outside docs/ that a page shows or links to, other than pages of the site."""
    text = "".join(part for part in _FENCE.split(page.content_string) if not part.lstrip().startswith("```"))
    paths = {_resolved(page.src_uri, match[3].partition("#")[0]) for match in _LINK.finditer(text)}
    return {path for path in paths if path and path.is_file() and _site_path(path).startswith("source/")}
