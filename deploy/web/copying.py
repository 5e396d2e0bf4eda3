"""Copies of campaigns: their specs as texts to start from, and new campaigns with the same spec."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace

from tansaku.deploy.web import creating, projecting
from tansaku.deploy.web.services import Services
from tansaku.models.domain.accounts import Actor
from tansaku.models.domain.errors import ConfigurationError, FieldError, InvalidSpecError
from tansaku.models.domain.identifiers import content_hash, is_name
from tansaku.models.domain.records import CampaignRecord, JsonDict
from tansaku.tasks.act.commands.create_web import Created
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.ground.formats.yaml_text import write_yaml
from tansaku.tasks.node.configuration.campaign_files import set_key
from tansaku.tasks.node.configuration.written import written
from tansaku.tasks.read.views.comparison import MOST_CAMPAIGNS

_SEEDED = re.compile(r"(?P<base>.+)-seed-\d+")
_LONGEST_BASE = 38
"""Characters of a name to which the largest seed can be added."""
_COPIED_PATH = re.compile(r"(?P<sha256>[0-9a-f]{64})/[^/]+")


@dataclass(frozen=True)
class Copy:
    """A copy that a user requests.

    Attributes:
        changes: New values by dotted key of the spec.
        run: Whether it is also to be run.
    """

    name: str
    changes: Mapping[str, object] = field(default_factory=dict)
    run: bool = False


def copy(services: Services, actor: Actor, name: str, wanted: Copy) -> Created:
    """Creates a campaign with the spec of a stored one, as if the actor had written it, in the same project.

    From a project of others that all users see, the copy is in no project. Repeating it changes nothing.

    Args:
        name: The campaign that is copied.

    Raises:
        NotFoundError: No campaign of this name is stored.
        FieldError: A change cannot be made.
        InvalidSpecError: The copy is wrong, or more than the actor may ask for.
        SpecChangedError: A campaign of the new name is stored with another spec.
        ForbiddenError: The actor may put no campaign into the project.
    """
    if not is_name(wanted.name):
        raise FieldError("name", "expected up to 63 of a-z, 0-9 and '-', not '-' first")
    record = services.store.campaign(name)
    text = copied_text(record, wanted.name, wanted.changes)
    project = projecting.project_of_copy(services, actor, record)
    try:
        return creating.create(services, actor, creating.Creation(text, run=wanted.run, copy_of=name, project=project))
    except InvalidSpecError as error:
        # The line numbers refer to a text that the user has not seen.
        problems = [replace(problem, line=None) for problem in error.problems]
        raise InvalidSpecError("\n".join(map(str, problems)), problems, hint=error.hint) from error


def copied_spec(record: CampaignRecord, names: set[str]) -> str:
    """The spec of a campaign as a starting text for another one, under a free name.

    Args:
        names: Names that are taken.
    """
    return copied_text(record, free_name(record.name, names), {})


def with_another_seed(record: CampaignRecord, names: Set[str]) -> tuple[str, int]:
    """A free name for the same campaign with another seed, and that seed.

    Args:
        names: Names that are taken.
    """
    base, seed = _base_of(record.name), stored_spec(record).seed + 1
    while f"{base}-seed-{seed}" in names:
        seed += 1
    return f"{base}-seed-{seed}", seed


def with_other_seeds(name: str, names: Iterable[str]) -> list[str]:
    """A campaign and those that differ from it in their seeds, by their names; empty where there is no other.

    Args:
        names: Of campaigns.
    """
    base, has_seed = _base_of(name), _SEEDED.fullmatch(name) is not None
    found = [known for known in names if known == name or (_base_of(known) == base and (has_seed or _SEEDED.fullmatch(known)))]
    return found[:MOST_CAMPAIGNS] if len(found) > 1 else []


def _base_of(name: str) -> str:
    """The name without the seed that :func:`with_another_seed` has added."""
    seeded = _SEEDED.fullmatch(name)
    return (seeded["base"] if seeded else name)[:_LONGEST_BASE]


def copied_text(record: CampaignRecord, name: str, changes: Mapping[str, object]) -> str:
    """The spec of a campaign as the text of another one: files by their content, without keys that tansaku fills in.

    Args:
        name: Of the other one.
        changes: New values by dotted key.

    Raises:
        FieldError: A change is of a key of something that has none, or of the name.
    """
    spec = stored_spec(record)
    stored, given = spec.model_dump(mode="json"), spec.model_dump(mode="json", exclude_defaults=True)
    crystal = spec.space.reference_crystal
    if crystal is not None and crystal.was_auto:
        _change(stored, given, "space.crystal.lattice_parameter", "auto")
    for dotted, value in changes.items():
        _change(stored, given, dotted, value)
    first = {"schema_version": 1, "name": name}
    try:
        data = written(stored, given, spec)
        assert isinstance(data, dict)
        return write_yaml(first | {key: value for key, value in data.items() if key not in first})
    except RecursionError as error:
        raise FieldError("changes", "a value is nested too deeply") from error


def _change(stored: JsonDict, given: JsonDict, dotted: str, value: object) -> None:
    """Sets a key of a spec, both in the complete spec and in the part without defaults."""
    top = dotted.partition(".")[0]
    if not top:
        raise FieldError("changes", "a key is empty")
    if top in ("name", "schema_version"):
        raise FieldError(dotted, "cannot be set")
    try:
        set_key(stored, dotted, value)
    except ConfigurationError as error:
        raise FieldError(dotted, error.message.removeprefix(f"{dotted}: ")) from error
    *parents, last = dotted.split(".")
    for parent in parents:
        given = given.setdefault(parent, {})
    given[last] = value


def free_name(name: str, taken: Set[str]) -> str:
    """A name with a number behind it that no campaign has.

    Args:
        name: With which it begins.
        taken: Names that are taken.
    """
    for number in range(2, 1000):
        found = f"{name[:58]}-{number}"
        if found not in taken and is_name(found):
            return found
    return f"copy-{content_hash(sorted(taken))[:8]}"
