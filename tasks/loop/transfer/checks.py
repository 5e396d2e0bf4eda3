"""Checks that a source fits the campaign that learns from it, before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.transfer import CampaignSourceSpec, TransferSpec
from tansaku.models.domain.wording import did_you_mean


@dataclass(frozen=True)
class Claim:
    """Description of a source.

    Attributes:
        key: Its key in the campaign file, for messages.
        unit: Of its values.
        direction: Whether low or high values were wanted.
        property: What was computed, None if unknown.
    """

    key: str
    name: str
    unit: str
    direction: str
    property: str | None = None


def check_objective(claim: Claim, objective: ObjectiveSpec) -> None:
    """Rejects values with another meaning.

    Raises:
        ConfigurationError: Another unit, direction or property.
    """
    ours = (("unit", objective.unit), ("direction", objective.direction), ("property", objective.property))
    for word, own in ours:
        theirs = getattr(claim, word)
        if own != theirs and (word != "property" or (own is not None and theirs is not None)):
            raise ConfigurationError(
                f"{claim.key}: the values of {claim.name!r} have the {word} {theirs}, this campaign's objective has {own}",
                hint="give both searches the same objective",
            )


def check_features(claim: Claim, ours: CandidatePool, theirs: CandidatePool) -> None:
    """Rejects a source that lacks a feature group, or has a group with another width or other columns.

    Raises:
        ConfigurationError: Names the groups and their widths.
    """
    missing = [name for name in ours.groups if name not in theirs.groups]
    if missing:
        raise ConfigurationError(
            f"{claim.key}: {claim.name!r} has no feature group {_listing(missing, ours)}; "
            f"it has {_listing(list(theirs.groups), theirs)}",
            hint="both searches need the same feature groups",
        )
    for name, group in ours.groups.items():
        other = theirs.groups[name]
        if other.values.shape[1] != group.values.shape[1]:
            raise ConfigurationError(
                f"{claim.key}: feature group {name!r} of {claim.name!r} has {other.values.shape[1]} columns, "
                f"here it has {group.values.shape[1]}",
                hint="both searches need the same feature groups",
            )
        if (other.columns, other.categorical) != (group.columns, group.categorical):
            kinds = [" (categories)" if item.categorical else "" for item in (other, group)]
            raise ConfigurationError(
                f"{claim.key}: feature group {name!r} of {claim.name!r} has the columns {', '.join(other.columns)}{kinds[0]}, "
                f"here it has {', '.join(group.columns)}{kinds[1]}",
                hint="both searches need the same features in the same order",
            )


def check_observed(claim: Claim, count: int) -> None:
    """Rejects a source without any value. Raises ConfigurationError."""
    if count == 0:
        raise ConfigurationError(
            f"{claim.key}: {claim.name!r} has no observations", hint="run it until it has some, or remove it from the sources"
        )


def source_campaign(store: CampaignStore, source: CampaignSourceSpec, key: str) -> CampaignRecord:
    """The campaign that has the name of a source.

    Raises:
        ConfigurationError: No campaign of this name is stored.
    """
    try:
        return store.campaign(source.name)
    except NotFoundError as error:
        known = store.campaign_names()
        listed = ", ".join(known[:8]) if known else "none"
        raise ConfigurationError(
            f"{key}.name: no campaign {source.name!r} is stored{did_you_mean(source.name, known)}",
            hint=f"stored campaigns: {listed}",
        ) from error


def check_not_itself(name: str, transfer: TransferSpec) -> None:
    """Rejects a campaign that would learn from itself. Its sources cannot: they are older, and know others by their ids.

    Raises:
        ConfigurationError: Names the source.
    """
    for i, source in enumerate(transfer.sources):
        if isinstance(source, CampaignSourceSpec) and source.name == name:
            raise ConfigurationError(
                f"transfer.sources[{i}].name: {name!r} is this campaign itself", hint="name another campaign"
            )


def _listing(names: Sequence[str], pool: CandidatePool) -> str:
    """Feature groups and their widths."""
    return ", ".join(f"{name} ({pool.groups[name].values.shape[1]})" for name in names) or "none"
