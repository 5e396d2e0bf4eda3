"""One process at a time fills a site's queue."""

import time

import pytest

from tansaku.models.domain.records import LeaseOwner
from tansaku.tasks.backends.stores.site_workers import SiteWorkers

ADA = LeaseOwner(host="one", pid=11, process_started=1.25, user="ada")
BOB = LeaseOwner(host="two", pid=22, process_started=2.5, user="bob")


@pytest.fixture
def workers(mongo_database):
    return SiteWorkers(mongo_database)


def test_nobody_ever_did(workers):
    assert workers.get("cluster") is None


def test_the_second_one_waits_until_the_first_gives_it_back(workers):
    assert workers.take("cluster", "driver", ADA, "a", 60.0)
    assert not workers.take("cluster", "worker", BOB, "b", 60.0)
    assert workers.take("cluster", "driver", ADA, "a", 60.0)
    workers.release("cluster", "b")
    assert workers.get("cluster").owner == ADA
    workers.release("cluster", "a")
    assert not workers.get("cluster").alive
    assert workers.take("cluster", "worker", BOB, "b", 60.0)
    found = workers.get("cluster")
    assert (found.owner, found.kind, found.alive) == (BOB, "worker", True)


def test_sites_are_apart(workers):
    assert workers.take("one", "driver", ADA, "a", 60.0)
    assert workers.take("two", "driver", BOB, "b", 60.0)


def test_it_runs_out_by_the_server_s_clock(workers):
    assert workers.take("cluster", "driver", ADA, "a", 0.2)
    deadline = time.monotonic() + 60.0
    while not workers.take("cluster", "driver", BOB, "b", 60.0):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not workers.take("cluster", "driver", ADA, "a", 60.0)


def test_one_known_to_be_dead_is_taken_over_from_at_once(workers):
    workers.take("cluster", "driver", ADA, "a", 600.0)
    assert workers.take("cluster", "driver", BOB, "b", 60.0, steal=True)
    assert workers.get("cluster").owner == BOB


def test_renewing_keeps_the_day_it_began_and_taking_over_begins_anew(workers):
    workers.take("cluster", "driver", ADA, "a", 60.0)
    first = workers.get("cluster")
    workers.take("cluster", "driver", ADA, "a", 60.0)
    again = workers.get("cluster")
    assert again.since == first.since
    assert again.expires_at >= first.expires_at
    workers.take("cluster", "driver", BOB, "b", 60.0, steal=True)
    assert workers.get("cluster").since > first.since


def test_only_the_holder_reports(workers):
    workers.take("cluster", "driver", ADA, "a", 60.0)
    workers.report("cluster", "a", {"queued": 3})
    workers.report("cluster", "b", {"queued": 9})
    assert workers.get("cluster").report == {"queued": 3}
