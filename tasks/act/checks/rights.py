"""Rights of users on campaigns and models, and on what a new campaign uses of others."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from tansaku.models.domain.accounts import Accounts, Actor, Role
from tansaku.models.domain.errors import ConfigurationError, NotFoundError, StoreError
from tansaku.models.domain.model_registry import ModelRecord, Registry
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, Observation, Steerer
from tansaku.models.domain.roles import ProjectRole
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.transfer import CampaignSourceSpec
from tansaku.models.domain.trainings import Trainings
from tansaku.tasks.act.checks.policy import Admitted, invalid
from tansaku.tasks.act.checks.request import Stored
from tansaku.tasks.act.checks.seen_registry import SeenRegistry
from tansaku.tasks.act.checks.sight import Sight, has_role
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.ground.formats.yaml_text import KeyPath
from tansaku.tasks.loop.reuse.offering import Offer, offer_results

MOST_OBSERVATIONS = 50_000
"""Observations of all sources of a campaign from the dashboard; with more, the command line creates it."""


_LOOKED_AT = 500
"""Last trainings, among which those of a user are looked for."""


class Steered(Protocol):
    """A campaign, or its line in a list."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def steerers(self) -> tuple[Steerer, ...]:
        """Its owner, and users with whom it is shared."""
        ...


def owns(accounts: Accounts, actor: Actor, record: CampaignRecord) -> bool:
    """Returns whether an actor created a campaign; a later user of the same name did not."""
    return record.owner is not None and _is_one_of(accounts, actor, record.steerers[:1])


def may_steer(accounts: Accounts, actor: Actor, campaign: Steered) -> bool:
    """Returns whether an actor may give commands to a campaign.

    Admins may, and its owner, users with whom it is shared and operators of its project, as far as they are operators. A
    campaign of the command line has no owner.

    Args:
        accounts: Users and projects.
    """
    if actor.may(Role.ADMIN) or not actor.may(Role.OPERATOR):
        return actor.may(Role.ADMIN)
    return _is_one_of(accounts, actor, campaign.steerers) or has_role(accounts, actor, campaign.id, ProjectRole.OPERATOR)


def _is_one_of(accounts: Accounts, actor: Actor, steerers: Sequence[Steerer]) -> bool:
    since = [steerer.since for steerer in steerers if steerer.user == actor.name]
    user = accounts.user(actor.name) if since else None
    return user is not None and user.created_at <= max(since)


def may_own(accounts: Accounts, actor: Actor, record: CampaignRecord) -> bool:
    """Returns whether an actor may rename, share and delete a campaign: admins, and the operator who created it."""
    return actor.may(Role.ADMIN) or (actor.may(Role.OPERATOR) and owns(accounts, actor, record))


def may_promote(accounts: Accounts, store: CampaignStore, actor: Actor, versions: Sequence[ModelRecord]) -> bool:
    """Returns whether an actor may promote a version of a model: admins, and the operator whose campaigns trained all of them.

    Args:
        accounts: Users.
        versions: All of the model's name.
    """
    if actor.may(Role.ADMIN):
        return True
    if not actor.may(Role.OPERATOR) or not versions:
        return False
    left = {record.label for record in versions}
    for name in store.campaign_names():
        with suppress(NotFoundError, StoreError):
            if owns(accounts, actor, store.campaign(name)):
                left -= {end.version for _, end in store.retrains(name) if end is not None and end.version is not None}
    return not left


def may_train(
    accounts: Accounts, store: CampaignStore, trainings: Trainings, actor: Actor, versions: Sequence[ModelRecord]
) -> bool:
    """Returns whether an actor may train another version: an operator who asked for all of them, or may promote the others.

    Args:
        accounts: Users.
        versions: All of the model's name.
    """
    user = accounts.user(actor.name)
    asked = trainings.trainings(_LOOKED_AT) if user is not None and versions else []
    own = {request.version for request in asked if user and request.user == user.name and request.created_at >= user.created_at}
    others = [record for record in versions if record.label not in own]
    return actor.may(Role.OPERATOR) and (not others or may_promote(accounts, store, actor, others))


@dataclass(frozen=True)
class Rights:
    """Checks what a spec uses.

    Attributes:
        sight: The campaigns that the author may see.
        registry: Models.
    """

    sight: Sight
    registry: Registry

    @property
    def actor(self) -> Actor:
        """The author."""
        return self.sight.actor

    @property
    def store(self) -> CampaignStore:
        """The campaigns."""
        return self.sight.store

    def check(self, admitted: Admitted) -> None:
        """Checks the campaigns and models that a spec names.

        Raises:
            InvalidSpecError: One is not there, or its author may not use it so.
        """
        problems = [
            *self._name_problems(admitted.spec),
            *self._source_problems(admitted.spec),
            *self._model_problems(admitted.spec),
        ]
        if problems:
            raise invalid(problems, admitted.document)

    def stored(self, admitted: Admitted, offer: Offer | None = None) -> Stored:
        """Collects the part of the database that creating a campaign needs.

        Args:
            offer: What it may adopt; None: nothing.

        Raises:
            InvalidSpecError: Its sources have too many observations.
        """
        campaigns: dict[str, CampaignRecord] = {}
        observations: dict[str, tuple[Observation, ...]] = {}
        for i, source in enumerate(_sources(admitted.spec)):
            self._collect(source.name, campaigns)
            observations[source.name] = tuple(self.store.observations(source.name))
            if sum(map(len, observations.values())) > MOST_OBSERVATIONS:
                message = f"more than {MOST_OBSERVATIONS:,} observations; create this campaign with `tansaku run`"
                raise invalid([(("transfer", "sources", i, "name"), message)], admitted.document)
        self._collect(admitted.spec.name, campaigns)
        given = offer or Offer()
        campaigns |= {record.name: record for record in given.campaigns}
        return Stored(
            campaigns=tuple(campaigns.values()),
            observations=observations,
            evaluations=given.evaluations,
            models=tuple(self._models(admitted.spec)),
        )

    def offer(self, admitted: Admitted, computation: str) -> Offer:
        """Results that a new campaign may adopt: those of campaigns that its author may see.

        Args:
            computation: Key of what it computes.

        Raises:
            InvalidSpecError: There are too many.
        """
        try:
            return offer_results(admitted.spec.name, computation, self.store, self.sight.sees)
        except ConfigurationError as error:
            raise invalid([(("reuse",), error.message)], admitted.document) from error

    def _collect(self, name: str, found: dict[str, CampaignRecord]) -> None:
        """Adds a campaign, and the sources of its transfer."""
        if name in found:
            return
        try:
            found[name] = self.store.campaign(name)
        except NotFoundError:
            return
        for source in _sources(stored_spec(found[name])):
            self._collect(source.name, found)

    def _name_problems(self, spec: CampaignSpec) -> list[tuple[KeyPath, str]]:
        """A name of a campaign that the author may not see can only be said to be taken."""
        return [] if self.sight.sees(spec.name) else [(("name",), f"{spec.name!r} is taken; choose another one")]

    def _source_problems(self, spec: CampaignSpec) -> list[tuple[KeyPath, str]]:
        problems: list[tuple[KeyPath, str]] = []
        known = set(self.store.campaign_names())
        for i, source in enumerate(spec.transfer.sources if spec.transfer is not None else ()):
            if not isinstance(source, CampaignSourceSpec):
                continue
            key: KeyPath = ("transfer", "sources", i)
            if source.name not in known or not self.sight.sees(source.name):
                problems.append(((*key, "name"), f"no campaign {source.name!r} is stored"))
            if source.follow and source.sha256 is not None:
                problems.append(((*key, "sha256"), "not with follow: true; remove it"))
        return problems

    def _model_problems(self, spec: CampaignSpec) -> list[tuple[KeyPath, str]]:
        problems: list[tuple[KeyPath, str]] = []
        look, retrain = spec.pre_screening, spec.retrain
        if look is not None and look.weights is not None:
            problems.append((("pre_screening", "weights"), "is filled in when the campaign is created; remove it"))
        if look is not None and look.model is not None and not self._models(spec):
            problems.append((("pre_screening", "model"), f"no model {look.model!r} is stored"))
        if retrain is None or self.actor.may(Role.ADMIN) or spec.name in self.store.campaign_names():
            return problems
        name = retrain.model or spec.name
        if self.registry.models(name):
            message = f"model {name!r} exists; choose another name, since only admins may add versions to the models of others"
            problems.append((("retrain", "model"), message))
        return problems

    def _models(self, spec: CampaignSpec) -> list[ModelRecord]:
        look = spec.pre_screening
        return (
            []
            if look is None or look.model is None
            else SeenRegistry(self.registry, self.sight).models(look.model.partition("@")[0])
        )


def _sources(spec: CampaignSpec) -> list[CampaignSourceSpec]:
    sources = spec.transfer.sources if spec.transfer is not None else ()
    return [source for source in sources if isinstance(source, CampaignSourceSpec)]
