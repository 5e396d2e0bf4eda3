"""Leases of campaigns, timed by the server's clock."""

from __future__ import annotations

from datetime import datetime

from pydantic import ValidationError
from pymongo import DESCENDING, ReturnDocument

from tansaku.models.domain.errors import NotFoundError, StoreError
from tansaku.models.domain.records import CampaignRecord, Evaluation, JsonDict, Lease, LeaseOwner
from tansaku.tasks.backends.stores import campaigns
from tansaku.tasks.backends.stores.documents import from_document, to_document
from tansaku.tasks.backends.stores.mongo_derived import PART, Derived
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.mongo_schema import Collections, check_version
from tansaku.tasks.backends.stores.mongo_swap import Swap
from tansaku.tasks.ground.site.garbage import collection_paused

_PATIENCE = 3

_COUNTED: JsonDict = {"$ifNull": ["$lease.counted_at", {"$min": ["$$NOW", "$lease.expires_at"]}]}
"""Up to when a lease is in ``driven``; a lease of an older version is not."""

_EXPIRED: JsonDict = {"$expr": {"$lte": ["$lease.expires_at", "$$NOW"]}}

_DRIVEN: JsonDict = {
    "$add": [
        {"$ifNull": ["$driven", 0.0]},
        {"$max": [0.0, {"$divide": [{"$subtract": [{"$min": ["$$NOW", "$lease.expires_at"]}, _COUNTED]}, 1000]}]},
    ]
}
"""Time that drivers have had a campaign, up to now [s]."""


class Leases:
    """Leases: which driver owns a campaign, and until when."""

    def __init__(self, collections: Collections, swap: Swap, derived: Derived) -> None:
        self._collections = collections
        self._swap = swap
        self._derived = derived

    def acquire(self, campaign: str, owner: LeaseOwner, duration: float, *, steal: bool) -> Lease:
        """Takes over the campaign and raises its epoch.

        The epoch is raised first: from then on the older driver commits nothing. Then its committed writes are completed, and
        only then its evaluations are taken over. A database that another version has upgraded since it was opened is refused.
        """
        person = to_document(owner)
        condition: JsonDict = {"name": campaign, "deleting": {"$ne": True}}
        if not steal:
            condition["$or"] = [{"lease": None}, {"lease.owner": person}, _EXPIRED]
        raised = {"$add": ["$epoch", 1]}
        lease = {
            "campaign": "$_id",
            "epoch": raised,
            "owner": {"$literal": person},
            "acquired_at": "$$NOW",
            "expires_at": _from_now(duration),
            "counted_at": "$$NOW",
        }
        update = [{"$set": {"epoch": raised, "revision": {"$add": ["$revision", 1]}, "lease": lease}}]
        with translated(f"taking over campaign {campaign!r}"):
            check_version(self._collections.database)
            document = self._collections.campaigns.find_one_and_update(condition, update, return_document=ReturnDocument.AFTER)
            if document is None:
                raise self._held(campaign)
            taken = Lease.model_validate(document["lease"])
            try:
                self._take(document)
            except StoreError:
                # Stored data are damaged and the campaign cannot be driven, so nobody should wait for this lease to expire.
                self.release(taken)
                raise
        self._derived.record_event(campaigns.lease_event(taken))
        return taken

    def _take(self, document: JsonDict) -> None:
        """Completes and takes over the committed writes of an older driver."""
        campaign, epoch = document["_id"], document["epoch"]
        self._swap.pour(campaign)
        self._collections.evaluations.update_many(
            {"campaign": campaign, "epoch": {"$lt": epoch}}, {"$set": {"epoch": epoch}, "$inc": {"revision": 1}}
        )
        self.follow_numbers(campaign)
        self._rebuild(campaign, document["spec"])

    def renew(self, lease: Lease, duration: float) -> Lease:
        """Extends the lease. Raises FencedError when another driver, StoreError when another version has taken over."""
        changes = {"lease.expires_at": _from_now(duration), "lease.counted_at": "$$NOW", "driven": _DRIVEN}
        update = [{"$set": changes | {"revision": {"$add": ["$revision", 1]}}}]
        condition = {"_id": lease.campaign, "epoch": lease.epoch, "lease.epoch": lease.epoch}
        with translated("renewing the lease of a campaign"):
            check_version(self._collections.database)
            document = self._collections.campaigns.find_one_and_update(condition, update, return_document=ReturnDocument.AFTER)
        if document is not None:
            self._swap.remember(document)
            return Lease.model_validate(document["lease"])
        record = self._record({"_id": lease.campaign})
        campaigns.check_lease(record, lease)
        raise campaigns.released(record)

    def release(self, lease: Lease) -> None:
        """Releases the lease; does nothing if it is no longer ours."""
        with translated("releasing a campaign"):
            self._collections.campaigns.update_one(
                {"_id": lease.campaign, "epoch": lease.epoch},
                [{"$set": {"driven": _DRIVEN, "lease": None, "revision": {"$add": ["$revision", 1]}}}],
            )

    def now(self) -> datetime:
        """Returns the server's time."""
        database = self._collections.database
        with translated("reading the server's time"):
            moment: datetime = database.command("hello", codec_options=database.codec_options)["localTime"]
        return moment

    def begin_deletion(self, name: str) -> None:
        """Marks a campaign as being deleted; does not rely on its record, so a damaged campaign can be deleted too."""
        free: JsonDict = {"$or": [{"lease": None}, _EXPIRED]}
        changes = {"deleting": True, "lease": None} | {key: _one_more(key) for key in ("epoch", "revision")}
        with translated(f"deleting campaign {name!r}"):
            for _ in range(_PATIENCE):
                if self._collections.campaigns.update_one({"name": name} | free, [{"$set": changes}]).matched_count:
                    return
                document = self._collections.campaigns.find_one({"name": name}, {"lease": 1})
                if document is None:
                    raise NotFoundError(f"no campaign {name!r} is stored")
                try:
                    held = Lease.model_validate(document.get("lease"))
                except ValidationError:
                    # No driver can renew a malformed lease, so removing exactly this value is safe.
                    free = {"lease": document.get("lease")}
                    continue
                raise campaigns.lease_held(name, held, self.now())
            raise campaigns.just_released(name)

    def follow_numbers(self, campaign: str) -> None:
        """Raises ``last_number`` to the highest number among the evaluations (an import may have been killed before)."""
        last = self._collections.evaluations.find_one(
            {"campaign": campaign}, {"proposal.number": 1}, sort=[("proposal.number", DESCENDING)]
        )
        if last is not None:
            number = last["proposal"]["number"]
            self._collections.campaigns.update_one(
                {"_id": campaign, "last_number": {"$lt": number}}, {"$set": {"last_number": number}, "$inc": {"revision": 1}}
            )

    def _rebuild(self, campaign: str, spec: JsonDict) -> None:
        # Without a size the second batch is of 16 MB, which decoded take several times that.
        documents = self._collections.evaluations.find({"campaign": campaign}).batch_size(PART)
        evaluations = (from_document(Evaluation, document, key="id") for document in documents)
        with collection_paused():
            self._derived.rebuild(evaluations, campaign, campaigns.objective_unit(spec))

    def _record(self, chosen: JsonDict) -> CampaignRecord:
        with translated("reading a campaign"):
            document = self._collections.campaigns.find_one(chosen)
        if document is None:
            raise NotFoundError(f"no campaign {next(iter(chosen.values()))!r} is stored")
        return from_document(CampaignRecord, document, key="id")

    def _held(self, name: str) -> Exception:
        record = self._record({"name": name})
        campaigns.refuse_reserved(record)
        lease = record.lease
        if lease is None:
            return campaigns.just_released(name)
        return campaigns.lease_held(name, lease, self.now())


def _one_more(key: str) -> JsonDict:
    """Returns a counter plus one; 1 if it is not a number."""
    return {"$cond": [{"$isNumber": f"${key}"}, {"$add": [f"${key}", 1]}, 1]}


def _from_now(duration: float) -> JsonDict:
    milliseconds = round(duration * 1000)
    return {"$dateAdd": {"startDate": "$$NOW", "unit": "millisecond", "amount": milliseconds}}
