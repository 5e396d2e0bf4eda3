"""Provenance of a value as a drawing: what came first is on the left."""

from __future__ import annotations

from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.read.figures.style import ACCENT, FAINT, INK, MAIN, PAPER, figure_at
from tansaku.tasks.read.views.provenance import Graph, columns_of_graph

_COLOURS = {"entity": INK, "activity": MAIN, "agent": ACCENT}
_SHAPES = {"entity": "round,pad=0.4", "activity": "square,pad=0.4", "agent": "round4,pad=0.4"}
_LONGEST = 34
_WIDTH, _HEIGHT = 2.9, 0.62  # of a place in the drawing [inch]


def draw(graph: Graph, path: Path) -> Path:
    """Draws the graph as PNG or SVG: entities round, activities square, agents in colour.

    Raises:
        ConfigurationError: The file's name has another ending.
    """
    if path.suffix not in (".png", ".svg"):
        raise ConfigurationError(f"{str(path)!r} ends in neither .png nor .svg")
    columns = columns_of_graph(graph)[::-1]
    most = max(len(column) for column in columns)
    places = {
        node.name: (column, (most - len(nodes)) / 2 + row)
        for column, nodes in enumerate(columns)
        for row, node in enumerate(nodes)
    }
    with figure_at(path, _WIDTH * len(columns), _HEIGHT * most + 0.4) as figure:
        axes = figure.add_subplot()
        for _, after, before in graph.edges:
            arrow = {"arrowstyle": "->", "color": FAINT, "shrinkA": 22, "shrinkB": 30}
            axes.annotate("", places[after], places[before], arrowprops=arrow)
        for node in graph.nodes.values():
            across, down = places[node.name]
            label = node.label if len(node.label) <= _LONGEST else node.label[: _LONGEST - 1] + "…"
            box = {"boxstyle": _SHAPES[node.kind], "facecolor": PAPER, "edgecolor": _COLOURS[node.kind]}
            axes.text(across, down, label, ha="center", va="center", fontsize=7.5, color=_COLOURS[node.kind], bbox=box)
        axes.set_xlim(-0.5, len(columns) - 0.5)
        axes.set_ylim(most - 0.4, -0.6)
        axes.set_axis_off()
    return path
