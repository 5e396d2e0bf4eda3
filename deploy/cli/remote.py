"""`tansaku --server URL`: the commands that also work on the campaigns of a dashboard, over its API.

Their arguments and options are those of the commands on this machine, but for what only concerns its own database.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from tansaku.deploy.cli import agents, ask_tell, init_check, inspection, results, run, steer
from tansaku.deploy.cli.printing import say
from tansaku.deploy.cli.tables import show_json, show_table
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.verbs import VERBS, SteeringKind

if TYPE_CHECKING:
    from pydantic import BaseModel
    from typer._click import Command  # it has no public name

    import tansaku_client
    from tansaku.tasks.act.measurements.waiting import Asked

    M = TypeVar("M", bound=BaseModel)


def remote_command(name: str, server: str) -> Command:
    """The command of a name that works on the campaigns of a dashboard.

    Args:
        name: Of a command of this machine.
        server: Address of the dashboard.

    Raises:
        ConfigurationError: It needs the machine's own database.
    """
    if name not in _COMMANDS:
        raise ConfigurationError(
            f"tansaku {name} needs the machine's own database", hint=f"with --server there are {', '.join(sorted(_COMMANDS))}"
        )
    local, remote = _COMMANDS[name]
    wanted = inspect.signature(remote).parameters
    known = inspect.signature(local, eval_str=True)

    def command(**given: Any) -> None:  # noqa: ANN401 - what typer read
        with _connected(server) as connection:
            remote(connection, **given)

    command.__doc__ = local.__doc__
    command.__signature__ = known.replace(  # type: ignore[attr-defined] # typer reads it
        parameters=[
            item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in known.parameters.values() if item.name in wanted
        ]
    )
    command.__annotations__ = {}
    alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
    alone.command(name)(command)
    return typer.main.get_command(alone)


@contextmanager
def _connected(address: str) -> Iterator[tansaku_client.Server]:
    """A dashboard; its errors become those of this command."""
    import tansaku_client
    from tansaku.deploy.python.dashboards import own_errors

    try:
        with own_errors(), tansaku_client.connect(address) as server:
            yield server
    except tansaku_client.NotAllowedError as error:
        raise ConfigurationError(error.message) from error


def _as(model: type[M], answer: dict[str, Any]) -> M:
    """An answer as this version of tansaku has it. Raises ConfigurationError where the server has another one."""
    from pydantic import ValidationError

    from tansaku.models.domain.wording import first_problem

    try:
        return model.model_validate(answer)
    except ValidationError as error:
        raise ConfigurationError(
            f"the server answers as another version of tansaku: {first_problem(error)}", hint="--json shows its answer"
        ) from error


def _check(server: tansaku_client.Server, file: Path, as_json: bool) -> None:
    found = server.check(file)
    if as_json:
        show_json(found.model_dump(mode="json"))
    elif found.state == "valid":
        say(found.describe())
    else:
        raise ConfigurationError(found.describe())


def _run(server: tansaku_client.Server, file: Path, dry_run: bool, no_run: bool) -> None:
    if dry_run:
        _check(server, file, as_json=False)
        return
    campaign = server.create(file)
    if no_run:
        say(f"{campaign.name}: stored; `tansaku resume {campaign.name}` runs it")
        return
    say(f"{campaign.name}: the server runs it; to interrupt this command does not end it", err=True)
    reason = campaign.run()
    say(f"{campaign.name}: {reason}; `tansaku results {campaign.name}` shows what was found", err=True)


def _status(server: tansaku_client.Server, name: str | None, as_json: bool) -> None:
    from tansaku.tasks.read.views.status import CampaignStatus

    names = [line.name for line in server.campaigns if line.state is not None] if name is None else [name]
    found = [server.campaign(item).status.model_dump(mode="json", exclude={"words"}) for item in names]
    if as_json:
        show_json(found)
        return
    for item in found:
        say(_as(CampaignStatus, item).describe(failures=None if name is not None else 3))


def _list(server: tansaku_client.Server, as_json: bool) -> None:
    lines = server.campaigns
    if as_json:
        show_json([line.model_dump(mode="json") for line in lines])
        return
    rows = [(line.name, line.state or "cannot be read", line.best, line.unit) for line in lines]
    show_table(("name", "state", "best", "unit"), rows)


def _results(server: tansaku_client.Server, name: str, as_json: bool, as_csv: bool, evaluations: bool) -> None:
    from tansaku.tasks.ground.formats.csv_text import csv_of

    campaign = server.campaign(name)
    frame = campaign.frame if evaluations else campaign.results
    if as_csv:
        say(csv_of(frame), nl=False)
    elif as_json:
        show_json(agents.rows_of(frame))
    else:
        rows = agents.rows_of(frame)
        columns = [str(column) for column in frame]
        shown = [column for column in columns if any(isinstance(row[column], str | float | int) for row in rows)]
        show_table(shown, [[row[column] for column in shown] for row in rows], name)


def _hull(server: tansaku_client.Server, name: str, as_json: bool, as_csv: bool) -> None:
    if as_json and as_csv:
        raise ConfigurationError(results.EITHER)
    results.show_hull(server.campaign(name).hull(), name, as_json=as_json, as_csv=as_csv)


def _ask(
    server: tansaku_client.Server,
    name: str,
    count: int | None,
    as_csv: Path | None,
    release: list[int] | None,
    values: bool,
    as_json: bool,
) -> None:
    campaign = server.campaign(name)
    if release:
        server.carry_out(campaign.verbs.release(release, request_id=None))
    answer = _asked(server, name, count, values_only=values)
    if as_csv is not None:
        ask_tell.write_table(_read(answer), "--csv", as_csv)
    if as_json:
        show_json(answer)
    else:
        ask_tell.show_waiting(_read(answer))


def _asked(server: tansaku_client.Server, name: str, count: int | None = None, *, values_only: bool = False) -> dict[str, Any]:
    """Proposes until enough proposals wait; returns what waits, as the server says it."""
    campaign = server.campaign(name)
    campaign.ask(count, values_only=values_only)
    answer: dict[str, Any] = server.carry_out(campaign.verbs.asked())
    return answer


def _read(answer: dict[str, Any]) -> Asked:
    """Returns what waits, as this version of tansaku has it."""
    from tansaku.tasks.act.measurements.waiting import Asked

    return _as(Asked, answer)


def _tell(server: tansaku_client.Server, name: str, what: str, value: str | None, next_csv: Path | None, as_json: bool) -> None:
    from tansaku.tasks.act.measurements.stored_commands import Receipt

    campaign = server.campaign(name)
    receipt = campaign.tell(Path(what) if value is None else [{"candidate": what, "value": value}]).model_dump(mode="json")
    if not as_json:  # at once: the values are stored also where nothing can be proposed
        say(_as(Receipt, receipt).describe())
    if next_csv is not None:
        receipt["asked"] = _asked(server, name)
        asked = _read(receipt["asked"])
        ask_tell.write_table(asked, "--next", next_csv)
        if not as_json:
            ask_tell.show_waiting(asked)
    if as_json:
        show_json(receipt)


def _attach(server: tansaku_client.Server, name: str, number: int, file: Path, photo: bool | None, as_json: bool) -> None:
    found = server.campaign(name).attach(number, file, photo=photo)
    if as_json:
        show_json(found.model_dump(mode="json"))
    else:
        ask_tell.show_attached(name, found.candidate, found.name, found.size)


def _steered(kind: SteeringKind) -> Callable[..., None]:
    """The function of a verb."""

    def command(server: tansaku_client.Server, name: str, named: list[str] | None = None) -> None:
        from tansaku.tasks.ground.formats.yaml_edit import assignments

        edits = VERBS[kind].argument == "changes"
        changes, candidates = (assignments(named or ()), ()) if edits else ({}, named or ())
        steps = server.campaign(name).verbs.steer(kind, candidates, changes=changes, request_id=None)
        say(f"{name}: {server.carry_out(steps)['outlook']}")

    return command


_COMMANDS: dict[str, tuple[Callable[..., None], Callable[..., None]]] = {
    "ask": (ask_tell.ask, _ask),
    "attach": (ask_tell.attach, _attach),
    "check": (init_check.check, _check),
    "hull": (results.hull, _hull),
    "list": (inspection.list_campaigns, _list),
    "mcp": (agents.mcp, lambda server: agents.server_of(server).run()),
    "results": (results.results, _results),
    "run": (run.run, _run),
    "status": (inspection.status, _status),
    "tell": (ask_tell.tell, _tell),
    **{kind: (steer.steering_command(kind), _steered(kind)) for kind in VERBS},
}
"""Commands of this machine, and what they do with a dashboard."""
