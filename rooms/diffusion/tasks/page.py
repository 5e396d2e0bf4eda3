"""Diffusion of an ion as the dashboard shows it, from the evaluations and the model."""

from __future__ import annotations

import numpy as np

from tansaku.diffusion.tasks.figures import Slice, path_profile, surface_slices
from tansaku.diffusion.tasks.files import PathReport, distinct_hops
from tansaku.diffusion.tasks.page_records import (
    ArrheniusLine,
    BarrierLine,
    Diffusion,
    HopLine,
    PathLine,
    PosteriorLine,
    SurfaceSlice,
)
from tansaku.diffusion.tasks.surface import jump_warnings, read_surface
from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.units import convert
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.campaign_figures import evenly

_MOST_HOPS = 20
_MOST_ALONG = 40
"""Points of a slice along each vector; of more, evenly spaced ones are shown."""

_AXES = "abc"
_OF_A_HOP = ("hop", "count", "length", "forward_barrier", "reverse_barrier", "deviation")


def diffusion_of(data: Campaign, version: str, artifacts: ArtifactStore | None = None) -> Diffusion:
    """Barriers, path and diffusion from the evaluations and the model.

    Raises:
        ConfigurationError: The campaign does not search for a bottleneck, or nothing was computed yet.
    """
    surface = read_surface(data, artifacts)
    report = PathReport.of(surface)
    rates = report.diffusion
    return Diffusion(
        version=version,
        evaluations=int(surface.computed.sum()),
        dimensions=surface.goal.dimensions,
        connectivity=surface.goal.connectivity,
        barriers=tuple(
            BarrierLine(**{key: value for key, value in found.row().items() if key in BarrierLine.model_fields})
            for found in surface.barriers
        ),
        warnings=jump_warnings(data.record.name, surface.barriers),
        hops=_hops(report),
        slices=tuple(_slice(cut) for cut in surface_slices(surface)),
        path=_path(report),
        posterior=_posterior(data.certificates),
        diffusion=None
        if rates is None
        else ArrheniusLine(
            temperature=tuple(map(float, rates.temperatures)),
            coefficient=tuple(map(float, rates.coefficients)),
            along=tuple((float(first), float(second), float(third)) for first, second, third in rates.along),
            dimensions=rates.dimensions,
            energy=float(rates.energy),
        ),
    )


def _hops(report: PathReport) -> tuple[HopLine, ...]:
    """The lowest hops, one of those that symmetry makes equal."""
    return tuple(
        HopLine(limits=tuple(hop["limits"]), **{key: hop[key] for key in _OF_A_HOP})
        for hop in distinct_hops(report.document())[:_MOST_HOPS]
    )


def _slice(cut: Slice) -> SurfaceSlice:
    across, up = (name for number, name in enumerate(_AXES) if number != cut.axis)
    rows, columns = (evenly(count, _MOST_ALONG) for count in cut.energy.shape)
    return SurfaceSlice(
        axis=_AXES[cut.axis],
        height=cut.height,
        across=across,
        up=up,
        places_across=tuple((rows / cut.energy.shape[0]).tolist()),
        places_up=tuple((columns / cut.energy.shape[1]).tolist()),
        energy=tuple(map(_finite, cut.energy[np.ix_(rows, columns)])),
        deviation=tuple(map(_finite, cut.deviation[np.ix_(rows, columns)])),
        computed=tuple((float(x), float(y)) for x, y in cut.computed),
        top=cut.top,
    )


def _path(report: PathReport) -> PathLine | None:
    way, surface = path_profile(report), report.surface
    found = surface.path(surface.goal.dimensions)
    if way is None or found is None:
        return None
    return PathLine(
        distance=tuple(way.distance.tolist()),
        energy=tuple(way.energy.tolist()),
        deviation=_finite(way.deviation),
        computed=tuple(surface.computed[found.candidates].tolist()),
    )


def _posterior(certificates: tuple[Certificate, ...]) -> PosteriorLine | None:
    known = [(found, found.estimate) for found in certificates if found.estimate is not None]
    if not known:
        return None
    size = convert(1.0, known[0][0].unit, "eV")
    return PosteriorLine(
        evaluations=tuple(found.searched for found, _ in known),
        barrier=tuple(size * estimate for _, estimate in known),
        tolerance=tuple(None if found.tolerance is None else size * found.tolerance for found, _ in known),
    )


def _finite(values: FloatArray) -> tuple[float | None, ...]:
    """Numbers, None for those that are not finite."""
    return tuple(float(value) if np.isfinite(value) else None for value in values)
