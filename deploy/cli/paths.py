"""`tansaku path`: hops, paths and diffusion after a search for the bottleneck of an energy surface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import NameArgument, SiteOption, opened
from tansaku.deploy.cli.tables import Cell, show_json, show_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tansaku.tasks.paths.files import PathReport
    from tansaku.tasks.paths.surface import SurfaceBarrier

_MOST_HOPS = 20


def path(
    name: NameArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder for the files and figures.")] = Path(),
    refine: Annotated[
        bool, typer.Option("--refine", help="Relax minima and saddle points with the campaign's calculator, in this process.")
    ] = False,
    method: Annotated[
        Literal["band", "dimer", "plane"],
        typer.Option(
            "--method",
            help="Of refined hops: climbing-image bands, the dimer method from the pass of the grid, or the ion relaxed in the "
            "plane perpendicular to the path at the pass.",
        ),
    ] = "band",
    images: Annotated[int, typer.Option("--images", min=1, max=31, help="Images between the ends of a refined band.")] = 5,
    temperature: Annotated[
        list[float] | None, typer.Option("--temperature", metavar="K", min=1.0, help="Temperature [K]; give two or more.")
    ] = None,
    attempt: Annotated[
        float,
        typer.Option("--attempt-frequency", metavar="HZ", min=1.0, help="Of hops whose vibrations are not computed [Hz]."),
    ] = 1e13,
    as_json: Annotated[bool, typer.Option("--json", help="Print network.json instead of tables.")] = False,
    site: SiteOption = None,
) -> None:
    """Writes the hops, the path and the diffusion coefficient that follow from a search for a bottleneck."""
    from tansaku.calculators.workflows.diffusion.refinement import RefinementSettings
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.figures.paths import draw_paths
    from tansaku.tasks.paths.files import TEMPERATURES, PathReport, write_report
    from tansaku.tasks.paths.refine import refine_surface
    from tansaku.tasks.paths.surface import read_surface
    from tansaku.tasks.views.results import CampaignData

    if temperature is not None and len(temperature) < 2:
        raise ConfigurationError("--temperature: one temperature; expected two or more, for an activation energy")
    with opened(site) as resources:
        data = CampaignData.load(resources.store, name, resources.artifacts)
    surface = read_surface(data)
    settings = RefinementSettings(method=method, images=images)
    refinement = refine_surface(data, surface, out, settings) if refine else None
    report = PathReport.of(surface, refinement, temperature or TEMPERATURES, attempt)
    written = [*write_report(report, out), *draw_paths(data, report, out)]
    if as_json:
        show_json(report.document())
        return
    _show(name, report)
    for file in written:
        say(str(file))


def show_barriers(name: str, barriers: Sequence[SurfaceBarrier]) -> None:
    """Prints the barriers of a surface in one, two and three dimensions."""
    columns = ("dimensions", "barrier [eV]", "± 95 %", "directions", "limiting hop", "bottleneck", "computed")
    rows: list[list[Cell]] = []
    for found in barriers:
        directions = " ".join(f"[{' '.join(map(str, direction))}]" for direction in found.directions)
        place = None if found.bottleneck is None else "(" + ", ".join(f"{part:.3f}" for part in found.bottleneck) + ")"
        rows.append(
            [
                found.dimensions,
                None if found.barrier is None else f"{found.barrier:.3f}",
                _width(found),
                directions or "no path",
                found.limiting_hop,
                place,
                found.computed,
            ]
        )
    show_table(columns, rows, f"{name}: barriers of paths in one, two and three dimensions")


def _width(found: SurfaceBarrier) -> Cell:
    if found.tolerance is None:
        return None
    return "certain" if found.tolerance == 0.0 else f"{found.tolerance:.2g}"


def _show(name: str, report: PathReport) -> None:
    show_barriers(name, report.surface.barriers)
    document = report.document()
    columns = ("hop", "length [Å]", "barrier [eV]", "back [eV]", "method", "limits")
    rows: list[list[Cell]] = [
        [
            hop["hop"],
            f"{hop['length']:.2f}",
            f"{hop['forward_barrier']:.3f}",
            f"{hop['reverse_barrier']:.3f}",
            hop["method"],
            " ".join(hop["limits"]),
        ]
        for hop in document["hops"][:_MOST_HOPS]
    ]
    show_table(columns, rows, f"{name}: the lowest hops of {len(document['hops'])}")
    if report.refinement is not None:
        for hop, reason in report.refinement.failures.items():
            say(f"hop {hop} was not refined: {reason}", err=True)
        easiest = report.network.percolations[report.surface.goal.dimensions - 1]
        if easiest is not None:
            lowest = report.network.sites[report.network.minimum].energy
            say(f"refined barrier: {easiest.level - lowest:.3f} eV after {report.refinement.evaluations} more evaluations")
    if report.diffusion is not None:
        temperatures, found = report.diffusion.temperatures, report.diffusion.coefficients
        values = ", ".join(f"{value:.2g} at {kelvin:g} K" for kelvin, value in zip(temperatures, found, strict=True))
        say(f"diffusion [cm²/s]: {values}; activation energy {report.diffusion.energy:.3f} eV")
