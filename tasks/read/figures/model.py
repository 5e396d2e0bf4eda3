"""A trained model's figures: how its error fell, predicted against computed, and whether its error bars are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.model_registry import ModelRecord
from tansaku.models.domain.surrogates import Progress
from tansaku.models.domain.wording import headed
from tansaku.tasks.node.jobs.judging import Compared
from tansaku.tasks.read.figures.drawing import Drawing
from tansaku.tasks.read.figures.parity import coverage_drawing, draw_coverage
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN, figure_at
from tansaku.tasks.read.views import trained_models

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COVERAGE = "observed coverage (held-out data)"


def draw_model(
    record: ModelRecord, sides: Mapping[str, Mapping[str, Compared]], curve: Sequence[Progress], folder: Path
) -> list[Path]:
    """Draws the figures of a version as PNG: one of the learning curve, one per property.

    Args:
        sides: Predictions of ``training`` and ``held_out`` by property.
        curve: Steps of the training.
        folder: Made if it does not exist.

    Raises:
        ConfigurationError: The folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"folder {str(folder)!r} cannot be created: {error.strerror}") from error
    name = f"{record.name}-{record.version}"
    paths = [_draw_curve(curve, folder / f"{name}-learning.png")] if curve else []
    for key, held_out in sides["held_out"].items():
        file, calibrated = folder / f"{name}-{key}.png", len(held_out.scores()) > 0
        paths.append(_draw_parity(record, key, sides["training"].get(key), held_out, file, calibrated=calibrated))
    return paths


def model_drawings(
    record: ModelRecord, sides: Mapping[str, Mapping[str, Compared]], curve: Sequence[Progress]
) -> list[Drawing]:
    """The figures of a version alone: its learning curve, and of each property the parity and the calibration.

    Args:
        sides: Predictions of ``training`` and ``held_out`` by property.
        curve: Steps of the training.
    """
    made = []
    if curve:
        columns = {key: [getattr(item, key) for item in curve] for key in ("step", "training", "validation")}
        units = dict.fromkeys(("training", "validation"), curve[0].unit)
        made.append(Drawing("learning", columns, partial(_draw_curve, curve), units=units))
    for key, held_out in sides["held_out"].items():
        training = sides["training"].get(key)
        units = dict.fromkeys(("computed", "predicted", "deviation"), held_out.unit)
        draw = partial(_draw_parity, record, key, training, held_out, calibrated=False)
        made.append(Drawing(f"parity-{key}", _points({"held out": held_out, "training": training}), draw, units=units))
        if len(held_out.scores()):
            observed = trained_models.coverage(held_out)
            made.append(coverage_drawing(f"calibration-{key}", trained_models.NOMINAL, observed, _COVERAGE))
    return made


def _points(sides: Mapping[str, Compared | None]) -> dict[str, list[object]]:
    """The points of a parity figure as columns."""
    found: dict[str, list[object]] = {"data": [], "computed": [], "predicted": [], "deviation": []}
    for name, side in sides.items():
        if side is not None:
            found["data"] += [name] * len(side.computed)
            for key in ("computed", "predicted", "deviation"):
                found[key] += np.asarray(getattr(side, key), dtype=np.float64).tolist()
    return found


def _draw_curve(curve: Sequence[Progress], path: Path) -> Path:
    steps = [item.step for item in curve]
    with figure_at(path, 4.2, 3.2) as figure:
        axes = figure.subplots()
        axes.semilogy(steps, [item.validation for item in curve], "-", color=ACCENT, lw=1.2, label="validation set")
        axes.semilogy(steps, [item.training for item in curve], "-", color=MAIN, lw=1.2, label="training")
        axes.set(xlabel="step", ylabel=headed("root mean square error", curve[0].unit))
        axes.legend()
    return path


def _draw_parity(
    record: ModelRecord, key: str, training: Compared | None, held_out: Compared, path: Path, *, calibrated: bool
) -> Path:
    """Draws predicted against computed values, with the calibration beside them if that is wanted."""
    with figure_at(path, 7.2 if calibrated else 3.6, 3.6) as figure:
        every = figure.subplots(1, 2 if calibrated else 1, squeeze=False)[0]
        _parity(every[0], training, held_out)
        every[0].set_xlabel(headed(f"{key}, {_whose(record)}", held_out.unit))
        every[0].set_ylabel(headed(f"predicted by {record.label}", held_out.unit))
        if calibrated:
            draw_coverage(every[1], trained_models.NOMINAL, trained_models.coverage(held_out), _COVERAGE)
    return path


def _parity(axes: Axes, training: Compared | None, held_out: Compared) -> None:
    every = [held_out.computed, held_out.predicted]
    if training is not None:
        every += [training.computed, training.predicted]
    both = np.concatenate(every)
    margin = 0.04 * float(np.ptp(both)) or 1.0
    limits = (float(both.min()) - margin, float(both.max()) + margin)
    axes.plot(limits, limits, "-", color=FAINT, lw=0.8, zorder=0)
    # Many thousand points: pixels, not shapes.
    for name, found, colour in (("held out", held_out, ACCENT), ("training", training, MAIN)):
        if found is not None:
            label = f"{name}: {error_text(found)}"
            axes.plot(found.computed, found.predicted, "o", color=colour, ms=1.5, mew=0, label=label, rasterized=True)
    axes.set(xlim=limits, ylim=limits, aspect="equal")
    axes.legend(markerscale=3, loc="upper left", fontsize=6)


def error_text(found: Compared) -> str:
    """Errors in words; energies in thousandths."""
    errors = found.errors()
    thousandths = errors.unit.startswith("eV")
    factor, unit = (1000.0, f"m{errors.unit}") if thousandths else (1.0, errors.unit)
    correlation = "" if errors.correlation is None else f", r {errors.correlation:.4f}"
    size = "" if unit == "1" else f" {unit.replace('Angstrom', 'Å')}"
    return f"MAE {factor * errors.mae:.3g}, RMSE {factor * errors.rmse:.3g}{size}{correlation}"


def _whose(record: ModelRecord) -> str:
    return "of the label" if record.learns == "label" else "of the calculator"
