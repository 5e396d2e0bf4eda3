"""`tansaku export` and `tansaku import`: write a campaign to files, and read it back into a database.

`tasks/act/commands/export_import.py` moves the observations; `tasks/read/views/structures.py` (`--structures`) and
`tasks/read/views/tabulation.py` (`--table`) write files for other programs, `deposit.py` beside the first an archive.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import NameArgument, SiteOption, opened
from tansaku.models.domain.records import CampaignFile
from tansaku.models.domain.wording import counted

_WANTED = "--observations FILE, --structures FOLDER, --table FOLDER or --for REPOSITORY"


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


ForOption = Annotated[
    Repository | None, typer.Option("--for", help="Write one archive of all for a repository of data; `import` reads it.")
]
CreatorOption = Annotated[
    list[str] | None,
    typer.Option("--creator", metavar="NAME", help="With --for: 'Family, Given', or an organization; repeatable."),
]
LicenceOption = Annotated[str | None, typer.Option("--licence", metavar="SPDX", help="With --for: of the data.")]
ArchiveOption = Annotated[Path | None, typer.Option("--archive", metavar="FILE", help="With --for: default: NAME.zip.")]


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
        typer.Option("--best", metavar="K", min=1, help="The K best candidates of each system, relaxed; default: 1."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Write all structures that have a value.")] = False,
    table: Annotated[
        Path | None,
        typer.Option("--table", metavar="FOLDER", help="Write the results as a table with a campaign file, for `bench`."),
    ] = None,
    repository: ForOption = None,
    creators: CreatorOption = None,
    licence: LicenceOption = None,
    archive: ArchiveOption = None,
    site: SiteOption = None,
) -> None:
    """Writes a campaign's results to files; requires --observations, --structures, --table or --for."""
    asked = (observations, structures, table, repository)
    _refuse(all(item is None for item in asked), f"nothing to export; expected {_WANTED}")
    _refuse(repository is None and any((creators, licence, archive)), "--creator, --licence, --archive: require --for")
    _refuse(with_structures and observations is None, "--with-structures: requires --observations FILE")
    _refuse(structures is None and (best is not None or everything), "--best, --all: require --structures FOLDER")
    _refuse(best is not None and everything, "--best and --all: give only one of them")
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
        if all(item is None for item in asked[1:]):
            return
        data = Campaign.load(resources.store, name)
        paths = [] if table is None else write_table(data, table)
        if structures is not None:
            paths += export_structures(data, resources.artifacts, structures, form.value, None if everything else best or 1)
        for path in paths:
            say(str(path))
        if repository is not None:
            from tansaku.tasks.act.commands.deposit import Deposit, write_deposit

            about, path = Deposit(repository.value, tuple(creators or ()), licence or ""), archive or Path(f"{name}.zip")
            say(f"{path}: {counted(len(write_deposit(data, resources.artifacts, path, about)), 'file')}")


def _refuse(wrong: bool, message: str) -> None:
    if wrong:
        from tansaku.models.domain.errors import ConfigurationError

        raise ConfigurationError(message)


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
        files: dict[str, bytes] = {}
        if observations.suffix == ".zip":
            from tansaku.tasks.act.commands.deposit import unpacked

            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tansaku-"))
            observations, files = unpacked(observations, Path(folder))
        _import(observations, name, base_path, site, files if base_path is None else {})


def _import(
    observations: Path, name: str | None, base_path: Path | None, site: Path | None, files: Mapping[str, bytes]
) -> None:
    from tansaku.deploy.python.places import keep_files
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.act.commands.export_import import import_observations
    from tansaku.tasks.backends.stores.export_reader import campaign_of
    from tansaku.tasks.ground.site.processes import this_driver

    held = campaign_of(observations)
    if name is not None and held != name:
        raise ConfigurationError(f"{observations} holds campaign {held!r}, expected {name!r}")
    start = None if base_path is None else base_path.resolve()
    with opened(site) as resources:
        kept: tuple[CampaignFile, ...] = ()
        if files:
            start, kept = keep_files(resources, files)
        done = import_observations(
            resources.store, observations, this_driver(), base_path=start, artifacts=resources.artifacts, files=kept
        )
    if done.unchecked is not None:
        say(f"note: candidates were not checked, because the space cannot be opened here: {done.unchecked}", err=True)
    if done.pending:
        say(f"note: left out {counted(done.pending, 'command')} that no driver had applied", err=True)
    imported = f"imported {done.new} new of {counted(done.total, 'evaluation')}"
    say(f"{done.campaign}: {imported}; continue with `tansaku resume {done.campaign}`")
