"""One `tansaku serve` on a home folder, and after a kill the next one waits for what is left of it."""

import os
import subprocess
import sys
import time

import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.ground.site.serve_lock import serve_lock, serving_process

URL = "http://127.0.0.1:8421"
KILLED = """
import os, subprocess, sys
from pathlib import Path
from tansaku.tasks.ground.site.serve_lock import serve_lock
with serve_lock(Path(sys.argv[1])) as lock:
    subprocess.Popen(["sleep", sys.argv[2]], pass_fds=[lock.descriptor])
    os._exit(9)
"""


def test_a_second_one_is_refused_with_the_address_of_the_first(tmp_path):
    assert serving_process(tmp_path) is None
    with serve_lock(tmp_path) as lock:
        lock.note(URL)
        assert serving_process(tmp_path) == os.getpid()
        begun = time.monotonic()
        words = rf"already runs on .*: process \d+; its dashboard is {URL}"
        with pytest.raises(ConfigurationError, match=words) as refused, serve_lock(tmp_path):
            pass
        assert time.monotonic() - begun < 5
        assert f"login-link USER --url {URL}" in refused.value.hint
        lock.note(None)
        with pytest.raises(ConfigurationError, match="already runs") as refused, serve_lock(tmp_path):
            pass
        assert "TANSAKU_HOME" in refused.value.hint
    with serve_lock(tmp_path):
        pass
    assert serving_process(tmp_path) is None
    with serve_lock(tmp_path / "other"):
        pass


@pytest.mark.parametrize(("seconds", "patience"), [("0.5", 15.0), ("20", 0.3)], ids=["which end", "which stay"])
def test_parts_of_a_killed_one_are_waited_for(tmp_path, seconds, patience):
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), seconds], check=False)
    if seconds == "0.5":
        with serve_lock(tmp_path, patience):
            return
    with pytest.raises(ConfigurationError, match="already runs"), serve_lock(tmp_path, patience):
        pass


def test_a_damaged_note_is_no_obstacle(tmp_path):
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "serve.lock").write_text("{")
    with serve_lock(tmp_path):
        pass
