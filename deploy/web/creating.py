"""Creates a campaign and, where it is asked for, a run of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus

from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.services import Services
from tansaku.deploy.web.steering import ask_to_run
from tansaku.models.domain.accounts import Actor
from tansaku.models.domain.identifiers import content_hash, is_name, short_hash
from tansaku.models.domain.library import SHA256_PREFIX
from tansaku.models.domain.records import CampaignRecord
from tansaku.models.domain.specs.base import file_keys
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.checks.policy import check_size
from tansaku.tasks.commands.create_web import Created
from tansaku.tasks.views.overview import stored_spec
from tansaku.tasks.yaml_edit import Value, edit_yaml, value_at
from tansaku.tasks.yaml_text import parse_yaml, write_yaml

SPEC_FIELDS = ("name", "seed", "budget.evaluations", "budget.cost", "budget.fraction", "execution.in_flight")
"""Keys that the page has fields for."""

_COPIED_PATH = re.compile(r"(?P<sha256>[0-9a-f]{64})/[^/]+")
_FILLED_IN = ("sha256", "potential_sha256", "model_sha256", "weights", "own_lattice_parameter")
_SOURCE = "campaign"


@dataclass(frozen=True)
class Creation:
    """A campaign that a user asks for.

    Attributes:
        text: The spec in YAML.
        site: Name of the site; None: the first one.
        run: Whether it is also to be run.
    """

    text: str
    site: str | None = None
    run: bool = False


def create(services: Services, actor: Actor, wanted: Creation) -> Created:
    """Creates a campaign, and asks for a run of it if that is wanted. Doing it again changes nothing.

    Args:
        services: Of the application.
        actor: Who asks.
        wanted: What is asked for.

    Raises:
        ProblemError: The site is not known.
        InvalidSpecError: The spec is wrong.
        SpecChangedError: A campaign of this name is stored with another spec.
    """
    if wanted.site is not None and wanted.site not in services.site_names:
        expected = " or ".join(services.site_names)
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"no site of this name; expected {expected}", key="site")
    created = services.desk.create(actor, services.desk.admit(actor, wanted.text))
    if wanted.run:
        ask_to_run(services, actor, created.record.name, run_key(created.record))
    return created


def run_key(record: CampaignRecord) -> str:
    """Idempotency key of the run that is requested with a campaign: requested twice, it is one."""
    return f"create-{short_hash([record.name, record.created_at.isoformat()])}"


def edit_fields(text: str, changes: dict[str, Value]) -> str:
    """The spec with other values of :data:`SPEC_FIELDS`.

    Args:
        text: The spec in YAML.
        changes: New values by key; None takes a limit away.

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


def copied_spec(record: CampaignRecord, names: set[str]) -> str:
    """The spec of a campaign as a text to start another one from: files by their content, without what is filled in.

    Args:
        record: The campaign.
        names: Names that are taken.
    """
    spec = stored_spec(record)
    data = _written(spec.model_dump(mode="json"), spec.model_dump(mode="json", exclude_defaults=True))
    assert isinstance(data, dict)
    first = {"schema_version": 1, "name": _free_name(record.name, names)}
    return write_yaml(first | {file_keys(CampaignSpec, key)[0]: value for key, value in data.items() if key not in first})


def _written(value: object, given: object) -> object:
    """What a file would say: what is not the default, and the types, by which the rest is read.

    Args:
        value: Plain data.
        given: The same without defaults.
    """
    if isinstance(value, dict) and isinstance(given, dict):
        kept = [key for key in value if (key in given or key == "type") and key not in _FILLED_IN]
        return {key: _written(value[key], given.get(key, value[key])) for key in kept}
    if isinstance(value, list) and isinstance(given, list):
        return [_written(item, part) for item, part in zip(value, given, strict=True)]
    copied = _COPIED_PATH.fullmatch(value) if isinstance(value, str) else None
    return value if copied is None else SHA256_PREFIX + copied["sha256"]


def _free_name(name: str, taken: set[str]) -> str:
    for number in range(2, 1000):
        found = f"{name[:58]}-{number}"
        if found not in taken and is_name(found):
            return found
    return f"copy-{content_hash(sorted(taken))[:8]}"
