"""`tansaku path`: what it prints, and where it cannot write."""

import errno
import os
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from tansaku.deploy.cli.main import app
from tansaku.diffusion import cli
from tansaku.diffusion.cli import show_barriers
from tansaku.diffusion.tasks.surface import SurfaceBarrier
from tansaku.models.domain.errors import ConfigurationError, DiskFullError
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tests.support.known_surface import NAME, KnownSurface


@pytest.fixture
def stored(monkeypatch):
    """A search with a whole path on a store in memory, which the command opens."""
    known = KnownSurface(MemoryCampaignStore())
    known.compute(len(known.pool))
    monkeypatch.setattr(cli, "opened", lambda _: nullcontext(SimpleNamespace(store=known.store, artifacts=None)))


@pytest.mark.parametrize("options", [[], ["--refine"]])
def test_a_file_in_place_of_the_folder_is_named(options, stored, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"--out: '.*file' cannot be created: File exists"):
        CliRunner().invoke(app, ["path", NAME, "--out", str(tmp_path / "file"), *options], catch_exceptions=False)


@pytest.mark.parametrize("options", [[], ["--refine", "--method", "plane"]])
def test_a_full_disk_is_named(options, stored, tmp_path, monkeypatch):
    def full(self, *args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(DiskFullError, match=f"disk is full: {tmp_path}/out"):
        CliRunner().invoke(app, ["path", NAME, "--out", str(tmp_path / "out"), *options], catch_exceptions=False)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--attempt-frequency", "inf"], "--attempt-frequency: inf; expected a finite number"),
        (["--temperature", "300", "--temperature", "inf"], "--temperature: inf; expected finite numbers"),
        (["--temperature", "300", "--temperature", "300"], "--temperature: one temperature; expected two or more"),
    ],
)
def test_numbers_that_give_no_activation_energy_are_refused(options, says, stored, tmp_path):
    with pytest.raises(ConfigurationError, match=says):
        CliRunner().invoke(app, ["path", NAME, "--out", str(tmp_path / "out"), *options], catch_exceptions=False)
    assert not (tmp_path / "out").exists()


def test_barriers_are_shown_with_what_limits_them(capsys):
    found = (
        SurfaceBarrier(1, 0.6, 0.0, ((1, 0, 0),), "0>1[0,0,1]", (0.5, 0.25, 0.0), True, -0.012, 0.029),
        SurfaceBarrier(2, 0.8, 0.05, ((1, 0, 0), (0, 1, 0)), "1>1[0,1,0]", (0.5, 0.5, 0.0)),
        SurfaceBarrier(3, None, None),
    )
    show_barriers("surface", found)
    shown = capsys.readouterr()
    assert shown.err == ""
    head, *lines = [line.split("\t") for line in shown.out.splitlines()]
    first, second, third = (dict(zip(head, line, strict=True)) for line in lines)
    assert (first["barrier [eV]"], first["± 95 %"], first["computed"]) == ("0.600", "certain", "yes")
    assert (first["limiting hop"], first["bottleneck"]) == ("0>1[0,0,1]", "(0.500, 0.250, 0.000)")
    assert (first["grid ± [eV]"], second["grid ± [eV]"]) == ("0.029", "")
    assert (second["± 95 %"], second["directions"], second["computed"]) == ("0.05", "[1 0 0] [0 1 0]", "no")
    assert (third["barrier [eV]"], third["directions"]) == ("", "no path")


def test_a_host_that_jumps_is_warned_of_beside_the_barriers(capsys):
    quiet = SurfaceBarrier(1, 0.6, 0.0, host_jump=0.4, host_apart=0.28)
    show_barriers(
        "surface", [quiet, replace(quiet, dimensions=2, host_jump=2.78), replace(quiet, dimensions=3, host_jump=2.78)]
    )
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(
        "warning: between two computed points of the path, 0.28 Å apart, an atom of the host moves by 2.78 Å"
    )
    assert "`tansaku path surface --refine`" in said
