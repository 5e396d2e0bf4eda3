"""Scripts of a page as one file."""

from __future__ import annotations

import inspect
import re

import pytest

from tansaku.deploy.python.campaign import Campaign
from tansaku.deploy.web.scripts import STATIC, address_of, shorter
from tansaku.tasks.act.measurements.campaign_view import CampaignView


def test_scripts_are_sent_as_one_file_that_browsers_keep(site):
    address = address_of("cards.js", "times.js")
    assert re.fullmatch(r"/static/together/cards\+times\.js\?v=[0-9a-f]{12}", address)
    answer = site.browser().get(address)
    assert answer.text == "\n".join(shorter((STATIC / name).read_text()) for name in ("cards.js", "times.js"))
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert "immutable" in answer.headers["Cache-Control"]
    assert f'<script src="{address}" defer>' in site.browser().get("/login").text


def test_a_style_sheet_is_sent_without_comments(site):
    answer = site.browser().get(address_of("vendor/uplot-1.6.32.min.css", "style.css"))
    assert answer.headers["Content-Type"].startswith("text/css")
    assert "/*" in (STATIC / "style.css").read_text()
    assert "/*" not in answer.text
    assert ".rows-as-cards" in answer.text
    assert ".uplot" in answer.text


def test_scripts_are_sent_without_comments_and_indentation():
    assert shorter('// What it does.\n(() => {\n  // Why.\n  const a = "//b"; // here\n\n  c(a);\n})();\n') == (
        '(() => {\nconst a = "//b"; // here\n\nc(a);\n})();\n'
    )


@pytest.mark.parametrize(
    "path",
    [
        "none.js",
        "cards+none.js",
        "..%2Fstyle.css",
        "vendor%2F..%2Fstyle.css",
        "vendor/none.js",
        "+".join(["cards"] * 30) + ".js",
    ],
)
def test_nothing_but_scripts_of_the_folder_is_sent(site, path):
    assert site.browser().get(f"/static/together/{path}").status_code == 404


OF_FIGURES = {
    "figures": ("view().systems()", "view().front()", "view().compositions()", "results", "frame", "status"),
    "parameters": ("frame", "slices()", "importance()", "view().contour("),
    "parity": ("view().predictions()",),
    "curve": ("frame",),
    "diffusion": ("view().surface()",),
}
"""Lines of Python that figures offer, by script."""


@pytest.mark.parametrize(("script", "line"), [(script, line) for script, lines in OF_FIGURES.items() for line in lines])
def test_a_line_of_python_beside_a_figure_is_one_that_the_interface_has(script, line):
    (path,) = STATIC.parents[2].glob(f"*/web/static/{script}.js")
    assert re.search(rf"[\"`]{re.escape(line)}", path.read_text())
    owner = CampaignView if line.startswith("view().") else Campaign
    member = inspect.getattr_static(owner, re.sub(r"\(\)?$", "", line.removeprefix("view().")))
    assert isinstance(member, property) is not line.endswith(("()", "("))


@pytest.mark.parametrize(("kind", "most"), [("css", 399), ("js", 299)])
def test_scripts_and_the_style_sheet_are_short(kind, most):
    """What a page loads besides its text is read by people, and sent to phones."""
    lengths = {path.name: len(path.read_text().splitlines()) for path in STATIC.parents[2].glob(f"*/web/static/*.{kind}")}
    assert lengths
    assert {name: length for name, length in lengths.items() if length > most} == {}
