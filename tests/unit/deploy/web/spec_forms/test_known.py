"""Each form begins with a spec, and what is filled in makes one that the check accepts; a wrong field is named."""

from __future__ import annotations

import html
import io
import re

import pytest
from ase.build import bulk
from ase.io import write

from tansaku.models.domain.accounts import Role
from tests.unit.deploy.web.conftest import TABLE

EXPERIMENT = {
    "parameter-1": "temperature", "low-1": "180", "high-1": "240,5", "unit-1": "degC",
    "parameter-3": "flour", "type-3": "category", "values-3": "rye, wheat",
    "objective.property": "height", "objective.unit": "cm",
}  # fmt: skip
STRUCTURES = {"space.paths": "a.cif\nb.xyz", "objective.property": "volume", "space.systems": "formula"}
BOUNDARIES = {"space.boundaries.planes": "", "space.boundaries.max_sigma": "11", "space.boundaries.angles": "20 to 120"}
HOST = {"space.host": "a.cif", "space.ion": "H", "calculator.type": "emt", "space.supercell": "1 1 1"}
FROM_FILE = {
    "space.parent": "rock.cif", "objective.property": "energy_per_atom",
    "site-1": "M", "replaces-1": "Mg2+", "ions-1": "Mg2+; Ca2+", "site-2": "X", "replaces-2": "O2-",
}  # fmt: skip
FORMS = [
    ("experiment", [EXPERIMENT]),
    ("table", [{"space.candidates": "rows.csv"}, {"role-0": "id", "role-1": "value", "role-2": "cost", "role-3": "number"}]),
    ("table", [{"space.candidates": "rows.csv"}, {"role-3": "number", "objective.property": "yield"}]),
    ("structures", [STRUCTURES]),
    ("boundaries", [BOUNDARIES]),
    ("compositions", [{"ions-2": "V3+, Fe3+"}]),
    ("compositions", [{"space.parent": "rock.cif"}, FROM_FILE]),
    ("diffusion", [HOST]),
]


@pytest.fixture(scope="module")
def files():
    """Structures for the library."""
    found = {}
    for name, crystal in (("a.cif", bulk("Al")), ("b.xyz", bulk("Cu")), ("rock.cif", bulk("MgO", "rocksalt", a=4.21))):
        text = io.BytesIO() if name.endswith("cif") else io.StringIO()
        write(text, crystal, format="cif" if name.endswith("cif") else "extxyz")
        found[name] = text.getvalue()
    return found


@pytest.fixture
def browser(site, files):
    found = site.with_session(Role.OPERATOR)
    for name, content in {"rows.csv": TABLE, **files}.items():
        assert found.upload(name, content).status_code == 201
    return found


def sent(browser, text: str, fields: dict[str, str], shown: str) -> str:
    return browser.submit("/new", {"spec": text, "shown": shown, "action": "check", **fields}).text


def text_of(page: str) -> str:
    return html.unescape(re.search(r'<textarea id="spec"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)[1])


@pytest.mark.parametrize(("kind", "steps"), FORMS)
def test_a_form_makes_a_valid_spec(browser, kind, steps):
    page = browser.get(f"/new/{kind}").text
    for fields in steps:
        text = text_of(page)
        page = sent(browser, text, fields, text)
    assert "The spec is valid." in page, re.findall(r'<li class="problem">.*', page)


def test_molecules_are_put_into_a_box_that_the_form_shows(browser):
    assert browser.upload("copper-dimer.xyz", "2\n\nCu 0 0 0\nCu 0 0 2.2\n").status_code == 201
    start = text_of(browser.get("/new/structures").text)
    crystals = sent(browser, start, {"space.paths": "b.xyz"}, start)
    assert "box:" not in text_of(crystals)
    page = sent(browser, start, {"space.paths": "b.xyz\ncopper-dimer.xyz"}, start)
    assert re.search(r'id="field-space.box"[^>]* value="8.0"', page)
    assert "The spec is valid." in page
    cleared = sent(browser, text_of(page), {"space.box": ""}, text_of(page))
    assert "box:" not in text_of(cleared)
    assert "space.box: 8 puts a molecule into a box" in html.unescape(cleared)
