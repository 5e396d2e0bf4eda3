"""`tansaku model screen`: relaxes many boundaries with a cheap calculator, predicts their energies, computes promising ones."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tansaku.deploy.cli.exits import ExitCode
from tansaku.deploy.cli.printing import say, say_progress
from tansaku.deploy.cli.run import PlainOption, drive_to_end
from tansaku.deploy.cli.session import SiteOption, opened, this_user
from tansaku.deploy.cli.tables import Cell, show_json, show_table
from tansaku.models.domain.wording import counted

if TYPE_CHECKING:
    from tansaku.models.domain.model_registry import ModelRecord
    from tansaku.tasks.backends.resources import Resources
    from tansaku.tasks.read.screening.labelling import Labelled
    from tansaku.tasks.read.screening.predicting import LoadedScreen
    from tansaku.tasks.read.screening.rows import ScreenRow

_SHOWN = 20
_PICTURES = 12


def screen(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Screen file.")],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="TABLE", help="Output table of all boundaries, lowest energy first: .csv or .csv.gz."),
    ],
    figures: Annotated[
        Path | None,
        typer.Option(
            "--figures", metavar="FOLDER", help="Plot the ranking and the atoms of the lowest boundaries to this folder."
        ),
    ] = None,
    plain: PlainOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
    site: SiteOption = None,
) -> None:
    """Relaxes many boundaries with a cheap calculator and predicts their energies; an interrupted screen continues.

    With `label` in the file the promising structures are computed, until the others are unlikely to be among the lowest.
    """
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.ground.settings import limit_threads

    limit_threads()
    from tansaku.tasks.act.commands.create import prepare_campaign
    from tansaku.tasks.loop.training.versions import find_model
    from tansaku.tasks.read.screening.predicting import load_screen
    from tansaku.tasks.read.screening.rows import write_table

    if not out.name.endswith((".csv", ".csv.gz")):
        raise ConfigurationError(f"--out {str(out)!r}: expected a name that ends in .csv or .csv.gz")
    if not out.parent.is_dir():
        raise ConfigurationError(f"--out {str(out)!r}: expected an existing folder")
    loaded = load_screen(file)
    with opened(site) as resources:
        record = find_model(resources.registry, loaded.spec.model)
        for campaign in loaded.campaigns:  # what is wrong with the last is said before the first spends anything
            prepare_campaign(resources, this_user(), campaign)
    for campaign in loaded.campaigns:
        reason = drive_to_end(campaign.spec.name, site, plain)
        if reason in ("paused", "cancelled"):
            say(f"{campaign.spec.name} is {reason}; nothing was predicted", err=True)
            raise typer.Exit(ExitCode.STOPPED)
    with opened(site) as resources:
        rows = _predict(resources, loaded, record)
        labelled = None if loaded.spec.label is None else _label(resources, loaded, rows)
        rows = rows if labelled is None else labelled.rows
        write_table(rows, out, predicted_by=record.label, computed_by=loaded.spec.calculator.type)
        if figures is not None:
            _draw(resources, loaded, record, rows, figures)
    _show(rows, labelled, record, out, as_json=as_json)


def _predict(resources: Resources, loaded: LoadedScreen, record: ModelRecord) -> list[ScreenRow]:
    """Returns rows of all relaxed structures; predictions of an earlier run of the screen are reused."""
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.loop.training.versions import open_model
    from tansaku.tasks.node.jobs.document import STRUCTURE_FILE
    from tansaku.tasks.read.screening.predicting import BoundaryPredictor, predicted, relaxed, row_file

    predictor = BoundaryPredictor.of(open_model(resources.artifacts, record), loaded.crystal)
    kept = row_file(resources, loaded, record)
    known = kept.read()
    outcomes = (evaluation.outcome for evaluation in relaxed(resources, loaded))
    wanted = {outcome.artifacts[STRUCTURE_FILE] for outcome in outcomes if outcome is not None}
    rows = [row for row in known if row.structure in wanted]
    begun, atoms, new = time.perf_counter(), 0, 0
    for row in kept.extend(predicted(predictor, relaxed(resources, loaded), resources.artifacts, known)):
        rows.append(row)
        atoms, new = atoms + row.atoms, new + 1
        if sys.stderr.isatty():
            say_progress(f"{counted(len(rows), 'boundary', 'boundaries')} predicted")
    if sys.stderr.isatty():
        say_progress()
    if not rows:
        raise ConfigurationError(f"screen {loaded.spec.name!r}: no structure was relaxed; see `tansaku status`")
    if new:
        seconds = time.perf_counter() - begun
        say(f"{counted(new, 'structure')} predicted in {seconds:.1f} s, {atoms / seconds:,.0f} atoms per second", err=True)
    return rows


def _label(resources: Resources, loaded: LoadedScreen, rows: Sequence[ScreenRow]) -> Labelled:
    """Computes the promising structures; computations of an earlier run of the screen are reused."""
    import numpy as np

    from tansaku.tasks.read.screening.labelling import Labeller, LabelRow, label_promising
    from tansaku.tasks.read.screening.predicting import kept_in
    from tansaku.tasks.read.screening.rows import RowFile

    assert loaded.spec.label is not None
    labeller, begun, count = Labeller(loaded, resources.artifacts), time.perf_counter(), 0

    def label(row: ScreenRow) -> LabelRow:
        nonlocal count
        count += 1
        if sys.stderr.isatty():
            say_progress(f"{counted(count, 'structure')} computed")
        return labeller.label(row)

    try:
        kept = RowFile(kept_in(resources, loaded) / f"labels-{labeller.identity}.jsonl", LabelRow)
        found = label_promising(rows, loaded.spec.label, label, kept, np.random.default_rng(loaded.spec.seed))
    finally:
        labeller.close()
    if sys.stderr.isatty():
        say_progress()
    if count:
        say(f"{counted(count, 'structure')} computed in {time.perf_counter() - begun:.0f} s", err=True)
    return found


def _draw(resources: Resources, loaded: LoadedScreen, record: ModelRecord, rows: Sequence[ScreenRow], folder: Path) -> None:
    import tempfile

    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.loop.training.versions import open_model
    from tansaku.tasks.read.figures.screen import draw_screen
    from tansaku.tasks.read.figures.structures import crystal_neighbours, draw_png, picture
    from tansaku.tasks.read.figures.style import footnote
    from tansaku.tasks.read.screening.predicting import BoundaryPredictor, painted
    from tansaku.tasks.read.screening.rows import best_of_each, boundary_name

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"folder {str(folder)!r} cannot be created: {error.strerror}") from error
    predicted_by = f"predicted by {record.label}, trained on energies of the {record.learns}"
    with footnote(f"{predicted_by}; computed by {loaded.spec.calculator.type}"):
        paths = [draw_screen(rows, folder / f"{loaded.spec.name}-ranks.png")]
    element = loaded.spec.space.reference_crystal
    if element is None:  # pictures show coordination numbers of one element
        say(str(paths[0]), err=True)
        return
    predictor, crystal = (
        BoundaryPredictor.of(open_model(resources.artifacts, record), loaded.crystal),
        crystal_neighbours(element),
    )
    with tempfile.TemporaryDirectory() as scratch:
        pictures = [
            picture(
                painted(predictor, row, resources.artifacts, Path(scratch)),
                f"{boundary_name(row)}  {row.predicted:.0f} mJ/m²",
                crystal,
            )
            for row in best_of_each(rows)[:_PICTURES]
        ]
    with footnote(f"{predicted_by}; colours: predicted energies of the atoms"):
        paths.append(draw_png(pictures, folder / f"{loaded.spec.name}-atoms.png"))
    for path in paths:
        say(str(path), err=True)


def _show(rows: Sequence[ScreenRow], labelled: Labelled | None, record: ModelRecord, out: Path, *, as_json: bool) -> None:
    from tansaku.tasks.read.screening.rows import best_of_each, boundary_name, rank_correlation, ranked

    best = best_of_each(rows)
    correlations = {"structures": rank_correlation(rows), "boundaries": rank_correlation(best)}
    if as_json:
        counts = {"structures": len(rows), "boundaries": len(best), "atoms": sum(row.atoms for row in rows)}
        lowest = [row.model_dump(mode="json") for row in best[:_SHOWN]]
        more = {} if labelled is None else {"label": labelled.to_json()}
        show_json(
            {"model": record.label, **counts, "rank_correlation": correlations, "lowest": lowest, "table": str(out), **more}
        )
        return
    shown: list[Sequence[Cell]] = [
        (boundary_name(row), row.angle, row.atoms, row.predicted, row.deviation, row.computed) for row in ranked(best)[:_SHOWN]
    ]
    columns = ("boundary", "angle", "atoms", "predicted", "deviation", "computed")
    show_table(columns, shown, f"lowest boundaries by {record.label} [mJ/m²]")
    if labelled is not None:
        _show_labelled(labelled)
    listed = ", ".join(f"{value:.3f} for {name}" for name, value in correlations.items() if value is not None)
    say(f"{counted(len(rows), 'structure')} of {counted(len(best), 'boundary', 'boundaries')} in {out}")
    if listed:
        say(f"rank correlation with the calculator that relaxed them: {listed}")


def _show_labelled(labelled: Labelled) -> None:
    from tansaku.tasks.read.screening.rows import boundary_name, lowest_labelled

    lowest: list[Sequence[Cell]] = [
        (boundary_name(row), row.atoms, row.predicted, row.corrected, row.corrected_deviation, row.label)
        for row in lowest_labelled(labelled.rows)[: labelled.verdict.lowest]
    ]
    columns = ("boundary", "atoms", "predicted", "corrected", "deviation", "label")
    show_table(columns, lowest, "lowest boundaries by the label [mJ/m²]")
    if (said := labelled.calibrated) is not None:
        say(said)
    say(labelled.verdict.describe())
