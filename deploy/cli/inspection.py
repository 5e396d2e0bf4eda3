"""`tansaku status`, `list`, `show`, `log` and `provenance`: read stored campaigns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tansaku.deploy.cli.printing import say, writing
from tansaku.deploy.cli.session import NameArgument, SiteOption, complete_campaign, opened
from tansaku.deploy.cli.tables import show_json, show_table
from tansaku.models.domain.states import STEPS

if TYPE_CHECKING:
    from tansaku.models.domain.model_registry import Registry
    from tansaku.models.domain.records import CampaignRecord, JsonDict
    from tansaku.tasks.backends.resources import Resources
    from tansaku.tasks.read.views.campaign import Campaign

_ROUTINE = STEPS | {"evaluation.done", "certificate"}
"""Kinds of events of every evaluation that succeeds."""

JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]


def status(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Name of a campaign; default: all.", autocompletion=complete_campaign),
    ] = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Shows the state of campaigns: failed evaluations first, with the reason and the command to retry them."""
    from tansaku.tasks.read.views.status import campaign_status, every_status

    with opened(site) as resources:
        store = resources.store
        found = every_status(store) if name is None else [campaign_status(store, name)]
        queue = resources.queue()
    if as_json:
        show_json([entry.model_dump(mode="json") for entry in found])
        return
    if not found:
        say("no campaigns yet; `tansaku init` writes an example")
    for entry in found:
        say(entry.describe(failures=None if name is not None else 3))
    if queue is not None:
        say(queue.line)


def list_campaigns(as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Lists all campaigns, one line each."""
    from tansaku.models.domain.identifiers import printable
    from tansaku.tasks.read.views.status import CampaignStatus, every_status

    with opened(site) as resources:
        found = every_status(resources.store)
    if as_json:
        show_json([entry.model_dump(mode="json") for entry in found])
        return
    show_table(
        ("name", "state", "evaluations", "failed", "cost", "created"),
        [
            (e.name, e.state.value, e.evaluations, e.failed, e.cost, f"{e.created_at:%Y-%m-%d %H:%M}Z")
            if isinstance(e, CampaignStatus)
            else (printable(e.name), f"cannot be read: {e.problem}", None, None, None, None)
            for e in found
        ],
    )


def show(
    name: NameArgument,
    candidate: Annotated[str | None, typer.Argument(metavar="[CANDIDATE]", help="Show this candidate's evaluations.")] = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Shows a campaign's resolved spec and convergence certificate, or everything stored about one candidate."""
    from tansaku.models.domain.errors import NotFoundError
    from tansaku.tasks.read.views.campaign import Campaign

    with opened(site) as resources:
        record = resources.store.campaign(name)
        if candidate is None:
            campaign = Campaign.load(resources.store, name)
            document = record.model_dump(mode="json") | _learned_cost(campaign) | _transfer(campaign)
            document |= _certificate(campaign) | _front(campaign)
            document |= _models(resources.registry, record)
            document |= _measurements(campaign)
        else:
            found = [e for e in resources.store.evaluations(name) if e.proposal.candidate == candidate]
            if not found:
                raise NotFoundError(f"campaign {name!r} has no evaluation of candidate {candidate!r}")
            document = _cells(record, candidate)
            document |= {"evaluations": [evaluation.model_dump(mode="json") | {"campaign": name} for evaluation in found]}
    if as_json:
        show_json(document)
        return
    from tansaku.tasks.ground.formats.yaml_text import write_yaml

    say(write_yaml(document), nl=False)


def _cells(record: CampaignRecord, candidate: str) -> JsonDict:
    """Returns the description of a candidate as ``cells``; empty where its space describes none, or cannot be opened."""
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.tasks.read.views.results import stored_cells

    try:
        cells = stored_cells(record, candidate)
    except ConfigurationError as error:
        say(f"not described: {error.message}", err=True)
        return {}
    return {"cells": cells} if cells else {}


def _transfer(campaign: Campaign) -> JsonDict:
    """Returns the transfer mode, its evidence and its changes as ``transfer``; empty without transfer."""
    from tansaku.tasks.loop.transfer.report import transfer_report

    report = transfer_report(campaign.refits)
    return {} if report is None else {"transfer": report}


def _certificate(campaign: Campaign) -> JsonDict:
    """Returns the last certificate as ``certificate``; empty before the first."""
    certificate = campaign.certificate
    if certificate is None:
        return {}
    return {"certificate": {"says": certificate.sentences[0], **certificate.model_dump(mode="json")}}


def _front(campaign: Campaign) -> JsonDict:
    """Returns the Pareto front as ``front``; empty with a single objective."""
    if not campaign.spec.objective.goals:
        return {}
    from tansaku.tasks.read.views.fronts import campaign_front

    front = campaign_front(campaign)
    return {} if front is None else {"front": front.summary()}


def _measurements(campaign: Campaign) -> JsonDict:
    """Returns the proposals that wait for values as ``waiting``; empty where values are computed."""
    if not campaign.spec.manual:
        return {}
    from tansaku.tasks.act.measurements.waiting import waiting_proposals

    waiting = waiting_proposals(campaign.store, campaign.record.name).waiting
    return {"waiting": [item.model_dump(mode="json") for item in waiting]}


def _models(registry: Registry, record: CampaignRecord) -> JsonDict:
    """Returns the model versions that the campaign's calculators use, by file, as ``models``; empty if there are none."""
    from tansaku.tasks.loop.training.versions import models_in_use

    found = models_in_use(registry, record.spec)
    return {"models": found} if found else {}


def _learned_cost(campaign: Campaign) -> JsonDict:
    """Returns the fitted cost model as ``learned_cost``; empty for campaigns that do not learn their cost."""
    found = campaign.cost_comparison
    return {} if found is None else {"learned_cost": found.summary()}


def log(
    name: NameArgument,
    candidate: Annotated[
        str | None, typer.Argument(metavar="[CANDIDATE]", help="Show the output of this candidate's jobs instead.")
    ] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="Number of events to show, the latest ones.")] = 50,
    everything: Annotated[bool, typer.Option("--all", help="Include every step of every evaluation.")] = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Shows the audit log of a campaign: takeovers, commands, edits, warnings and failures."""
    with opened(site) as resources:
        resources.store.campaign(name)
        if candidate is not None:
            _show_job_logs(resources, name, candidate, as_json)
            return
        events = resources.store.events(name)
    events = [event for event in events if everything or event.kind not in _ROUTINE][-lines:]
    if as_json:
        show_json([event.model_dump(mode="json") | {"campaign": name} for event in events])
        return
    for event in events:
        data = "  ".join(f"{key}={value}" for key, value in event.data.items())
        say(f"{event.at:%Y-%m-%d %H:%M:%S}Z  {event.kind:<20}  {data}".rstrip())


def provenance(
    name: NameArgument,
    candidate: Annotated[str, typer.Argument(metavar="CANDIDATE", help="Whose value.")],
    figure: Annotated[Path | None, typer.Option("--figure", metavar="FILE", help="Draw it instead: a .png or .svg.")] = None,
    site: SiteOption = None,
) -> None:
    """Prints the provenance of a value as PROV-JSON: inputs, calculator, versions, what proposed it, where it was adopted."""
    from tansaku.tasks.read.views.campaign import Campaign
    from tansaku.tasks.read.views.provenance import value_provenance

    with opened(site) as resources:
        graph = value_provenance(Campaign.load(resources.store, name), candidate)
    if figure is None:
        show_json(graph.prov_json())
        return
    from tansaku.tasks.read.figures.provenance import draw

    with writing("--figure", figure):
        draw(graph, figure)
    say(str(figure))


def _show_job_logs(resources: Resources, name: str, candidate: str, as_json: bool) -> None:
    from tansaku.models.domain.errors import NotFoundError
    from tansaku.tasks.read.views.attempt_output import attempt_logs

    found = [evaluation for evaluation in resources.store.evaluations(name) if evaluation.proposal.candidate == candidate]
    if not found:
        raise NotFoundError(f"campaign {name!r} has no evaluation of candidate {candidate!r}")
    logs = list(attempt_logs(resources.site, found))
    if as_json:
        show_json([attempt.model_dump(mode="json") for attempt in logs])
        return
    for attempt in logs:
        given_up = f"  given up: {attempt.reason}" if attempt.reason else ""
        say(f"attempt {attempt.attempt}  job {attempt.job}  {attempt.ended}{given_up}".rstrip())
        if attempt.folder is not None:
            say(f"  {attempt.folder}")
        for file, text in attempt.files.items():
            for line in text.splitlines():
                say(f"  {file}: {line}")
