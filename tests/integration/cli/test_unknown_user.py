"""A user whom the system has no entry for, as in containers: with HOME, and with nothing but TANSAKU_HOME."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tansaku.deploy.cli.exits import ExitCode

NOBODY = 54321
CAMPAIGN = """\
schema_version: 1
name: twin
space:
  type: grain_boundary
  crystal: {structure: fcc, element: Cu, lattice_parameter: 3.59}
  axis: [1, 1, 0]
  boundaries: {planes: [[1, 1, 1]]}
  translation: {normal: {stop: 0.6, step: 0.3}, in_plane: {step: 0.4}, along_axis: {step: 0.4}}
  spacing: 8.0
calculator: {type: emt, relaxation: {cell: fixed, translation: held, fmax: 0.05}}
objective: {unit: mJ/m2}
proposer: {type: random}
budget: {evaluations: 2}
execution: {in_flight: 1, polish: 0}
"""


@pytest.fixture
def nobody(require):
    """``nobody(*words, **environment)`` runs the command as a user without an entry, in a folder of theirs.

    The user may read everything, because the interpreter may lie where only root may look; nothing else is granted.
    """
    for component in ("root", "mongod", "setpriv"):
        require(component)
    folder = Path(tempfile.mkdtemp(prefix="tsk-"))
    os.chown(folder, NOBODY, NOBODY)
    (folder / "twin.yaml").write_text(CAMPAIGN, encoding="utf-8")
    caps = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
    who = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", *caps]

    def run(*words, **environment):
        return subprocess.run(
            [*who, Path(sys.executable).with_name("tansaku"), *words],
            env={"PATH": "/usr/bin:/bin", "TMPDIR": str(folder), "DO_NOT_TRACK": "1", **environment},
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )

    run.folder = folder
    yield run
    run("db", "stop", TANSAKU_HOME=str(folder / "t"))
    shutil.rmtree(folder)


def test_a_whole_campaign_with_no_home_either(nobody):
    home = str(nobody.folder / "t")
    done = nobody("run", "--plain", "twin.yaml", TANSAKU_HOME=home)
    assert done.returncode == ExitCode.OK, done.stderr
    assert "2 evaluations" in done.stderr
    assert nobody("edit", "twin", "notes=seen", TANSAKU_HOME=home).returncode == ExitCode.OK
    told = nobody("log", "twin", "--all", TANSAKU_HOME=home)
    assert f"user=uid-{NOBODY}" in told.stdout
    status = nobody("status", TANSAKU_HOME=home, HOME=str(nobody.folder))
    assert (status.returncode, "2 done" in status.stdout) == (ExitCode.OK, True)


def test_without_any_folder_the_message_says_what_to_set(nobody):
    ended = nobody("status")
    assert ended.returncode == ExitCode.USAGE
    assert "TANSAKU_HOME: not set, and uid-54321 has no home folder" in ended.stderr
    assert "Traceback" not in ended.stderr
