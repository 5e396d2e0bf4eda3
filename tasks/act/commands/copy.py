"""A new campaign with the spec of a stored one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.errors import ConfigurationError, FieldError
from tansaku.models.domain.identifiers import is_name, shown
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.node.configuration.campaign_files import campaign_from_data, set_key


def copy_campaign(resources: Resources, actor: Actor, name: str, new: str, changes: Mapping[str, object]) -> CampaignRecord:
    """Stores a new campaign with the spec of a stored one; spends nothing.

    The copy begins with no evaluation. It has the edits of the original; what the original froze when it was created, such as
    the results of its transfer sources, is frozen again as it is now.

    Args:
        resources: Store, artifacts, registry and site.
        name: The campaign that is copied.
        changes: New values by dotted key of the spec, whether it is editable or not.

    Raises:
        NotFoundError: No campaign of this name is stored.
        ConfigurationError: The new name is taken or invalid, a key or value is wrong, or a file has changed since.
    """
    check_new_name(resources.store, new)
    record = resources.store.campaign(name)
    data = CampaignSpec.model_validate(record.spec).model_dump(mode="json")
    for source in (data.get("transfer") or {}).get("sources", ()):
        if source["type"] == "campaign":
            source["sha256"] = None
    data |= {"reuse_sha256": None, "known_first": None}
    for dotted, value in changes.items():
        if dotted == "name":
            raise ConfigurationError("name: it is the second argument, and cannot be set")
        set_key(data, dotted, value)
    loaded = campaign_from_data(data | {"name": new}, Path(record.base_path), f"copy of {name}")
    return prepare_campaign(resources, actor, replace(loaded, files=record.files))


def check_new_name(store: CampaignStore, new: str) -> None:
    """Raises FieldError where a campaign cannot be called so, or another one is."""
    if not is_name(new):
        raise FieldError("name", f"{shown(new)}: expected up to 63 of a-z, 0-9 and '-', not '-' first")
    if new in store.campaign_names():
        raise FieldError("name", f"campaign {new!r} is stored already; choose another name")
