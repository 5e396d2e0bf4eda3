"""What scripts of pages compute: the cells that the viewer of structures shows, and how well predictions are calibrated."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import read, write
from playwright.sync_api import Browser, expect
from scipy.special import erf

from tests.support.browsing import opened_browser

STATIC = Path(__file__).parents[2] / "deploy" / "web" / "static"
SHEARED = [[4.0, 0.0, 0.0], [-2.0, 6.0, 0.0], [1.0, -2.0, 40.0]]


DRAWS_NOTHING = """
window.made = [];
window.uPlot = class {
  constructor(options, data) { window.made.push({ label: options.axes[0].label, data }); }
  destroy() {}
  static rangeNum(low, high) { return [low, high]; }
};
"""
"""A drawing library that keeps what it is to draw."""


@pytest.fixture(scope="module")
def browser(require) -> Iterator[Browser]:
    require("chromium")
    with opened_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def shown(browser: Browser) -> Callable[[Atoms], tuple[Atoms, dict]]:
    """Reads what the script makes of atoms."""
    page = browser.new_page()
    page.add_script_tag(path=STATIC / "periodic.js")

    def ask(atoms: Atoms) -> tuple[Atoms, dict]:
        text = io.StringIO()
        write(text, atoms, format="extxyz")
        made = page.evaluate("(text) => periodic.shown(text)", text.getvalue())
        return read(io.StringIO(made["text"]), format="extxyz"), made

    return ask


def test_atoms_of_a_sheared_cell_stand_in_it_and_where_they_are(shown) -> None:
    rng = np.random.default_rng(1)
    atoms = Atoms("MgO" * 20, cell=SHEARED, pbc=True)
    atoms.positions = rng.uniform(-2.0, 3.0, (40, 3)) @ np.array(SHEARED)
    found, made = shown(atoms)
    own = found[:40]
    room = 0.31 / atoms.cell.lengths()
    fractions = np.linalg.solve(np.array(SHEARED).T, own.positions.T).T
    assert ((fractions > -room) & (fractions < 1.0 + 1e-6)).all()
    moved = np.linalg.solve(np.array(SHEARED).T, (own.positions - atoms.positions).T).T
    np.testing.assert_allclose(moved, np.round(moved), atol=1e-6)
    assert own.get_chemical_symbols() == atoms.get_chemical_symbols()
    # 6.3 Å wide and 40.05 Å high: five is the first odd number that reaches half the height, along the longer period.
    assert (made["across"], made["copies"]) == (1, 5)
    for copy, shift in zip(np.split(found.positions, 5), (0, 1, -1, 2, -2), strict=True):
        np.testing.assert_allclose(copy, own.positions + shift * np.array(SHEARED[1]), atol=1e-5)


@pytest.mark.parametrize(
    ("cell", "pbc", "copies"),
    [
        ((4, 5, 6), True, 1),  # no boundary
        ((30, 4, 40), True, 1),  # wide enough
        ((4, 6, 40), (True, False, True), 1),  # does not repeat
        ((6, 4, 40), True, 5),
    ],
)
def test_only_narrow_upright_cells_that_repeat_are_copied(shown, cell, pbc, copies: int) -> None:
    found, made = shown(Atoms("Cu2", positions=[(0, 0, 0), (1, 1, 3)], cell=cell, pbc=pbc))
    assert (made["copies"], len(found)) == (copies, 2 * copies)


def test_a_molecule_is_shown_as_it_is(shown) -> None:
    atoms = Atoms("OH2", positions=[(0, 0, 0), (0, 0.76, 0.59), (0, -0.76, 0.59)])
    found, made = shown(atoms)
    assert made["copies"] == 1
    np.testing.assert_allclose(found.positions, atoms.positions)


def test_a_large_cell_is_not_copied_beyond_what_a_browser_draws_fast(shown) -> None:
    found, made = shown(Atoms("Cu1200", positions=np.zeros((1200, 3)), cell=(6, 4, 100), pbc=True))
    assert (made["copies"], len(found)) == (1, 1200)


def test_the_calibration_is_the_share_of_values_within_each_interval(browser: Browser) -> None:
    rng = np.random.default_rng(2)
    mean, deviation = rng.normal(size=60), rng.uniform(0.5, 1.0, 60)
    value = mean + 1.5 * deviation * rng.normal(size=60)
    answer = {
        "predicted": mean.tolist(),
        "computed": value.tolist(),
        "deviations": deviation.tolist(),
        "numbers": list(range(1, 61)),
        "count": 60,
        "unit": "eV",
    }
    page = browser.new_page()
    page.set_content('<section><div id="parity"></div></section><section hidden><div id="coverage"></div></section>')
    page.add_script_tag(content=DRAWS_NOTHING)
    page.evaluate("(answer) => { window.shared = { json: async () => answer, onVersion: () => {} }; }", answer)
    for script in ("plots.js", "taken.js", "parity.js"):
        page.add_script_tag(path=STATIC / script)
    page.wait_for_function("made.length >= 2")
    drawn = {known["label"]: known["data"] for known in page.evaluate("made")}
    nominal, observed, right = (np.array(row) for row in drawn["interval: values that should lie in it [%]"])
    assert not page.evaluate("document.getElementById('coverage').parentElement.hidden")
    expected = np.sort(erf(np.abs(value - mean) / deviation / np.sqrt(2.0)))
    np.testing.assert_allclose(nominal[1:-1], 100.0 * expected, atol=1e-4)
    np.testing.assert_allclose(right, nominal)
    # Too small deviations: fewer values lie in the interval of 68 % than should.
    inside = (np.abs(value - mean) <= deviation).mean()
    assert inside < 0.6
    np.testing.assert_allclose(np.interp(68.27, nominal, observed), 100.0 * inside, atol=2.0)
    # The line of equal values spans the figure, also where values lie beyond all predictions.
    predicted, computed, equal = drawn["predicted [eV]"]
    ends = min(mean.min(), value.min()), max(mean.max(), value.max())
    assert (predicted[0], predicted[-1]) == (equal[0], equal[-1]) == pytest.approx(ends)
    assert computed[1:-1] == value[np.argsort(mean)].tolist()


ROWS = "".join(f'<tr><th scope="row"><a href="#{row}">c{row}</a></th><td>{row}</td></tr>' for row in range(45))
TABLE = f"<table><thead><tr><th>Candidate</th><th>Value</th></tr></thead><tbody>{ROWS}</tbody></table>"
LIST = f'<main id="main"><div class="wide">{TABLE}</div></main>'


def test_a_phone_shows_twenty_cards_and_more_by_the_keyboard(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_content(LIST)
    page.add_style_tag(path=STATIC / "style.css")
    page.add_script_tag(path=STATIC / "cards.js")
    rows, button = page.locator("tbody tr:visible"), page.get_by_role("button")
    expect(rows).to_have_count(20)
    expect(button).to_have_text("Show 20 more of 45")
    assert page.evaluate("document.documentElement.scrollHeight") < 2000
    for press, shown, text in ((1, 40, "Show 5 more of 45"), (2, 45, None)):
        button.press("Enter")
        expect(rows).to_have_count(shown)
        # The keyboard is at the first of the further cards.
        assert page.evaluate("document.activeElement.textContent") == f"c{20 * press}"
        expect(button).to_have_count(0) if text is None else expect(button).to_have_text(text)
    # As many stay shown in a table that a live page puts in the place of this one.
    page.evaluate("html => { document.getElementById('main').innerHTML = html; }", LIST.partition(">")[2])
    expect(rows).to_have_count(45)


def test_a_wide_window_shows_all_rows(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_content(LIST)
    page.add_style_tag(path=STATIC / "style.css")
    page.add_script_tag(path=STATIC / "cards.js")
    rows = page.locator("tbody tr:visible")
    expect(rows).to_have_count(20)
    page.set_viewport_size({"width": 1024, "height": 800})
    expect(rows).to_have_count(45)
    expect(page.get_by_role("button")).to_have_count(0)
    page.set_viewport_size({"width": 390, "height": 844})
    expect(rows).to_have_count(20)


def test_a_csv_file_is_read_with_its_quotes_and_its_numbers(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<main></main>")
    page.add_script_tag(path=STATIC / "taken.js")
    text = 'id,name,value [eV],n\r\n007,"a, ""b""",-1.5e-3,1234567\r\n008,"two\nlines",,3\r\n'
    found = page.evaluate("async (text) => numbersAt(URL.createObjectURL(new Blob([text])))", text)
    assert found == {
        "headings": ["id", "name", "value [eV]", "n"],
        "rows": [["007", 'a, "b"', -0.0015, 1234567], ["008", "two\nlines", "", 3]],
    }
    assert page.evaluate("[cellText(1234567), cellText(0.123456789), cellText('007'), cellText(null)]") == [
        1234567, 0.123457, "007", ""
    ]  # fmt: skip


FORM = """<form id="new" data-token="t"><textarea id="names"></textarea><div id="status"></div>
<div class="upload" data-into="names" data-kind="structure"></div></form>"""
KEEPS = "window.kept = []; window.toLibrary = async (name) => { kept.push(name); return new Response('{}'); };"
"""A library that takes everything."""


def zipped(*names: str, size: int = 1, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name in names:
            archive.writestr(name, bytes(size))
    return made.getvalue()


@pytest.mark.parametrize(
    ("files", "count", "words"),
    [
        ({"m.zip": (1005, 1)}, 1000,
         "Only the first 1000 files at a time; the others were left out."),
        ({"n.zip": b"no archive at all, but long enough"}, 0, "1 of 1 refused: n.zip is no zip archive."),
        ({"d.zip": zipped("a.cif")[30:], "good.cif": b"x"}, 1, "1 of 2 refused: d.zip is a damaged zip archive."),
        ({"b.zip": zipped("a.cif", method=zipfile.ZIP_BZIP2)}, 0, "1 of 1 refused: a.cif is packed in an unknown way."),
        ({"large.zip": (1, 2**28 + 1)}, 0, "1 of 1 refused: large.zip unpacks to more than 256 MB."),
        # Each of the files is allowed, all of them together are not.
        ({"many.zip": (5, 2**26)}, 0, "many.zip unpacks to more than 256 MB."),
        ({"runs.zip": zipped("../1/POSCAR", "2/POSCAR")}, 1, "1 of 2 refused: POSCAR: another file has this name; rename it."),
    ],
)  # fmt: skip
def test_the_files_in_an_archive_are_added_or_refused_by_name(browser: Browser, files, count: int, words: str) -> None:
    page = browser.new_page()
    page.set_content(FORM)
    page.add_script_tag(content=KEEPS)
    page.add_script_tag(path=STATIC / "uploads.js")
    made = {
        name: content if isinstance(content, bytes) else zipped(*(f"{k}.cif" for k in range(content[0])), ".x", size=content[1])
        for name, content in files.items()
    }
    chosen = [{"name": name, "mimeType": "", "buffer": content} for name, content in made.items()]
    page.locator("input[type=file]").first.set_input_files(chosen)
    expect(page.locator(".upload .problem")).to_contain_text(words, timeout=60_000)
    expect(page.locator(".upload [role=status]")).to_have_text(f" {count} uploaded.")
    assert len(page.evaluate("kept")) == count
    page.close()
