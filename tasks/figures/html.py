"""Interactive figures as one HTML file each: the script inside, nothing fetched when it is viewed."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

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
<style>html, body {{ height: 100%; margin: 0; }} .figure {{ height: 100vh; }}</style>
<script>{script}</script>
</head>
<body>
<div class="figure">{figure}</div>
</body>
</html>
"""


def plain(text: object) -> str:
    """Text as plotly shows it literally: plotly reads tags in labels, so they are escaped."""
    return escape(str(text), quote=False)


def write_html(figure: Figure, path: Path, title: str) -> Path:
    """Writes a plotly figure as a page that can be opened without a network.

    Args:
        figure: Labels made of user's text must have gone through :func:`plain`.
        path: Target, overwritten.
        title: Title of the page; escaped here.
    """
    import plotly.io
    from plotly.offline import get_plotlyjs

    body = plotly.io.to_html(figure, full_html=False, include_plotlyjs=False, div_id="figure", config=_CONFIG)
    script = get_plotlyjs().replace("https://cdn.", "about:blank#")
    path.write_text(_PAGE.format(policy=_POLICY, title=escape(title), script=script, figure=body), encoding="utf-8")
    return path
