"""CONTRIBUTING.md draws the floors and rooms of tasks as the code has them, and rooms do not grow together."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TASKS = ROOT / "tasks"
IMPORTS_BETWEEN_ROOMS = 769
"""Imports of one room by another, at most: lower it when it has fallen, raise it with a reason in the commit."""


def floors() -> list[str]:
    """The floors from top to bottom, as the contract orders them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    return next(contract["layers"] for contract in contracts if contract["id"] == "floors")


def rooms(floor: str) -> list[str]:
    """Packages and modules of a floor."""
    return sorted(path.stem for path in (TASKS / floor).iterdir() if path.stem[0] != "_")


def drawing() -> str:
    """The floors with their rooms, each above a sentence: the docstring of the floor's package."""
    lines = []
    for floor in floors():
        sentence = ast.get_docstring(ast.parse((TASKS / floor / "__init__.py").read_text(encoding="utf-8"))) or ""
        lines += [f"    {floor:<10}{'  '.join(rooms(floor))}", f"              {sentence}"]
    return "\n".join(lines)


def imports_between_rooms() -> int:
    """Counts imported names whose room is another one; imports for typing count as well."""
    found = 0
    for path in TASKS.rglob("*.py"):
        here = path.relative_to(TASKS).with_suffix("").parts[:2]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tansaku.tasks."):
                there = tuple(node.module.split(".")[2:4])
                found += len(node.names) if there != here else 0
    return found


def test_every_room_is_on_a_floor():
    names_of_earlier_versions = {"jobs", "launchers"}
    assert {path.name for path in TASKS.iterdir() if path.is_dir() and path.name[0] != "_"} == {
        *floors(),
        *names_of_earlier_versions,
    }


def test_the_page_draws_the_floors_as_they_are():
    assert drawing() in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), drawing()


def test_rooms_do_not_grow_together():
    assert imports_between_rooms() <= IMPORTS_BETWEEN_ROOMS
