from tansaku.models.domain.history import CONFIGURATION_REASONS
from tansaku.models.domain.records import LeaseOwner
from tansaku.tasks.read.views.evaluation_table import best_series, failure_groups, improvements, neighbours
from tansaku.tasks.read.views.failures import FailedEvaluation
from tansaku.tasks.read.views.readings import Readings
from tansaku.tasks.read.views.status import status_of

NAME = "small-table"


def test_a_thinned_curve_keeps_every_improvement_and_the_end(recorded):
    reading = Readings(recorded("b1", "b2", "a1", "a3", "a2", polish=("a1",))).reading(NAME)
    thin = best_series(reading, most=1)
    assert thin.evaluations == [1, 2, 3, 5]
    assert improvements(thin) == [(1, 1.0, 9.0), (2, 2.0, 7.0), (3, 4.0, 5.0), (5, 10.0, 3.0)]
    assert best_series(reading).evaluations == [1, 2, 3, 4, 5]
    assert neighbours(reading, 1) == (None, 2)
    assert neighbours(reading, 6) == (5, None)


def test_failures_are_grouped_by_reason(recorded):
    (group,) = failure_groups(status_of(Readings(recorded("a1", "a3")).reading(NAME)).failures)
    assert group.reason.startswith("recorded_failure")
    assert [failure.candidate for failure in group.failures] == ["a3"]


def test_messages_with_other_numbers_are_one_group_and_configuration_errors_are_not():
    def failed(number, reason):
        return FailedEvaluation(candidate=f"c{number}", system="a", round=number, attempts=1, reason=reason)

    configuration = sorted(CONFIGURATION_REASONS)[0]
    entries = [
        failed(1, f"{configuration}: emt does not know Fe"),
        failed(2, "not_converged: largest force 0.3"),
        failed(3, f"{configuration}: emt does not know Mo"),
        failed(4, "not_converged: largest force 0.4"),
    ]
    groups = failure_groups(entries)
    assert [(group.reason, group.count) for group in groups] == [
        ("not_converged", 2),
        (f"{configuration}: emt does not know Fe", 1),
        (f"{configuration}: emt does not know Mo", 1),
    ]


def test_one_version_is_read_once(recorded):
    store = recorded("a1")
    readings = Readings(store)
    first = readings.reading(NAME)
    assert readings.reading(NAME) is first
    store.acquire_lease(NAME, LeaseOwner(host="node7", pid=4321, process_started=0.0, user="bob"), 60.0)
    assert readings.reading(NAME).version != first.version
