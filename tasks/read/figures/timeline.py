"""Figure of the attempts of a campaign: a line for those that a machine ran one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN, figure_at

Bar = tuple[int, str, float, float, str]
"""Number of the line, machine, begin and length [s], and how the attempt ended."""

_COLOURS = {"done": MAIN, "failed": ACCENT, "lost": ACCENT, "running": FAINT}
_SHOWN = {"done": "done", "failed": "failed or given up", "running": "running"}
_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
_LANE = 0.14
"""Height of a line [inches]."""


def draw_bars(bars: Sequence[Bar], since: str, path: Path) -> Path:
    """Draws the attempts.

    Args:
        bars: At least one, by line.
        since: Time of the first beginning, in words.
        path: PNG or SVG.
    """
    from matplotlib.patches import Patch

    whole = max(begin + length for _, _, begin, length, _ in bars)
    seconds, unit = next((size, name) for size, name in _UNITS if whole >= size or name == "s")
    lines = {lane: host for lane, host, _, _, _ in bars}
    first = {host: lane for lane, host in reversed(lines.items())}
    with figure_at(path, 7.6, 1.1 + _LANE * max(len(lines), 4)) as figure:
        axes = figure.subplots()
        for lane, _, begin, length, ended in bars:
            tall = 0.35 if ended in ("failed", "lost") else 0.8
            axes.barh(lane, length / seconds, left=begin / seconds, height=tall, color=_COLOURS[ended], linewidth=0)
        axes.set_yticks(list(first.values()), list(first), parse_math=False)
        axes.invert_yaxis()
        axes.set_xlabel(f"time after {since} [{unit}]")
        patches = [Patch(color=_COLOURS[ended], label=words) for ended, words in _SHOWN.items()]
        figure.legend(handles=patches, loc="outside upper center", ncols=len(patches))
    return path
