"""A process that is killed before or after any write of ask, tell or release, and runs again, leaves the same campaign."""

from __future__ import annotations

import inspect

import pytest

from tansaku.models.domain.ports import CampaignStore
from tansaku.tasks.act.measurements import ask_tell
from tansaku.tasks.act.measurements.report_file import report_of
from tests.support.actors import ADA
from tests.support.ports import port_methods

# Found in the port itself, so that a new method is struck too.
METHODS = port_methods(CampaignStore)
OTHERS = {
    "begin_deletion": "a user's command",
    "campaign_id": "for a new campaign, and for the folder of a deleted one",
    "campaign_of": "for followed sources, and for imports",
    "campaign_names": "for lists",
    "changes": "for the dashboard",
    "columns": "for views",
    "close": "the process ends",
    "create_campaign": "before the scenario",
    "delete_campaign": "a user's command",
    "end_retrain": "nothing is trained on values alone",
    "events": "for logs",
    "fail_evaluation": "no job can be lost",
    "import_observations": "a user's command",
    "insert_refit": "the proposer of the scenario fits nothing",
    "insert_retrain": "nothing is trained on values alone",
    "mark_lost": "no job can be lost",
    "mark_running": "nobody says that a measurement has begun",
    "named_artifacts": "for sweeps",
    "move_campaign": "for a file that lies elsewhere now",
    "now": "where a driver left its lease",
    "numbered": "nothing is trained on values alone",
    "observations": "derived",
    "shell_line": "for the page of the search",
    "page": "for views",
    "readable_evaluations": "for lists",
    "rebuild_observations": "after an outage; who takes a lease finds them complete",
    "renew_lease": "by time",
    "rename_campaign": "a user's command",
    "share_campaign": "a user's command",
    "state_counts": "for views",
    "stored_counts": "before a deletion",
}


class KilledError(BaseException):
    """The process ends here."""


class Struck:
    """A store whose process is killed around one call, after which nothing reaches it until it is started again."""

    def __init__(self, store) -> None:
        self.store, self.counts, self.dead = store, {}, False
        self.kill: tuple[str, int, str] | None = None

    def __getattr__(self, name):
        if name not in METHODS:
            return getattr(self.store, name)

        def call(*arguments, **options):
            if self.dead:
                raise KilledError
            self.counts[name] = count = self.counts.get(name, 0) + 1
            struck = self.kill is not None and self.kill[:2] == (name, count)
            if struck and self.kill[2] == "before":
                self.dead = True
                raise KilledError
            answer = getattr(self.store, name)(*arguments, **options)
            if struck:
                self.dead = True
                raise KilledError
            return answer

        return call


def steps(resources):
    """What people do, one process each, as a program that repeats a command after a crash does it: under its id."""

    def told(key, *rows):
        return lambda: ask_tell.tell(resources, ADA, "lab", report_of(rows), key)

    def asked(key, count):
        return lambda: ask_tell.ask(resources, ADA, "lab", count, identifier=key)

    def released(key, *numbers):
        def release():
            if not any(command.id == key for command in resources.store.campaign("lab").commands):
                ask_tell.store_release(resources.store, ADA, "lab", numbers, key)
            ask_tell.apply_commands_now(resources, "lab")

        return release

    repeat = {"candidate": "water-300", "value": 2.2, "status": "repeat"}
    new = {"temperature": 310.0, "solvent": "water", "stirred": False, "value": 4.0}
    return [
        asked("ask-1", 3),
        told(
            "tell-1", {"number": 1, "value": 1.5}, {"number": 2, "status": "failed"}, {"candidate": "water-300", "value": 2.0}
        ),
        asked("ask-2", 4),
        told("tell-2", {"number": 1, "value": 1.6, "status": "correction"}, repeat, new),
        released("release-1", 3),
        told("tell-3", {"number": 3, "value": 9.0}),
        asked("ask-3", 2),
    ]


def facts(laboratory):
    """All that a crash may not change."""
    return [
        (
            item.proposal.model_copy(update={"proposer_seconds": 0.0}),
            item.state,
            item.outcome and (item.outcome.value, item.outcome.properties["measurements"][0]["id"]),
            len(item.attempts),
            item.done_as,
        )
        for item in laboratory.evaluations()
    ]


def play(laboratory, kill=None, steps=steps):
    """Does all steps; a step whose process is killed is done again."""
    struck = Struck(laboratory.store)
    struck.kill = kill
    object.__setattr__(laboratory.resources, "store", struck)
    for step in steps(laboratory.resources):
        try:
            step()
        except KilledError:
            struck.dead = False
            step()
    return struck.counts


@pytest.fixture
def laboratory_of(open_laboratory, tmp_path_factory):
    return lambda: open_laboratory(proposer={"type": "grid"}, budget={})


_REFERENCE = []


@pytest.fixture
def reference(laboratory_of):
    """Facts, observations and calls of the scenario without a kill; computed once."""
    if not _REFERENCE:
        laboratory = laboratory_of()
        counts = play(laboratory)
        observed = [(item.candidate, item.value, item.reason) for item in laboratory.store.observations("lab")]
        _REFERENCE.append((facts(laboratory), observed, counts))
    return _REFERENCE[0]


def test_the_scenario_does_what_it_says(laboratory_of, reference):
    found, observed, counts = reference
    assert set(counts) | set(OTHERS) == set(METHODS)
    assert not set(counts) & set(OTHERS)
    states = [state.value for _, state, *_ in found]
    assert states.count("DONE") == 4
    assert states.count("FAILED") == 1
    assert states.count("SUBMITTED") == 3
    assert {value for _, value, _ in observed} == {1.6, 2.1, 4.0, 9.0, None}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", [method for method in METHODS if method not in OTHERS])
def test_killed_and_done_again_is_the_same_campaign(laboratory_of, reference, method, when):
    found, observed, counts = reference
    for call in sorted({1, counts[method]}):
        laboratory = laboratory_of()
        play(laboratory, (method, call, when))
        assert facts(laboratory) == found, (method, call, when)
        assert [(item.candidate, item.value, item.reason) for item in laboratory.store.observations("lab")] == observed
        assert laboratory.store.rebuild_observations("lab") == 0
        assert laboratory.store.campaign("lab").lease is None


WRITES = [name for name in METHODS if "lease" in inspect.signature(getattr(CampaignStore, name)).parameters]


def otherwise(resources):
    """Proposals that were done otherwise: at conditions of the table, at others, and after one was released."""
    rows = [
        {"number": 1, "temperature": 575, "solvent": "hexane", "stirred": True, "value": 1.0},
        {"number": 2, "temperature": 512.5, "value": 2.0},
        {"number": 3, "temperature": 513.5, "value": 3.0},
    ]
    ask, *_, release, _, again = steps(resources)
    return [ask, release, lambda: ask_tell.tell(resources, ADA, "lab", report_of(rows), "tell-otherwise"), again]


def logged(laboratory):
    """Events without those of the drivers."""
    events = laboratory.store.events("lab")
    return sorted((event.kind, str(event.data.get("number"))) for event in events if event.kind != "lease.acquired")


def test_a_proposal_that_was_done_otherwise_is_so_after_a_kill_at_each_write(laboratory_of):
    laboratory = laboratory_of()
    counts = play(laboratory, steps=otherwise)
    expected, events = facts(laboratory), logged(laboratory)
    assert [done_as for *_, done_as in expected] == [4, 5, 6, *[None] * 5]
    assert {"insert_proposal", "begin_attempt", "accept_outcome", "cancel_evaluation"} <= {*WRITES} & {*counts}
    for method in [*WRITES, "add_command", "append_event"]:
        for call in range(1, counts.get(method, 0) + 1):
            for when in ("before", "after"):
                struck = laboratory_of()
                play(struck, (method, call, when), steps=otherwise)
                assert (facts(struck), logged(struck)) == (expected, events), (method, call, when)


FRONT = {"type": "pareto", "also": [{"property": "strength", "unit": "MPa", "direction": "maximize"}]}


def of_two(resources):
    """The steps of the scenario with two measured quantities."""

    def told(key, *rows):
        return lambda: ask_tell.tell(resources, ADA, "lab", report_of(rows), key)

    own = {"candidate": "water-300", "value": 2.0, "strength": 50.0}
    asked = [lambda key=key: ask_tell.ask(resources, ADA, "lab", 3, identifier=key) for key in ("ask-1", "ask-2", "ask-3")]
    repeat = own | {"strength": 60.0, "status": "repeat"}
    first = [{"number": 1, "value": 1.5, "strength": 90.0}, {"number": 2, "status": "failed"}, own]
    otherwise = {"number": 3, "temperature": 512.5, "value": 3.0, "strength": 70.0}
    return [
        asked[0],
        told("tell-1", *first),
        asked[1],
        told(
            "tell-2",
            first[0] | {"strength": 91.0, "status": "correction"},
            repeat,
            otherwise,
        ),
        asked[2],
    ]


def test_several_measured_quantities_are_the_same_after_a_kill_at_each_write(open_laboratory):
    def laboratory_of_two():
        goal = {"property": "hardness", "unit": "GPa", "direction": "maximize", "goal": FRONT}
        return open_laboratory(proposer={"type": "random"}, objective=goal, budget={})

    def found(laboratory):
        quantities = [item.outcome and {**item.outcome.quantities} for item in laboratory.evaluations()]
        return facts(laboratory), quantities, logged(laboratory)

    laboratory = laboratory_of_two()
    counts = play(laboratory, steps=of_two)
    expected = found(laboratory)
    assert [quantity["strength"].value for quantity in expected[1] if quantity] == [91.0, 55.0, 70.0]
    assert {"insert_proposal", "begin_attempt", "accept_outcome", "replace_outcome"} <= {*WRITES} & {*counts}
    for method in [*WRITES, "add_command", "append_event"]:
        for call in range(1, counts.get(method, 0) + 1):
            for when in ("before", "after"):
                struck = laboratory_of_two()
                play(struck, (method, call, when), steps=of_two)
                assert found(struck) == expected, (method, call, when)
