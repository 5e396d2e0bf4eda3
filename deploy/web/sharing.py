"""Sharing of campaigns by admins and owners: the users named may steer the campaign too."""

from __future__ import annotations

from collections.abc import Sequence

from tansaku.deploy.web.auth.roles import ForbiddenError
from tansaku.deploy.web.services import Services
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.records import CampaignRecord, Steerer
from tansaku.tasks.act.checks.rights import may_delete
from tansaku.tasks.act.commands.audit import Change, record_change

MOST_USERS = 100


def share(services: Services, actor: Actor, name: str, users: Sequence[str]) -> CampaignRecord:
    """Replaces the users with whom a campaign is shared; repeating it changes nothing.

    Args:
        services: Of the application.
        actor: Who shares it.
        name: The campaign.
        users: Names of operators; none: it is shared with nobody.

    Raises:
        NotFoundError: There is no such campaign.
        ForbiddenError: The actor is neither an admin nor the owner.
        FieldError: A name is of no operator, or there are too many.
    """
    record = services.store.campaign(name)
    if not may_delete(services.accounts, actor, record):
        raise ForbiddenError("only admins, and the operator who created it, may share a campaign")
    if len(users) > MOST_USERS:
        raise FieldError("users", f"{len(users)} names; expected at most {MOST_USERS}")
    for user in users:
        known = services.accounts.user(user)
        if known is None or not known.role.includes(Role.OPERATOR):
            raise FieldError("users", f"{user!r} is no operator")
    now = services.clock()
    before, after = [known.user for known in record.shared_with], sorted(set(users))
    if after != before:
        change = Change("campaign.share", f"campaign:{name}", {"users": before}, {"users": after})
        record_change(services.accounts, actor, change, now)
    services.store.share_campaign(name, tuple(Steerer(user=user, since=now) for user in after))
    return services.store.campaign(name)
