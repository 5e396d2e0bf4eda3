"""`tansaku path`: hops, paths and diffusion after a search for the bottleneck of an energy surface.

`rooms/diffusion/tasks/surface.py` reads the surface and its barriers, `rooms/diffusion/hops/basins.py` finds the hops,
and `rooms/diffusion/hops/rates.py` computes the diffusion.
"""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import NameArgument, SiteOption, opened
from tansaku.deploy.cli.tables import Cell, show_json, show_table
from tansaku.models.domain.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tansaku.diffusion.hops.rates import Arrhenius
    from tansaku.diffusion.hops.refinement import Refinement
    from tansaku.diffusion.tasks.files import PathReport
    from tansaku.diffusion.tasks.surface import SurfaceBarrier
    from tansaku.models.domain.ports import ArtifactStore
    from tansaku.tasks.read.views.campaign import Campaign

_MOST_HOPS = 20
_EQUAL = 1e-3
"""Refined passes that differ by less are equally high [eV]."""


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
    from tansaku.diffusion.hops.refinement import RefinementSettings
    from tansaku.diffusion.tasks.figures import draw_paths
    from tansaku.diffusion.tasks.files import TEMPERATURES, PathReport, make_folder, write_report
    from tansaku.diffusion.tasks.refine import refine_surface
    from tansaku.diffusion.tasks.surface import read_surface
    from tansaku.tasks.node.jobs.spool_files import writing_to
    from tansaku.tasks.read.views.campaign import Campaign

    _check_numbers(temperature, attempt)
    with opened(site) as resources:
        data = Campaign.load(resources.store, name, resources.artifacts).whole()
        surface = read_surface(data, resources.artifacts)
    settings = RefinementSettings(method=method, images=images)
    make_folder(out)
    with writing_to(out):
        refinement = refine_surface(data, surface, out, settings) if refine else None
        report = PathReport.of(surface, refinement, temperature or TEMPERATURES, attempt)
        written = [*write_report(report, out), *draw_paths(data, report, out)]
    if as_json:
        show_json(report.document())
        return
    show_report(name, report)
    for file in written:
        say(str(file))


def _check_numbers(temperatures: Sequence[float] | None, attempt: float) -> None:
    """Raises ConfigurationError for numbers that give no activation energy."""
    from tansaku.models.domain.errors import ConfigurationError

    if not isfinite(attempt):
        raise ConfigurationError(f"--attempt-frequency: {attempt:g}; expected a finite number")
    for value in temperatures or ():
        if not isfinite(value):
            raise ConfigurationError(f"--temperature: {value:g}; expected finite numbers")
    if temperatures is not None and len(set(temperatures)) < 2:
        raise ConfigurationError("--temperature: one temperature; expected two or more, for an activation energy")


def show_barriers(name: str, barriers: Sequence[SurfaceBarrier]) -> None:
    """Prints the barriers of a surface in one, two and three dimensions."""
    from tansaku.diffusion.tasks.surface import jump_warnings

    columns = ("dimensions", "barrier [eV]", "± 95 %", "grid ± [eV]", "directions", "limiting hop", "bottleneck", "computed")
    rows: list[list[Cell]] = []
    for found in barriers:
        directions = " ".join(f"[{' '.join(map(str, direction))}]" for direction in found.directions)
        place = None if found.bottleneck is None else "(" + ", ".join(f"{part:.3f}" for part in found.bottleneck) + ")"
        rows.append(
            [
                found.dimensions,
                None if found.barrier is None else f"{found.barrier:.3f}",
                _width(found),
                None if found.grid_error is None else f"{found.grid_error:.3f}",
                directions or "no path",
                found.limiting_hop,
                place,
                found.computed,
            ]
        )
    over = f"over the grid, {barriers[0].connectivity} neighbours of a point"
    show_table(columns, rows, f"{name}: barriers of paths in one, two and three dimensions {over}")
    for warning in jump_warnings(name, barriers):
        say(f"warning: {warning}", err=True)


def show_surface(data: Campaign, artifacts: ArtifactStore, *, as_json: bool, as_csv: bool) -> None:
    """Prints the barriers of a campaign's energy surface for `tansaku results`; as JSON the surface's row with ``barriers``."""
    from tansaku.diffusion.tasks.surface import read_surface
    from tansaku.tasks.read.views.results import system_rows

    barriers = read_surface(data, artifacts).barriers
    if as_json:
        show_json([{**row, "barriers": [found.row() for found in barriers]} for row in system_rows(data)])
    elif as_csv:
        import pandas as pd

        from tansaku.tasks.ground.formats.csv_text import csv_of

        say(csv_of(pd.DataFrame([found.row() for found in barriers])), nl=False)
    else:
        show_barriers(data.record.name, barriers)


def _width(found: SurfaceBarrier) -> Cell:
    if found.tolerance is None:
        return None
    return "certain" if found.tolerance == 0.0 else f"{found.tolerance:.2g}"


def show_report(name: str, report: PathReport) -> None:
    """Prints barriers, hops, what was refined, and the diffusion coefficient."""
    show_barriers(name, report.surface.barriers)
    place = report.surface.goal.dimensions - 1
    by_neighbours = [
        f"{f'{found[place]:.3f} eV' if found[place] < float('inf') else 'no path'} with {number} neighbours"
        for number, found in report.surface.barriers_by_neighbours().items()
    ]
    say(f"barrier over the grid in {place + 1} dimension(s): {', '.join(by_neighbours)}")
    _show_hops(name, report)
    if report.refinement is not None:
        _show_refinement(report, report.refinement)
    if report.diffusion is not None:
        _show_diffusion(name, report.diffusion)


def _show_diffusion(name: str, found: Arrhenius) -> None:
    """Prints the diffusion coefficient against temperature: the mean over all directions, and along the tensor's axes."""
    rows: list[list[Cell]] = []
    for kelvin, mean, along in zip(found.temperatures, found.coefficients, found.along, strict=True):
        numbers = [f"{value:.2g}" for value in along[: found.dimensions]] + ["none"] * (3 - found.dimensions)
        rows.append([f"{kelvin:g}", *([f"{mean:.2g}", *numbers] if mean > 0.0 else ["no diffusion", "", "", ""])])
    columns = ("temperature [K]", "mean [cm²/s]", "along axis 1", "along axis 2", "along axis 3")
    show_table(columns, rows, f"{name}: diffusion coefficient [cm²/s]")
    moves = f"the ion moves in {counted(found.dimensions, 'dimension')}; the mean is over all directions in space"
    say(f"diffusion: {moves}; activation energy {found.energy:.3f} eV")


def _show_hops(name: str, report: PathReport) -> None:
    """Prints the lowest hops, one of those that symmetry makes equal; ``limits`` is judged by the energies in the table."""
    from tansaku.diffusion.tasks.files import distinct_hops

    hops = distinct_hops(report.document())
    columns = ("hop", "in a cell", "length [Å]", "barrier [eV]", "back [eV]", "method", "limits")
    rows: list[list[Cell]] = [
        [
            hop["hop"],
            hop["count"],
            f"{hop['length']:.2f}",
            f"{hop['forward_barrier']:.3f}",
            f"{hop['reverse_barrier']:.3f}",
            hop["method"],
            " ".join(hop["limits"]),
        ]
        for hop in hops[:_MOST_HOPS]
    ]
    of = "refined hops" if report.refinement is not None else "hops of the grid"
    lowest = "" if len(hops) <= _MOST_HOPS else f", the lowest {_MOST_HOPS} of {len(hops)} distinct ones"
    show_table(columns, rows, f"{name}: {of}{lowest}")


def _show_refinement(report: PathReport, refinement: Refinement) -> None:
    """Prints what a refinement found and spent; on the error stream what is wrong with it."""
    from tansaku.diffusion.hops.hop_network import GRID
    from tansaku.diffusion.hops.refinement import RefinementSettings
    from tansaku.diffusion.hops.report import pass_label

    for hop, reason in refinement.failures.items():
        say(f"hop {hop} was not refined: {reason}", err=True)
    for found in refinement.hops:
        if found.force_along is not None and abs(found.force_along) > RefinementSettings.fmax:
            say(
                f"hop {pass_label(report.surface.network.passes[found.number])}: in its plane the ion keeps a force of "
                f"{abs(found.force_along):.2f} eV/Å along the path: the saddle point is elsewhere and higher",
                err=True,
            )
    place = report.surface.goal.dimensions - 1
    easiest, before = report.network.percolations[place], report.surface.network.percolations[place]
    if easiest is None or before is None:
        return
    lowest = report.network.sites[report.network.minimum].energy
    spent = f"{refinement.evaluations} evaluations"
    if refinement.earlier:
        spent += f", {refinement.earlier} of them in an earlier run with this folder"
    highest = report.network.passes[easiest.limiting]
    limiting, grids = pass_label(highest), pass_label(report.surface.network.passes[before.limiting])
    if highest.method == GRID:
        # Its energy is that of a point of the grid, while minima may be refined.
        say(f"no refined barrier: hop {limiting}, which limits the path, was not refined; refinement: {spent}")
        return
    say(f"refined barrier: {easiest.level - lowest:.3f} eV; refinement: {spent}")
    energies = {pass_label(item): item.energy for item in report.network.passes}
    # Bands of hops that symmetry makes equal differ by less than they are converged.
    if limiting != grids and abs(easiest.level - energies[grids]) > _EQUAL:
        say(f"hop {grids} limits the path over the grid, hop {limiting} the refined one")
