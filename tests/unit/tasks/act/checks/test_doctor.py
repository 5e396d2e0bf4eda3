import re
import shutil
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from pydantic import SecretStr

from tansaku.calculators.engines import gpaw
from tansaku.calculators.engines.espresso import ENGINE as ESPRESSO
from tansaku.calculators.engines.vasp import ENGINE as VASP
from tansaku.models.domain.specs.site import DatabaseSpec, SiteSpec
from tansaku.tasks.act.checks import doctor
from tansaku.tasks.ground.settings import Settings


def by_name(settings: Settings, site: SiteSpec) -> dict[str, doctor.Finding]:
    return {finding.name: finding for finding in doctor.examine(settings, site)}


def test_a_complete_machine_is_found_complete(tmp_path, require):
    require("mongod")
    require("lammps")
    found = by_name(Settings(home=tmp_path / "home"), SiteSpec())
    assert [f for f in found.values() if f.state == "missing"] == []
    assert found["python"].detail.endswith(f"({sys.executable})")
    assert re.search(r"version \d+ starts(; [1-9]\d+ models of OpenKIM)?$", found["lammps"].detail)
    assert re.search(r"mongod \d+\.\d+\.\d+ starts; .*MongoDB \d+\.\d+ is ", found["mongodb"].detail)
    version = re.search(r"(\d+\.\d+)\.\d+ starts", found["mongodb"].detail)[1]
    if version == "6.0":
        assert found["mongodb"].state == "warning"
        assert "no longer supported since 2025-07-31" in found["mongodb"].detail
        assert "TANSAKU_MONGO_URI" in found["mongodb"].hint
    assert {"core packages", "extra lammps", "extra soap", "extra torch", "home folder", "disk", "processors"} <= set(found)
    assert "extra test" not in found
    assert (found["ends of jobs"].state, "child subreapers" in found["ends of jobs"].detail) == ("ok", True)
    assert not (tmp_path / "home").exists(), "looking changes nothing"


def test_dft_codes_are_looked_for_with_what_they_read(tmp_path, require, monkeypatch):
    require("gpaw")
    require("espresso")
    require("atomate2")
    found = gpaw.examine(doctor._probe)
    assert found.state == "ok"
    assert re.search(r"version \S+ starts; .*PBE setups of \d+ elements", found.detail)
    espresso = ESPRESSO.examine(doctor._probe)
    assert espresso.state == "ok"
    assert re.search(r"/pw\.x 6\.\d\S* starts; [1-9]\d+ pseudopotentials in /usr/share/espresso/pseudo", espresso.detail)
    vasp = VASP.examine(doctor._probe)
    assert (vasp.state, "vasp_std" in vasp.detail, "licensed" in (vasp.hint or "")) == ("optional", True, True)
    monkeypatch.setenv("GPAW_SETUP_PATH", str(tmp_path))
    monkeypatch.setattr(gpaw, "PROBE", f"import gpaw; gpaw.setup_paths[:] = [{str(tmp_path)!r}]\n{gpaw.PROBE}")
    found = gpaw.examine(doctor._probe)
    assert (found.state, "gpaw-data" in found.hint) == ("missing", True)
    monkeypatch.setenv("PATH", str(tmp_path))
    espresso = ESPRESSO.examine(doctor._probe)
    assert (espresso.state, "apt-get install quantum-espresso" in espresso.hint) == ("optional", True)


def test_a_code_that_does_not_start_says_so(tmp_path, monkeypatch):
    broken = tmp_path / "pw.x"
    broken.write_text("#!/bin/sh\necho 'libmpi.so.40: cannot open shared object file' >&2\nexit 127\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = ESPRESSO.examine(doctor._probe)
    assert found.state == "missing"
    assert "libmpi.so.40" in found.detail
    assert doctor._probe("x", "raise SystemExit('no luck')", "mend it").detail == "installed but does not start: no luck"


def test_vasp_is_found_with_the_releases_of_its_potcars(vasp, require, monkeypatch):
    require("atomate2")
    found = VASP.examine(doctor._probe)
    assert (found.state, found.detail) == ("ok", f"{shutil.which('vasp_std')}; POTCARs of PBE_54")
    from pymatgen.core import SETTINGS

    monkeypatch.delitem(SETTINGS, "PMG_VASP_PSP_DIR")
    found = VASP.examine(doctor._probe)
    assert (found.state, "PMG_VASP_PSP_DIR" in found.hint) == ("warning", True)


def test_an_unreachable_server_is_reported_without_its_password(tmp_path):
    settings = Settings(home=tmp_path, mongo_uri=SecretStr("mongodb://someone:very-secret@127.0.0.1:1/?connectTimeoutMS=100"))
    found = by_name(settings, SiteSpec())["mongodb"]
    assert found.state == "missing"
    assert "very-secret" not in found.model_dump_json()


def test_a_uri_file_that_others_can_read_is_reported(tmp_path):
    secret = tmp_path / "uri"
    secret.write_text("mongodb://someone:very-secret@127.0.0.1:1/")
    secret.chmod(0o644)
    found = by_name(Settings(home=tmp_path), SiteSpec(database=DatabaseSpec(uri_file=str(secret))))["mongodb"]
    assert (found.state, "chmod 600" in (found.hint or "")) == ("missing", True)


def test_a_folder_that_cannot_be_written_is_reported():
    found = doctor._home(Path("/proc/nobody/writes/here"))
    assert (found.state, found.hint) == ("missing", "set TANSAKU_HOME to a folder of yours")
    assert found.detail.startswith("/proc cannot be written to")


@pytest.mark.parametrize(
    ("requirement", "problem"),
    [
        ("numpy", None),
        ("numpy>=999", "is installed, >=999 is wanted"),
        ("surely-not-a-package-of-anyone", "surely-not-a-package-of-anyone is not installed"),
    ],
)
def test_packages_are_compared_with_what_is_asked_for(requirement, problem):
    found = doctor._problem(Requirement(requirement))
    assert found == problem if problem is None else found is not None and found.endswith(problem)


def test_a_machine_on_which_daemons_outlive_jobs_is_found(monkeypatch):
    without = doctor._LEAVES_A_DAEMON.replace("guard_this_process(print)", "")
    monkeypatch.setattr(doctor, "_LEAVES_A_DAEMON", without.replace("sleep(10)", "sleep(0.1)"))
    found = doctor._ends_of_jobs()
    assert (found.state, found.detail) == ("warning", "a daemon outlived its guards")
