"""What ran where: a line for attempts that a machine ran one after the other."""

from __future__ import annotations

from pathlib import Path

from tansaku.tasks.read.figures.drawing import Drawing
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN, figure_at
from tansaku.tasks.read.views.timeline import Timeline

_COLOURS = {"done": MAIN, "failed": ACCENT, "lost": ACCENT, "running": FAINT}
_SHOWN = {"done": "done", "failed": "failed or given up", "running": "running"}
_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
_LANE = 0.14
"""Height of a line [inches]."""


def timeline_drawing(found: Timeline) -> Drawing:
    """The attempts of a timeline; its table has a row for each."""
    rows = [stretch for lane in found.lanes for stretch in lane.stretches]
    columns = {
        "round": [item.number for item in rows],
        "candidate": [item.candidate for item in rows],
        "machine": [item.host for item in rows],
        "begun": [item.begin.isoformat() for item in rows],
        "ended": [None if item.ended == "running" else item.end.isoformat() for item in rows],
        "took": [round((item.end - item.begin).total_seconds(), 3) for item in rows],
        "state": [item.ended for item in rows],
    }
    return Drawing("workers", columns, lambda path: _draw(found, path), units={"took": "s"})


def _draw(found: Timeline, path: Path) -> Path:
    from matplotlib.patches import Patch

    seconds, unit = next(
        (size, name) for size, name in _UNITS if (found.end - found.begin).total_seconds() >= size or name == "s"
    )
    with figure_at(path, 7.6, 1.1 + _LANE * max(len(found.lanes), 4)) as figure:
        axes = figure.subplots()
        for place, lane in enumerate(found.lanes):
            for item in lane.stretches:
                begin, end = ((moment - found.begin).total_seconds() / seconds for moment in (item.begin, item.end))
                tall = 0.35 if item.ended in ("failed", "lost") else 0.8
                axes.barh(place, end - begin, left=begin, height=tall, color=_COLOURS[item.ended], linewidth=0)
        hosts = [lane.host for lane in found.lanes]
        axes.set_yticks([hosts.index(host) for host in dict.fromkeys(hosts)], list(dict.fromkeys(hosts)), parse_math=False)
        axes.invert_yaxis()
        axes.set_xlabel(f"time after {found.begin:%Y-%m-%d %H:%M:%S} UTC [{unit}]")
        patches = [Patch(color=_COLOURS[ended], label=words) for ended, words in _SHOWN.items()]
        figure.legend(handles=patches, loc="outside upper center", ncols=len(patches))
    return path
