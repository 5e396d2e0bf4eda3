"""Results of attempts that had been given up: adopted while nothing has taken their place, else kept aside."""

import pytest

from tansaku.models.domain.states import EvaluationState, JobState


@pytest.fixture
def forgetful(open_bench):
    """``forgetful(**keys)``: a bench whose backend loses sight of the first job, which comes back when told to, or at once."""

    def build(*, at_once=False, **changes):
        bench = open_bench(lose=lambda _candidate, _count: None, **changes)
        launcher = bench.launcher
        launcher.out_of_sight = set()
        launcher.fates_of = {}
        submit, discard = launcher.submit, launcher.discard

        def submitting(job):
            first = not launcher.requests and not launcher.fates_of
            handle = submit(job)
            if first:
                launcher.fates[job.name] = launcher.fates_of[job.name] = "node_fail"
                launcher.out_of_sight.add(job.name)
            return handle

        def discarding(handle):
            if handle["name"] not in launcher.out_of_sight:
                discard(handle)
            elif at_once:
                come_back()

        def come_back():
            for name in launcher.fates_of:
                launcher.fates[name] = None
                launcher.out_of_sight.discard(name)

        launcher.submit, launcher.discard, launcher.come_back = submitting, discarding, come_back
        return bench

    return build


def first(bench):
    return bench.store.evaluations("small")[0]


def late(bench):
    return [event.data["adopted"] for event in bench.store.events("small") if event.kind == "late-result"]


def execution(backoff):
    return {"in_flight": 2, "retries": 2, "retry_backoff": backoff}


def test_a_late_result_is_adopted_while_its_attempt_is_the_current_one(forgetful, open_bench):
    plain = open_bench.driven(budget={"evaluations": 8}, execution=execution(3600.0))
    bench = forgetful(at_once=True, budget={"evaluations": 8}, execution=execution(3600.0))
    bench.drive()
    assert (first(bench).state, len(first(bench).attempts)) == (EvaluationState.DONE, 1)
    assert late(bench) == [True]
    assert bench.sequence() == plain.sequence()
    assert [one.value for one in bench.store.observations("small")] == [one.value for one in plain.store.observations("small")]
    assert bench.launcher.requests == {}


def test_a_late_result_of_a_replaced_attempt_is_kept_aside_even_by_the_next_driver(forgetful):
    bench = forgetful(budget={"evaluations": 8}, execution=execution(1e-9))
    bench.drive()
    known = first(bench)
    assert (known.state, len(known.attempts)) == (EvaluationState.DONE, 2)
    assert known.attempts[0].late_outcome is None
    observed = bench.store.observations("small")
    bench.launcher.come_back()
    bench.drive()
    assert first(bench).attempts[0].late_outcome.value == known.outcome.value
    assert first(bench).outcome == known.outcome
    assert late(bench) == [False]
    assert bench.store.observations("small") == observed
    assert bench.launcher.requests == {}


def test_one_that_never_comes_back_is_waited_for_by_nobody(forgetful):
    bench = forgetful(budget={"evaluations": 8}, execution=execution(1e-9))
    assert bench.drive().active == 0
    (name,) = bench.launcher.requests
    assert bench.launcher.poll([{"name": name}])[0].state is JobState.LOST
    assert late(bench) == []
