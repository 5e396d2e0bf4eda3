import json
import multiprocessing
import os
import subprocess
import threading
import time

import pytest

from tansaku.models.domain.errors import ConfigurationError, DamagedFileError, TransientError
from tansaku.tasks.ground.site.processes import find_process, process_identity
from tansaku.tasks.node.jobs.spool import Spool, job_of
from tansaku.tasks.node.jobs.spool_files import read_identity, read_json, write_json

REQUEST = {"token": "t", "timeout": 1.0, "document": {}}


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path / "spool")
    spool.create()
    yield spool
    spool.close()


def test_only_the_user_may_look_into_a_spool(spool):
    assert spool.root.stat().st_mode & 0o777 == 0o700
    spool.create()


def test_a_job_is_added_once_and_waits_in_order(spool):
    assert [spool.add(name, REQUEST) for name in ("b", "a", "b", "c")] == [True, True, False, True]
    assert [entry.partition("-")[2] for entry in spool.waiting() if spool.folder(entry.partition("-")[2]).is_dir()][:3] == [
        "b",
        "a",
        "b",
    ]
    assert read_json(spool.folder("b") / "request.json") == {"schema_version": 1, **REQUEST}
    assert not list((spool.root / "jobs").glob(".*"))


def _claims(root, number, free):
    free.wait()
    os._exit(sum(Spool(root).claim(f"job-{k}") for k in range(number)))


def test_a_job_is_claimed_by_one_process_only(spool):
    context = multiprocessing.get_context("fork")
    free = context.Event()
    racers = [context.Process(target=_claims, args=(spool.root, 50, free)) for _ in range(4)]
    for racer in racers:
        racer.start()
    free.set()
    for racer in racers:
        racer.join()
    assert sum(racer.exitcode for racer in racers) == 50
    assert sorted(spool.claims()) == sorted(f"job-{k}" for k in range(50))


def test_a_claim_lives_as_long_as_its_process(spool):
    assert spool.claimed("mine") is None
    assert spool.claim("mine")
    assert spool.claimed("mine").alive
    assert spool.claim("nobody", pid=0)
    assert not spool.claimed("nobody").alive
    child = subprocess.Popen(["sleep", "60"])
    identity = {**process_identity(child.pid), "at": time.time()}
    (spool.root / "claims" / "theirs").write_text(json.dumps(identity))
    assert spool.claimed("theirs").alive
    child.kill()
    child.wait()
    assert not spool.claimed("theirs").alive
    (spool.root / "claims" / "elsewhere").write_text(json.dumps(identity | {"host": "another", "pid": os.getpid()}))
    assert not spool.claimed("elsewhere").alive


def test_a_claim_that_was_never_written_counts_as_dead_after_a_moment(spool):
    path = spool.root / "claims" / "half"
    path.touch()
    assert spool.claimed("half") is None
    os.utime(path, (time.time() - 60, time.time() - 60))
    assert not spool.claimed("half").alive


def test_a_result_beats_a_loss_and_the_first_loss_stays(spool):
    spool.add("a", REQUEST)
    spool.lose("a", "timeout", "too long")
    spool.lose("a", "worker_died", "gone")
    assert read_json(spool.folder("a") / "lost.json") == {"reason": "timeout", "message": "too long"}
    spool.add("b", REQUEST)
    spool.finish("b", {"token": "t", "outcome": {}})
    spool.lose("b", "worker_died", "gone")
    assert not (spool.folder("b") / "lost.json").exists()
    assert spool.is_over("a")
    assert spool.is_over("b")


def test_a_discarded_job_leaves_nothing_and_its_late_result_has_nowhere_to_go(spool):
    for name, claimed in (("waits", False), ("runs", True)):
        spool.add(name, REQUEST)
        if claimed:
            spool.claim(name)
            for entry in spool.waiting():
                if entry.endswith(name):
                    (spool.root / "queue" / entry).unlink()
        spool.remove(name)
        with pytest.raises(FileNotFoundError):
            spool.finish(name, {"token": "t", "outcome": {}})
        spool.lose(name, "cancelled", "")
    spool.sweep()
    assert [list((spool.root / folder).iterdir()) for folder in ("jobs", "claims", "queue")] == [[], [], []]


def test_what_killed_processes_left_is_pruned_and_jobs_stay(spool):
    spool.add("kept", REQUEST)
    (spool.root / "jobs" / ".new-1").mkdir()
    (spool.root / "jobs" / ".gone-1").mkdir()
    (spool.root / "claims" / "gone").touch()
    (spool.root / "queue" / "00000000000000000001-gone").touch()
    spool.prune()
    assert [path.name for path in (spool.root / "jobs").iterdir()] == ["kept"]
    assert spool.claims() == []
    assert len(spool.waiting()) == 1


def test_files_that_stand_for_no_job_are_not_listed(spool):
    spool.add("job", REQUEST)
    spool.claim("job")
    for folder in ("jobs", "queue", "claims"):
        for name in (".nfs0001", "foo bar", "5-a b", "-x"):
            (spool.root / folder / name).touch()
    (spool.root / "queue" / "foo").touch()
    assert [job_of(entry) for entry in spool.waiting()] == ["job"]
    assert spool.claims() == spool.names() == ["job"]
    spool.prune()
    assert spool.claims() == ["job"]


def test_a_spool_is_served_while_its_driver_lives(spool):
    assert not spool.served
    child = subprocess.Popen(["sleep", "60"])
    spool.serve(process_identity(child.pid))
    assert spool.served
    child.kill()
    child.wait()
    assert not spool.served
    spool.serve(process_identity())
    assert spool.served
    spool.leave()
    assert not spool.served


def test_a_signal_wakes_whoever_waits_and_a_full_pipe_does_not_block(spool):
    assert not spool.wait("news", 0.0, drain=True)
    threading.Timer(0.05, spool.signal, ["news"]).start()
    assert spool.wait("news", 30.0, drain=True)
    for _ in range(70_000):
        spool.signal("news")
    assert spool.wait("news", 0.0, drain=True)
    spool.signal("work")
    spool.signal("work")
    assert [spool.wait("work", 0.0, drain=False) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "-a", "a\n", "a" * 129])
def test_names_that_could_leave_the_spool_are_refused(spool, name):
    with pytest.raises(ConfigurationError):
        spool.folder(name)


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TransientError, match="spool"):
        Spool(tmp_path / "file" / "spool").create()


@pytest.mark.parametrize("pid", [0, -1, True, False, 1.5, "1"])
def test_an_identity_has_a_positive_process_id(tmp_path, pid):
    path = tmp_path / "9.json"
    write_json(path, {"host": "h", "pid": pid, "started": "b/1"})
    with pytest.raises(DamagedFileError, match="positive"):
        read_identity(path)
    assert find_process(-1, "b/1") is find_process(0, "b/1") is None


def test_json_is_there_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.json"
    assert read_json(path) is None
    write_json(path, {"a": 1}, durable=True)
    with pytest.raises(ValueError, match="Out of range"):
        write_json(path, {"a": float("nan")})
    assert read_json(path) == {"a": 1}
    path.write_text("{")
    with pytest.raises(TransientError, match=r"a\.json"):
        read_json(path)
