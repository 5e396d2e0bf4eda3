"""Any sequence of writes, each done once or twice by the right or a stale driver, ends the same in both stores."""

from collections.abc import Callable
from datetime import UTC, datetime

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tansaku.models.domain.errors import TansakuError
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import (
    Command,
    Evaluation,
    Failure,
    LeaseOwner,
    Outcome,
    Proposal,
    Refit,
    StopDecision,
)
from tansaku.models.domain.states import FailureKind, StopReason
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.backends.stores.mongo import MongoCampaignStore
from tansaku.tasks.backends.stores.mongo_schema import MongoDatabase
from tests.support.records import campaign_record

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LOST = Failure(kind=FailureKind.PLUMBING, reason="timeout", message="too long")
OVERLAP = Failure(kind=FailureKind.SCIENCE, reason="overlap", message="too close")
RECORD = campaign_record(spec={"objective": {"unit": "eV"}})
TIMES = (
    "started_at",
    "proposed_at",
    "finished_at",
    "observed_at",
    "not_before",
    "acquired_at",
    "expires_at",
    "counted_at",
    "driven",
    "at",
)

repeats = st.integers(1, 2)
stale = st.integers(0, 4).map(lambda draw: draw == 0)
candidates = st.sampled_from("abcd")
tokens = st.sampled_from(["t1", "t2", "t3", "stale"])
outcomes = st.sampled_from([Outcome(value=1 / 3), Outcome(value=2.0), Outcome(failure=OVERLAP)])


def without_times(data: object) -> object:
    if isinstance(data, dict):
        return {key: value is not None if key in TIMES else without_times(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [without_times(value) for value in data]
    return data


def state_of(store: CampaignStore) -> object:
    return without_times(
        {
            "campaign": store.campaign("c").model_dump(),
            "evaluations": [one.model_dump() for one in store.evaluations("c")],
            "observations": [one.model_dump() for one in store.observations("c")],
            "refits": [one.model_dump() for one in store.refits("c")],
            "events": sorted((event.id, event.kind) for event in store.events("c")),
        }
    )


class Parity(RuleBasedStateMachine):
    # In a tuple: hypothesis asks every attribute for its marks, and a database answers any name with a collection.
    databases: tuple[MongoDatabase]

    @initialize()
    def begin(self) -> None:
        for name in ("campaigns", "evaluations", "observations", "refits", "events"):
            self.databases[0][name].delete_many({})
        self.stores: tuple[CampaignStore, CampaignStore] = (MemoryCampaignStore(), MongoCampaignStore(self.databases[0]))
        self.epoch = 0
        for store in self.stores:
            store.create_campaign(RECORD)
        self.leases: list[tuple[object, ...]] = []
        self.take_over(1)

    def both(self, write: Callable[[CampaignStore, int], object], times: int) -> None:
        """The same write in both stores; answers and errors agree, and a repeat changes nothing."""
        answers = []
        for position, store in enumerate(self.stores):
            answer: object
            for repeat in range(times):
                before = state_of(store)
                try:
                    answer = write(store, position)
                except TansakuError as error:
                    answer = type(error)
                assert repeat == 0 or state_of(store) == before
            answers.append(without_times(answer.model_dump()) if isinstance(answer, Evaluation | Refit) else answer)
        assert answers[0] == answers[1]

    def lease(self, position: int, is_stale: bool) -> object:
        return self.leases[-2 if is_stale and len(self.leases) > 1 else -1][position]

    @rule(pid=st.integers(1, 3))
    def take_over(self, pid: int) -> None:
        owner = LeaseOwner(host="h", pid=pid, process_started=1.0, user="u")
        self.leases.append(tuple(store.acquire_lease("c", owner, 600.0, steal=True) for store in self.stores))

    @rule(number=st.integers(-1, 1), candidate=candidates, is_stale=stale, times=repeats)
    def propose(self, number: int, candidate: str, is_stale: bool, times: int) -> None:
        proposal = Proposal(
            number=max(self.stores[0].campaign("c").last_number + 1 + number, 1),
            candidate=candidate,
            system="s",
            surface="",
            source="x",
            predicted_cost=0.1,
            model="m",
        )
        self.both(lambda store, position: store.insert_proposal(self.lease(position, is_stale), proposal), times)

    def on_evaluation(
        self, candidate: str, is_stale: bool, times: int, write: Callable[[CampaignStore, object, str], object]
    ) -> None:
        known = {one.proposal.candidate: one.id for one in self.stores[0].evaluations("c")}
        if candidate in known:
            self.both(lambda store, position: write(store, self.lease(position, is_stale), known[candidate]), times)

    @rule(candidate=candidates, number=st.integers(1, 3), is_stale=stale, times=repeats)
    def attempt(self, candidate: str, number: int, is_stale: bool, times: int) -> None:
        self.on_evaluation(
            candidate,
            is_stale,
            times,
            lambda store, lease, one: store.begin_attempt(lease, one, number, f"t{number}", f"j{number}"),
        )

    @rule(candidate=candidates, token=tokens, is_stale=stale, times=repeats)
    def handle(self, candidate: str, token: str, is_stale: bool, times: int) -> None:
        self.on_evaluation(
            candidate, is_stale, times, lambda store, lease, one: store.record_handle(lease, one, token, {"h": 1})
        )

    @rule(candidate=candidates, token=tokens, is_stale=stale, times=repeats)
    def run(self, candidate: str, token: str, is_stale: bool, times: int) -> None:
        self.on_evaluation(candidate, is_stale, times, lambda store, lease, one: store.mark_running(lease, one, token))

    @rule(candidate=candidates, token=tokens, outcome=outcomes, is_stale=stale, times=repeats)
    def accept(self, candidate: str, token: str, outcome: Outcome, is_stale: bool, times: int) -> None:
        self.on_evaluation(
            candidate, is_stale, times, lambda store, lease, one: store.accept_outcome(lease, one, token, outcome)
        )

    @rule(candidate=candidates, token=tokens, is_stale=stale, times=repeats)
    def lose(self, candidate: str, token: str, is_stale: bool, times: int) -> None:
        self.on_evaluation(candidate, is_stale, times, lambda store, lease, one: store.mark_lost(lease, one, token, LOST, 5.0))

    @rule(candidate=candidates, token=tokens, is_stale=stale, times=repeats)
    def fail(self, candidate: str, token: str, is_stale: bool, times: int) -> None:
        self.on_evaluation(candidate, is_stale, times, lambda store, lease, one: store.fail_evaluation(lease, one, token, LOST))

    @rule(candidate=candidates, is_stale=stale, times=repeats, done_as=st.sampled_from([None, 1, 2]))
    def cancel(self, candidate: str, is_stale: bool, times: int, done_as: int | None) -> None:
        self.on_evaluation(candidate, is_stale, times, lambda store, lease, one: store.cancel_evaluation(lease, one, done_as))

    @rule(number=st.integers(0, 2), value=st.floats(allow_nan=False, allow_infinity=False), is_stale=stale, times=repeats)
    def refit(self, number: int, value: float, is_stale: bool, times: int) -> None:
        number += self.stores[0].campaign("c").last_refit
        if number == 0:
            return
        refit = Refit(campaign="c", number=number, at_proposal=1, horizon=0, hyperparameters={"l": value}, fitted_at=NOW)
        self.both(lambda store, position: store.insert_refit(self.lease(position, is_stale), refit), times)

    @rule(identifier=st.sampled_from("xyz"), times=repeats)
    def command(self, identifier: str, times: int) -> None:
        command = Command(id=identifier, kind="pause", created_at=NOW)
        self.both(lambda store, _: store.add_command("c", command), times)

    @rule(identifier=st.sampled_from("xyz"), number=st.integers(1, 9), is_stale=stale, times=repeats)
    def apply(self, identifier: str, number: int, is_stale: bool, times: int) -> None:
        spec = {"objective": {"unit": "eV"}, "n": number}
        self.both(lambda store, position: store.apply_command(self.lease(position, is_stale), identifier, number, spec), times)

    @rule(is_stale=stale, value=st.integers(0, 2), times=repeats)
    def runtime(self, is_stale: bool, value: int, times: int) -> None:
        self.both(lambda store, position: store.set_runtime(self.lease(position, is_stale), {"v": value}), times)

    @rule(is_stale=stale, value=st.integers(0, 2), times=repeats)
    def stop(self, is_stale: bool, value: int, times: int) -> None:
        decided = StopDecision(reason=StopReason.BUDGET, proposed=value, finished=0, failed=0, remaining_cost=0.5)
        stop = decided if value else None
        self.both(lambda store, position: store.set_stop(self.lease(position, is_stale), stop), times)

    @invariant()
    def stores_agree(self) -> None:
        assert state_of(self.stores[0]) == state_of(self.stores[1])

    @invariant()
    def observations_follow_from_evaluations(self) -> None:
        assert self.stores[1].rebuild_observations("c") == 0


def test_memory_and_mongo_agree_on_any_sequence_of_writes(mongo_database: MongoDatabase) -> None:
    machine = type("Bound", (Parity,), {"databases": (mongo_database,)})
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        machine, settings=settings(max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=checks)
    )
