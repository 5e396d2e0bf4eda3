"""Tables on standard output: rich on a terminal, tab-separated lines into a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from tansaku.deploy.cli.exits import ExitCode
from tansaku.deploy.cli.printing import say, say_json, words

if TYPE_CHECKING:
    from tansaku.models.domain.findings import Finding

Cell = str | float | int | None


def text(cell: Cell) -> str:
    """A cell as text: numbers with four significant digits, empty for None."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.4g}" if abs(cell) < 1e4 else f"{cell:,.0f}"
    return str(cell)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]], title: str | None = None) -> None:
    """Prints a table.

    Args:
        columns: Headings.
        rows: One sequence of cells per row.
        title: Shown above the table on a terminal only.
    """
    if not sys.stdout.isatty():
        say("\t".join(columns))
        for row in rows:
            say("\t".join(text(cell).replace("\t", " ").replace("\n", " ") for cell in row))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(title=None if title is None else words(title), box=SIMPLE_HEAD, title_justify="left")
    for index, column in enumerate(columns):
        cells = [row[index] for row in rows]
        numeric = any(isinstance(cell, int | float) for cell in cells)
        # On a narrow terminal headings of numbers wrap first; names stay whole as long as there is room.
        if numeric:
            table.add_column(words(column), justify="right", overflow="fold")
        else:
            table.add_column(words(column), no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*(words(text(cell)) for cell in row))
    Console().print(table)


def show_problems(problems: Sequence[str]) -> None:
    """Prints on standard error which entries could not be read and are therefore missing from a list."""
    for problem in problems:
        say(f"cannot be read: {problem}", err=True)


def show_json(value: Any) -> None:  # noqa: ANN401 - plain data of any shape
    """Prints plain data as indented JSON."""
    say_json(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def show_findings(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Prints what checks found.

    Args:
        as_json: Whether as JSON instead of a table.

    Raises:
        typer.Exit: Something required is missing.
    """
    if as_json:
        show_json([finding.model_dump(mode="json") for finding in findings])
    else:
        show_table(("check", "state", "found", "hint"), [(f.name, f.state, f.detail, f.hint) for f in findings])
    if any(finding.state == "missing" for finding in findings):
        raise typer.Exit(ExitCode.MISSING_COMPONENT)
