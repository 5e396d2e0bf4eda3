from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tansaku.models.domain.errors import ConfigurationError, TransientError
from tansaku.models.domain.records import Outcome
from tansaku.models.domain.states import FailureKind
from tansaku.tasks.jobs.spool import Spool, read_json
from tansaku.tasks.jobs.worker import Worker, main
from tansaku.tasks.processes import process_identity

DOCUMENT = {
    "campaign": "test",
    "candidate": "a",
    "base_path": "/",
    "space": {
        "type": "table",
        "candidates": "t.csv",
        "columns": {"id": "id", "value": "v"},
        "features": {"x": {"columns": ["x"]}},
    },
}


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path / "spool")
    spool.create()
    spool.serve(process_identity())
    yield spool
    spool.close()


def add(spool: Spool, name: str, document: dict = DOCUMENT) -> None:
    spool.add(name, {"name": name, "token": f"token of {name}", "timeout": 60.0, "document": document})


def result(spool: Spool, name: str) -> Outcome:
    data = read_json(spool.folder(name) / "result.json")
    assert data["token"] == f"token of {name}"
    return Outcome.model_validate(data["outcome"])


def run(spool: Spool, evaluate, jobs: int) -> list[str]:
    """Runs a worker here until it has done a number of jobs; returns their candidates."""
    seen = []

    def counted(document, folder):
        seen.append(document.candidate)
        if len(seen) == jobs:
            spool.leave()
        return evaluate(document, folder)

    Worker(spool, counted).run()
    return seen


def test_jobs_are_done_in_order_and_the_queue_is_empty_afterwards(spool):
    for name in ("c", "a", "b"):
        add(spool, name, DOCUMENT | {"candidate": name})
    assert run(spool, lambda document, folder: Outcome(value=1.5), 3) == ["c", "a", "b"]
    assert [result(spool, name).value for name in "abc"] == [1.5] * 3
    assert spool.waiting() == []
    assert sorted(spool.claims()) == ["a", "b", "c"]
    assert list((spool.root / "workers").iterdir()) == []
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_job_that_somebody_else_has_is_left_alone(spool):
    add(spool, "theirs")
    spool.claim("theirs", pid=0)
    add(spool, "mine")
    assert run(spool, lambda document, folder: Outcome(value=1.0), 1) == ["a"]
    assert not spool.is_over("theirs")


@pytest.mark.parametrize(
    ("error", "reason"),
    [(TransientError("t"), "transient"), (ConfigurationError("c"), "configuration"), (FileNotFoundError("f"), "transient")],
)
def test_an_error_of_the_plumbing_is_left_as_such_and_the_worker_goes_on(spool, error, reason):
    def evaluate(document, folder):
        if document.candidate == "bad":
            raise error
        return Outcome(value=2.0)

    add(spool, "bad", DOCUMENT | {"candidate": "bad"})
    add(spool, "good")
    run(spool, evaluate, 2)
    failure = result(spool, "bad").failure
    assert (failure.kind, failure.reason) == (FailureKind.PLUMBING, reason)
    assert result(spool, "good").value == 2.0


def test_an_error_nobody_foresaw_is_left_and_ends_the_worker(spool):
    def evaluate(document, folder):
        raise ZeroDivisionError("a bug")

    add(spool, "bad")
    with pytest.raises(ZeroDivisionError):
        Worker(spool, evaluate).run()
    failure = result(spool, "bad").failure
    assert (failure.kind, failure.reason) == (FailureKind.PLUMBING, "error")
    assert "a bug" in failure.message
    assert len(list((spool.root / "workers").iterdir())) == 1
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_document_that_is_none_is_a_failure_of_the_plumbing(spool):
    add(spool, "odd", {"schema_version": 99})
    add(spool, "good")
    run(spool, lambda document, folder: Outcome(value=0.0), 1)
    failure = result(spool, "odd").failure
    assert (failure.kind, failure.reason) == (FailureKind.PLUMBING, "configuration")


def test_a_worker_of_nobody_ends(spool):
    add(spool, "waits")
    spool.leave()
    Worker(spool, lambda document, folder: Outcome(value=0.0)).run()
    assert not spool.is_over("waits")


def test_a_result_without_its_file_is_not_left(spool):
    add(spool, "a")
    with pytest.raises(FileNotFoundError):
        run(spool, lambda document, folder: Outcome(value=1.0, artifacts={"x": "missing"}), 1)
    assert not spool.is_over("a")


def test_the_entry_wants_an_existing_spool(tmp_path, capsys):
    assert main([]) == main([str(tmp_path)]) == 2
    assert "SPOOL" in capsys.readouterr().err


def test_the_numerical_libraries_are_loaded_only_after_their_threads_are_set():
    code = "import sys, tansaku.tasks.jobs.worker; print(sorted({'numpy', 'scipy', 'ase'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
