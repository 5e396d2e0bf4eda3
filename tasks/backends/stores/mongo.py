"""The campaign store in MongoDB.

The campaign document orders a driver's writes. A proposal or a refit is first committed there, filtered on the lease epoch, as
an entry of its ``outbox``; then it is inserted into its own collection under a deterministic id, then the entry is cleared.
Any process that finds an entry completes it. A takeover raises the campaign's epoch, empties the outbox and raises the epoch
of all evaluations; a write of an older driver matches none of its filters from then on. Evaluations change by compare-and-set
on their revision, epoch, state and token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError

from tansaku.models.domain.errors import NotFoundError, StoreError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.moments import utc_now
from tansaku.models.domain.records import (
    Attempt,
    CampaignRecord,
    Command,
    Evaluation,
    Event,
    Failure,
    JsonDict,
    Lease,
    LeaseOwner,
    Observation,
    Outcome,
    Proposal,
    Refit,
    Steerer,
    StopDecision,
)
from tansaku.models.domain.retraining import Retrain, RetrainEnd
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.views import Changes, Columns, Mark, Page, PageQuery
from tansaku.tasks.backends.stores import campaigns, transitions
from tansaku.tasks.backends.stores.campaigns import Counter
from tansaku.tasks.backends.stores.documents import from_document, normalised, plain, readable_of, sha256s_in, to_document
from tansaku.tasks.backends.stores.import_filter import importable
from tansaku.tasks.backends.stores.mongo_conditions import shell_line
from tansaku.tasks.backends.stores.mongo_derived import Derived
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.mongo_leases import Leases
from tansaku.tasks.backends.stores.mongo_schema import MongoDatabase, open_collections
from tansaku.tasks.backends.stores.mongo_swap import Swap, evaluation_document
from tansaku.tasks.backends.stores.mongo_views import Views


class MongoCampaignStore:
    """A ``CampaignStore`` in a MongoDB database; safe to share between threads.

    Args:
        database: From ``connection.connect``; its schema is checked (and migrated) and its indexes are built here.
        local: Copies the library's files of a campaign to this machine, and returns the record with their folder.

    Raises:
        StoreError: The database is of a newer schema.
        TransientError: The server cannot be reached.
    """

    def __init__(self, database: MongoDatabase, local: Callable[[CampaignRecord], CampaignRecord] | None = None) -> None:
        self._local = local
        self._collections = open_collections(database)
        self._swap = Swap(self._collections)
        self._derived = Derived(self._collections, self._swap.specification)
        self._views = Views(self._collections)
        self._leases = Leases(self._collections, self._swap, self._derived)

    def create_campaign(self, record: CampaignRecord) -> CampaignRecord:
        """Inserts a campaign; returns the stored one if the name, or else the id, is already known."""
        document = to_document(record, key="id")
        with translated(f"creating campaign {record.name!r}"), suppress(DuplicateKeyError):
            self._collections.campaigns.insert_one(document | {"revision": 0, "outbox": []})
        try:
            return self.campaign(record.name)
        except NotFoundError:
            return self.campaign_of(record.id)

    def campaign(self, name: str) -> CampaignRecord:
        """Returns a campaign. Raises NotFoundError, or StoreError if its record cannot be read."""
        return self._found({"name": name}, name)

    def campaign_of(self, identifier: str) -> CampaignRecord:
        """Returns the campaign of an id; errors as of :meth:`campaign`."""
        return self._found({"_id": identifier}, identifier)

    def campaign_id(self, name: str) -> str:
        """Id of a campaign, also of one whose record is unreadable. Raises NotFoundError."""
        if not (found := self._id(name)):
            raise NotFoundError(f"no campaign {name!r} is stored")
        return found

    def campaign_names(self) -> list[str]:
        """Returns the sorted names of all campaigns, including those whose record cannot be read."""
        with translated("reading the names of the campaigns"):
            # No version of this program writes names that are not text.
            found = self._collections.campaigns.find({"name": {"$type": "string"}}, {"name": 1}).sort("name", ASCENDING)
            return [document["name"] for document in found]

    def stored_counts(self, campaign: str) -> dict[str, int]:
        """Counts the ``evaluations``, ``refits`` and ``events`` of a campaign, including unreadable ones."""
        chosen = {"campaign": self._id(campaign)}
        with translated(f"counting what is stored of {campaign!r}"):
            return {
                kind: self._collections.database[kind].count_documents(chosen) for kind in ("evaluations", "refits", "events")
            }

    def named_artifacts(self) -> Iterator[str]:
        """Returns every SHA-256 in the stored records of campaigns, readable or not."""
        with translated("reading the names of stored files"):
            for kind in ("campaigns", "evaluations", "refits"):
                for document in self._collections.database[kind].find():
                    yield from sha256s_in(document)

    def begin_deletion(self, name: str) -> None:
        """Marks a campaign as being deleted: it can no longer be leased, and its last driver is fenced."""
        self._swap.forget(self._id(name))
        self._leases.begin_deletion(name)

    def delete_campaign(self, name: str) -> None:
        """Deletes a campaign and its data after :meth:`begin_deletion`; the campaign record is deleted last."""
        self.begin_deletion(name)
        identifier = self._id(name)
        with translated(f"deleting campaign {name!r}"):
            for collection in ("evaluations", "observations", "refits", "retrains", "events"):
                self._collections.database[collection].delete_many({"campaign": identifier})
            # Deleted last: until then the mark prevents a new campaign of this name, which would find remains.
            self._collections.campaigns.delete_one({"_id": identifier, "deleting": True})

    def rename_campaign(self, name: str, new: str) -> CampaignRecord:
        """Replaces the name of a campaign without a driver, in one write; its last driver is fenced."""
        identifier, now = self.campaign_id(name), self.now()
        with translated(f"renaming campaign {name!r}"):
            try:
                self._swap.campaign(identifier, lambda record: campaigns.with_name(record, new, now))
            except DuplicateKeyError as error:
                raise campaigns.name_taken(new) from error
        return self.campaign_of(identifier)

    def move_campaign(self, name: str, base_path: str) -> None:
        """Replaces the folder at which the paths of a campaign without a driver start."""
        self._write_campaign(self.campaign_id(name), lambda record: campaigns.with_base_path(record, base_path, utc_now()))

    def share_campaign(self, name: str, users: tuple[Steerer, ...]) -> None:
        """Replaces the users with whom a campaign is shared."""
        stored = tuple(map(normalised, users))
        self._write_campaign(self.campaign_id(name), lambda record: campaigns.with_shares(record, stored))

    def acquire_lease(self, campaign: str, owner: LeaseOwner, duration: float, *, steal: bool = False) -> Lease:
        """Takes over the campaign and raises its epoch."""
        return self._leases.acquire(campaign, owner, duration, steal=steal)

    def renew_lease(self, lease: Lease, duration: float) -> Lease:
        """Extends the lease. Raises FencedError when another driver has taken over."""
        return self._leases.renew(lease, duration)

    def release_lease(self, lease: Lease) -> None:
        """Releases the lease; does nothing if it is no longer ours."""
        self._leases.release(lease)

    def now(self) -> datetime:
        """The time that leases are judged by: the server's."""
        return self._leases.now()

    def set_runtime(self, lease: Lease, runtime: JsonDict) -> None:
        """Records process ids and paths of this driver and its launcher."""
        data = plain(runtime)
        self._write_campaign(lease.campaign, lambda record: campaigns.with_runtime(record, lease, data))

    def set_stop(self, lease: Lease, stop: StopDecision | None) -> None:
        """Records why the search has ended; None: it continues."""
        self._write_campaign(lease.campaign, lambda record: campaigns.with_stop(record, lease, stop))

    def add_command(self, campaign: str, command: Command, after: int | None = None) -> None:
        """Stores a user's command; a second command with the same id is ignored."""
        stored, identifier = normalised(command), self.campaign_id(campaign)
        self._write_campaign(identifier, lambda record: campaigns.with_command(record, stored, after))
        self.append_event(campaigns.command_event(identifier, stored))

    def apply_command(self, lease: Lease, command_id: str, at_number: int, spec: JsonDict | None) -> None:
        """Marks a command as applied from ``at_number`` on, with the resulting spec."""
        data = plain(spec)
        self._write_campaign(
            lease.campaign, lambda record: campaigns.with_command_applied(record, lease, command_id, at_number, data)
        )
        self.append_event(campaigns.applied_event(lease.campaign, command_id, at_number, utc_now()))

    def insert_proposal(self, lease: Lease, proposal: Proposal) -> Evaluation:
        """Commits proposal k and creates its evaluation."""
        evaluation = transitions.proposed(lease, normalised(proposal), utc_now())

        def change(record: CampaignRecord) -> CampaignRecord:
            changed = campaigns.with_number(record, lease, proposal.number)
            if changed is not record:
                self._refuse_known(evaluation.id, proposal)
            return changed

        document = evaluation_document(evaluation)
        if self._write_campaign(lease.campaign, change, ("evaluations", document)):
            self._swap.complete(lease.campaign, "evaluations", document)
            self._swap.remember_new(evaluation)
            self._derived.follow(evaluation)
            return evaluation
        self._swap.pour(lease.campaign)
        stored = self._at_number(lease.campaign, proposal.number)
        self._derived.follow(stored)
        return stored

    def begin_attempt(self, lease: Lease, evaluation: str, number: int, token: str, job_name: str) -> Evaluation:
        """Begins the next attempt by compare-and-set: the evaluation becomes SUBMITTING."""
        attempt = Attempt(number=number, token=token, job_name=job_name, started_at=utc_now())
        return self._write(lease, evaluation, lambda old: transitions.begun(old, lease.epoch, attempt))

    def record_handle(self, lease: Lease, evaluation: str, token: str, handle: JsonDict) -> Evaluation:
        """SUBMITTING becomes SUBMITTED with the launcher's handle."""
        data = plain(handle)
        return self._write(lease, evaluation, lambda old: transitions.submitted(old, lease.epoch, token, data))

    def mark_running(self, lease: Lease, evaluation: str, token: str) -> Evaluation:
        """SUBMITTED becomes RUNNING."""
        return self._write(lease, evaluation, lambda old: transitions.running(old, lease.epoch, token))

    def accept_outcome(self, lease: Lease, evaluation: str, token: str, outcome: Outcome) -> Evaluation | None:
        """Accepts the result of the current attempt: DONE, or FAILED if it carries a failure; None if it is refused."""
        stored, now = normalised(outcome), utc_now()
        new = self._write(lease, evaluation, lambda old: transitions.finished(old, lease.epoch, token, stored, now))
        return new if transitions.accepts(new, token, stored) else None

    def replace_outcome(self, lease: Lease, evaluation: str, attempt: Attempt, outcome: Outcome) -> Evaluation:
        """Replaces the result of a DONE or FAILED evaluation by that of one more attempt."""
        stored, now = normalised(outcome), utc_now()
        return self._write(lease, evaluation, lambda old: transitions.replaced(old, lease.epoch, attempt, stored, now))

    def mark_lost(self, lease: Lease, evaluation: str, token: str, failure: Failure, retry_in: float) -> Evaluation:
        """Marks the current attempt LOST; it may be retried after ``retry_in`` seconds."""
        until = transitions.give_up_until(utc_now(), retry_in)
        return self._write(lease, evaluation, lambda old: transitions.lost(old, lease.epoch, token, failure, until))

    def fail_evaluation(self, lease: Lease, evaluation: str, token: str, failure: Failure) -> Evaluation:
        """Ends an evaluation whose retries are exhausted: FAILED."""
        now = utc_now()
        return self._write(lease, evaluation, lambda old: transitions.failed(old, lease.epoch, token, failure, now))

    def cancel_evaluation(self, lease: Lease, evaluation: str, done_as: int | None = None) -> Evaluation:
        """Ends an active evaluation: CANCELLED; ``done_as`` is the number of what was measured in its place."""
        now = utc_now()
        return self._write(lease, evaluation, lambda old: transitions.cancelled(old, lease.epoch, now, done_as))

    def evaluation(self, evaluation: str) -> Evaluation:
        """Returns one evaluation. Raises NotFoundError."""
        found = self._find_evaluations({"_id": evaluation})
        if not found:
            raise NotFoundError(f"no evaluation {evaluation!r} is stored")
        return found[0]

    def evaluations(self, campaign: str, *, states: Sequence[EvaluationState] | None = None) -> list[Evaluation]:
        """Returns evaluations in proposal order."""
        query: JsonDict = {"campaign": self._id(campaign)}
        if states is not None:
            query["state"] = {"$in": [state.value for state in states]}
        return self._find_evaluations(query)

    def readable_evaluations(self, campaign: str) -> tuple[list[Evaluation], list[str]]:
        """Returns evaluations in proposal order and the problems of unreadable ones; for display only."""
        chosen = {"campaign": self._id(campaign)}
        with translated("reading evaluations"):
            documents = list(self._collections.evaluations.find(chosen).sort("proposal.number", ASCENDING))
        return readable_of(Evaluation, documents, key="id")

    def columns(self, campaign: str, *, quantities: Sequence[str] = (), properties: Sequence[str] = ()) -> Columns:
        """Returns the evaluations as columns, with some further quantities and properties of their outcomes."""
        return self._views.columns(self._id(campaign), quantities, properties)

    def state_counts(self, campaign: str) -> dict[EvaluationState, int]:
        """Counts the evaluations by state."""
        return self._views.state_counts(self._id(campaign))

    def page(self, campaign: str, query: PageQuery) -> Page:
        """Returns one page of evaluations."""
        return self._views.page(self._id(campaign), query)

    def shell_line(self, queries: Mapping[str, PageQuery], most: int) -> str:
        """Line for mongosh that finds the evaluations of queries by name of the campaign."""
        return shell_line({self._id(name): query for name, query in queries.items()}, most)

    def changes(self, campaign: str, since: Mark | None = None) -> Changes:
        """Returns what has changed since a mark."""
        found = self._views.changes(campaign, since)
        return found if found.record is None else found.model_copy(update={"record": self._here(found.record)})

    def each_evaluation(self, campaign: str) -> Iterator[Evaluation]:
        """Reads evaluations in proposal order, a part of them at a time."""
        return self._views.each_evaluation(self._id(campaign))

    def numbered(self, campaign: str, numbers: Sequence[int]) -> list[Evaluation]:
        """Returns the evaluations of some proposal numbers, in proposal order."""
        return self._views.numbered(self._id(campaign), numbers)

    def observations(self, campaign: str) -> list[Observation]:
        """Returns observations in proposal order."""
        return self._derived.observations(self._id(campaign))

    def rebuild_observations(self, campaign: str) -> int:
        """Derives missing observations from the evaluations; returns how many were missing."""
        record = self.campaign(campaign)
        return self._derived.rebuild(self._views.each_evaluation(record.id), campaign, campaigns.objective_unit(record.spec))

    def insert_refit(self, lease: Lease, refit: Refit) -> Refit:
        """Stores a refit; returns the existing one if its number is already known."""
        document = to_document(refit) | {"_id": short_hash([lease.campaign, "refit", refit.number])}
        self._insert_step(lease, "last_refit", refit.number, ("refits", document))
        return next(known for known in self._refits(lease.campaign) if known.number == refit.number)

    def refits(self, campaign: str) -> list[Refit]:
        """Returns refits in order."""
        return self._refits(self._id(campaign))

    def _refits(self, campaign: str) -> list[Refit]:
        with translated("reading refits"):
            documents = list(self._collections.refits.find({"campaign": campaign}).sort("number", ASCENDING))
        return [from_document(Refit, document) for document in documents]

    def insert_retrain(self, lease: Lease, retrain: Retrain) -> Retrain:
        """Stores a retrain before it begins; returns the existing one if its number is already known."""
        document = to_document(retrain) | {"_id": short_hash([lease.campaign, "retrain", retrain.number])}
        self._insert_step(lease, "last_retrain", retrain.number, ("retrains", document))
        return self._retrains(lease.campaign)[retrain.number - 1][0]

    def end_retrain(self, lease: Lease, end: RetrainEnd) -> RetrainEnd:
        """Stores the end of a retrain; returns the existing end if there is one."""
        document = to_document(end) | {"_id": short_hash([lease.campaign, "retrain-end", end.number])}
        self._insert_step(lease, "last_retrain_end", end.number, ("retrains", document))
        return self._retrains(lease.campaign)[end.number - 1][1] or end

    def retrains(self, campaign: str) -> list[tuple[Retrain, RetrainEnd | None]]:
        """Returns retrains in order, each with its end if it has ended."""
        return self._retrains(self._id(campaign))

    def _retrains(self, campaign: str) -> list[tuple[Retrain, RetrainEnd | None]]:
        with translated("reading retrains"):
            documents = list(self._collections.retrains.find({"campaign": campaign}).sort("number", ASCENDING))
        begun = [from_document(Retrain, document) for document in documents if document.get("kind") == "begun"]
        ended = [from_document(RetrainEnd, document) for document in documents if document.get("kind") != "begun"]
        ends = {item.number: item for item in ended}
        return [(item, ends.get(item.number)) for item in begun]

    def _insert_step(self, lease: Lease, counter: Counter, number: int, entry: tuple[str, JsonDict]) -> None:
        if self._write_campaign(lease.campaign, lambda record: campaigns.with_step(record, lease, counter, number), entry):
            self._swap.complete(lease.campaign, *entry)
        else:
            self._swap.pour(lease.campaign)

    def append_event(self, event: Event) -> None:
        """Appends an event to the audit log; an event with a known id is ignored."""
        self._derived.record_event(event)

    def events(self, campaign: str, *, limit: int | None = None, kind: str | None = None) -> list[Event]:
        """Returns events in order of time; only the last ``limit`` and only those of a kind if given."""
        return self._derived.events(self._id(campaign), limit, kind)

    def import_observations(self, campaign: str, evaluations: Sequence[Evaluation]) -> int:
        """Inserts terminal evaluations under their ids, idempotently; returns how many were new."""
        record = self.campaign(campaign)
        known = {item.id: item.proposal.number for item in self._views.each_evaluation(record.id)}
        new = importable(record, evaluations, known)
        documents = [evaluation_document(normalised(evaluation)) for evaluation in new]
        with translated(f"importing evaluations into {campaign!r}"):
            if documents:
                self._collections.evaluations.insert_many(documents, ordered=False)
        self._leases.follow_numbers(record.id)
        self.rebuild_observations(campaign)
        return len(new)

    def close(self) -> None:
        """Closes connections."""
        self._collections.database.client.close()

    def _id(self, name: str) -> str:
        """Id of a campaign; empty, which nothing refers to, if none of this name is stored."""
        with translated(f"reading campaign {name!r}"):
            found = self._collections.campaigns.find_one({"name": name}, {"_id": 1})
        return "" if found is None else str(found["_id"])

    def _found(self, chosen: JsonDict, shown: str) -> CampaignRecord:
        with translated(f"reading campaign {shown!r}"):
            document = self._collections.campaigns.find_one(chosen)
        if document is None:
            raise NotFoundError(f"no campaign {shown!r} is stored")
        return self._here(self._swap.remember(document))

    def _here(self, record: CampaignRecord) -> CampaignRecord:
        """Returns a campaign with the folder that its files have on this machine."""
        return self._local(record) if record.files and self._local is not None else record

    def _write_campaign(
        self,
        identifier: str,
        change: Callable[[CampaignRecord], CampaignRecord],
        entry: tuple[str, JsonDict] | None = None,
    ) -> bool:
        with translated("writing a campaign"):
            return self._swap.campaign(identifier, change, entry)

    def _write(self, lease: Lease, evaluation: str, change: Callable[[Evaluation], Evaluation]) -> Evaluation:
        with translated(f"writing evaluation {evaluation}"):
            old, new = self._swap.evaluation(evaluation, lease.epoch, change)
            # A repeat after an outage writes nothing, but derived documents of the first write may be missing.
            if new is old or old.state is not new.state or len(old.attempts) != len(new.attempts):
                self._derived.follow(new)
            return new

    def _refuse_known(self, evaluation: str, proposal: Proposal) -> None:
        for known in self._find_evaluations({"_id": evaluation}):
            raise transitions.already_proposed(known, proposal)

    def _at_number(self, campaign: str, number: int) -> Evaluation:
        found = self._find_evaluations({"campaign": campaign, "proposal.number": number})
        if not found:
            raise StoreError(f"campaign {campaign!r}: proposal {number} was committed, but its evaluation is missing")
        return found[0]

    def _find_evaluations(self, query: dict[str, Any]) -> list[Evaluation]:
        with translated("reading evaluations"):
            documents = list(self._collections.evaluations.find(query).sort("proposal.number", ASCENDING))
        return [from_document(Evaluation, document, key="id") for document in documents]
