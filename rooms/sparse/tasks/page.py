"""Parts of a report's page, which holds its figures and needs no network."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{title}</title>
<style>body {{ font: 15px sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1f2937; }}
img {{ max-width: 100%; }} table {{ border-collapse: collapse; }} th, td {{ padding: 0.2rem 0.8rem; text-align: left; }}
tr:nth-child(even) {{ background: #f3f4f6; }}</style>
</head>
<body>
{body}
</body>
</html>
"""


def page_of(
    title: str,
    parts: Sequence[str],
    figures: Mapping[str, Path],
    convergence: Mapping[str, object] | None = None,
    beside: Callable[[str], Sequence[str]] = lambda _: (),
) -> str:
    """The whole page.

    Args:
        title: As text.
        parts: HTML.
        figures: PNG files by title as text; they become part of the page, after the parts.
        convergence: Measures of the search, in a table at the end; None: there are none.
        beside: HTML that follows the figure of a title.
    """
    shown = list(parts)
    for name, path in figures.items():
        image = base64.b64encode(path.read_bytes()).decode()
        shown.append(f'<h2>{escape(name)}</h2><img alt="{escape(name)}" src="data:image/png;base64,{image}">')
        shown += beside(name)
    if convergence is not None:
        shown += ["<h2>Convergence</h2>", table_of(("measure", "value"), list(convergence.items()))]
    return _PAGE.format(title=escape(title), body="\n".join(shown))


def table_of(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table; numbers have four digits, text is escaped."""

    def cell(value: object) -> str:
        return escape(f"{value:.4g}" if isinstance(value, float) else str(value))

    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{cell(value)}</td>" for value in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def table_of_records(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> str:
    """A table of records with a column for each of these keys; None is not known."""
    values = [["not known" if row[name] is None else row[name] for name in columns] for row in rows]
    return table_of([name.replace("_", " ") for name in columns], values)
