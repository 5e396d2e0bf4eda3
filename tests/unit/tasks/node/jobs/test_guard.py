"""Guards of a worker: what a job starts ends with it, and an evaluation beyond a limit ends with the limit's name."""

import json
import signal
import subprocess
import sys
import textwrap

import psutil
import pytest

BEGIN = """
import json, os, signal, subprocess, sys, time
from pathlib import Path
from tansaku.models.domain.specs.evaluation_limits import EvaluationLimitsSpec
from tansaku.tasks.node.jobs.guard import Watched, add_folder, guard_this_process, output_size

folder = Path(sys.argv[1])

def report(watched, excess):
    said = {"job": watched.job, "reason": excess.reason, "message": excess.message, "again": excess.again}
    (folder / "said.json").write_text(json.dumps(said))

def leave_daemon():
    '''A session of its own, a second fork, and TERM ignored; it holds what it inherits open.'''
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0:
            os.execvp("sleep", ["sleep", "300"])
        os._exit(0)
    os.wait()

def watched(job="job", in_worker=False, **limits):
    limits = EvaluationLimitsSpec.model_validate({"memory": 1e6, "processes": 1000, "size": 1e6} | limits)
    return Watched(job=job, token="t", folders=(str(folder),), limits=limits, output=output_size(), in_worker=in_worker)

guards = guard_this_process(report)
inner = os.getppid()
"""


@pytest.fixture
def guarded(tmp_path):
    """Starts a program whose process has guards; its output is open as long as anything that it has started lives."""
    started = []

    def start(program, errors=subprocess.DEVNULL):
        command = [sys.executable, "-c", BEGIN + textwrap.dedent(program), str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


STAYS = """
leave_daemon()
{how}
print(guards.outer, inner, os.getpid(), flush=True)
{end}
"""


@pytest.mark.parametrize(
    ("number", "whom", "how", "code"),
    [
        (signal.SIGKILL, "worker", "", -signal.SIGKILL),
        (signal.SIGKILL, "inner", "", -signal.SIGKILL),
        (signal.SIGKILL, "outer", "", -signal.SIGKILL),
        (signal.SIGTERM, "outer", "", -signal.SIGTERM),
        (signal.SIGTERM, "outer", "signal.signal(signal.SIGTERM, signal.SIG_IGN)", -signal.SIGKILL),
        (None, "", "", 3),
    ],
)
def test_whoever_ends_first_and_however_nothing_is_left(guarded, number, whom, how, code):
    process = guarded(STAYS.format(how=how, end="os._exit(3)" if number is None else "signal.pause()"))
    pids = dict(zip(("outer", "inner", "worker"), map(int, process.stdout.readline().split()), strict=True))
    assert pids["outer"] == process.pid
    if number is not None:
        psutil.Process(pids[whom]).send_signal(number)
    assert process.communicate(timeout=30.0)[0] == ""
    assert process.returncode == code


def test_what_a_job_leaves_behind_ends_with_it_and_what_the_worker_holds_does_not(guarded):
    """A calculator that is open may have a program of its own that serves all jobs."""
    process = guarded(
        """
        held = subprocess.Popen(["sleep", "300"])
        end, open_end = os.pipe()
        os.set_inheritable(open_end, True)
        with guards.during(None):
            leave_daemon()
            subprocess.run(["sh", "-c", "sleep 300 & (setsid sleep 300 &)"], close_fds=False)
            os.close(open_end)
        os.set_blocking(end, False)
        print(os.read(end, 1), held.poll())
        """
    )
    assert process.communicate(timeout=30.0)[0] == "b'' None\n"


LEAK = "import time; x = b'x' * 120_000_000; time.sleep(300)"
MEMORY = f'subprocess.run([sys.executable, "-S", "-c", {LEAK!r}])'
OWN = "held = b'x' * 120_000_000; signal.pause()"
MANY = "[subprocess.Popen(['setsid', '-f', 'sleep', '300']) for _ in range(8)]; signal.pause()"
FILES = "(folder / 'part').mkdir(); (folder / 'part/long').write_bytes(bytes(3_000_000)); signal.pause()"


@pytest.mark.parametrize(
    ("limits", "program", "reason", "message"),
    [
        ({"memory": 100}, MEMORY, "memory_limit", "memory: 1"),
        ({"memory": 100, "in_worker": True}, OWN, "memory_limit", "memory: 1"),
        ({"processes": 5}, MANY, "process_limit", "processes: "),
        ({"size": 2}, FILES, "size_limit", "more than the 2 MB of launcher.evaluation_limits.size"),
        ({"size": 2}, "os.write(2, bytes(3_000_000)); signal.pause()", "size_limit", "size: "),
    ],
)
def test_an_evaluation_beyond_a_limit_is_ended_with_the_limit_s_name(guarded, tmp_path, limits, program, reason, message):
    with (tmp_path.parent / f"{tmp_path.name}.log").open("wb") as log:
        log.write(b"before")
        log.flush()
        process = guarded(f"with guards.during(watched(**{limits})):\n    {program}", log)
        assert process.communicate(timeout=60.0)[0] == ""
        assert log.seek(0, 2) < 2_000_000  # of too much output, the beginning is kept
    said = json.loads((tmp_path / "said.json").read_text())
    assert (said["job"], said["reason"], said["again"]) == ("job", reason, False)
    assert message in said["message"]


def test_a_folder_that_was_added_counts_and_goes(guarded, tmp_path):
    process = guarded(
        """
        scratch = folder / "scratch"
        with guards.during(watched(size=2).model_copy(update={"folders": (str(folder / "job"),)})):
            scratch.mkdir()
            add_folder(scratch)
            (scratch / "long").write_bytes(bytes(3_000_000))
            signal.pause()
        """
    )
    process.communicate(timeout=60.0)
    assert json.loads((tmp_path / "said.json").read_text())["reason"] == "size_limit"
    assert not (tmp_path / "scratch").exists()


def test_memory_of_earlier_evaluations_is_not_held_against_the_present_one(guarded, tmp_path):
    """A plug-in that leaks a little each time: the worker is replaced, the evaluation tried again."""
    process = guarded(
        f"""
        with guards.during(watched("first", in_worker=True, memory=100)):
            pass
        with guards.during(watched("second", in_worker=True, memory=100)):
            {OWN}
        """
    )
    process.communicate(timeout=60.0)
    said = json.loads((tmp_path / "said.json").read_text())
    assert (said["job"], said["reason"], said["again"]) == ("second", "memory_limit", True)


def test_an_evaluation_within_its_limits_is_left_alone_and_one_without_has_none(guarded, tmp_path):
    process = guarded(
        """
        with guards.during(watched(memory=300, processes=20, size=10)):
            (folder / "file").write_bytes(bytes(3_000_000))
            subprocess.run(["sleep", "0.4"])
        with guards.during(None):
            held = b"x" * 400_000_000
            time.sleep(0.3)
        print("done")
        """
    )
    assert process.communicate(timeout=60.0)[0] == "done\n"
    assert (process.returncode, (tmp_path / "said.json").exists()) == (0, False)
