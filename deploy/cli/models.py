"""`tansaku model`: trains surrogates and manages the registry of trained models."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tansaku.deploy.cli.printing import say, say_progress
from tansaku.deploy.cli.screening import screen
from tansaku.deploy.cli.session import SiteOption, opened, this_user
from tansaku.deploy.cli.tables import Cell, show_json, show_problems, show_table
from tansaku.models.domain.wording import counted

if TYPE_CHECKING:
    from tansaku.models.domain.model_registry import ModelRecord
    from tansaku.models.domain.surrogates import Progress
    from tansaku.tasks.backends.resources import Resources

model_app = typer.Typer(name="model", help="Train, compare, promote, use and export surrogate models.", no_args_is_help=True)
model_app.command()(screen)

JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]
FiguresOption = Annotated[
    Path | None, typer.Option("--figures", metavar="FOLDER", help="Plot learning curve, parity and calibration to this folder.")
]


ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="NAME@VERSION, or NAME for its promoted version.")]
_COLUMNS = (
    "model",
    "surrogate",
    "learns",
    "data set",
    "property",
    "unit",
    "MAE",
    "RMSE",
    "r",
    "in 1σ",
    "in 2σ",
    "bars",
    "promoted",
)
_STEPS_PER_LINE = 10


@model_app.command()
def train(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Model file.")],
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Trains a new version, promoted unless its held-out error is worse. An interrupted training continues."""
    from tansaku.tasks.ground.settings import limit_threads

    limit_threads()
    from tansaku.tasks.loop.training.versions import load_model_file, train_model

    spec = load_model_file(file)
    with opened(site) as resources:
        record = train_model(resources, spec, _note)
    if sys.stderr.isatty():
        say_progress()
    if as_json:
        show_json(record.model_dump(mode="json"))
        return
    _table([record])
    say(f"{record.label}: {record.note}")


@model_app.command("list")
def list_models(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only versions of this model.")] = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Lists versions with their held-out errors."""
    with opened(site) as resources:
        found, problems = resources.registry.readable_models(name)
    show_problems(problems)
    if as_json:
        show_json([record.model_dump(mode="json") for record in found])
        return
    _table(found)


@model_app.command()
def show(
    name: ModelArgument,
    figures: FiguresOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Shows everything stored about a version."""
    from tansaku.tasks.loop.training.versions import find_model

    with opened(site) as resources:
        record = find_model(resources.registry, name)
        if figures is not None:
            _draw(resources, [record], figures, quietly=as_json)
    if as_json:
        show_json(record.model_dump(mode="json"))
        return
    from tansaku.tasks.ground.formats.yaml_text import write_yaml

    say(write_yaml(record.model_dump(mode="json")), nl=False)


@model_app.command()
def compare(
    names: Annotated[list[str], typer.Argument(metavar="MODEL...", help="NAME@VERSION, or NAME for its promoted version.")],
    figures: FiguresOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Shows versions side by side and warns if their held-out data differ."""
    from tansaku.tasks.loop.training.versions import find_model, not_comparable

    with opened(site) as resources:
        found = [find_model(resources.registry, name) for name in names]
        if figures is not None:
            _draw(resources, found, figures, quietly=as_json)
    if as_json:
        show_json([record.model_dump(mode="json") for record in found])
        return
    _table(found)
    for other in found[1:]:
        reason = not_comparable(found[0], other)
        if reason is not None:
            say(f"not comparable: {reason}", err=True)


@model_app.command()
def promote(name: ModelArgument, site: SiteOption = None) -> None:
    """Promotes a version regardless of its errors: NAME alone then refers to it."""
    from tansaku.tasks.act.commands.promote import promote_model

    with opened(site) as resources:
        record = promote_model(resources.registry, this_user(), name)
    say(f"{record.label}: promoted")


@model_app.command()
def export(
    name: ModelArgument,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="PATH",
            help="Output: a .safetensors file (weights and all that prediction needs), or a folder for other formats.",
        ),
    ],
    form: Annotated[
        Literal["tansaku", "lammps", "n2p2"], typer.Option("--format", help="Program that will read it.")
    ] = "tansaku",
    site: SiteOption = None,
) -> None:
    """Exports a version to one file, or a potential as files for LAMMPS or n2p2."""
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.loop.training.versions import find_model, open_model

    if form != "tansaku":
        from tansaku.tasks.loop.training.exporting import export_for_program

        with opened(site) as resources:
            record = find_model(resources.registry, name)
            model = open_model(resources.artifacts, record)
        for path in export_for_program(model, record.name, form, out):
            say(str(path))
        return
    if out.suffix != ".safetensors":
        raise ConfigurationError(f"--out {str(out)!r}: expected a name that ends in .safetensors")
    if not out.parent.is_dir():
        raise ConfigurationError(f"--out {str(out)!r}: expected an existing folder")
    with opened(site) as resources:
        resources.artifacts.get(find_model(resources.registry, name).artifact, out)
    say(str(out))


@model_app.command()
def predict(
    name: ModelArgument,
    structures: Annotated[Path, typer.Argument(metavar="FILE", help="Structures as extended XYZ, plain or .gz.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Output file for structures and predictions: .extxyz or .extxyz.gz.")
    ],
    site: SiteOption = None,
) -> None:
    """Predicts properties of the structures in a file, each with its standard deviation."""
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.ground.settings import limit_threads

    limit_threads()
    from tansaku.tasks.loop.training.predicting import predict_file
    from tansaku.tasks.loop.training.versions import find_model, open_model

    if not out.name.endswith((".extxyz", ".extxyz.gz")):
        raise ConfigurationError(f"--out {str(out)!r}: expected a name that ends in .extxyz or .extxyz.gz")
    with opened(site) as resources:
        record = find_model(resources.registry, name)
        model = open_model(resources.artifacts, record)
    found = predict_file(model, structures, out)
    say(f"{record.label}: {counted(len(found), 'structure')} in {out}")


def _draw(resources: Resources, records: list[ModelRecord], folder: Path, *, quietly: bool) -> None:
    """Plots the figures of versions; file names contain the version."""
    from tansaku.tasks.loop.training.versions import read_report
    from tansaku.tasks.read.figures.model import draw_model

    for record in records:
        for path in draw_model(record, *read_report(resources.artifacts, record), folder):
            say(str(path), err=quietly)


def _note(progress: Progress) -> None:
    """Shows the progress of a training: each step on a terminal; into a file, a line for the first of ten steps."""
    text = f"step {progress.step}: {progress.note}; error {progress.validation:.4g} {progress.unit}"
    if sys.stderr.isatty():
        say_progress(text)
    elif progress.step % _STEPS_PER_LINE == 1:
        say(text, err=True)


def _table(records: list[ModelRecord]) -> None:
    rows: list[list[Cell]] = []
    for record in records:
        for name, errors in record.held_out.items():
            rows.append(
                [
                    record.label,
                    record.spec["surrogate"]["type"],
                    record.learns,
                    record.dataset[:12],
                    name,
                    errors.unit,
                    errors.mae,
                    errors.rmse,
                    errors.correlation if errors.correlation is None else round(errors.correlation, 5),
                    errors.within_one,
                    errors.within_two,
                    errors.bars,
                    "" if record.promoted_at is None else f"{record.promoted_at:%Y-%m-%d %H:%M}Z",
                ]
            )
    show_table(_COLUMNS, rows, "held-out errors")
