"""`tansaku dataset`: structures and their computed properties, from which surrogates learn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tansaku.deploy.cli.exits import ExitCode
from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.run import PlainOption, drive_to_end
from tansaku.deploy.cli.session import NameArgument, SiteOption, opened, this_user
from tansaku.deploy.cli.tables import show_json, show_problems, show_table
from tansaku.models.domain.wording import counted

if TYPE_CHECKING:
    from tansaku.models.domain.model_registry import DatasetRecord

dataset_app = typer.Typer(name="dataset", help="Training data: built by a campaign or read from a file.", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]
DatasetArgument = Annotated[
    str, typer.Argument(metavar="DATASET", help="Name of a data set (its latest version), or the first digits of its hash.")
]


@dataset_app.command()
def build(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Data-set file.")],
    so_far: Annotated[
        bool, typer.Option("--so-far", help="Compute nothing; store what the data set's campaign has computed so far.")
    ] = False,
    plain: PlainOption = False,
    site: SiteOption = None,
) -> None:
    """Computes what is missing and stores the data set; an interrupted build continues where it stopped."""
    from tansaku.tasks.ground.settings import limit_threads

    limit_threads()
    from tansaku.tasks.act.commands.create import prepare_campaign
    from tansaku.tasks.loop.datasets.building import load_dataset, store_dataset
    from tansaku.tasks.loop.datasets.choosing import check_choice, choose_labels

    loaded = load_dataset(file)
    if loaded.chooses:
        check_choice(loaded)
    if loaded.campaign is not None and not so_far:
        with opened(site) as resources:
            prepare_campaign(resources, this_user(), loaded.campaign)
        _drive(loaded.spec.name, site, plain)
    if loaded.chooses and not so_far:
        with opened(site) as resources:
            found = choose_labels(resources, loaded)
            prepare_campaign(resources, this_user(), found.campaign)
        say(
            f"labels of {found.chosen} of {found.of} structures to learn from, {100 * found.share:.1f} % of what all would "
            f"cost, and of {found.held_out} held out"
        )
        _drive(loaded.labels, site, plain)
    with opened(site) as resources:
        record = store_dataset(resources, loaded)
    say(describe(record))


def _drive(name: str, site: Path | None, plain: bool) -> None:
    """Drives a campaign to its end; exits if it was paused or cancelled."""
    reason = drive_to_end(name, site, plain)
    if reason in ("paused", "cancelled"):
        say(f"{name} is {reason}; nothing was stored", err=True)
        raise typer.Exit(ExitCode.STOPPED)


@dataset_app.command("list")
def list_datasets(as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Lists stored data sets, oldest first."""
    with opened(site) as resources:
        found, problems = resources.registry.readable_datasets()
    show_problems(problems)
    if as_json:
        show_json([record.model_dump(mode="json") for record in found])
        return
    show_table(
        ("name", "hash", "structures", "atoms", "failed", "groups", "held out", "created"),
        [
            (
                record.name,
                record.sha256[:12],
                record.structures,
                record.atoms,
                record.failed,
                len(record.groups),
                sum(side == "held_out" for side in record.groups.values()),
                f"{record.created_at:%Y-%m-%d %H:%M}Z",
            )
            for record in found
        ],
    )


@dataset_app.command()
def show(name: DatasetArgument, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Shows the content of a data set, its calculators, and its training and held-out groups."""
    from tansaku.tasks.loop.training.versions import find_dataset

    with opened(site) as resources:
        record = find_dataset(resources.registry, name)
    if as_json:
        show_json(record.model_dump(mode="json"))
        return
    say(describe(record))


@dataset_app.command()
def export(
    name: DatasetArgument,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="FILE", help="Output file; its suffix (.extxyz, .extxyz.gz or .h5) selects the format."),
    ],
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="PROPERTY", help="Extended XYZ: write only this property; may be repeated."),
    ] = None,
    site: SiteOption = None,
) -> None:
    """Writes a data set to a file for other programs."""
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.loop.datasets.extxyz import write_extxyz
    from tansaku.tasks.loop.training.versions import find_dataset, read_dataset

    if not out.name.endswith((".extxyz", ".extxyz.gz", ".h5")):
        raise ConfigurationError(f"--out {str(out)!r}: expected a name that ends in .extxyz, .extxyz.gz or .h5")
    if only and out.suffix == ".h5":
        raise ConfigurationError("--only: HDF5 has all properties; remove it or choose .extxyz")
    if not out.parent.is_dir():
        raise ConfigurationError(f"--out {str(out)!r}: expected an existing folder")
    with opened(site) as resources:
        record = find_dataset(resources.registry, name)
        unknown = sorted(set(only or ()) - set(record.properties))
        if unknown:
            raise ConfigurationError(f"--only {unknown[0]}: {name} holds {', '.join(record.properties)}")
        if out.suffix == ".h5":
            resources.artifacts.get(record.artifact, out)
        else:
            write_extxyz(read_dataset(resources.artifacts, record), out, only)
    say(str(out))


@dataset_app.command("cut-out")
def cut_out(
    name: NameArgument,
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="Potential whose networks disagree, NAME or NAME@VERSION.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Extended XYZ file of the cells, which must not exist.")],
    atoms: Annotated[int, typer.Option("--atoms", min=2, help="Most atoms of a cell.")] = 40,
    each: Annotated[int, typer.Option("--each", min=1, help="Cells of each system.")] = 4,
    site: SiteOption = None,
) -> None:
    """Cuts boundaries out of a search for an expensive calculator: the lowest, and those of which a potential is least sure."""
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.backends.stores.campaigns import stored_spec
    from tansaku.tasks.backends.stores.structures import read_structure
    from tansaku.tasks.loop.datasets.extxyz import write_structures
    from tansaku.tasks.loop.training.cut_outs import Search, choose_cut_outs
    from tansaku.tasks.loop.training.versions import find_model, open_model

    if out.exists():
        raise ConfigurationError(f"--out {str(out)!r}: it exists; expected a new file: a data set may have used this one")
    with opened(site) as resources:
        record, artifacts = resources.store.campaign(name), resources.artifacts
        search = Search(
            stored_spec(record),
            record.base_path,
            resources.store.evaluations(name),
            lambda evaluation: read_structure(evaluation, artifacts),
        )
        found = choose_cut_outs(search, open_model(artifacts, find_model(resources.registry, model)), atoms, each)
    write_structures([item.labelled(name) for item in found.chosen], out)
    show_table(
        ("system", "candidate", "state", "atoms", "unsure [eV/Å]"),
        [(item.system, item.candidate, item.state, len(item.atoms), f"{item.unsure:.2f}") for item in found.chosen],
    )
    if found.failures:
        reasons = ", ".join(f"{count} {reason}" for reason, count in found.failures.items())
        say(f"cells left out: {reasons}", err=True)
    say(str(out))


def describe(record: DatasetRecord) -> str:
    """Describes a data set in a few lines of text."""
    held_out = sorted(group for group, side in record.groups.items() if side == "held_out")
    sizes = (counted(record.structures, "structure"), counted(record.atoms, "atom"), counted(len(record.groups), "group"))
    lines = [
        f"{record.name}: {', '.join(sizes)}",
        f"  content    {record.sha256}",
        f"  holds      {', '.join(record.properties)}",
    ]
    for role, source in record.sources.items():
        provenance = source.provenance
        who = (
            f"{provenance.code} {provenance.code_version} {provenance.model}".strip()
            if provenance is not None
            else f"file {source.file}"
        )
        lines.append(f"  {role:<11}{who}")
    lines.append(f"  training   {counted(len(record.groups) - len(held_out), 'group')}")
    lines.append(
        f"  held out   {counted(len(held_out), 'group')}: {', '.join(held_out[:6])}{' …' if len(held_out) > 6 else ''}"
    )
    if record.failed:
        lines.append(f"  failed     {counted(record.failed, 'candidate')}, left out")
    if record.cost is not None:
        lines.append(f"  cost       {record.cost:.1f} core-seconds")
    return "\n".join(lines)
