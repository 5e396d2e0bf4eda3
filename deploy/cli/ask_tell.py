"""`tansaku ask`, `tell` and `attach`: list what to measure next, record measured values, keep photos and files of them.

`tasks/act/measurements/stored_commands.py` stores both, then `tasks/act/measurements/ask_tell.py` drives the campaign.
Proposals are chosen as in every campaign (`tasks/loop/steps/propose.py`); reports are compared with what is stored
(`tasks/act/measurements/judging.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tansaku.deploy.cli.printing import say, writing
from tansaku.deploy.cli.session import NameArgument, SiteOption, opened, this_user
from tansaku.deploy.cli.tables import show_json, text
from tansaku.models.domain.wording import headed

if TYPE_CHECKING:
    from tansaku.tasks.act.measurements.waiting import Asked
    from tansaku.tasks.backends.resources import Resources
    from tansaku.tasks.loop.driver.result import DriveResult


def ask(
    name: NameArgument,
    count: Annotated[
        int | None, typer.Option("-n", "--count", min=1, help="How many proposals are to wait; default: as many as last time.")
    ] = None,
    as_csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Also write a table to be filled in.")] = None,
    release: Annotated[
        list[int] | None, typer.Option("--release", metavar="NUMBER", help="Release this waiting proposal first (repeatable).")
    ] = None,
    values: Annotated[
        bool, typer.Option("--values", help="Propose candidates, even where a descriptor is worth more per price.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
    site: SiteOption = None,
) -> None:
    """Shows what to measure next and why; proposes until enough proposals wait for values, then ends."""
    from tansaku.tasks.ground.settings import limit_threads

    limit_threads()
    from tansaku.tasks.act.measurements import ask_tell

    with opened(site) as resources:
        if release:
            ask_tell.release(resources, this_user(), name, release, patience=ask_tell.PATIENCE)
        result, asked = _asked(resources, name, count, values_only=values)
    if as_csv is not None:
        write_table(asked, "--csv", as_csv)
    if as_json:
        show_json(asked.model_dump(mode="json"))
    else:
        _show_asked(asked, result, as_csv)


def _asked(
    resources: Resources, name: str, count: int | None = None, *, values_only: bool = False
) -> tuple[DriveResult | None, Asked]:
    """Proposes until enough proposals wait; returns how the driver ended, and what waits."""
    from tansaku.tasks.act.measurements import ask_tell
    from tansaku.tasks.act.measurements.waiting import waiting_proposals

    result = ask_tell.ask(resources, this_user(), name, count, values_only=values_only)
    return result, waiting_proposals(resources.store, name)


def write_table(asked: Asked, option: str, path: Path) -> None:
    """Writes the table to be filled in. Raises ConfigurationError, which names the option that gave its path."""
    with writing(option, path):
        path.write_text(asked.to_csv(), encoding="utf-8")


def _show_asked(asked: Asked, result: DriveResult | None, as_csv: Path | None) -> None:
    """Prints the proposals that wait, and, as notes, why there are not more and what comes next."""
    show_waiting(asked)
    name = asked.campaign
    if result is None:
        say(f"another driver has {name}; it proposes what is still missing", err=True)
    elif result.reason == "paused":
        say(f"paused; continue with `tansaku resume {name}`", err=True)
    elif result.reason != "waiting":
        say(f"nothing more is proposed: {result.reason}; `tansaku results {name}` shows what was found", err=True)
    elif asked.descriptor is not None:
        say("report it by `tansaku tell`, then ask again; `--values` proposes a candidate at once", err=True)
    elif len(asked.waiting) < asked.asked_for:
        why = "no more can be proposed before these values are known, or within the budget"
        say(f"{len(asked.waiting)} of {asked.asked_for}: {why}", err=True)
    if as_csv is not None and asked.waiting:
        say(f"fill in {as_csv}, then `tansaku tell {name} {as_csv}`", err=True)


def show_waiting(asked: Asked) -> None:
    """Prints the proposals that wait, and why each was chosen."""
    count, offer = len(asked.waiting), asked.descriptor
    if count or offer is None:
        _show_proposals(asked)
    if offer is not None:
        when = "besides these values" if count else "first"
        say(f"{asked.campaign}: {when} measure {offer.column} of {', '.join(offer.candidates)}")
        gains = f"{text(offer.per_price)}, by the best candidate's value {text(offer.value_per_price)}"
        say(headed(f"      price {text(offer.price)}; expected gain per price {gains}", asked.unit))


def _show_proposals(asked: Asked) -> None:
    count = len(asked.waiting)
    wait = "1 proposal waits" if count == 1 else f"{count} proposals wait"
    say(f"{asked.campaign}: {wait} for {'a ' if len(asked.measured) == 1 else ''}{', '.join(asked.headings)}")
    for item in asked.waiting:
        cells = ", ".join(f"{name} {text(cell)}" for name, cell in item.cells.items())
        own = "1" if item.level is None else asked.level_units.get(item.level, "1")
        level = "" if item.level is None else f"  level {headed(item.level, own)}"
        say(f"  {item.number}  {item.candidate}{level}" + (f"  ({cells})" if cells else ""))
        said = [item.why]
        if item.prediction is not None:
            spread = "" if item.uncertainty is None else f" ± {text(item.uncertainty)}"
            said.append(f"prediction {text(item.prediction)}{spread}")
        said += [f"{name} {text(of.prediction)} ± {text(of.uncertainty)}" for name, of in item.others.items()]
        said.append(f"cost {text(item.cost)}")
        if item.nearest is not None:
            said.append(f"nearest known {item.nearest} with {text(item.nearest_value)}")
        if item.expires is not None:
            said.append(f"expires {item.expires:%Y-%m-%d %H:%M}Z")
        say(f"      {'; '.join(said)}")


def tell(
    name: NameArgument,
    what: Annotated[str, typer.Argument(metavar="FILE.csv|CANDIDATE", help="Measured values, one row each; or a candidate.")],
    value: Annotated[
        str | None, typer.Argument(metavar="VALUE", help="Of the candidate, such as 62.5 or '62.5 mJ/m2'.", show_default=False)
    ] = None,
    next_csv: Annotated[
        Path | None, typer.Option("--next", metavar="FILE", help="Then ask, and write what to measure next into this table.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
    site: SiteOption = None,
) -> None:
    """Records measured values: of a candidate, or all rows of a file, or none; what was recorded before changes nothing."""
    from tansaku.tasks.ground.settings import limit_threads

    limit_threads()
    from tansaku.tasks.act.measurements import ask_tell
    from tansaku.tasks.act.measurements.report_file import report_at, report_of

    report = report_at(Path(what)) if value is None else report_of([{"candidate": what, "value": value}])
    with opened(site) as resources:
        receipt = ask_tell.tell(resources, this_user(), name, report, patience=ask_tell.PATIENCE)
        answer = receipt.model_dump(mode="json")
        if not as_json:  # at once: the values are stored also where nothing can be proposed
            say(receipt.describe())
        if next_csv is not None:
            result, asked = _asked(resources, name)
            write_table(asked, "--next", next_csv)
            answer["asked"] = asked.model_dump(mode="json")
            if not as_json:
                _show_asked(asked, result, next_csv)
    if as_json:
        show_json(answer)
    elif next_csv is None:
        say(f"`tansaku ask {name}` shows what to measure next", err=True)


def attach(
    name: NameArgument,
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="Proposal or evaluation whose value was recorded.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A photo, or any other file, of at most 10 MB.")],
    photo: Annotated[
        bool | None,
        typer.Option(
            "--photo/--file", help="Store it as a photo, without metadata, or as it is; default: by its name's ending."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
    site: SiteOption = None,
) -> None:
    """Keeps a photo or file with a recorded value; the same one twice is kept once."""
    from tansaku.tasks.ground.settings import limit_threads

    limit_threads()
    from tansaku.tasks.act.measurements import attachments

    given = attachments.given_file(file, number, photo=photo)
    with opened(site) as resources:
        found = attachments.attach(resources, this_user(), name, given)
    if as_json:
        show_json(found.model_dump(mode="json"))
    else:
        show_attached(name, found.candidate, found.name, found.size)


def show_attached(name: str, candidate: str, file: str, size: int) -> None:
    """Prints what was kept."""
    say(f"{name}: {file} ({size:,} bytes) is kept with the value of {candidate}")
