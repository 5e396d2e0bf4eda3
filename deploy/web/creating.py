"""Creates a campaign and, if requested, a run of it."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from tansaku.deploy.web import measuring, projecting
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.services import Services
from tansaku.deploy.web.steering import ask_to_run
from tansaku.models.domain.accounts import Actor
from tansaku.models.domain.errors import FieldError, SpecChangedError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.records import CampaignRecord
from tansaku.tasks.act.checks.policy import check_size
from tansaku.tasks.act.commands.create_web import Created
from tansaku.tasks.act.measurements.report_file import Report, ReportError
from tansaku.tasks.ground.formats.yaml_edit import Value, edit_yaml, value_at
from tansaku.tasks.ground.formats.yaml_text import parse_yaml

SPEC_FIELDS = ("name", "seed", "budget.evaluations", "budget.cost", "budget.fraction", "execution.in_flight")
"""Keys that the page has fields for."""

_SOURCE = "campaign"


@dataclass(frozen=True)
class Creation:
    """A campaign that a user requests.

    Attributes:
        text: The spec in YAML.
        site: Name of the site; None: the first one.
        run: Whether it is also to be run.
        copy_of: The campaign whose spec it has, for the audit; empty: none.
        project: Name of the project that it is put into; empty: none.
        earlier: Results that are known already; None: none.
    """

    text: str
    site: str | None = None
    run: bool = False
    copy_of: str = ""
    project: str = ""
    earlier: Report | None = None


def create(services: Services, actor: Actor, wanted: Creation) -> Created:
    """Creates a campaign and, if requested, asks for a run of it. Repeating it changes nothing.

    Raises:
        ProblemError: The site is not known.
        InvalidSpecError: The spec is wrong.
        SpecChangedError: A campaign of this name is stored with another spec, or outside the project.
        NotFoundError, ForbiddenError: The project is not there, or the actor may put no campaign into it.
    """
    if wanted.site is not None and wanted.site not in services.site_names:
        expected = " or ".join(services.site_names)
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"no site of this name; expected {expected}", key="site")
    admitted = services.desk.admit(actor, wanted.text)
    if wanted.project:
        placing = projecting.placing(services, actor, wanted.project)
        created = services.desk.create(actor, admitted, wanted.copy_of, placing)
        if services.accounts.project_of(created.record.id) != wanted.project:
            name = created.record.name
            raise SpecChangedError(f"campaign {name!r} is stored, but not in project {wanted.project!r}", hint="move it there")
    else:
        created = services.desk.create(actor, admitted, wanted.copy_of)
    if wanted.earlier is not None:
        key = f"earlier-{short_hash([run_key(created.record), str(wanted.earlier)])}"
        try:
            measuring.tell(services, actor, created.record.name, wanted.earlier, key)
        except ReportError as error:
            raise FieldError(
                "earlier", f"{error.listed}; the campaign is stored without them: correct them and create it again"
            ) from error
    if wanted.run:
        ask_to_run(services, actor, created.record.name, run_key(created.record))
    return created


def run_key(record: CampaignRecord) -> str:
    """Idempotency key of the run that is requested with a campaign, so that a repeated request starts no second run."""
    return f"create-{short_hash([record.name, record.created_at.isoformat()])}"


def edit_fields(text: str, changes: dict[str, Value]) -> str:
    """The spec with other values of :data:`SPEC_FIELDS`.

    Args:
        text: The spec in YAML.
        changes: New values by key; None removes a limit.

    Raises:
        InvalidSpecError: A key has no field, or the text cannot be edited.
    """
    unknown = sorted(set(changes) - set(SPEC_FIELDS))
    if unknown:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"expected some of {', '.join(SPEC_FIELDS)}", key=f"changes.{unknown[0]}"
        )
    check_size(text)
    return edit_yaml(text, changes, _SOURCE)


def field_values(text: str) -> dict[str, Value]:
    """The values of :data:`SPEC_FIELDS` in a spec. Raises ConfigurationError if it is not YAML."""
    check_size(text)
    data = parse_yaml(text, _SOURCE).data
    return {field: value_at(data, field) for field in SPEC_FIELDS}
