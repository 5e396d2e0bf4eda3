"""Values that a search found: a line for each campaign, a point for each evaluation."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tansaku.models.domain.wording import in_words
from tansaku.tasks.read.figures.drawing import Drawing
from tansaku.tasks.read.figures.style import FAINT, MAIN, figure_at, in_unit
from tansaku.tasks.read.views.search import Hit

_LINE = 0.3
"""Height of a line [inches]."""


@dataclass(frozen=True)
class HitLines:
    """Values of one property and unit.

    Attributes:
        name: Of the property, in words.
        unit: Of the values.
        lines: The hits of each campaign.
    """

    name: str
    unit: str
    lines: Mapping[str, Sequence[Hit]]

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest value."""
        values = [hit.value for hits in self.lines.values() for hit in hits if hit.value is not None]
        return min(values), max(values)

    def drawing(self) -> Drawing:
        """The figure; its table has a row for each hit."""
        hits = [hit for found in self.lines.values() for hit in found]
        columns = {key: [getattr(hit, key) for hit in hits] for key in ("campaign", "round", "candidate", "value", "predicted")}
        return Drawing("search", columns, lambda path: _draw(self, path), units={"value": self.unit})


def hit_lines(hits: Sequence[Hit]) -> HitLines | None:
    """What can be drawn of hits; None where fewer than two can be compared."""
    valued = [hit for hit in hits if hit.value is not None and math.isfinite(hit.value)]
    kinds, values = {(hit.property, hit.unit) for hit in valued}, {hit.value for hit in valued}
    if len(values) < 2 or len(kinds) > 1:
        return None
    lines = defaultdict(list)
    for hit in valued:
        lines[hit.campaign].append(hit)
    name, unit = kinds.pop()
    return HitLines(in_words(name), unit, lines)


def _draw(found: HitLines, path: Path) -> Path:
    with figure_at(path, 6.4, 0.7 + _LINE * max(len(found.lines), 2)) as figure:
        axes = figure.subplots()
        for place, hits in enumerate(found.lines.values()):
            axes.axhline(place, color=FAINT, lw=0.5, zorder=0)
            axes.plot([hit.value or 0.0 for hit in hits], [place] * len(hits), "o", color=MAIN, alpha=0.5, ms=4, mew=0)
        axes.set_yticks(range(len(found.lines)), list(found.lines), parse_math=False)
        axes.set_ylim(len(found.lines) - 0.5, -0.5)
        axes.set_xlabel(in_unit(found.name, found.unit), parse_math=False)
    return path
