"""`tansaku export`, `tansaku deposit` and `tansaku import`: write a campaign to files, and read it back into a database.

`tasks/act/commands/export_import.py` moves the observations; `tasks/read/views/structures.py` (`--structures`) and
`tasks/read/views/tabulation.py` (`--table`) write files for other programs.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import NameArgument, SiteOption, opened
from tansaku.models.domain.wording import counted


class Form(StrEnum):
    """File format of structures."""

    EXTXYZ = "extxyz"
    CIF = "cif"
    POSCAR = "poscar"
    LAMMPS_DATA = "lammps-data"


class Repository(StrEnum):
    """Repository of research data."""

    ZENODO = "zenodo"
    NOMAD = "nomad"


def export(
    name: NameArgument,
    observations: Annotated[
        Path | None, typer.Option("--observations", metavar="FILE", help="All evaluations, spec and refits as Parquet.")
    ] = None,
    structures: Annotated[
        Path | None, typer.Option("--structures", metavar="FOLDER", help="The best structures of each system, one file each.")
    ] = None,
    with_structures: Annotated[
        bool, typer.Option("--with-structures", help="Include the structure of every evaluation in the observations file.")
    ] = False,
    form: Annotated[Form, typer.Option("--format", help="Format of the structures.")] = Form.EXTXYZ,
    best: Annotated[
        int | None,
        typer.Option(
            "--best",
            metavar="K",
            min=1,
            help="Write the K best candidates of each system, each after its final relaxation; default: 1.",
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Write all structures that have a value.")] = False,
    table: Annotated[
        Path | None,
        typer.Option("--table", metavar="FOLDER", help="Write the results as a table with a campaign file, for `bench`."),
    ] = None,
    site: SiteOption = None,
) -> None:
    """Writes a campaign's results to files; requires --observations, --structures or --table."""
    from tansaku.models.domain.errors import ConfigurationError

    if observations is None and structures is None and table is None:
        raise ConfigurationError("nothing to export; expected --observations FILE, --structures FOLDER or --table FOLDER")
    if with_structures and observations is None:
        raise ConfigurationError("--with-structures: requires --observations FILE")
    if structures is None and (best is not None or everything):
        raise ConfigurationError("--best, --all: require --structures FOLDER")
    if best is not None and everything:
        raise ConfigurationError("--best and --all: give only one of them")
    from tansaku.tasks.act.commands.export_import import export_observations
    from tansaku.tasks.backends.stores.campaigns import stored_spec
    from tansaku.tasks.read.views.campaign import Campaign
    from tansaku.tasks.read.views.structures import export_structures
    from tansaku.tasks.read.views.tabulation import write_table

    with opened(site) as resources:
        stored_spec(resources.store.campaign(name))
        if observations is not None:
            count = export_observations(resources.store, name, observations, resources.artifacts, structures=with_structures)
            say(f"{observations}: {counted(count, 'evaluation')}")
        if structures is None and table is None:
            return
        data = Campaign.load(resources.store, name)
        paths = [] if table is None else write_table(data, table)
        if structures is not None:
            paths += export_structures(data, resources.artifacts, structures, form.value, None if everything else best or 1)
        for path in paths:
            say(str(path))


def deposit(
    name: NameArgument,
    repository: Annotated[Repository, typer.Option("--for", help="Where the archive is to go.")],
    creators: Annotated[list[str], typer.Option("--creator", metavar="NAME", help="'Family, Given'; repeatable.")],
    licence: Annotated[str, typer.Option("--licence", metavar="SPDX", help="Of the data.")],
    file: Annotated[Path | None, typer.Option("--file", metavar="FILE", help="The archive; default: NAME.zip.")] = None,
    site: SiteOption = None,
) -> None:
    """Writes one archive with structures, results, spec and metadata for a repository of data; `import` reads it."""
    from tansaku.tasks.act.commands.deposit import Deposit, write_deposit
    from tansaku.tasks.read.views.campaign import Campaign

    about, path = Deposit(repository.value, tuple(creators), licence), file or Path(f"{name}.zip")
    with opened(site) as resources:
        names = write_deposit(Campaign.load(resources.store, name), resources.artifacts, path, about)
    say(f"{path}: {counted(len(names), 'file')}")


def import_campaign(
    observations: Annotated[
        Path, typer.Option("--observations", metavar="FILE", help="A file that `export` wrote, or its archive.")
    ],
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Fail unless the file holds this campaign.")] = None,
    base_path: Annotated[
        Path | None,
        typer.Option("--base-path", metavar="FOLDER", help="Folder on this machine to which the spec's relative paths refer."),
    ] = None,
    site: SiteOption = None,
) -> None:
    """Imports an exported campaign, which can then be resumed; importing it again changes nothing."""
    with ExitStack() as stack:
        if observations.suffix == ".zip":
            from tansaku.tasks.act.commands.deposit import unpacked

            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tansaku-"))
            observations = unpacked(observations, Path(folder))
        _import(observations, name, base_path, site)


def _import(observations: Path, name: str | None, base_path: Path | None, site: Path | None) -> None:
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.act.commands.export_import import import_observations
    from tansaku.tasks.backends.stores.export_reader import campaign_of
    from tansaku.tasks.ground.site.processes import this_driver

    held = campaign_of(observations)
    if name is not None and held != name:
        raise ConfigurationError(f"{observations} holds campaign {held!r}, expected {name!r}")
    start = None if base_path is None else base_path.resolve()
    with opened(site) as resources:
        done = import_observations(resources.store, observations, this_driver(), base_path=start, artifacts=resources.artifacts)
    if done.unchecked is not None:
        say(f"note: candidates were not checked, because the space cannot be opened here: {done.unchecked}", err=True)
    if done.pending:
        say(f"note: left out {counted(done.pending, 'command')} that no driver had applied", err=True)
    imported = f"imported {done.new} new of {counted(done.total, 'evaluation')}"
    say(f"{done.campaign}: {imported}; continue with `tansaku resume {done.campaign}`")
