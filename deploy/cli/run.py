"""`tansaku run`, and how all commands drive a campaign in this process (`tasks/loop/driver/loop.py`, `flows/campaign.py`)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tansaku.deploy.cli.exits import ExitCode
from tansaku.deploy.cli.init_check import check
from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.session import SiteOption, opened, read_site, this_user
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import is_name

if TYPE_CHECKING:
    from tansaku.tasks.loop.driver.result import EndReason

PlainOption = Annotated[bool, typer.Option("--plain", help="Run without a Prefect server.")]

_STOPPED = dict.fromkeys(("failures", "configuration", "reference"), ExitCode.STOPPED)
_EXIT = _STOPPED | {"interrupted": ExitCode.INTERRUPTED}


def drive_to_end(name: str, site: Path | None, plain: bool) -> EndReason:
    """Drives a stored campaign to its end; exits with a non-zero code if it stopped early."""
    from tansaku.models.domain.history import SAME_REFUSALS
    from tansaku.tasks.ground.settings import forbid_telemetry
    from tansaku.tasks.ground.site.garbage import collection_paused

    with collection_paused():
        from tansaku.deploy.cli.live import watching
        from tansaku.tasks.loop.driver.loop import drive

        if not plain:
            forbid_telemetry()
            from tansaku.flows.campaign import run_campaign

    with watching() as observer:
        if plain:
            with opened(site) as resources:
                result = drive(resources, name, observer)
        else:
            result = run_campaign(name, site, observer, lambda line: say(line, err=True))
    if result.reason == "failures":
        say(f"stopped: too many evaluations failed; see `tansaku status {name}`", err=True)
    elif result.reason == "reference":
        say(f"stopped: the energy of an element could not be computed; `tansaku status {name}` shows why", err=True)
    elif result.reason == "configuration":
        say(f"stopped: the same configuration error occurred {SAME_REFUSALS} times in a row", err=True)
        say(f"fix its cause, then continue with `tansaku retry {name}`", err=True)
    elif result.reason == "interrupted":
        say(f"interrupted; continue with `tansaku resume {name}`", err=True)
    elif result.reason == "waiting":
        say(f"waiting for values: `tansaku ask {name}` shows what to measure", err=True)
        say(f"report them with `tansaku tell {name} FILE.csv`, then `tansaku ask {name}` again", err=True)
    elif result.reason == "paused":
        say(f"paused; continue with `tansaku resume {name}`", err=True)
    elif result.all_failed:
        say(f"no evaluation gave a value: `tansaku status {name}` shows why, `tansaku retry {name}` tries them again", err=True)
        raise typer.Exit(ExitCode.STOPPED)
    else:
        for sentence in _unseen(name, site):
            say(sentence, err=True)
        say(f"`tansaku results {name}` shows what was found, `tansaku plot {name}` draws it", err=True)
    code = _EXIT.get(result.reason, ExitCode.OK)
    if code:
        raise typer.Exit(code)
    return result.reason


def _unseen(name: str, site: Path | None) -> tuple[str, ...]:
    """Sentences about what random starts may have missed, for a search by such; others said while they ran what may remain."""
    from tansaku.tasks.backends.stores.campaigns import stored_spec
    from tansaku.tasks.read.views.campaign import Campaign
    from tansaku.tasks.read.views.further import further_of

    with opened(site) as resources:
        record = resources.store.campaign(name)
        if not stored_spec(record).proposer.starts_at_random:
            return ()
        return further_of(Campaign.of(resources.store, record))


def _limit_threads() -> None:
    """Comes first in every command that drives: numerical libraries read their thread counts when they are imported."""
    from tansaku.tasks.ground.settings import limit_threads

    limit_threads()


def run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Campaign file.")],
    plain: PlainOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would run and what it would cost, like `check`.")
    ] = False,
    no_run: Annotated[
        bool, typer.Option("--no-run", help="Only store the campaign; the dashboard's Run or `tansaku resume` runs it.")
    ] = False,
    site: SiteOption = None,
) -> None:
    """Runs a campaign to its end; a stored campaign continues where it stopped."""
    if is_name(str(file)) and not file.exists():
        raise ConfigurationError(f"{file}: no such file", hint=f"a stored campaign continues by `tansaku resume {file}`")
    if dry_run:
        check(file, site=site)
        return
    _limit_threads()
    from tansaku.tasks.backends.launchers.local import forking
    from tansaku.tasks.ground.site.garbage import collection_paused

    read = read_site(site)
    with forking(read.launcher):
        with collection_paused():  # what imports make stays: to search it for garbage took a fifth of their time
            from tansaku.tasks.act.commands.create import store_file
            from tansaku.tasks.backends.resources import open_resources  # noqa: F401 - of `opened`

        name = store_file(file, this_user(), read.limits, lambda: opened(site), partial(say, err=True)).name
        if no_run:
            say(f"{name}: stored; run it on the dashboard, or by `tansaku resume {name}`")
        else:
            drive_to_end(name, site, plain)
