"""A user in a real browser: creates a campaign, watches and steers it, retries, deletes it; every page is accessible."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tansaku.deploy.web.app import all_routers
from tansaku.deploy.web.spec_forms.known import known_forms
from tansaku.models.domain.authors import Actor
from tansaku.models.domain.measurements import attachments_of, reports_of
from tansaku.models.domain.wording import significant
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.act.commands.delete import delete_campaign
from tansaku.tasks.act.commands.steer import request
from tansaku.tasks.act.measurements.ask_tell import ask
from tansaku.tasks.backends.resources import DatabaseResources, Resources, open_resources
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.node.configuration.campaign_files import load_campaign, load_site
from tests.support.browsed_campaigns import (
    EXPERIMENT,
    MARKUP,
    ROWS,
    SPEC,
    TABLE,
    refuse,
    store_measured,
    store_project,
    store_training,
)
from tests.support.browsing import PATIENCE, Errors, command, go, logged_in, look, opened_browser
from tests.support.known_surface import NAME as KNOWN
from tests.support.known_surface import KnownSurface
from tests.support.served import Served
from tests.support.stored_models import store_models
from tests.unit.tasks.ground.formats.test_photos import photo as picture

PASSWORD = "a long enough password"
NAME = "twin"
PAGES = (
    "/",
    "/new",
    "/sparse",
    "/files",
    "/queue",
    "/models",
    "/trainings",
    "/datasets",
    "/schedules",
    "/notifications",
    "/projects",
    "/compare",
    "/bench",
    "/search",
    "/search?elements=&property=&value=1e9&order=lowest",
    *(f"/new/{kind}" for kind in known_forms()),
    "/account",
    "/admin",
    "/audit",
    "/reference",
    "/design",
    "/login",
)
MISSING = "/nowhere"
OPEN_ALL = """
for (const part of document.querySelectorAll("details"))
  if (part.closest(".log") || part.querySelector("summary").checkVisibility()) part.open = true;
"""
"""At once: between a look at a summary and a click, a live page may have put another one in its place."""

NOT_OFFERED = """
[...document.querySelectorAll("main .uplot, main svg:is(.drawing, .lanes, .whole, .hits), main img.drawn")]
  .filter((figure) => figure.checkVisibility())
  .filter((figure) => ![...figure.closest("section, div:has(> figure), main").querySelectorAll("button")]
    .some((button) => button.textContent === "Copy as Python"))
  .map((figure) => figure.outerHTML.slice(0, 200))
"""
"""Figures of a page beside which nothing offers what can be taken from them."""

OF_A_CAMPAIGN = ("", "/table", "/figures", "/drawings", "/hull", "/structures", "/workers", "/measurements")
TABS = ("#all-evaluations", "#model", "#events", "#spec")
"""Of the page of a campaign, besides the first."""

NO_PAGES = {
    "/campaigns/{name}/parts", "/campaigns/{name}/runs", "/campaigns/{name}/budget",  # parts of pages
    "/bench/{check_id}/table.csv",
    "/audit.csv", "/search.csv", "/health/live", "/metrics",
    "/campaigns/{name}/measurements.csv", "/campaigns/{name}/measurements.xlsx",
}  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, require) -> Iterator[Served]:
    """In an empty home: here alone a server makes Prefect's database itself."""
    require("mongod")
    require("prefect")
    with tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as home:
        made = Served(Path(home), tmp_path_factory.mktemp("serve"))
        made.start("--reconcile", "never")
        yield made
        made.wake()
        made.stop()


@pytest.fixture
def driving(served: Served) -> Iterator[None]:
    """Campaigns are driven while a test lasts that needs it."""
    served.wake()
    yield
    served.sleep()


@pytest.fixture(scope="module")
def browser(require) -> Iterator[Browser]:
    require("chromium")
    with opened_browser() as started:
        yield started


@pytest.fixture(scope="module")
def admin(served: Served, browser: Browser) -> Iterator[BrowserContext]:
    with logged_in(browser, served) as context:
        yield context


@pytest.fixture
def errors() -> Errors:
    return Errors()


@pytest.fixture
def page(admin: BrowserContext, errors: Errors) -> Iterator[Page]:
    """A page of the admin; a test fails if the browser complained."""
    opened = errors.watch(admin.new_page())
    yield opened
    opened.close()
    assert errors == []


def show(page: Page, part: str) -> None:
    """Shows a part of a campaign's page."""
    page.locator("#tabs").get_by_role("link", name=part, exact=True).click()


@pytest.mark.usefixtures("driving")
def test_a_campaign_from_its_creation_to_its_deletion(page: Page) -> None:
    go(page, "/new")
    for wrong, said in (
        (SPEC.replace("name: twin", f"name: {json.dumps(MARKUP)}"), MARKUP[:20]),
        (f"a: &a [{'x, ' * 9}]\n" + "".join(f"{k}: &{k} [{f'*{j}, ' * 9}]\n" for j, k in pairwise("abcdefghi")), "aliases"),
        ("[" * 5000, "nested"),
        (SPEC.replace("[1, 1, 3]", f"[1, 1, 1{300 * '0'}]"), "a number of 301 digits"),
    ):
        page.locator("#spec").fill(wrong)
        expect(page.locator("#result .problem").first).to_contain_text(said, timeout=PATIENCE)
    page.locator("#spec").fill(SPEC.replace("max_steps: 10", "max_stepps: 10"))
    problem = page.locator("#result .problem").first
    expect(problem).to_contain_text("max_stepps", timeout=PATIENCE)
    expect(problem).to_contain_text(f"line {SPEC.partition('calculator:')[0].count(chr(10)) + 1} ")
    page.locator("#spec").fill(SPEC)
    expect(page.locator("#result")).to_contain_text("The spec is valid", timeout=PATIENCE)
    expect(page.locator("#result")).to_contain_text("4 candidates · 2 systems")
    # The button is pressed straight from the field, whose value is not in the text yet.
    page.get_by_text("More", exact=True).click()
    page.locator("[data-key=seed]").press_sequentially("7")
    command(page, "Create and run")

    # Values arrive without a reload.
    expect(page.get_by_role("heading", name=NAME, exact=True)).to_be_visible(timeout=PATIENCE)
    expect(page.locator("body")).to_contain_text("seed: 7")
    expect(page.locator("#failures")).to_contain_text(re.compile("timeout|not_converged"), timeout=PATIENCE)
    expect(page.locator("#facts")).to_contain_text("it is not running now", timeout=PATIENCE)
    # The time limit is too short for what a driver does not find finished; with a longer one all but one succeed.
    page.get_by_text("Edit budget and execution").click()
    page.locator("#execution-timeout").fill("600")
    command(page, "Store the edit")
    expect(page.locator("#history")).to_contain_text("execution.timeout = 600")
    show(page, "Evaluations")
    command(page, "Retry all failed and cancelled")
    expect(page.locator("#history")).to_contain_text("retry: all failed and cancelled")
    page.evaluate("window.neverReloaded = true")
    expect(page.locator("#numbers")).to_contain_text("Best so far", timeout=PATIENCE)
    expect(page.locator("#state strong")).to_have_text("FINISHED", timeout=PATIENCE)
    assert page.evaluate("window.neverReloaded") is True
    show(page, "Overview")
    expect(page.locator("#curve canvas")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#best")).to_contain_text("s003-111-r0-x000-y000-z000", timeout=PATIENCE)
    (best,) = re.search(r"Best so far\s+(\S+) mJ/m²", page.locator("#best").inner_text()).groups()
    assert abs(float(best)) < 60.0

    assert look(page, "campaign") == {}

    # A failed evaluation is retried.
    expect(page.locator("#failures")).to_contain_text("not_converged")
    page.get_by_role("link", name="Reasons and retry").click()
    page.locator("#failures input[type=checkbox]").first.check()
    command(page, "Retry selected")
    expect(page.locator("#history")).to_contain_text("retry", timeout=PATIENCE)
    expect(page.locator("#failures")).to_contain_text("attempts 3", timeout=PATIENCE)

    # Given more budget, paused, and resumed to its end. A finished campaign has nothing to pause or cancel.
    expect(page.locator("#state strong")).to_have_text("FINISHED", timeout=PATIENCE)
    expect(page.locator("#turns button")).to_have_count(0)
    page.get_by_text("Edit budget").click()
    page.locator("#budget-evaluations").fill("4")
    command(page, "Store the edit")
    expect(page.locator("#history")).to_contain_text("budget.evaluations")
    command(page, "Pause")
    expect(page.locator("#history")).to_contain_text("pause")
    command(page, "Resume")
    expect(page.locator("#budget")).to_contain_text("of 4 (100 %)", timeout=PATIENCE)

    # The candidate has its structure, and the audit what was done.
    page.locator("#best a").click()
    expect(page.locator("canvas").first).to_be_visible(timeout=PATIENCE)
    assert look(page, "evaluation") == {}
    page.goto(f"{page.url}/log")
    expect(page.get_by_role("heading", name=re.compile("^Log"))).to_be_visible()
    assert look(page, "log") == {}
    go(page, "/audit")
    for action in ("campaign.create", "campaign.run", "campaign.retry", "campaign.pause", "campaign.edit", "campaign.resume"):
        expect(page.locator("main")).to_contain_text(action)

    go(page, f"/campaigns/{NAME}")
    show(page, "Spec")
    page.locator("#confirm").fill(NAME)
    command(page, "Delete for good")
    expect(page.get_by_role("heading", name="Campaigns")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("main")).not_to_contain_text(NAME)


N_CAMPAIGNS, N_TABS = 8, 9


@pytest.fixture
def stored(served: Served, tmp_path: Path) -> Iterator[Resources]:
    """The database of the dashboard, with campaigns that nobody runs."""
    (tmp_path / "rows.csv").write_text(TABLE)
    with open_resources(Settings(home=served.home), load_site(None)) as resources:
        for number in range(N_CAMPAIGNS):
            path = tmp_path / f"rows-{number}.yaml"
            path.write_text(ROWS.replace("NAME", path.stem))
            prepare_campaign(resources, Actor("ada", "test"), load_campaign(path))
        yield resources
        for number in range(N_CAMPAIGNS):
            delete_campaign(resources, Actor("ada", "test"), f"rows-{number}")


def test_nine_tabs_on_eight_campaigns_are_all_alive(page: Page, stored: Resources) -> None:
    """A browser opens six connections to a server: one stream in a shared worker tells all tabs of all campaigns."""
    tabs = [(page.context.new_page(), number % N_CAMPAIGNS) for number in range(N_TABS)]
    try:
        for tab, number in tabs:
            go(tab, f"/campaigns/rows-{number}")
            expect(tab.locator("#history")).not_to_contain_text("pause", timeout=PATIENCE)
        for number in range(N_CAMPAIGNS):
            request(stored.store, Actor("ada", "test"), f"rows-{number}", "pause")
        for tab, _ in tabs:
            expect(tab.locator("#history")).to_contain_text("pause", timeout=PATIENCE)
    finally:
        for tab, _ in tabs:
            tab.close()


def test_a_campaign_is_copied_with_a_change_and_the_copy_gets_another_name(
    page: Page, stored: Resources, tmp_path: Path
) -> None:
    (tmp_path / "original.yaml").write_text(SPEC.replace("name: twin", "name: original"))
    prepare_campaign(stored, Actor("ada", "test"), load_campaign(tmp_path / "original.yaml"))
    go(page, "/campaigns/original#spec")
    page.get_by_role("link", name="Copy into the editor").click()
    expect(page.locator("#spec")).to_have_value(re.compile("name: original-2"))
    go(page, "/campaigns/original#spec")
    page.locator("summary", has_text=re.compile("^Copy$")).click()
    page.get_by_label("Name of the copy").fill("copied")
    page.get_by_label("Changes, one on a line").fill("seed=7\nbudget.evaluations=1")
    command(page, "Copy")
    expect(page.get_by_role("heading", name="copied", exact=True)).to_be_visible(timeout=PATIENCE)
    show(page, "Spec")
    expect(page.locator("pre", has_text="seed: 7")).to_contain_text("evaluations: 1")
    page.locator("summary", has_text=re.compile("^Rename$")).click()
    page.get_by_label("New name").fill("renamed")
    command(page, "Rename")
    expect(page.get_by_role("heading", name="renamed", exact=True)).to_be_visible(timeout=PATIENCE)
    assert {"original", "renamed"} <= set(stored.store.campaign_names())
    assert "copied" not in stored.store.campaign_names()
    go(page, "/audit")
    expect(page.locator("main")).to_contain_text("campaign.rename")
    for name in ("original", "renamed"):
        delete_campaign(stored, Actor("ada", "test"), name)


def test_the_form_of_a_new_campaign_tells_cost_and_time_without_scripts(admin: BrowserContext, browser: Browser) -> None:
    with browser.new_context(java_script_enabled=False, storage_state=admin.storage_state()) as context:
        context.set_default_timeout(PATIENCE)
        context.base = admin.base
        page = context.new_page()
        go(page, "/new")
        command(page, "Check")
        expect(page.locator("#result")).to_contain_text("The spec is valid", timeout=PATIENCE)
        for title in ("Cost", "Time"):
            expect(page.locator("#result dt", has_text=title)).to_be_visible()


def test_a_viewer_is_refused_what_a_viewer_may_not_do(page: Page, browser: Browser) -> None:
    go(page, "/admin")
    page.locator("#name").fill("eve")
    page.locator("#password").fill(PASSWORD)
    command(page, "Add")
    expect(page.get_by_role("row", name=re.compile("^eve"))).to_be_visible()
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE)
        context.base = page.context.base
        other = context.new_page()
        go(other, "/login")
        other.locator("#name").fill("eve")
        other.locator("#password").fill("not the password")
        command(other, "Log in")
        expect(other.get_by_role("alert")).to_contain_text("wrong name, password or token")
        other.locator("#name").fill("eve")
        other.locator("#password").fill(PASSWORD)
        command(other, "Log in")
        expect(other.get_by_role("heading", name="Campaigns")).to_be_visible()
        expect(other.get_by_role("link", name="New")).to_have_count(0)
        for path in ("/new", "/admin", "/audit"):
            answer = other.goto(context.base + path)
            assert answer.status == 403, path


@pytest.fixture
def experiment(served: Served, tmp_path: Path) -> Iterator[Resources]:
    """The database with a campaign whose values people report."""
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    with open_resources(Settings(home=served.home), load_site(None)) as resources:
        prepare_campaign(resources, Actor("ada", "test"), load_campaign(tmp_path / "experiment.yaml"))
        yield resources
        delete_campaign(resources, Actor("ada", "test"), "experiment")


UNCOVERED = """() => {
  const title = document.querySelector("#proposals > li h3"), box = title.getBoundingClientRect();
  return box.top >= 0 && title.contains(document.elementFromPoint(box.left + 4, box.top + 4));
}"""
COUNT_CLICKS = """
addEventListener("click", (event) => {
  if (event.isTrusted) sessionStorage.setItem("clicks", 1 + Number(sessionStorage.getItem("clicks")));
}, true);
"""
LEAST_CLICKS = 6  # one to ask, one for each value
MEASUREMENTS = "/campaigns/experiment/measurements"


def save(page: Page, number: int, value: str) -> None:
    card = page.locator(f"#proposal-{number}")
    card.get_by_label("Hardness", exact=True).fill(value, timeout=PATIENCE)
    card.get_by_role("button", name="Save", exact=True).click()


def look_at_figures(page: Page) -> None:
    """Looks at what was measured over the parameters, and at what the model says of them."""
    go(page, "/campaigns/experiment")
    expect(page.locator("#parallel-place .strand.best")).to_have_count(1, timeout=PATIENCE)
    show(page, "Model")
    expect(page.locator("#contour-place svg")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#parameter-note")).to_contain_text("Drawn from the model of evaluation")
    assert page.locator("#slices-place svg").count() == 2
    page.get_by_label("Contour over").select_option("solvent")
    expect(page.locator("#contour-place figcaption")).to_contain_text("over solvent and heat", timeout=PATIENCE)
    page.evaluate(OPEN_ALL)
    assert look(page, "model-of-an-experiment") == {}
    show(page, "Overview")
    page.locator("#parallel-place .strand.best .reach").dispatch_event("click")
    expect(page).to_have_url(re.compile(r"/campaigns/experiment/evaluations/\d+$"), timeout=PATIENCE)


@pytest.mark.usefixtures("driving")
def test_an_experiment_with_five_values(page: Page, experiment: Resources, errors: Errors) -> None:
    page.add_init_script(COUNT_CLICKS)
    go(page, MEASUREMENTS)
    command(page, "Ask for proposals")
    for number in range(1, 6):
        save(page, number, f"{number},5")
        expect(page.locator(f"#proposal-{number}")).to_have_count(0, timeout=PATIENCE)
        expect(page.locator("#proposals > li .measure.large input").first).to_be_focused(timeout=PATIENCE)
        assert page.evaluate(UNCOVERED), "the next card's heading and conditions are in sight, below the status"
    assert page.evaluate("Number(sessionStorage.getItem('clicks'))") == LEAST_CLICKS
    expect(page.locator("#told li.card")).to_have_count(5)
    found = [item.outcome.value for item in experiment.store.evaluations("experiment") if item.outcome]
    assert found == [1.5, 2.5, 3.5, 4.5, 5.5]
    # What is far from what is expected is asked about; what was done otherwise is stored as done.
    card = page.locator("#proposal-6")
    expect(card.locator(".expected")).to_contain_text("±", timeout=PATIENCE)
    card.get_by_text("I did something else").click()
    card.get_by_label("heat").fill("41.5")
    save(page, 6, "5")
    otherwise = page.locator("#told li.card").first
    expect(otherwise).to_contain_text("instead of proposal 6", timeout=PATIENCE)
    expect(otherwise.locator("dd").first).to_contain_text("41.5 °C")
    expect(page.locator("#proposal-8 .expected")).to_contain_text("±", timeout=PATIENCE)  # the learning has ended
    odd = {"name": "odd.csv", "mimeType": "text/csv", "buffer": b"number,value\n8,-5000\n"}
    page.locator("#report-file input").set_input_files(odd)
    expect(page.locator("#report-file .problem")).to_contain_text("odd.csv: proposal 8: -5000 GPa is ", timeout=PATIENCE)
    expect(page.locator("#report-file button")).to_be_visible()
    save(page, 8, "-5000")
    expect(page.locator("#proposal-8 .problem")).to_contain_text("standard deviations from what is expected", timeout=PATIENCE)
    assert len(experiment.store.evaluations("experiment")) == 8
    page.locator("#proposal-8").get_by_role("button", name="Store it all the same").click()
    expect(page.locator("#told li.card").first).to_contain_text("-5000 GPa", timeout=PATIENCE)
    correction = page.locator("#told-8")
    correction.get_by_text("Correct", exact=True).click(timeout=PATIENCE)
    expect(correction.get_by_label("Hardness", exact=True)).to_have_value("-5000")
    correction.get_by_label("Hardness", exact=True).fill("5")
    correction.get_by_role("button", name="Save the correction").click()
    expect(correction.locator("del")).to_contain_text("-5000 GPa", timeout=PATIENCE)
    page.evaluate(OPEN_ALL)
    assert look(page, "measurements-of-an-experiment") == {}
    look_at_figures(page)
    page.goto("about:blank")  # the campaign is deleted next
    assert all("422" in error for error in errors), "the browser notes the question"
    errors.clear()


def test_values_are_typed_one_after_the_other_by_keyboard(page: Page, experiment: Resources) -> None:
    ask(experiment, Actor("ada", "test"), "experiment", 3)
    go(page, MEASUREMENTS)
    page.locator("#proposals > li .measure.large input").first.focus()
    for typed in ("2.5", "3.5"):
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
    expect(page.locator("#told li.card")).to_have_count(2, timeout=PATIENCE)
    status = page.locator("#status")
    expect(status).to_contain_text("Stored, learning")
    page.keyboard.press("Enter")
    expect(status).to_have_text("Nothing was saved: Hardness is empty.")
    commands = experiment.store.campaign("experiment").commands
    told = [report for command in commands if command.kind == "tell" for report in reports_of(command.payload)]
    assert [report.measurements[0].value for report in told] == [2.5, 3.5]


def test_values_are_kept_while_there_is_no_connection_and_sent_once(page: Page, experiment: Resources, errors: Errors) -> None:
    ask(experiment, Actor("ada", "test"), "experiment", 2)
    go(page, MEASUREMENTS)
    page.context.set_offline(True)
    photo = {"name": "sample.jpg", "mimeType": "image/jpeg", "buffer": picture()}
    page.locator("#proposal-1").get_by_label("Photo", exact=True).set_input_files([photo | {"name": "IMG_1.HEIC"}])
    try:
        save(page, 1, "2.5")
        expect(page.locator("#proposal-1 .asked")).to_contain_text("IMG_1.HEIC is a HEIC photo")
        page.locator("#proposal-1").get_by_label("Photo", exact=True).set_input_files([photo])
        for number in (1, 2):
            save(page, number, "2.5")
            expect(page.locator(f"#proposal-{number}")).to_contain_text("Kept in this browser")
        page.locator("#proposal-2").get_by_role("button", name="Change").click()
        save(page, 2, "3.5")
    finally:
        page.context.set_offline(False)
    for number in (1, 2):
        expect(page.locator(f"#proposal-{number}")).to_contain_text("Stored, learning", timeout=PATIENCE)
    expect(page.locator("#told li.card")).to_have_count(2, timeout=PATIENCE)
    page.reload()
    expect(page.locator("#kept")).to_be_hidden()
    commands = experiment.store.campaign("experiment").commands
    told = [report for command in commands if command.kind == "tell" for report in reports_of(command.payload)]
    assert [report.measurements[0].value for report in told] == [2.5, 3.5]
    assert [(item.name, item.candidate) for item in attachments_of(commands)] == [("sample.jpg", told[0].candidate)]
    go(page, "/campaigns/experiment/evaluations/1")
    image = page.get_by_role("img", name="sample.jpg")
    image.scroll_into_view_if_needed()  # it is loaded when it is seen
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 40
    page.goto("about:blank")  # the campaign is deleted next
    assert all("ERR_INTERNET_DISCONNECTED" in error for error in errors)
    errors.clear()


def test_every_page_is_accessible_and_fits_a_phone(
    page: Page, stored: DatabaseResources, tmp_path: Path, errors: Errors
) -> None:
    refuse(stored, "rows-0")
    store_models(stored.registry, stored.artifacts, tmp_path)
    store_training(stored)
    go(page, "/schedules")
    page.get_by_label("Train a model").check()
    page.get_by_label("Model; each training").fill("nightly")
    command(page, "Add")
    expect(page.get_by_role("row", name=re.compile("nightly trained on the latest copper"))).to_contain_text("0 3 * * *")
    store_measured(stored, tmp_path)
    store_project(stored, "measured")
    found = {}
    of_a_campaign = (f"/campaigns/measured{end}" for end in (*OF_A_CAMPAIGN, *TABS))
    for path in (
        *PAGES, "/new?copy=rows-0", "/models/alloy@2", "/models/alloy/versions", "/projects/tilt", *of_a_campaign, MISSING
    ):  # fmt: skip
        go(page, path)
        expect(page.locator("h1")).to_be_visible()
        if path == "/queue":
            expect(page.locator("main")).to_contain_text("names a queue that there is not")
        page.evaluate(OPEN_ALL)
        if path.startswith("/campaigns/measured"):  # its texts with markup are texts here: `errors` has what they would ask for
            assert (page.locator("main img:not(.drawn), main script").count(), page.title() == "run") == (0, False)
        if path == "/campaigns/measured":
            expect(page.locator("#failures")).to_contain_text(MARKUP)
            expect(page.locator("#history")).to_contain_text(f"{MARKUP} failed: wrong")
        found |= look(page, re.sub(r"\W+", "-", path).strip("-") or "home")
        found |= {f"{path}, not offered": figure for figure in page.evaluate(NOT_OFFERED)}
    page.goto("about:blank")  # the campaigns are deleted next, and the last page may still be asking for its figures
    delete_campaign(stored, Actor("ada", "test"), "measured")
    assert found == {}
    (missing,) = errors
    assert "404" in missing
    errors.clear()


def test_every_page_of_the_application_is_looked_at() -> None:
    """Those of the other tests here are the ones with a parameter of their own."""
    of_campaigns = {f"/campaigns/{{name}}{end}" for end in OF_A_CAMPAIGN}
    elsewhere = {
        "/campaigns/{name}/evaluations/{number}", "/campaigns/{name}/evaluations/{number}/log", "/campaigns/{name}/diffusion",
        "/models/{label}", "/models/{name}/versions", "/datasets/{sha256}", "/sparse/{check_id}",
        "/bench/{check_id}", "/projects/{project}",
    }  # fmt: skip
    routes = {route.path for router in all_routers() for route in router.routes if "GET" in route.methods}
    pages = {path for path in routes if not path.startswith(("/api/", "/optimade/"))} - NO_PAGES
    forms = {f"/new/{kind}" for kind in known_forms()}
    looked_at = {path.partition("?")[0] for path in PAGES}
    assert pages == {*looked_at, *of_campaigns, *elsewhere, "/new/{kind}"} - forms


def test_the_figures_of_a_model_are_taken_as_a_table_and_as_python(
    page: Page, stored: DatabaseResources, tmp_path: Path
) -> None:
    store_models(stored.registry, stored.artifacts, tmp_path)
    page.set_viewport_size({"width": 1024, "height": 800})
    go(page, "/models/alloy@2")
    parity = page.locator(".of-model > div > div", has_text="predicted against computed")
    expect(parity.get_by_role("link")).to_have_text(["PNG", "SVG", "CSV"], timeout=PATIENCE)
    parity.get_by_text("As a table").click()
    table = parity.get_by_role("region", name=re.compile("predicted against computed"))
    expect(table.locator("tbody tr")).to_have_count(1000, timeout=PATIENCE)
    expect(table.locator("caption")).to_have_text("The first 1000 of 1600 rows; the CSV has all.")
    expect(table.locator("tbody tr").nth(7)).to_have_text("held out0.008760950.1087610.1")
    parity.get_by_role("button", name="Copy as Python").click()
    lines = parity.locator("pre").inner_text()
    assert lines == (
        f'import tansaku_client as tc\ntc.connect("{page.context.base}").numbers("/models/alloy@2/drawings/parity-energy")'
    )


@pytest.fixture
def surface(served: Served) -> Iterator[KnownSurface]:
    """A search for a bottleneck of which nearly all is computed."""
    with open_resources(Settings(home=served.home), load_site(None)) as resources:
        made = KnownSurface(resources.store)
        made.compute(len(made.order) - 3)
        made.certify(600.0, 50.0)
        yield made
        delete_campaign(resources, Actor("ada", "test"), KNOWN)


def test_the_page_of_diffusion_is_drawn_and_accessible_and_fits_a_phone(page: Page, surface: KnownSurface) -> None:
    page.emulate_media(color_scheme="light")
    go(page, f"/campaigns/{KNOWN}")
    page.get_by_role("link", name="Barriers, path and diffusion").click()
    expect(page.get_by_role("heading", name=f"Diffusion of {KNOWN}")).to_be_visible()
    expect(page.locator("main")).to_contain_text(significant(surface.barriers[1], digits=4))
    # Three slices, the path, the barrier against evaluations, diffusion against temperature.
    figures = page.locator("#diffusion-place figure")
    expect(figures).to_have_count(6, timeout=PATIENCE)
    expect(page.locator("#diffusion-place canvas")).to_have_count(3)
    assert page.locator("#diffusion-place svg.drawing rect").count() > 100
    page.get_by_text("The path as a table").click()
    line = "getComputedStyle(document.querySelector('#diffusion-place svg .open')).stroke"
    strokes = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        expect(figures).to_have_count(6)
        strokes[scheme] = page.evaluate(line)
    assert strokes["light"] != strokes["dark"]
    assert look(page, "diffusion") == {}
    page.goto("about:blank")  # the campaign is deleted next, and the page may still be asking for its figures


def test_a_table_is_searched_for_the_columns_that_explain_one(page: Page) -> None:
    rows = "".join(
        f"{k % 5},{(7 * k) % 11},{(k * k) % 13},{2.0 * (k % 5) - (k * k) % 13 + 0.01 * (k % 3)}\n" for k in range(40)
    )
    page.emulate_media(color_scheme="light")
    go(page, "/files")
    wide = "".join(",".join(str(pow(k + 3, power, 101)) for power in range(1, 26)) + "\n" for k in range(60))
    header = ",".join(f"c{power}" for power in range(24))
    for name, content in (("wide.csv", f"{header},y\n{wide}"), ("t.csv", f"a,b,c,y\n{rows}")):
        page.locator("#file").set_input_files({"name": name, "mimeType": "text/csv", "buffer": content.encode()})
        command(page, "Upload")
        expect(page.get_by_role("rowheader", name=name)).to_be_visible(timeout=PATIENCE)
    go(page, "/sparse")
    page.locator("#file").select_option(page.locator("#file option", has_text="wide.csv").get_attribute("value"))
    page.locator("#target").fill("y")
    page.locator("#max_features").fill("3")
    command(page, "How large is it?")
    expect(page.locator("#size")).to_contain_text("2,325 sets of up to 3 of 24 columns", timeout=PATIENCE)
    command(page, "Search")
    expect(page.get_by_role("heading", name="Searching")).to_be_visible()
    command(page, "Cancel")
    expect(page.get_by_role("heading", name="Cancelled")).to_be_visible(timeout=PATIENCE)
    go(page, "/sparse")
    expect(page.locator("#searches")).to_contain_text("cancelled by")
    page.locator("#target").fill("y")
    command(page, "Search")
    expect(page.get_by_role("heading", name="Which columns explain y")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#search tbody").first).to_contain_text(re.compile("^a, c"))
    expect(page.locator("#sparse-place figure")).to_have_count(2, timeout=PATIENCE)
    assert look(page, "sparse-search") == {}
