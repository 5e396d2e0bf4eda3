"""The end of a worker on a compute node, and of what it has started."""

import subprocess
import sys
import threading

import psutil

from tansaku.tasks.backends.launchers.launches import LaunchFolder, LaunchOrder
from tansaku.tasks.backends.launchers.node import NodeComputer

ORDER = {
    "site": "cluster",
    "campaign": "small",
    "mode": "offline",
    "database": "launchpad",
    "uri_file": None,
    "members": [{"name": "tsk-" + "a" * 24, "fw_id": 1, "launch_id": 1}],
    "heartbeat": 1.0,
    "kill_grace": 5.0,
    "patience": 1.0,
    "walltime": 60.0,
}
WAITS = """
import subprocess
from tansaku.tasks.node.jobs.guard import guard_this_process
guard_this_process(print)
child = subprocess.Popen(["sleep", "300"], start_new_session=True)
print(child.pid, flush=True)
child.wait()
"""


def test_a_code_in_a_session_of_its_own_ends_with_the_worker_that_waits_for_it(tmp_path):
    """Custodian starts VASP so, and a cancelled member of a bundle leaves the scheduler's job running."""
    order = LaunchOrder.model_validate(ORDER | {"folder": str(tmp_path)})
    computer = NodeComputer(LaunchFolder(tmp_path), order, threading.Event())
    computer._worker = subprocess.Popen(
        [sys.executable, "-c", WAITS], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    child = psutil.Process(int(computer._worker.stdout.readline()))
    computer._end()
    child.wait(10.0)
    assert not child.is_running()
