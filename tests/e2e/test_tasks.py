"""What users want to do, by clicks beside typing; ``docs/results/dashboard.md`` has their numbers."""

from __future__ import annotations

import io
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ase.build import bulk
from ase.io import write
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tansaku.tasks.backends.resources import open_resources
from tansaku.tasks.ground.formats.workbook import write_workbook
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.node.configuration.campaign_files import load_site
from tests.support.browsed_campaigns import SPEC
from tests.support.browsing import PATIENCE, Errors, go, logged_in, opened_browser
from tests.support.receivers import Received, running, web_server
from tests.support.served import Served
from tests.support.stored_models import store_examples

DOCUMENTED = Path(__file__).parents[2] / "docs" / "results" / "dashboard.md"
CRYSTALS = Path(__file__).parents[2] / "examples" / "cu-au.yaml"
TABLE = "id,value,x\n" + "".join(f"r{number},{(number - 7) ** 2},{number}\n" for number in range(12))
SEARCH = """\
schema_version: 1
name: NAME
seed: SEED
space:
  type: table
  candidates: rows.csv
  columns: {id: id, value: value}
  features: {place: {columns: [x]}}
objective: {unit: eV}
proposer: {type: random}
budget: {evaluations: 6}
"""


def _slow(spec: str) -> str:
    """The campaign with evaluations that no driver finds finished before their limit of a millisecond has passed."""
    spec = spec.replace("spacing: 8.0", "spacing: 80.0").replace("normal: [0.0]", "normal: [0.5]")
    return spec.replace("{fmax: 0.05, max_steps: 10}", "{fmax: 0.0001, max_steps: 3000}")


@dataclass
class Hand:
    """A page, and how often it was clicked; what is typed does not count."""

    page: Page
    clicks: int = 0
    errors: Errors = field(default_factory=Errors)

    def press(self, title: str | re.Pattern[str], within: Locator | None = None) -> None:
        """Clicks a button, or a link, of a name."""
        place = self.page if within is None else within
        self.click(place.get_by_role("button", name=title, exact=True).or_(place.get_by_role("link", name=title, exact=True)))

    def click(self, what: Locator) -> None:
        self.clicks += 1
        what.click()

    def choose(self, what: Locator, option: str) -> None:
        self.clicks += 1
        what.select_option(option)


FOCUSED = """() => {
  const here = document.activeElement, style = getComputedStyle(here), box = here.getBoundingClientRect();
  const name = here.getAttribute("aria-label") || here.labels?.[0]?.innerText || here.innerText || "";
  const ring = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  const inside = box.width > 0 && box.bottom > 0 && box.top < innerHeight;
  return {name: name.trim(), is_seen: here === document.body || (ring && inside)};
}"""
MOST_TABS = 150


@dataclass
class Keys:
    """A page that is used without a mouse; wherever the focus comes, it is seen."""

    page: Page

    def go_to(self, title: str) -> None:
        """Presses Tab until what has a name has the focus."""
        passed = []
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            found = self.page.evaluate(FOCUSED)
            assert found["is_seen"], found
            if found["name"] == title:
                return
            passed.append(found["name"])
        raise AssertionError(f"Tab does not come to {title}: {passed}")

    def press(self, title: str, key: str = "Enter", to: str = "") -> None:
        """Goes to what has a name, and presses a key there.

        Args:
            to: End of the path of the page that this opens; empty: none.
        """
        self.go_to(title)
        self.page.keyboard.press(key)
        if to:
            expect(self.page).to_have_url(re.compile(rf"{to}([?#].*)?$"), timeout=PATIENCE)
            self.page.wait_for_load_state()


@pytest.fixture(scope="module")
def hook() -> Iterator[Received]:
    received = Received()
    yield from running(web_server(received), received)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, require) -> Iterator[Served]:
    """With three campaigns by the command line: one failed three times, two differ in their seeds."""
    require("mongod")
    require("prefect")
    require("chromium")
    folder = tmp_path_factory.mktemp("tasks")
    site = folder / "site.yaml"
    site.write_text("notifications: {private_networks: [127.0.0.0/8]}\n")
    (folder / "rows.csv").write_text(TABLE)
    with tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as home:
        made = Served(Path(home), folder)
        for name, text in (
            ("failing", _slow(SPEC).replace("name: twin", "name: failing")),
            *((f"seed-{seed}", SEARCH.replace("NAME", f"seed-{seed}").replace("SEED", str(seed))) for seed in (1, 2)),
        ):
            (folder / f"{name}.yaml").write_text(text)
            made.run("run", "--plain", str(folder / f"{name}.yaml"), check=name != "failing")
        made.run("run", "--plain", str(CRYSTALS))
        made.start("--reconcile", "never", "--site", str(site))
        yield made
        made.stop()


@pytest.fixture(scope="module")
def user(served: Served) -> Iterator[BrowserContext]:
    with opened_browser() as browser, logged_in(browser, served) as context:
        yield context


@pytest.fixture
def hand(user: BrowserContext) -> Iterator[Hand]:
    """A page that begins at the list of campaigns."""
    errors = Errors()
    page = errors.watch(user.new_page())
    go(page, "/")
    yield Hand(page, errors=errors)
    page.close()
    assert errors == []


def stored(hand: Hand, path: str) -> dict:
    """What the API says."""
    answer = hand.page.request.get(f"{hand.page.context.base}/api/v1{path}")
    assert answer.ok, answer.text()
    return answer.json()


def documented(task: str) -> int:
    """The number of clicks that the docs give."""
    found = re.search(rf"^\| {re.escape(task)} \| (\d+) \|", DOCUMENTED.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None, task
    return int(found[1])


def test_run_pause_raise_and_resume(hand: Hand, hook: Received) -> None:
    """A first search is watched, notifies its user, is paused in its middle, gets more to do, and goes on to its end."""
    page = hand.page
    hand.press("New campaign")
    page.locator("[data-key=name]").fill("mine")
    page.locator("[data-key='budget.evaluations']").fill("40")
    hand.press("Create and run")
    expect(page.get_by_role("heading", name="mine", exact=True)).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#best")).to_contain_text("mJ/m²", timeout=PATIENCE)
    assert hand.clicks == documented("run a search and watch it")

    hand.clicks = 0
    hand.press("Pause")
    expect(page.locator("#state strong")).to_have_text("PAUSED", timeout=PATIENCE)
    assert stored(hand, "/campaigns/mine")["evaluations"] < 40
    hand.click(page.get_by_text("Edit budget and execution"))
    page.locator("#budget-evaluations").fill("42")
    hand.press("Store the edit")
    hand.press("Resume")
    raised = hand.clicks

    hand.clicks = 0
    hand.press("Notify me")
    page.locator("#address").fill(f"http://127.0.0.1:{hook.port}/here")
    hand.press("Subscribe")
    expect(page.get_by_label("Your subscriptions")).to_contain_text("mine")
    assert hand.clicks == documented("be notified when it ends")

    go(page, "/campaigns/mine")
    expect(page.locator("#state strong")).to_have_text("FINISHED", timeout=PATIENCE)
    assert stored(hand, "/campaigns/mine")["evaluations"] == 42
    assert raised == documented("pause it, raise its budget, resume it")
    expect_message(page, hook, "campaign.finished")
    hand.press("Model")  # loads the scripts of this part
    expect(page.locator("#parity canvas")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#importance-place svg, #importance-note:has-text('cannot be given')").first).to_be_visible()


def expect_message(page: Page, hook: Received, kind: str) -> None:
    """Waits for a message; the service looks every 15 seconds."""
    for _ in range(240):
        if any(kind.encode() in body for _, _, body in hook.requests):
            return
        page.wait_for_timeout(250)
    raise AssertionError([body for _, _, body in hook.requests])


def test_export_a_figure(hand: Hand) -> None:
    hand.press("seed-1")
    with hand.page.expect_download() as download:
        hand.click(hand.page.locator("#best-value-files").get_by_role("link", name="PNG"))
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
    assert hand.clicks == documented("export a figure")


def test_the_steps_of_a_relaxation_are_seen(hand: Hand) -> None:
    page = hand.page
    hand.press("cu-au")
    expect(page.locator("#hull svg")).to_be_visible(timeout=PATIENCE)  # on the first screen
    hand.press("Structures")
    card = page.locator("figure[data-file]").first
    expect(card.locator("[role=status]")).to_contain_text("as it was computed", timeout=PATIENCE)
    hand.press("Steps of L12-AuCu3")
    said = card.locator("[role=status]")
    expect(said).to_contain_text("the start", timeout=PATIENCE)
    slider = card.get_by_label("Step of the relaxation")
    slider.press("ArrowRight")
    expect(said).to_contain_text(re.compile(r"2 of \d+ kept structures: step 1, -?\d+\.\d+ eV"))
    slider.press("End")
    expect(said).to_contain_text("the end")
    hand.press("Start of L12-AuCu3")
    expect(slider).to_be_hidden()
    expect(said).to_contain_text("as its space has it", timeout=PATIENCE)


def test_find_out_why_three_failed_and_retry_them(hand: Hand) -> None:
    page = hand.page
    hand.press("failing")
    hand.press("Reasons and retry")
    expect(page.locator("#failures")).to_contain_text("3 × timeout")
    expect(page.locator("[data-select-group]").first).to_be_visible()
    hand.click(page.get_by_text("Edit budget and execution"))
    page.locator("#execution-timeout").fill("600")
    hand.press("Store the edit")
    hand.press("Reasons and retry")
    hand.press("Retry all failed and cancelled")
    expect(page.locator("#best")).to_contain_text("mJ/m²", timeout=PATIENCE)
    assert stored(hand, "/campaigns/failing")["done"] > 0
    assert hand.clicks == documented("find out why three evaluations failed, and retry them")


def add_files(hand: Hand, files: dict[str, bytes]) -> None:
    """Chooses files of this computer, as a click on the button of a form lets one do."""
    with hand.page.expect_file_chooser() as chooser:
        hand.click(hand.page.get_by_role("button", name=re.compile("^Add")).first)
    chooser.value.set_files([{"name": name, "mimeType": "text/plain", "buffer": content} for name, content in files.items()])


def test_search_own_structures(hand: Hand) -> None:
    page, files = hand.page, {}
    for number in range(12):
        with io.StringIO() as text:
            write(text, bulk("Cu", cubic=True, a=3.4 + 0.05 * number), format="extxyz")
            files[f"cell-{number:02}.xyz"] = text.getvalue().encode()
    hand.press("New campaign")
    hand.press("Structures")
    held = []
    page.route("**/api/v1/files?*", lambda route: held.append(route), times=1)
    add_files(hand, files)
    expect(page.locator(".upload").first).to_contain_text("Uploading 1 of 12")
    expect(page.get_by_role("button", name="Create and run")).to_be_disabled()
    held[0].continue_()
    expect(page.locator("#spec")).to_have_value(re.compile("cell-11.xyz"), timeout=PATIENCE)
    expect(page.locator("#result")).to_contain_text("The spec is valid", timeout=PATIENCE)
    hand.press("Create and run")
    expect(page.locator("#state strong")).to_have_text("FINISHED", timeout=PATIENCE)
    found = stored(hand, "/campaigns/my-structures")
    assert (found["done"], found["headline"]["search"]["candidate"]) == (12, "cell-04")  # 3.6 Angstrom
    assert hand.clicks == documented("search 12 structures of one's own")


def test_refused_files_stay_named(hand: Hand) -> None:
    page = hand.page
    go(page, "/new/structures")
    add_files(hand, {"good.xyz": b'1\nLattice="3 0 0 0 3 0 0 0 3"\nCu 0 0 0\n', "bad.cif": b"no structure"})
    expect(page.locator(".upload").first).to_contain_text("1 of 2 refused: bad.cif", timeout=PATIENCE)
    expect(page.locator("#spec")).to_have_value(re.compile("good.xyz"), timeout=PATIENCE)
    expect(page.locator("#result")).to_contain_text("The spec is valid", timeout=PATIENCE)
    expect(page.locator(".upload").first).to_contain_text("1 of 2 refused: bad.cif")
    assert "422" in hand.errors.pop()


DROP = """files => {
  const dropped = new DataTransfer();
  for (const [name, text] of Object.entries(files)) dropped.items.add(new File([text], name));
  const event = new DragEvent("drop", {dataTransfer: dropped, bubbles: true, cancelable: true});
  document.querySelector("h1").dispatchEvent(event);
  return event.defaultPrevented;
}"""


def test_files_dropped_beside_their_box_do_not_replace_the_page(hand: Hand) -> None:
    page = hand.page
    go(page, "/new/experiment")
    assert page.evaluate(DROP, {"earlier.csv": "T (K),strength (GPa)\n300,1.5\n400,2.5\n"})
    expect(page.locator("#spec")).to_have_value(re.compile("low: 300, high: 400, unit: K[^$]*unit: GPa"), timeout=PATIENCE)
    budget = page.locator('[data-key="budget.evaluations"]')
    budget.fill("many")
    expect(page.locator('[id="problem-budget.evaluations"]')).to_be_visible(timeout=PATIENCE)
    budget.press("Backspace")  # the message is gone before the next check answers
    assert page.locator('[id="problem-budget.evaluations"]').count() == 0
    go(page, "/new/boundaries")
    assert page.evaluate(DROP, {"a.csv": "x"})
    expect(page.locator("#status")).to_have_text("This form takes no files.")
    go(page, "/new/structures")
    page.locator("[data-key=name]").fill("dropped")
    assert page.evaluate(DROP, {"left.xyz": '1\nLattice="3 0 0 0 3 0 0 0 3"\nCu 0 0 0\n'})
    expect(page.locator("#spec")).to_have_value(re.compile("name: dropped[^$]*left.xyz"), timeout=PATIENCE)


SHORTER_THAN_ITS_CHOICE = """select => {
  const style = getComputedStyle(select), drawn = document.createElement("canvas").getContext("2d");
  drawn.font = style.font;
  const room = select.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - 16;
  return drawn.measureText(select.selectedOptions[0].text).width > room;
}"""
"""Whether the chosen words of a list, beside its arrow, are cut."""


def test_no_choice_is_cut_on_a_small_laptop(hand: Hand) -> None:
    page = hand.page
    go(page, "/new/compositions")
    for width in (1280, 1366, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        wanted = page.locator('[id="field-objective.property"]')
        assert not wanted.evaluate(SHORTER_THAN_ITS_CHOICE), width


def test_search_a_table(hand: Hand) -> None:
    page = hand.page
    hand.press("New campaign")
    hand.press("Table")
    add_files(hand, {"bread.csv": TABLE.encode()})
    expect(page.locator("#spec")).to_have_value(re.compile("bread.csv"), timeout=PATIENCE)
    expect(page.get_by_label("value", exact=True)).to_have_value("value", timeout=PATIENCE)  # guessed, as the others
    expect(page.get_by_label("x", exact=True)).to_have_value("number")
    page.get_by_label("Unit of the values").fill("eV")
    page.locator("[data-key=name]").fill("seed-1")
    expect(page.locator("#problem-name")).to_contain_text("there is a campaign 'seed-1'", timeout=PATIENCE)
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator("#not-created")).to_contain_text("choose another name", timeout=PATIENCE)
    expect(page.locator("#not-created")).to_be_in_viewport()
    page.wait_for_timeout(1500)  # a check at once would have been answered by now
    expect(page.locator("#result")).to_contain_text("choose another name")
    assert "422" in hand.errors.pop()  # the answer with the refusal
    page.locator("[data-key=name]").fill("my-table")
    expect(page.locator("#result")).to_contain_text("The spec is valid", timeout=PATIENCE)
    expect(page.locator("#not-created")).to_have_count(0)
    hand.press("Create and run")
    expect(page.locator("#state strong")).to_have_text("FINISHED", timeout=PATIENCE)
    assert stored(hand, "/campaigns/my-table")["headline"]["search"]["candidate"] == "r0"  # high values are wanted
    assert hand.clicks == documented("search a CSV table")
    expect(page.locator("#best")).to_contain_text("x 0")  # its row
    run_again_and_compare(hand, "my-table")


@pytest.mark.parametrize(
    ("form", "files", "made"), [("Table", ["alloys.csv"], "alloys"), ("Structures", ["cu-au.json"], "cu-au-2")]
)
def test_a_form_is_filled_in_as_an_example(hand: Hand, form: str, files: list[str], made: str) -> None:
    """Its files come with it, and it is created as it is."""
    page = hand.page
    hand.press("New campaign")
    hand.press(form)
    hand.press("Fill in an example")
    expect(page.locator("nav [aria-current]").filter(has_text=form)).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#result")).to_contain_text("The spec is valid", timeout=PATIENCE)
    assert {file["name"] for file in stored(hand, "/files")["items"]} >= set(files)
    hand.press("Create and run")
    if form == "Structures":
        expect(page.locator("#state strong")).to_have_text("FINISHED", timeout=PATIENCE)
        assert stored(hand, f"/campaigns/{made}")["done"] == 8
    else:
        expect(page.get_by_role("heading", name=re.compile(r"^Measure next \([1-9]"))).to_be_visible(timeout=PATIENCE)
    assert hand.clicks == 4


def test_a_table_comes_from_a_workbook(hand: Hand) -> None:
    page = hand.page
    go(page, "/new/table")
    rows = [line.split(",") for line in TABLE.splitlines()]
    add_files(hand, {"cakes.xlsx": write_workbook(rows), "macro.xlsx": b"PK\x03\x04 no workbook"})
    expect(page.locator(".upload").first).to_contain_text("1 of 2 refused: macro.xlsx: file: it is no Excel", timeout=PATIENCE)
    expect(page.locator("#spec")).to_have_value(re.compile("candidates: cakes.csv"), timeout=PATIENCE)
    expect(page.locator("#result")).to_contain_text("The spec is valid", timeout=PATIENCE)
    assert "422" in hand.errors.pop()


def test_earlier_results_come_from_a_workbook(hand: Hand) -> None:
    """They are shown as text before they are stored with the campaign; what is refused is named."""
    page = hand.page
    go(page, "/new/experiment")
    page.get_by_text("Paste a table: parameters, or earlier results").click()
    chooser = page.locator("[data-reads=field-earlier]")
    chooser.set_input_files([{"name": "macros.xlsx", "mimeType": "text/plain", "buffer": b"PK\x03\x04"}])
    expect(page.locator("#status")).to_contain_text("macros.xlsx: file: it is no Excel workbook", timeout=PATIENCE)
    assert "422" in hand.errors.pop()
    rows = [["T (K)", "solvent", "yield (%)"], [300, "water", 10], [350, "ethanol", 20.5], [400, "water", 15]]
    chooser.set_input_files([{"name": "before.xlsx", "mimeType": "text/plain", "buffer": write_workbook(rows)}])
    expect(page.locator("#field-earlier")).to_have_value(re.compile("350,ethanol,20.5"), timeout=PATIENCE)
    expect(page.locator("#spec")).to_have_value(re.compile("low: 300, high: 400, unit: K|low: 300\n"), timeout=PATIENCE)
    page.locator("[data-key=name]").fill("of-workbook")
    expect(page.locator("#result")).to_contain_text("The spec is valid", timeout=PATIENCE)
    hand.press("Create")
    expect(page.get_by_role("heading", name="of-workbook", exact=True)).to_be_visible(timeout=PATIENCE)

    def values() -> list[float]:
        return sorted(row["value"] for row in stored(hand, "/campaigns/of-workbook/evaluations?state=DONE")["items"])

    until = time.monotonic() + PATIENCE / 1000
    while len(values()) < 3 and time.monotonic() < until:
        page.wait_for_timeout(500)
    assert values() == [10, 15, 20.5]


def test_compare_methods_on_a_table(hand: Hand) -> None:
    page = hand.page
    hand.press("New campaign")
    hand.press("Table")
    add_files(hand, {"methods.csv": TABLE.encode()})
    expect(page.locator("#spec")).to_have_value(re.compile("methods.csv"), timeout=PATIENCE)
    page.locator("#seeds").fill("2")
    hand.press("Compare methods")
    expect(page.get_by_role("heading", name="Which method finds the best soonest")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("row", name=re.compile("^(random|published|default) "))).to_have_count(3)
    expect(page.locator("img.drawn")).to_have_js_property("complete", True)
    found = stored(hand, f"/benchmarks/{page.url.rpartition('/')[2]}")
    assert [row["method"] for row in found["comparison"]["rows"]] == ["random", "published", "default"]
    assert hand.clicks == documented("compare methods on a CSV table")


def run_again_and_compare(hand: Hand, name: str) -> None:
    """Runs a search with another seed, from the list on."""
    page, hand.clicks = hand.page, 0
    go(page, "/")
    hand.press(name)
    hand.press("Run again with another seed")
    expect(page.get_by_role("heading", name=f"{name}-seed-1", exact=True)).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#state strong")).to_have_text("FINISHED", timeout=PATIENCE)
    hand.press("Compare seeds")
    expect(page.locator("#curves canvas")).to_be_visible(timeout=PATIENCE)
    found = stored(hand, f"/comparison?name={name}&name={name}-seed-1")
    assert [row["values"] for row in found["differences"] if row["key"] == "seed"] == [["0", "1"]]
    assert hand.clicks == documented("run a search again with another seed, and compare")


def test_an_experiment_with_five_values(hand: Hand) -> None:
    page = hand.page
    hand.press("New campaign")
    hand.press("Experiment")
    for key, text in (
        ("parameter-1", "temperature (K)"),
        ("low-1", "300"),
        ("high-1", "400"),
        ("parameter-2", "solvent"),
        ("values-2", "water, ethanol, acetone"),
        ("objective.property", "yield (%)"),
    ):
        page.locator(f"[data-key='{key}']").fill(text)
    expect(page.locator("[data-key=type-2]")).to_have_value("category", timeout=PATIENCE)
    expect(page.locator("[data-key=unit-1]")).to_have_value("K")
    expect(page.locator("[data-key='objective.unit']")).to_have_value("%")
    expect(page.locator("#result")).to_contain_text("The spec is valid", timeout=PATIENCE)
    hand.press("Create and run")
    expect(page.get_by_role("heading", name=re.compile(r"^Measure next \(5\)"))).to_be_visible(timeout=PATIENCE)
    for number, entry in enumerate(page.locator("#proposals .measure.large input").all()):
        entry.fill(str(10 + number))
    hand.press("Save all values")
    expect(page.locator("#waiting-said")).to_contain_text("5 reported, 5 waiting", timeout=PATIENCE)
    expect(page.locator("#value-6")).to_be_focused(timeout=PATIENCE)
    expect(page.locator("#proposal-6 h3")).to_be_in_viewport()  # the button was far below
    rows = stored(hand, "/campaigns/my-experiment/evaluations?state=DONE")["items"]
    assert sorted(row["value"] for row in rows) == [10, 11, 12, 13, 14]
    assert hand.clicks == documented("an experiment with five values")


def test_what_was_typed_for_another_kind_comes_back(hand: Hand) -> None:
    """Nothing that was typed is lost: by another kind, by a row that is added, by a refused Create."""
    page = hand.page
    go(page, "/new/experiment")
    for key, text in (("parameter-1", "heat"), ("low-1", "300"), ("high-1", "400")):
        page.locator(f"[data-key='{key}']").fill(text)
    expect(page.locator("#spec")).to_have_value(re.compile("high: 400"), timeout=PATIENCE)
    page.locator("[data-key=type-1]").select_option("category")
    expect(page.locator("[data-key=low-1]")).to_have_count(0, timeout=PATIENCE)
    page.locator("[data-key=values-1]").fill("low, high")
    expect(page.locator("#spec")).to_have_value(re.compile("category"), timeout=PATIENCE)
    page.locator("[data-key=type-1]").select_option("number")
    expect(page.locator("[data-key=low-1]")).to_have_value("300", timeout=PATIENCE)
    expect(page.locator("#spec")).to_have_value(re.compile("low: 300, high: 400|low: 300\n *high: 400"), timeout=PATIENCE)
    page.locator("[data-key=low-2]").fill("7")  # without a name
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator("#not-created, #result .problem").first).to_contain_text("Name of parameter 2", timeout=PATIENCE)
    assert [page.locator(f"[data-key={field}]").input_value() for field in ("low-1", "high-1", "low-2")] == ["300", "400", "7"]
    assert "422" in hand.errors.pop()


def test_compare_two_seeds(hand: Hand) -> None:
    page = hand.page
    for name in ("seed-1", "seed-2"):
        hand.click(page.get_by_label(f"Compare {name}"))
    hand.press("Compare campaigns")
    expect(page.locator("#curves canvas")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("row", name=re.compile("^seed"))).to_have_count(3)  # both campaigns, and the key that differs
    assert hand.clicks == documented("compare two seeds")


def test_the_address_of_a_form_is_reloaded(hand: Hand) -> None:
    go(hand.page, "/campaigns/seed-1/links")
    expect(hand.page.get_by_role("heading", name="seed-1", exact=True)).to_be_visible()


def test_share_a_link(hand: Hand) -> None:
    page = hand.page
    hand.press("seed-1")
    hand.click(page.get_by_text("Share…", exact=True))
    hand.press("Make a link")
    expect(page.get_by_role("button", name="Copy the link")).to_be_visible()
    link = page.locator("code", has_text="#token=").inner_text()
    with page.context.browser.new_context() as context:
        stranger = context.new_page()
        stranger.goto(link)
        expect(stranger.get_by_role("heading", name="seed-1")).to_be_visible(timeout=PATIENCE)
        assert stranger.request.get(f"{page.context.base}/campaigns/seed-2").status == 403
    assert hand.clicks == documented("share a link")


def test_a_scheduled_training_ends(hand: Hand, served: Served, emt_examples, tmp_path: Path) -> None:
    """It becomes due within two minutes; for two more the list has its result, and when the next one is due."""
    with open_resources(Settings(home=served.home), load_site(None)) as resources:
        store_examples(resources, emt_examples(), tmp_path)
    page = hand.page
    hand.press("Schedules")
    expect(page.locator("#schedules")).not_to_contain_text("No service runs", timeout=PATIENCE)
    page.locator("#cron").fill("*/2 * * * *")
    hand.click(page.get_by_label("Train a model"))
    page.get_by_label("Model; each training").fill("daily")
    hand.choose(page.get_by_label("Surrogate"), "kernel_ridge")
    hand.press("Add")
    row = page.get_by_role("row", name=re.compile("daily trained on the latest copper"))
    expect(row).to_contain_text(re.compile(r":\d[02468]:00\s+ended as daily@1 at 20"), timeout=2 * PATIENCE)
    (line,) = [item for item in stored(hand, "/schedules") if item["training"]]
    assert line["last_result"].startswith("ended as daily@1 at ")
    assert stored(hand, "/models/daily@1")["training"]["energy"]["rmse"] < 0.1
    assert hand.clicks == 4
    row.get_by_role("button", name=re.compile("^Remove")).click()
    expect(row).to_have_count(0, timeout=PATIENCE)


@pytest.fixture
def keys(hand: Hand) -> Keys:
    return Keys(hand.page)


def test_a_figure_is_exported_by_keys(keys: Keys) -> None:
    page = keys.page
    keys.go_to("State")
    while page.evaluate("document.activeElement.value") != "FINISHED":
        page.keyboard.press("ArrowDown")
    keys.press("Show", to=r"/\?state=FINISHED&name=")
    keys.press("seed-1", to="/campaigns/seed-1")
    keys.press("Model")
    keys.press("Download all figures", to="/drawings")
    expect(page.get_by_role("link", name="PNG").first).to_be_visible(timeout=PATIENCE)
    with page.expect_download() as download:
        keys.press("PNG")
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


def test_two_seeds_are_compared_by_keys(keys: Keys) -> None:
    page = keys.page
    for name in ("Compare seed-1", "Compare seed-2"):
        keys.press(name, "Space")
    while not page.evaluate("document.activeElement.innerText.startsWith('Compare campaigns')"):
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/compare\?name=seed-1&name=seed-2$"), timeout=PATIENCE)
    expect(page.locator("#curves canvas")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("row", name=re.compile("^seed"))).to_have_count(3)


def test_a_link_is_shared_by_keys(keys: Keys) -> None:
    page = keys.page
    keys.press("seed-2", to="/campaigns/seed-2")
    keys.press("Share…")
    keys.press("Make a link", to="/links")
    keys.go_to("Copy the link")
    link = page.locator("code", has_text="#token=").inner_text()
    with page.context.browser.new_context() as context:
        stranger = context.new_page()
        stranger.goto(link)
        expect(stranger.get_by_role("heading", name="seed-2")).to_be_visible(timeout=PATIENCE)
