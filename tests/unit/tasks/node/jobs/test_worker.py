from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys

import pytest

from tansaku.models.domain.errors import ConfigurationError, TransientError
from tansaku.models.domain.records import Outcome
from tansaku.models.domain.states import DISK_FULL, FailureKind
from tansaku.tasks.ground.site.processes import process_identity
from tansaku.tasks.node.jobs.spool import Spool
from tansaku.tasks.node.jobs.spool_files import read_json
from tansaku.tasks.node.jobs.worker import Worker, main
from tests.support.campaign_files import table_space

DOCUMENT = {
    "campaign": "test",
    "candidate": "a",
    "base_path": "/",
    "space": table_space("t.csv", {"id": "id", "value": "v"}, {"x": {"columns": ["x"]}}),
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


def test_a_timeout_that_no_timer_takes_is_a_failure_with_its_reason(spool):
    spool.add("long", {"name": "long", "token": "token of long", "timeout": 1e30, "document": DOCUMENT})
    with pytest.raises(OverflowError):
        Worker(spool, lambda document, folder: Outcome(value=0.0)).run()
    assert "OverflowError" in result(spool, "long").failure.message


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
    code = "import sys, tansaku.tasks.node.jobs.worker; print(sorted({'numpy', 'scipy', 'ase'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    "needed",
    [
        "tansaku.tasks.act.commands.create, tansaku.tasks.loop.driver.loop, tansaku.deploy.cli.live",
        "tansaku.tasks.node.jobs.boundary, tansaku.calculators.engines.lammps",
    ],
)
def test_a_start_imports_nothing_large_that_a_usual_campaign_does_not_need(needed):
    large = {"ase.build", "ase.optimize", "pandas", "pint", "prefect", "pyarrow", "scipy.optimize", "sklearn", "torch"}
    code = (
        f"import sys, {needed}; from tansaku.models.domain.units import recorded_in; recorded_in(1.0, 'mJ/m2', 'J/m^2'); "
        f"from tansaku.calculators.structures.crystal import CubicCrystal; CubicCrystal('fcc', 'Al', 4.05).unit_cell(); "
        f"print(sorted({large} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_an_outcome_says_how_many_cores_it_had(spool):
    add(spool, "two")
    spool.signal("work")

    def evaluate(document, folder):
        spool.leave()
        return Outcome(value=1.0, wall_time=3.0)

    Worker(spool, evaluate, cores=2).run()
    assert result(spool, "two").core_seconds == 6.0


@pytest.mark.parametrize(("arguments", "threads", "cores"), [([], "8", 1), (["-"], "8", 8), (["-"], "", 1), (["-"], "many", 1)])
def test_cores_are_the_threads_that_the_job_was_given(spool, arguments, threads, cores):
    """Workers of this machine have one each, whatever the shell says; on a node the supervisor has set them."""
    add(spool, "job", DOCUMENT | {"calculator": None})
    command = [sys.executable, "-P", "-m", "tansaku.tasks.node.jobs.worker", str(spool.root), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": threads}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        if arguments:
            worker.communicate("job\n", timeout=300)
        else:
            while not spool.is_over("job") and worker.poll() is None:
                spool.wait("news", 1.0, drain=True)
            spool.leave()
            spool.signal("work")
            worker.communicate(timeout=300)
    assert result(spool, "job").cores == cores


def test_told_jobs_are_done_and_answered_and_a_claimed_one_is_left_alone(spool):
    done: list[str] = []

    def evaluate(document, folder):
        done.append(folder.name)
        return Outcome(value=1.0)

    for name in ("one", "two", "three"):
        add(spool, name)
    spool.claim("two", pid=0)
    answers = io.StringIO()
    Worker(spool, evaluate).obey(["one\n", "two\n", "three\n"], answers)
    assert answers.getvalue().split() == ["begun", "done", "taken", "begun", "done"]
    assert done == ["one", "three"]
    assert read_json(spool.folder("three") / "result.json")["token"] == "token of three"


def test_a_told_worker_keeps_its_answers_apart_from_what_calculators_print(tmp_path):
    spool = Spool(tmp_path / "spool")
    spool.create(pipes=False)
    add(spool, "one")
    told = subprocess.run(
        [sys.executable, "-m", "tansaku.tasks.node.jobs.worker", str(spool.root), "-"],
        input="one\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == ["begun", "done"]
    assert "ConfigurationError" in told.stderr
    assert read_json(spool.folder("one") / "result.json")["outcome"]["failure"]["reason"] == "configuration"


@pytest.mark.parametrize("arguments", [["SPOOL", "x"], ["SPOOL", "-", "-"], ["/nonexistent", "-"], []])
def test_a_command_line_that_makes_no_sense_is_refused(spool, arguments, capsys):
    assert main([str(spool.root) if one == "SPOOL" else one for one in arguments]) == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{", "[1]", "{}", '{"timeout": "x", "token": "t", "document": {}}'])
def test_a_damaged_request_is_lost_and_the_worker_goes_on(spool, text):
    add(spool, "first")
    add(spool, "second", DOCUMENT | {"candidate": "b"})
    (spool.folder("first") / "request.json").write_text(text)
    assert run(spool, lambda document, folder: Outcome(value=1.0), 1) == ["b"]
    assert read_json(spool.folder("first") / "lost.json")["reason"] == "damaged_file"
    assert [kept.read_text() for kept in (spool.root / "damaged").glob("*first-first-request.json")] == [text]
    assert result(spool, "second").value == 1.0


def test_a_job_that_meets_a_full_disk_says_so(spool):
    add(spool, "job")

    def write(document, folder):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    run(spool, write, 1)
    assert result(spool, "job").failure.reason == DISK_FULL


def test_words_about_a_full_disk_are_not_believed_where_the_disk_has_room(spool):
    add(spool, "job")

    def complain(document, folder):
        raise TransientError(f"pw.x: {os.strerror(errno.ENOSPC)}")

    run(spool, complain, 1)
    assert result(spool, "job").failure.reason == "transient"
