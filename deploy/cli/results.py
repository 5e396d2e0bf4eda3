"""`tansaku results`, `tansaku plot` and `tansaku hull`: show the results of a campaign as tables and figures."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tansaku.deploy.cli.printing import say, writing
from tansaku.deploy.cli.session import NameArgument, SiteOption, opened
from tansaku.deploy.cli.tables import Cell, show_json, show_table
from tansaku.models.domain.wording import headed

if TYPE_CHECKING:
    import pandas as pd

    from tansaku.models.domain.records import JsonDict
    from tansaku.tasks.read.views.campaign import Campaign, Purpose
    from tansaku.tasks.read.views.stable import Stable
    from tansaku_client.diagrams import PhaseDiagram

EITHER = "--json and --csv: give one of them"
"""Error of a command that is to print both."""

_WIDE = 105  # columns of a terminal that has room for candidate ids
_CELLS = 12  # a description of more is not shown beside a table
_BARRIER = ("spread", "barrier_1d", "barrier_2d", "barrier_3d", "directions", "hops", "limiting_hop")
_DETAILS = (*_BARRIER, "state", "reason", "unlikely")


def results(
    name: NameArgument,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list, one object per row.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values.")] = False,
    evaluations: Annotated[bool, typer.Option("--evaluations", help="One row per evaluation, not per system.")] = False,
    polish: Annotated[
        bool, typer.Option("--polish", help="With --evaluations: show those of the final relaxation instead.")
    ] = False,
    site: SiteOption = None,
) -> None:
    """Shows the results of a campaign, also while it runs: per system, composition or evaluation, or the Pareto front."""
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.models.domain.records import SEARCHED

    if as_json and as_csv:
        raise ConfigurationError(EITHER)
    if polish and not evaluations:
        raise ConfigurationError("--polish: only together with --evaluations")
    from tansaku.tasks.read.views.campaign import Campaign
    from tansaku.tasks.read.views.stable import stable_of

    purposes: tuple[Purpose, ...] = ("polish",) if polish else ("reference", *SEARCHED)
    with opened(site) as resources:
        if evaluations and as_csv:
            from tansaku.tasks.read.views.downloads import row_parts

            for part in row_parts(resources.store, name, *purposes):
                say(part, nl=False)
            return
        campaign = Campaign.load(resources.store, name, resources.artifacts)
        if evaluations:
            _show_evaluations(campaign, purposes, as_json=as_json)
        elif (view := _view_of(campaign)) is not None:
            view(campaign, resources.artifacts, as_json=as_json, as_csv=as_csv)
        elif campaign.spec.objective.goals:
            _show_front(campaign, as_json=as_json, as_csv=as_csv)
        elif (stable := stable_of(campaign)) is not None:
            _show_stable(campaign, stable, as_json=as_json, as_csv=as_csv)
        elif campaign.spec.space.description.overview == "compositions":
            _show_compositions(campaign, as_json=as_json, as_csv=as_csv)
        else:
            _show_systems(campaign, as_json=as_json, as_csv=as_csv)
            if campaign.spec.space.densities and not (as_json or as_csv):
                _show_densities(campaign)


def _show_evaluations(data: Campaign, purposes: tuple[Purpose, ...], *, as_json: bool) -> None:
    from tansaku.models.domain.evaluation_columns import PURPOSES, Place, shown_at
    from tansaku.tasks.read.views.results import evaluation_rows

    rows = sorted((row for purpose in purposes for row in evaluation_rows(data, purpose)), key=itemgetter("round"))
    if as_json:
        show_json(rows)
        return
    rows = [row | {"state": f"{row['state']} {PURPOSES[row['purpose']]}".strip()} for row in rows]
    columns, further = [column.name for column in shown_at(Place.TERMINAL, data.spec)], data.spec.objective.further
    cells = [[*(row[column] for column in columns), *(row["others"][goal.property] for goal in further)] for row in rows]
    show_table([*columns, *(headed(goal.property, goal.unit) for goal in further)], cells, data.record.name)


def _say_csv(frame: pd.DataFrame) -> None:
    from tansaku.tasks.ground.formats.csv_text import csv_of

    say(csv_of(frame), nl=False)


def _view_of(data: Campaign) -> Callable[..., None] | None:
    """Function that prints results in the way of the goal; None: the goal has none, or nothing was computed yet."""
    import numpy as np

    from tansaku.models.domain.rooms import code_behind, views

    name = data.spec.objective.goal.view
    view = views().get(name)
    if view is None or np.isnan(data.columns.values[data.columns.searched]).all():
        return None
    printer: Callable[..., None] = code_behind("views", name, view.printer)
    return printer


def _show_front(data: Campaign, *, as_json: bool, as_csv: bool) -> None:
    import pandas as pd

    from tansaku.tasks.read.views.fronts import campaign_front

    front = campaign_front(data)
    rows = [] if front is None else list(front.rows)
    if as_json:
        show_json(rows)
    elif as_csv:
        _say_csv(pd.DataFrame(rows))
    elif front is None:
        say("no evaluation has a value yet")
    else:
        columns = [*(headed(axis.name, axis.unit) for axis in front.axes), "candidate", "system", "round"]
        keys = [*(axis.name for axis in front.axes), "candidate", "system", "round"]
        show_table(columns, [[row[key] for key in keys] for row in rows], f"{data.record.name}: Pareto front")
        say(front.describe())


def _show_stable(data: Campaign, stable: Stable, *, as_json: bool, as_csv: bool) -> None:
    if as_json:
        show_json(stable.rows)
    elif as_csv:
        _say_csv(stable.frame)
    else:
        columns = ["candidate", "probability [%]", "above the hull [meV/atom]", "round"]
        table: list[list[Cell]] = [
            [
                row.candidate,
                None if row.probability is None else round(100 * row.probability, 1),
                None if row.energy_above_hull is None else 1000 * row.energy_above_hull,
                row.round,
            ]
            for row in stable.found
        ]
        show_table(columns, table, f"{data.record.name}: candidates that may be stable, the likeliest first")
        if data.certificate is not None:
            say(data.certificate.describe())
        say(stable.describe())


def _show_compositions(data: Campaign, *, as_json: bool, as_csv: bool) -> None:
    from tansaku.tasks.read.views.compositions import composition_rows, compositions_frame

    if as_csv:
        _say_csv(compositions_frame(data))
        return
    rows, key = composition_rows(data), data.value_key
    if as_json:
        show_json(rows)
        return
    columns = ["formula", "candidate", headed(key, data.spec.objective.unit), *_DETAILS, "model"]
    table = [
        [row["formula"], row["candidate"], row[key], *(_joined(row[name]) for name in _DETAILS), row["model"]] for row in rows
    ]
    show_table(columns, table, f"{data.record.name}: evaluated compositions, best first")
    _show_hits(data)


def _show_hits(data: Campaign) -> None:
    """Lists the candidates that meet the threshold of the goal, where it has one."""
    from tansaku.tasks.read.views.hits import hits_of

    hits = hits_of(data)
    if hits is None:
        return
    if not hits.found:
        say(f"no candidate {hits.threshold} yet")
        return
    looked = any(hit.predicted for hit in hits.found)
    columns = ["round", "candidate", headed(data.value_key, data.spec.objective.unit), *(["from"] if looked else [])]
    table: list[list[Cell]] = [
        [hit.round, hit.candidate, hit.value, *(["predicted" if hit.predicted else "computed"] if looked else [])]
        for hit in hits.found
    ]
    say(f"{hits.describe()}, best first:")
    show_table(columns, table)


def _joined(value: object) -> Cell:
    """Formats a list for one cell, lattice directions as ``[1 0 -1]``."""
    if isinstance(value, list | tuple):
        return ", ".join(f"[{' '.join(map(str, item))}]" if isinstance(item, list | tuple) else str(item) for item in value)
    return value  # type: ignore[return-value]


def _say_waiting(data: Campaign) -> None:
    """Says how many proposals wait for values that people or robots report."""
    if data.spec.manual and (count := int((~data.columns.terminal).sum())):
        name = data.record.name
        say(f"waiting for {count} {'value' if count == 1 else 'values'}: `tansaku ask {name}` shows them", err=True)


def _show_systems(data: Campaign, *, as_json: bool, as_csv: bool) -> None:
    from tansaku.tasks.read.views.chemical_potential import winning_lines
    from tansaku.tasks.read.views.densities import with_densities
    from tansaku.tasks.read.views.overview import crystal_warnings
    from tansaku.tasks.read.views.results import stress_text, system_rows, systems_frame, thickness_lines, unchecked_lines
    from tansaku.tasks.read.views.status import doubtful_bests

    if as_csv:
        _say_csv(systems_frame(data))
        return
    rows = system_rows(data)
    if as_json:
        show_json(with_densities(data, rows))
        return
    key, unit = data.value_key, data.spec.objective.unit
    boundaries = key == "E_gb"
    head = ["angle [°]", "Σ", "plane"] if boundaries else ["system"]
    polished = any(row[f"{key}_polished"] is not None for row in rows)
    columns = [*head, headed(key, unit), *(["relaxed"] if polished else [])]
    known = any(row["stress"] is not None for row in rows)
    columns += ["excess volume [Å]", "stress xx, yy [J/m2]"] if known else []
    looked = any(row["predicted"] for row in rows)
    sourced = any(row["from"] is not None for row in rows)
    columns += [*(["from"] if sourced else []), "evaluations", *(["predicted"] if looked else [])]
    columns += ["failed", "cost", "share [%]", "best candidate"]
    table = []
    for row in rows:
        names = (
            [round(row["angle"], 2), row["sigma"], "(" + " ".join(map(str, row["plane"])) + ")"]
            if boundaries
            else [row["system"]]
        )
        found, candidate = _shown_best(row, key)
        excess = [row["excess_volume"], stress_text(row["stress"])] if known else []
        values = [*(found if polished else found[:1]), *excess, *([row["from"]] if sourced else [])]
        counts = [row["evaluations"], *([row["predicted"]] if looked else []), row["failed"]]
        table.append([*names, *values, *counts, row["cost"], 100 * row["share"], candidate])
    if sys.stdout.isatty() and shutil.get_terminal_size().columns < _WIDE:
        columns, table = columns[:-1], [row[:-1] for row in table]
    show_table(
        columns, table, f"{data.record.name}: best found per system; share: cost spent / cost of evaluating the whole system"
    )
    if polished:
        say(f"relaxed: after the final relaxation, of its best candidate; {key}: the same candidate in the search")
    others = (*crystal_warnings(data.spec), *doubtful_bests(data))
    warnings = [*unchecked_lines(rows), *(f"warning: {warning}" for warning in others)]
    lines = [*_described_bests(rows), *_other_bests(rows, key, unit), *thickness_lines(rows), *winning_lines(data), *warnings]
    for line in lines:
        say(line)
    _show_hits(data)
    _say_waiting(data)
    if looked:
        say("predicted: values given by a trained model; computed values take precedence")
    if (compared := data.cost_comparison) is not None:
        say(compared.describe())


def _shown_best(row: JsonDict, key: str) -> tuple[list[Cell], Cell]:
    """Values of a system's line, in the search and after the final relaxation, and the one candidate that has both."""
    if row["polished_candidate"] is None:
        return [row[key], None], row["best_candidate"]
    return [row["polished_searched"], row[f"{key}_polished"]], row["polished_candidate"]


def _described_bests(rows: Sequence[JsonDict]) -> Iterator[str]:
    """A line for each best candidate that has a description of few cells."""
    for row in rows:
        if 0 < len(row["cells"]) <= _CELLS:
            cells = ", ".join(
                f"{name} {f'{cell:.6g}' if isinstance(cell, float) else cell}" for name, cell in row["cells"].items()
            )
            yield f"{row['best_candidate']}: {cells}"


def _other_bests(rows: Sequence[JsonDict], key: str, unit: str) -> Iterator[str]:
    """A line for each system in which the search and the final relaxation have other best candidates."""
    for row in rows:
        if row["polished_candidate"] is not None and row["best_candidate"] not in (None, row["polished_candidate"]):
            yield f"{row['system']}: the search's best was {row['best_candidate']}, {row[key]:.6g} {unit} before the relaxation"


def plot(
    name: NameArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder for the figures.")] = Path(),
    site: SiteOption = None,
) -> None:
    """Plots a campaign as PNG."""
    from tansaku.tasks.read.figures import draw_campaign
    from tansaku.tasks.read.views.campaign import Campaign

    with opened(site) as resources:
        data = Campaign.load(resources.store, name, resources.artifacts)
        for path in draw_campaign(data, resources.artifacts, out):
            say(str(path))


def hull(
    name: NameArgument,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list, one object per phase; energies in eV/atom.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values.")] = False,
    figure: Annotated[
        Path | None,
        typer.Option("--figure", metavar="FILE", help="Draw it (two or three elements): a .png or .svg."),
    ] = None,
    entries: Annotated[
        Path | None, typer.Option("--entries", metavar="FILE", help="Write the crystals as entries of pymatgen, JSON.")
    ] = None,
    emmet: Annotated[
        Path | None, typer.Option("--emmet", metavar="FILE", help="Write them with the names of the Materials Project, JSON.")
    ] = None,
    site: SiteOption = None,
) -> None:
    """Shows the phase diagram of a campaign's results and given phases: energies above the hull, decomposition, figure."""
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.read.views.campaign import Campaign
    from tansaku.tasks.read.views.hull import campaign_hull

    if as_json and as_csv:
        raise ConfigurationError(EITHER)
    with opened(site) as resources:
        data = Campaign.load(resources.store, name)
        found = campaign_hull(data)
        if entries is not None:
            from tansaku.tasks.read.views.entries import write_entries

            write_entries(data, resources.artifacts, entries)
        if emmet is not None:
            from tansaku.tasks.read.views.entries import write_summaries

            write_summaries(data, resources.artifacts, emmet)
    show_hull(found, name, as_json=as_json, as_csv=as_csv)
    if figure is not None:
        from tansaku.tasks.read.figures import hull as hull_figure

        with writing("--figure", figure):
            hull_figure.draw(found, figure)
        if not (as_json or as_csv):
            say(str(figure))


def show_hull(found: PhaseDiagram, name: str, *, as_json: bool, as_csv: bool) -> None:
    """Prints a phase diagram.

    Args:
        as_json: Whether it is JSON, not a table.
        as_csv: Whether it is CSV.
    """
    if as_json:
        show_json(found.rows)
    elif as_csv:
        _say_csv(found.frame)
    else:
        columns = ["phase", "formula", "formation energy [meV/atom]", "above the hull [meV/atom]", "decomposes into", "from"]
        table = [
            [
                *(row["phase"], row["formula"], 1000 * row["formation_energy"], 1000 * row["energy_above_hull"]),
                " + ".join(f"{share:.2f} {part}" for part, share in row["decomposition"].items()),
                "given" if row["given"] else f"round {row['round']}",
            ]
            for row in found.rows
        ]
        show_table(columns, table, f"{name}: phases, the most stable first; shares are of atoms")
        say(found.describe())


def _show_densities(data: Campaign) -> None:
    """Prints the lowest energy of each fraction of a plane, and a line for each metastable phase."""
    from tansaku.tasks.read.views.densities import density_rows, metastable_lines, phase_rows
    from tansaku.tasks.read.views.results import stress_text

    rows = density_rows(data)
    if not rows:
        return
    unit = data.spec.objective.unit
    columns = ["system", "n", headed("E_gb", unit), "excess volume [Å]", "stress xx, yy [J/m2]", "cell", "found", "candidate"]
    table = [
        [
            *(row["system"], round(row["n"], 3), row["E_gb"], row["excess_volume"], stress_text(row["stress"])),
            *(row["replication"], row["found"], row["candidate"]),
        ]
        for row in rows
    ]
    say("")
    show_table(columns, table, f"{data.record.name}: lowest found for each fraction of a plane n")
    for line in metastable_lines(phase_rows(data), unit):
        say(line)
