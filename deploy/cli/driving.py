"""`tansaku run`, `resume`, `retry`, `rerun` and `cancel`: commands that drive a campaign in this process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tansaku.deploy.cli.control import store_command, tell
from tansaku.deploy.cli.exits import ExitCode
from tansaku.deploy.cli.session import NameArgument, SiteOption, opened

if TYPE_CHECKING:
    from tansaku.models.domain.records import CampaignRecord, CommandKind, JsonDict
    from tansaku.tasks.resources import Resources

PlainOption = Annotated[bool, typer.Option("--plain", help="A few plain lines instead of the live display.")]
NoRunOption = Annotated[
    bool, typer.Option("--no-run", help="Only store the wish; whoever drives the campaign next applies it.")
]
CandidatesArgument = Annotated[list[str] | None, typer.Argument(metavar="[CANDIDATE]...", help="Ids of candidates.")]

_EXIT = {"failures": ExitCode.STOPPED, "interrupted": ExitCode.INTERRUPTED}


def _drive(resources: Resources, name: str, plain: bool) -> None:
    """Drives a stored campaign to its end and leaves with the exit code that says how it ended."""
    from tansaku.deploy.cli.live import watching
    from tansaku.tasks.loop import drive

    with watching(plain) as observer:
        result = drive(resources, name, observer)
    if result.reason == "failures":
        typer.echo(f"stopped: too many evaluations failed; see `tansaku status {name}`", err=True)
    elif result.reason == "interrupted":
        typer.echo(f"interrupted; `tansaku resume {name}` goes on", err=True)
    else:
        typer.echo(f"{name}: `tansaku results {name}` shows what was found, `tansaku plot {name}` draws it", err=True)
    code = _EXIT.get(result.reason, ExitCode.OK)
    if code:
        raise typer.Exit(code)


def run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Campaign file.")],
    plain: PlainOption = False,
    site: SiteOption = None,
) -> None:
    """Runs a campaign to its end; one that is known goes on where it stopped."""
    from tansaku.tasks.configuration import load_campaign

    loaded = load_campaign(file)
    with opened(site) as resources:
        from tansaku.tasks.preparation import prepare_campaign

        record = prepare_campaign(resources, loaded)
        _drive(resources, record.name, plain)


def _wish_and_drive(resources: Resources, name: str, kind: CommandKind, payload: JsonDict, options: tuple[bool, bool]) -> None:
    """Stores a command and, unless a driver is at work or the user said no, drives the campaign.

    Args:
        options: Plain display; only store.
    """
    plain, no_run = options
    record: CampaignRecord = store_command(resources.store, name, kind, payload)
    from tansaku.tasks.progress import live_lease

    if no_run or live_lease(record) is not None:
        tell(record, f"{kind} stored")
        return
    _drive(resources, name, plain)


def resume(name: NameArgument, plain: PlainOption = False, no_run: NoRunOption = False, site: SiteOption = None) -> None:
    """Lifts a pause or a cancellation and drives the stored campaign on."""
    with opened(site) as resources:
        _wish_and_drive(resources, name, "resume", {}, (plain, no_run))


def retry(
    name: NameArgument,
    candidates: CandidatesArgument = None,
    plain: PlainOption = False,
    no_run: NoRunOption = False,
    site: SiteOption = None,
) -> None:
    """Tries failed and cancelled evaluations again, all of them or those named, and drives the campaign on."""
    with opened(site) as resources:
        payload = {"candidates": candidates} if candidates else {}
        _check_candidates(resources, name, candidates)
        _wish_and_drive(resources, name, "retry", payload, (plain, no_run))


def rerun(
    name: NameArgument,
    candidates: Annotated[list[str], typer.Argument(metavar="CANDIDATE...", help="Ids of candidates.")],
    plain: PlainOption = False,
    no_run: NoRunOption = False,
    site: SiteOption = None,
) -> None:
    """Computes finished candidates from scratch as new replicates; the earlier results stay."""
    with opened(site) as resources:
        _check_candidates(resources, name, candidates)
        _wish_and_drive(resources, name, "rerun", {"candidates": candidates}, (plain, no_run))


def _check_candidates(resources: Resources, name: str, candidates: list[str] | None) -> None:
    from tansaku.models.domain.errors import NotFoundError

    known = {evaluation.proposal.candidate for evaluation in resources.store.evaluations(name)} if candidates else set()
    for candidate in candidates or []:
        if candidate not in known:
            raise NotFoundError(f"campaign {name!r} has no evaluation of candidate {candidate!r}")


def cancel(name: NameArgument, no_run: NoRunOption = False, site: SiteOption = None) -> None:
    """Ends a campaign and what is under way; `resume` opens it again."""
    with opened(site) as resources:
        _wish_and_drive(resources, name, "cancel", {}, (True, no_run))
