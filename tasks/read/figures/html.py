"""Interactive figures as one HTML file each: the script inside, nothing fetched when it is viewed."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from tansaku.tasks.read.figures.style import current_footnote

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

# Besides the policy, which forbids every request, the addresses plotly.js would load maps and fonts from are blanked.
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
_CONFIG = {"responsive": True, "displaylogo": False, "modeBarButtonsToRemove": ["sendChartToCloud", "sendDataToCloud"]}
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>html, body {{ height: 100%; margin: 0; }} .figure {{ height: 100vh; }}
.note {{ position: fixed; bottom: 2px; right: 8px; margin: 0; font: 11px sans-serif; }}</style>
<script>{script}</script>
</head>
<body>
<div class="figure">{figure}</div>{note}
</body>
</html>
"""


def plain(text: object) -> str:
    """Text as plotly shows it literally: plotly reads tags in labels, so they are escaped."""
    return escape(str(text), quote=False)


def write_html(figure: Figure, path: Path, title: str) -> Path:
    """Writes a plotly figure as a page that can be opened without a network; a footnote is at its end.

    Args:
        figure: Labels made of user's text must have gone through :func:`plain`.
        path: Target, overwritten.
        title: Title of the page; escaped here.
    """
    import plotly.io
    from plotly.offline import get_plotlyjs

    body = plotly.io.to_html(figure, full_html=False, include_plotlyjs=False, div_id="figure", config=_CONFIG)
    script = get_plotlyjs().replace("https://cdn.", "about:blank#")
    note = current_footnote()
    said = "" if note is None else f'<p class="note">{escape(note)}</p>'
    page = _PAGE.format(policy=_POLICY, title=escape(title), script=script, figure=body, note=said)
    path.write_text(page, encoding="utf-8")
    return path
