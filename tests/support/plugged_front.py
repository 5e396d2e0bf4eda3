"""A package that adds a group of commands, and a page of the dashboard with a template, a file and work for the sandbox."""

from __future__ import annotations

from pathlib import Path

from tests.support.plugin_packages import add_package

DESCRIPTIONS = {
    "my_commands": """
from tansaku.models.domain.rooms import CommandGroup

mine = CommandGroup(help="Commands of mine.", opener="my_cli:app", panel="Results")
""",
    "my_pages": """
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.rooms import Page

mine = Page("Mine", "/mine", Role.VIEWER, opener="my_page.routes:ROUTERS", package="my_page", sandboxed="my_page.work:double")
""",
}
CLI = """
import typer

app = typer.Typer()

@app.callback()
def _mine() -> None: ...

@app.command()
def greet(name: str) -> None:
    typer.echo(f"hello {name}")
"""
PAGE = {
    "__init__.py": "",
    "work.py": """
def double(asked, folder, report):
    report("doubling", 0.5)
    return {"twice": 2 * asked["number"]}
""",
    "routes.py": """
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.pages.rendering import render

router = APIRouter()

@router.get("/mine")
def mine(request: Request, _: Viewer) -> Response:
    return render(request, "mine/page.html", {"word": "<mine>"})

ROUTERS = (router,)
""",
    "templates/page.html": """{% extends "base.html" %}
{% block main %}<h1>{{ word }}</h1>{{ static("mine/own.js") }}{% endblock %}
""",
    "static/own.js": "1;",
}
ENTRIES = {"commands": {"mine": "my_commands:mine"}, "pages": {"mine": "my_pages:mine"}}


def add_front(folder: Path) -> None:
    """Puts the package into a folder of the path."""
    for name, text in PAGE.items():
        path = folder / "my_page" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    add_package(folder, "my-front", DESCRIPTIONS | {"my_cli": CLI}, ENTRIES)
