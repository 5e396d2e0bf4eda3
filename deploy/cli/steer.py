"""Commands that a driver applies before the next proposal: `tansaku pause` and the others of `VERBS`.

`models/domain/verbs.py` declares them, `tasks/act/commands/steer.py` stores them, `tasks/loop/steps/apply_commands.py` applies
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, Signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.run import PlainOption, drive_to_end
from tansaku.deploy.cli.session import NameArgument, SiteOption, opened, this_user
from tansaku.models.domain.verbs import METAVARS, VERBS, Argument, SteeringKind

if TYPE_CHECKING:
    from tansaku.tasks.act.commands.steer import Requested

_NO_RUN = typer.Option("--no-run", help="Only store the request; the next driver of the campaign applies it.")
_HELPS: Mapping[Argument, str] = {
    "nothing": "",
    "some candidates": "Ids of candidates.",
    "candidates": "Ids of candidates.",
    "changes": "e.g. budget.evaluations=500 budget.cost=null execution.in_flight=4",
}
_OPTIONS: Mapping[str, tuple[tuple[str, object, object], ...]] = {
    "never": (),
    "plain": (("no_run", Annotated[bool, _NO_RUN], False),),
    "in a flow": (("plain", PlainOption, False), ("no_run", Annotated[bool, _NO_RUN], False)),
}


def steering_command(kind: SteeringKind) -> Callable[..., None]:
    """The function of a verb's command, with the parameters of which typer makes its arguments and options."""
    verb = VERBS[kind]

    def command(name: str, site: Path | None, named: Sequence[str] = (), plain: bool = True, no_run: bool = False) -> None:
        if verb.argument == "changes":
            _edit(name, site, named)
        elif _request(name, site, kind, named or (), no_run):
            drive_to_end(name, site, plain)

    usual = None if verb.argument == "some candidates" else Parameter.empty
    argument = typer.Argument(metavar=METAVARS[verb.argument], help=_HELPS[verb.argument])
    named = ("named", Annotated[list[str] if usual is Parameter.empty else list[str] | None, argument], usual)
    given = [("name", NameArgument, Parameter.empty), named, *_OPTIONS[verb.driven], ("site", SiteOption, None)]
    if verb.argument == "nothing":
        given.remove(named)
    parameters = [Parameter(item, Parameter.KEYWORD_ONLY, default=usual, annotation=shown) for item, shown, usual in given]
    command.__doc__ = f"{verb.does}\n\nApplies to {verb.applies_to}."
    command.__signature__ = Signature(parameters)  # type: ignore[attr-defined] # typer reads it
    command.__annotations__ = {}
    return command


def _say_stored(requested: Requested, what: str) -> None:
    """Prints what was stored and when it takes effect."""
    name = requested.campaign
    if not requested.new:
        say(f"{name}: {requested.command.kind} was requested before")
    elif requested.has_driver:
        say(f"{name}: {what}; the driver applies it before the next proposal")
    else:
        say(f"{name}: {what}; no driver is running, it takes effect with the next `tansaku resume {name}`")


def _edit(name: str, site: Path | None, changes: Sequence[str]) -> None:
    from tansaku.tasks.act.commands.steer import plan_edit, request_edit
    from tansaku.tasks.ground.formats.yaml_edit import assignments

    payload = assignments(changes)
    with opened(site) as resources:
        differences = plan_edit(resources.store, name, payload)
        requested = request_edit(resources.store, this_user(), name, payload)
    if requested is None:
        say(f"{name}: nothing to change")
        return
    for difference in differences:
        say(f"  {difference}")
    _say_stored(requested, "edit stored")


def _request(name: str, site: Path | None, kind: SteeringKind, candidates: Sequence[str], no_run: bool) -> bool:
    """Stores a command.

    Returns:
        Whether this process should drive the campaign: the verb does, no other process does, and there was no ``--no-run``.
    """
    from tansaku.tasks.ground.settings import limit_threads

    limit_threads()
    from tansaku.tasks.act.commands.steer import request

    with opened(site) as resources:
        requested = request(resources.store, this_user(), name, kind, candidates)
    if no_run or requested.has_driver or VERBS[kind].driven == "never":
        _say_stored(requested, f"{kind} stored")
        return False
    return True
