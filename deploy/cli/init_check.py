"""`tansaku init` and `tansaku check`: write an example campaign file; validate one without computing anything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tansaku.deploy.campaign_templates import campaign_templates, template_files, template_summary
from tansaku.deploy.cli.printing import say, say_progress
from tansaku.deploy.cli.session import SiteOption, opened
from tansaku.deploy.cli.tables import show_json

DEFAULT_TEMPLATE = "al-110-tilt"


def _complete_template(incomplete: str) -> list[str]:
    return [name for name in campaign_templates() if name.startswith(incomplete)]


def init(
    template: Annotated[
        str,
        typer.Argument(
            metavar="[TEMPLATE]", help="Name of the template; --list shows them.", autocompletion=_complete_template
        ),
    ] = DEFAULT_TEMPLATE,
    folder: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Folder to write the file to.")] = Path(),
    list_templates: Annotated[bool, typer.Option("--list", help="List the templates and write nothing.")] = False,
) -> None:
    """Writes an example campaign file to start from; never overwrites a file."""
    from tansaku.models.domain.errors import ConfigurationError, NotFoundError

    templates = campaign_templates()
    if list_templates:
        for name, entry in templates.items():
            say(f"{name:<20} {template_summary(entry)}")
        return
    if template not in templates:
        raise NotFoundError(f"no template {template!r}", hint="available: " + ", ".join(templates))
    if not folder.is_dir():
        raise ConfigurationError(f"--to {str(folder)!r}: expected an existing folder")
    written = {folder / name: entry for name, entry in template_files(templates[template]).items()}
    for target, entry in tuple(written.items()):
        # Templates may share a file; the campaign's own is always new.
        if target.suffix != ".yaml" and target.is_file() and target.read_bytes() == entry.read_bytes():
            del written[target]
        elif target.exists() or target.is_symlink():
            raise ConfigurationError(f"{str(target)!r} exists already; nothing was written")
    for target, entry in written.items():
        with target.open("x", encoding="utf-8") as stream:
            stream.write(entry.read_text(encoding="utf-8"))
        say(f"wrote {target}")
    target = folder / f"{template}.yaml"
    say(f"next: tansaku check {target}; tansaku run {target}")


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Campaign file.")],
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
    parameters: Annotated[
        bool, typer.Option("--parameters", help="Only print the file as JSON: the parameters of a service run.")
    ] = False,
    rehearsed: Annotated[
        bool,
        typer.Option(
            "--rehearse",
            help="Try the search on its table, or on random values from its model, and report how often the budget suffices.",
        ),
    ] = False,
    within: Annotated[
        str | None,
        typer.Option(metavar="QUANTITY", help="With --rehearse: tolerance, such as '5 mJ/m2'; default: that of budget.stop."),
    ] = None,
    replays: Annotated[int, typer.Option(min=2, help="With --rehearse: number of replays.")] = 20,
    like: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --rehearse: campaign file on a finished table whose values are typical."),
    ] = None,
    spread: Annotated[
        str | None,
        typer.Option(
            metavar="QUANTITY", help="With --rehearse, instead of --like: expected spread of the values, such as '40 mJ/m2'."
        ),
    ] = None,
    site: SiteOption = None,
) -> None:
    """Validates a campaign file and shows what it would search, run and cost; computes nothing."""
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.act.checks.check import preview_campaign
    from tansaku.tasks.ground.settings import Settings
    from tansaku.tasks.node.configuration.campaign_files import load_site, naming_lines

    if not rehearsed and (within is not None or like is not None or spread is not None):
        raise ConfigurationError("--within, --like, --spread: only together with --rehearse")
    machine = load_site(site or Settings.from_environment().site_file)
    with naming_lines(file):
        if parameters:
            _show_parameters(file, site)
            return
        found = preview_campaign(file, lambda: opened(site), machine.limits, machine.launcher.evaluation_limits)
    bought = None
    if rehearsed:
        from tansaku.tasks.act.checks.rehearse import RehearsalOptions, rehearse_budget

        options = RehearsalOptions(within, replays, like, spread)
        bought = rehearse_budget(file, options, _note_replay, lambda: opened(site))
    if as_json:
        budget = {} if bought is None else {"budget_rehearsal": bought.model_dump(mode="json")}
        show_json(found.model_dump(mode="json") | budget)
        return
    say(found.describe())
    if bought is not None:
        say(f"\n{bought.describe()}")


def _show_parameters(file: Path, site: Path | None) -> None:
    """Prints what `prefect deployment run ... --params` takes: the file as it is, with its name."""
    from tansaku.tasks.act.checks.kept_files import load_file
    from tansaku.tasks.node.configuration.campaign_files import read_named

    load_file(file, None, lambda: opened(site))
    show_json({"campaign": read_named(file).data})


def _note_replay(done: int, of: int) -> None:
    """Shows the progress of a rehearsal on a terminal."""
    if sys.stderr.isatty():
        say_progress("" if done == of else f"rehearsing: {done} of {of}")
