"""Figures of a campaign for download: pictures and their data."""

import csv
import io
import re
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor

import matplotlib.image as mpimg
import pytest

from tansaku.models.domain.accounts import Role

NAME = "small-table"
BEST = "best-value-over-evaluations"
API = f"/api/v1/campaigns/{NAME}/drawings"


@pytest.fixture
def browser(site_with):
    return site_with("a1", "a3", "a2", "b1").with_session(Role.VIEWER)


def test_a_figure_is_a_picture_or_a_table(browser):
    assert browser.get(API).json() == [
        {"figure": name, "forms": ["png", "svg", "csv"]} for name in (BEST, "convergence", "parallel")
    ]
    assert browser.get(f"{API}/convergence").content.startswith(b"\x89PNG")
    drawn = browser.get(f"{API}/convergence?form=svg")
    assert drawn.headers["Content-Type"] == "image/svg+xml"
    assert ET.fromstring(drawn.content).tag.endswith("svg")
    assert drawn.content == browser.get(f"{API}/convergence?form=svg").content
    table = list(csv.DictReader(browser.get(f"{API}/convergence?form=csv").text.splitlines()))
    assert len(table) == 4
    assert [float(row["cost"]) for row in table] == sorted(float(row["cost"]) for row in table)


def test_the_figure_that_the_page_of_the_campaign_shows_is_first_and_has_its_numbers(browser):
    table = list(csv.DictReader(browser.get(f"{API}/{BEST}?form=csv").text.splitlines()))
    shown = browser.get(f"/api/v1/campaigns/{NAME}/series").json()
    assert [key for key in table[0] if key not in ("system", "best_of_system [mJ/m2]")] == [
        "evaluation",
        "cost",
        "value [mJ/m2]",
        "best [mJ/m2]",
    ]
    assert [float(row["best [mJ/m2]"]) for row in table] == shown["best"]
    assert [row["value [mJ/m2]"] for row in table] == ["" if value is None else str(value) for value in shown["value"]]
    assert "" in {row["value [mJ/m2]"] for row in table}
    page = browser.get(f"/campaigns/{NAME}").text
    assert f'data-drawings="{API}/"' in page


def test_the_page_shows_them(browser):
    page = browser.get(f"/campaigns/{NAME}/drawings").text
    assert f'src="{API}/convergence?form=svg"' in page
    assert f'srcset="{API}/convergence?form=svg&amp;scheme=dark" media="(prefers-color-scheme: dark)"' in page
    assert f'data-take="{API}/convergence" data-forms="png svg csv"' in page


def test_a_figure_for_a_dark_page_has_light_lines_and_no_ground(browser):
    """Colours of the style are those of the scheme, also in the figure that is drawn next."""

    def colours(scheme: str) -> set[str]:
        text = browser.get(f"{API}/convergence?form=svg&scheme={scheme}").text
        return set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6}|none)", text))

    light, dark = colours("light"), colours("dark")
    assert {"#ffffff", "#1f2937", "#0f4c81"} <= light
    assert {"#e6e9ec", "#7cb8f0"} <= dark
    assert not dark & {"#ffffff", "#000000", "#1f2937", "#0f4c81", "#16191d"}
    assert all(_brightness(colour) > 0.3 for colour in dark - {"none"}), dark
    assert colours("light") == light
    picture = mpimg.imread(io.BytesIO(browser.get(f"{API}/convergence?scheme=dark").content))
    assert (picture[..., 3] == 0.0).mean() > 0.5


def _brightness(colour: str) -> float:
    return sum(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)) / 3


def test_what_does_not_exist_is_named(browser, site_with):
    answer = browser.get(f"{API}/parity")
    assert answer.status_code == 404
    assert f"it has {BEST}, convergence, parallel" in answer.json()["detail"]
    assert browser.get(f"{API}/convergence?form=exe").status_code == 422


def test_a_campaign_without_a_value_says_so(site_with):
    browser = site_with("a3").with_session(Role.VIEWER)
    page = browser.get(f"/campaigns/{NAME}/drawings")
    assert page.status_code == 200
    assert "<img" not in page.text
    assert browser.get(API).status_code == 422


def test_several_at_once_are_drawn_alike(browser):
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda _: browser.get(f"{API}/convergence?form=svg").content, range(4)))
    assert len(set(drawn)) == 1
