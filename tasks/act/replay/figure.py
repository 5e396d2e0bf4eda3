"""The comparison as a figure: mean gap against the share of the exhaustive cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, product
from pathlib import Path
from typing import Self

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.wording import counted, headed
from tansaku.tasks.act.replay.records import BenchResult
from tansaku.tasks.act.replay.summary import at_cost
from tansaku.tasks.read.figures import style

COLOURS = (style.FAINT, style.OCHRE, style.MAIN, style.ROSE, style.GREEN, style.VIOLET)

POINTS = 300

INSIDE = 5
"""Most methods whose legend has room between the curves; more stand beside them."""

DASHES = ("-", "--", ":")

FLOOR = 1e-4
"""Smallest gap on the logarithmic axis relative to the largest; exact runs are drawn there."""


def line_styles(methods: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Colour and dashes of each method, no two of up to eighteen alike."""
    return {
        method: (colour, dashes) for method, (dashes, colour) in zip(methods, cycle(product(DASHES, COLOURS)), strict=False)
    }


@dataclass(frozen=True)
class Band:
    """A method at rising cost, one number for each.

    Attributes:
        seeds: Number of runs.
        mean: Over them.
        lower: Lower end of the middle half of the runs.
        upper: Upper end.
    """

    seeds: int
    mean: Sequence[float]
    lower: Sequence[float]
    upper: Sequence[float]


@dataclass(frozen=True)
class GapCurves:
    """The lines of the figure.

    Attributes:
        share: Rising cost [% of the exhaustive cost].
        bands: By method.
        across: Title of the horizontal axis.
        up: Title of the vertical axis.
        logarithmic: Whether that axis is logarithmic.
    """

    share: Sequence[float]
    bands: Mapping[str, Band]
    across: str
    up: str
    logarithmic: bool

    @classmethod
    def of(cls, document: JsonDict) -> Self:
        """The lines from their plain data, see :meth:`document`."""
        return cls(**{**document, "bands": {method: Band(**band) for method, band in document["bands"].items()}})

    def document(self) -> JsonDict:
        """The lines as plain data."""
        return asdict(self)

    def columns(self) -> dict[str, list[object]]:
        """The lines as a table, a row for each method and cost."""
        rows = [(method, band, place) for method, band in self.bands.items() for place in range(len(self.share))]
        columns: dict[str, list[object]] = {"method": [method for method, _, _ in rows]}
        columns["cost"] = [self.share[place] for _, _, place in rows]
        return columns | {key: [getattr(band, key)[place] for _, band, place in rows] for key in ("mean", "lower", "upper")}


def draw_gaps(result: BenchResult, path: Path) -> Path:
    """Draws one line per method, the mean over seeds, in a band that holds the middle half of the seeds.

    With several objectives it is the dominated volume that is drawn.

    Args:
        path: PNG, SVG or PDF.

    Raises:
        ConfigurationError: The path's ending is none of these.
    """
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ConfigurationError(f"--figure: {path.name!r} has an unknown ending; expected .png, .svg or .pdf")
    return draw_curves(gap_curves(result), path)


def gap_curves(result: BenchResult) -> GapCurves:
    """The lines of the figure of a comparison."""
    with_initial = bool(result.provenance.get("count_initial", False))
    unit = str(result.provenance["objective"]["unit"]).replace("m2", "m$^2$")
    best = "maximum" if result.provenance["objective"].get("direction") == "maximize" else "minimum"
    end = max(run.cost[-1] for run in result.runs)
    # From where every run has a first evaluation: at zero, or a little later when the initial points count.
    costs = np.linspace(max(0.0, *(run.cost[0] for run in result.runs)), end, POINTS)
    volumes = all(run.volume for run in result.runs)
    shown = {
        method: np.array(
            [at_cost(run, "volume" if volumes else "mean_gap", costs) for run in result.runs if run.method == method]
        )
        for method in result.methods()
    }
    least = -np.inf if volumes else FLOOR * max(float(curves.max()) for curves in shown.values())
    bands = {}
    for method, found in shown.items():
        curves = np.maximum(found, least)
        lower, upper = np.quantile(curves, [0.25, 0.75], axis=0)
        bands[method] = Band(len(curves), curves.mean(axis=0).tolist(), lower.tolist(), upper.tolist())
    return GapCurves(
        share=(100 * costs / result.exhaustive_cost).tolist(),
        bands=bands,
        across=f"cost {'with' if with_initial else 'after'} the initial points [% of the cost of all candidates]",
        up="dominated hypervolume / that of the true front" if volumes else headed(f"mean gap to the true {best}", unit),
        logarithmic=not volumes,
    )


def draw_curves(found: GapCurves, path: Path) -> Path:
    """Draws the lines as PNG, SVG or PDF, as the file's name ends."""
    from matplotlib.figure import Figure

    with style.drawing():
        beside = len(found.bands) > INSIDE
        figure = Figure(figsize=(7.8 if beside else 5.6, 3.8), layout="constrained")
        axes = figure.subplots()
        for method, (colour, dashes) in line_styles(list(found.bands)).items():
            band = found.bands[method]
            label = f"{method} ({counted(band.seeds, 'seed')})"
            # In a document, what is not a number is none.
            mean, lower, upper = (np.array(line, dtype=np.float64) for line in (band.mean, band.lower, band.upper))
            axes.plot(found.share, mean, dashes, color=colour, lw=1.8, label=label)
            axes.fill_between(found.share, lower, upper, color=colour, alpha=0.18, lw=0)
        axes.set_yscale("log" if found.logarithmic else "linear")
        axes.set_xlim(0, found.share[-1])
        axes.set_xlabel(found.across)
        axes.set_ylabel(found.up)
        axes.grid(alpha=0.3, lw=0.5, which="both", axis="y")
        if beside:
            figure.legend(loc="outside right upper", frameon=False)
        else:
            axes.legend()
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=160)
    return path
