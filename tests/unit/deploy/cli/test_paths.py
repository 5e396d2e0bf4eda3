"""`tansaku path`: what it prints."""

from tansaku.deploy.cli.paths import show_barriers
from tansaku.tasks.paths.surface import SurfaceBarrier


def test_barriers_are_shown_with_what_limits_them(capsys):
    found = (
        SurfaceBarrier(1, 0.6, 0.0, ((1, 0, 0),), "0>1[0,0,1]", (0.5, 0.25, 0.0), computed=True),
        SurfaceBarrier(2, 0.8, 0.05, ((1, 0, 0), (0, 1, 0)), "1>1[0,1,0]", (0.5, 0.5, 0.0)),
        SurfaceBarrier(3, None, None),
    )
    show_barriers("surface", found)
    head, *lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    first, second, third = (dict(zip(head, line, strict=True)) for line in lines)
    assert (first["barrier [eV]"], first["± 95 %"], first["computed"]) == ("0.600", "certain", "yes")
    assert (first["limiting hop"], first["bottleneck"]) == ("0>1[0,0,1]", "(0.500, 0.250, 0.000)")
    assert (second["± 95 %"], second["directions"], second["computed"]) == ("0.05", "[1 0 0] [0 1 0]", "no")
    assert (third["barrier [eV]"], third["directions"]) == ("", "no path")
