import subprocess
import sys
from pathlib import Path

import pytest

from tansaku.deploy.setup import check_machine
from tansaku.deploy.setup.check_machine import Finding, disk_findings, library_findings, python_findings, report


def test_it_runs_on_a_bare_python_without_the_package(tmp_path):
    result = subprocess.run(
        [sys.executable, "-I", "-S", check_machine.__file__, "run"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "about 250 MB to download" in result.stdout


def test_it_is_written_for_a_python_that_is_too_old():
    """Nothing newer than Python 3.8 in the syntax, or the message about an old Python would never be seen."""
    import ast

    ast.parse(Path(check_machine.__file__).read_text(), feature_version=(3, 8))


@pytest.mark.parametrize(("version", "fatal"), [((3, 10), True), ((3, 11), False), ((3, 12), False)])
def test_an_old_python_is_refused(version, fatal):
    assert any(finding.fatal for finding in python_findings(version)) is fatal


def test_a_newer_python_is_pointed_out():
    assert [finding.message for finding in python_findings((3, 12))] == [
        "Python 3.12: the pinned versions were tested on 3.11 only"
    ]


def test_a_missing_library_is_named_with_its_package(monkeypatch):
    assert library_findings() == []
    monkeypatch.setitem(check_machine.LIBRARIES, "libnobodyhasthis.so.9", "libnobody9")
    assert library_findings() == [Finding("missing shared libraries: libnobodyhasthis.so.9", ("libnobody9",))]


def test_a_missing_part_of_slurm_is_a_note(monkeypatch):
    monkeypatch.setattr(check_machine, "SLURM_PROGRAMS", {"sh": "dash", "nobodyhasthis": "nobody"})
    (found,) = check_machine.slurm_findings()
    assert not found.fatal
    assert found.message.endswith("without Debian packages nobody")


def test_too_small_a_disk_is_noticed(tmp_path):
    assert disk_findings(tmp_path, 0) == []
    assert "are needed" in disk_findings(tmp_path, 10**12)[0].message


def test_the_report_ends_with_one_command(capsys):
    assert report([Finding("a", ("python3-venv",)), Finding("b", ("libcurl4",)), Finding("c", fatal=False)], "run") == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed == ["missing: a", "missing: b", "note: c", "install with: sudo apt-get install libcurl4 python3-venv"]


def test_what_gpaw_s_compilation_lacks_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(check_machine.sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    espresso, compiler = check_machine.dft_findings(tmp_path)
    assert not compiler.fatal
    assert "skipped without Debian packages g++ python3-dev" in compiler.message
    assert "quantum-espresso" in espresso.message
    for name in ("c++", "pw.x"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "Python.h").touch()
    (libraries,) = check_machine.dft_findings(tmp_path)
    assert not libraries.fatal
    assert "libfftw3-dev libopenblas-dev libxc-dev" in libraries.message
    for header in ("fftw3.h", "xc.h"):
        (tmp_path / header).touch()
    (tmp_path / "x86_64-linux-gnu").mkdir()
    (tmp_path / "x86_64-linux-gnu" / "cblas.h").touch()
    assert check_machine.dft_findings(tmp_path) == []
