"""``python -m benchmarks.dashboard --out result.json``: how heavy the dashboard is, in a real browser.

For campaigns of several sizes: bytes that a browser with an empty cache receives for each page (compressed), time to the first
paint, what the server's process takes with 20 tabs open on the campaign, idle and while a result is stored every second, and
how long 200 clients that ask for the page of the campaign at once wait for it.
Needs Debian's ``chromium`` and the extra ``test``.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import psutil
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, sync_playwright

from benchmarks.command import begun, command
from benchmarks.driven import own_home
from benchmarks.growth.filled import filled
from benchmarks.growth.filling import outcome_of
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import JsonDict, Lease, LeaseOwner, Proposal
from tansaku.tasks.backends.resources import open_resources
from tansaku.tasks.backends.stores.connection import embedded_server
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.node.configuration.campaign_files import load_site
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

NAME = "growth"
SIZES = (542, 100_000)
QUICK = 60
TABS = 20
IDLE_SECONDS = 20.0
RESULTS = 20
"""Results that are stored, one a second on average."""

CLIENTS = 200
VIEWS = 3
"""Requests of each client for the page, one after the other."""

CHROMIUM = "/usr/bin/chromium"
_CLI = "from tansaku.deploy.cli.main import main; main()"
_LINK = re.compile(r"http://127\.0\.0\.1:\d+/login#token=\S+")
_PATIENCE = 120_000.0  # [ms]
_LEASE = 3600.0


@dataclass(frozen=True)
class Effort:
    """Settings of a measurement.

    Attributes:
        tabs: Open on the campaign.
        idle: Time without changes [s].
        results: Stored one a second.
        clients: Ask for a page at once.
    """

    tabs: int = TABS
    idle: float = IDLE_SECONDS
    results: int = RESULTS
    clients: int = CLIENTS


@dataclass(frozen=True)
class Site:
    """A running server.

    Attributes:
        address: Without a path.
        link: Logs in once.
        process: Of the server.
    """

    address: str
    link: str
    process: psutil.Process


@contextmanager
def served(folder: Path) -> Iterator[Site]:
    """`tansaku web start` on the home of the environment."""
    log = folder / "web.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-c", _CLI, "web", "start", "--port", "0"], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        until = time.monotonic() + 120.0
        while (link := _LINK.search(log.read_text())) is None:
            if server.poll() is not None or time.monotonic() > until:
                sys.exit(f"the dashboard did not start: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield Site(link[0].partition("/login")[0], link[0], psutil.Process(server.pid))
    finally:
        server.terminate()
        server.wait(30)


def received(browser: Browser, state: StorageState, address: str) -> tuple[int, float]:
    """Bytes and the time of the first paint of a page, with an empty cache.

    Args:
        browser: Running.
        state: Of a browser that has logged in.
        address: Of the page.

    Returns:
        Bytes of all answers, headers included, and milliseconds.
    """
    context = browser.new_context(storage_state=state)
    page = context.new_page()
    protocol = context.new_cdp_session(page)
    protocol.send("Network.enable")
    sizes: list[float] = []
    protocol.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(address, wait_until="load", timeout=_PATIENCE)
    page.wait_for_timeout(1500)
    paints = page.evaluate("performance.getEntriesByType('paint').map((entry) => [entry.name, entry.startTime])")
    context.close()
    return int(sum(sizes)), float(dict(paints)["first-contentful-paint"])


def view(context: BrowserContext, site: Site) -> float:
    """Time until the page of the campaign has come, without what it loads [s]."""
    start = time.monotonic()
    answer = context.request.get(f"{site.address}/campaigns/{NAME}", timeout=_PATIENCE)
    if not answer.ok:
        sys.exit(f"the page of the campaign answers {answer.status}")
    return time.monotonic() - start


def tabs_of(context: BrowserContext, address: str, count: int) -> None:
    """Opens tabs on a page."""
    for page in [context.new_page() for _ in range(count)]:
        page.goto(address, timeout=_PATIENCE)


def store_result(store: CampaignStore, lease: Lease, proposal: Proposal) -> None:
    """Stores a proposal with its result, as a driver does."""
    evaluation, number = store.insert_proposal(lease, proposal), proposal.number
    store.begin_attempt(lease, evaluation.id, 1, f"token-{number}", f"job-{number}")
    store.accept_outcome(lease, evaluation.id, f"token-{number}", outcome_of(number))


def delay_of(page: Page, count: int, stored: float) -> float:
    """Time from a result's storing until a tab shows so many evaluations [s].

    Args:
        page: Open on the campaign.
        count: Number of evaluations that is waited for.
        stored: When the result was stored, by the monotonic clock [s].
    """
    page.wait_for_function(
        "(count) => document.querySelector('#budget .large').innerText === count.toLocaleString('en-US')",
        arg=count,
        polling=50,
        timeout=_PATIENCE,
    )
    return time.monotonic() - stored


def percent_of(process: psutil.Process, before: float, begun_at: float) -> float:
    """Share of a core that a process took since then [%]."""
    return 100.0 * (processor_time(process) - before) / (time.monotonic() - begun_at)


def processor_time(process: psutil.Process) -> float:
    """Returns the processor time of a process so far [s]."""
    times = process.cpu_times()
    return float(times.user + times.system)


def measure_tabs(
    store: CampaignStore, following: Sequence[Proposal], site: Site, context: BrowserContext, idle: float
) -> JsonDict:
    """Measures the load of the server's process and the delay until tabs show a result.

    Args:
        store: Of the campaign.
        following: What is proposed, and has its result, one a second on average.
        site: The server.
        context: With its tabs.
        idle: Time without changes [s].
    """
    owner = LeaseOwner(host="benchmark", pid=1, process_started=0.0, user="benchmark")
    lease, last = store.acquire_lease(NAME, owner, _LEASE), context.pages[-1]
    time.sleep(3.0)
    before, start = processor_time(site.process), time.monotonic()
    time.sleep(idle)
    idle_percent = percent_of(site.process, before, start)
    delays, rng = [], np.random.default_rng(0)
    before, start = processor_time(site.process), time.monotonic()
    for proposal in following:
        stored = time.monotonic()
        store_result(store, lease, proposal)
        delays.append(delay_of(last, proposal.number, time.monotonic()))
        # Not in step with the server, which looks for changes at even intervals.
        time.sleep(max(0.0, rng.uniform(0.5, 1.5) - (time.monotonic() - stored)))
    busy = percent_of(site.process, before, start)
    memory = site.process.memory_info().rss / 1e6
    return {
        "update_p95_s": sorted(delays)[max(0, round(0.95 * len(delays)) - 1)],
        "update_median_s": statistics.median(delays),
        "cpu_idle_percent": idle_percent,
        "cpu_busy_percent": busy,
        "rss_mb": memory,
    }


def measure_clients(site: Site, context: BrowserContext, count: int) -> JsonDict:
    """Measures how long clients that ask for the page of the campaign at once wait for it.

    Args:
        site: The server.
        context: Logged in.
        count: Number of clients, each with connections of its own.
    """
    cookies = {str(cookie["name"]): str(cookie["value"]) for cookie in context.cookies()}
    together = threading.Barrier(count)

    def visit(_: int) -> list[float]:
        with httpx.Client(base_url=site.address, cookies=cookies, timeout=_PATIENCE / 1000) as client:
            together.wait()
            times = []
            for _view in range(VIEWS):
                start = time.monotonic()
                client.get(f"/campaigns/{NAME}").raise_for_status()
                times.append(time.monotonic() - start)
            return times

    with ThreadPoolExecutor(count) as pool:
        waited = sorted(wait for times in pool.map(visit, range(count)) for wait in times)
    return {
        "clients": count,
        "clients_median_s": statistics.median(waited),
        "clients_p95_s": waited[max(0, round(0.95 * len(waited)) - 1)],
    }


def database_of(settings: Settings) -> psutil.Process:
    """The process of the database."""
    server = embedded_server(settings, load_site(None))
    assert server is not None
    pid = server.status().pid
    assert pid is not None
    return psutil.Process(pid)


def measure(count: int, folder: Path, *, quick: bool) -> JsonDict:
    """Fills a campaign and looks at it in a browser."""
    effort = Effort(tabs=3, idle=2.0, results=3, clients=5) if quick else Effort()
    with own_home() as settings:
        following = filled(settings, NAME, count, quick=quick)[: effort.results]
        with served(folder) as site, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            context = browser.new_context()
            start = time.monotonic()
            busy = [site.process, database_of(settings)]
            before = sum(map(processor_time, busy))
            page = context.new_page()
            # The home page is the first that reads the campaign.
            page.goto(site.link, timeout=_PATIENCE)
            page.wait_for_selector("#home", timeout=_PATIENCE)
            page.close()
            view(context, site)
            found: JsonDict = {"load": os.getloadavg()[0], "first_view_s": time.monotonic() - start}
            found["first_view_processor_s"] = sum(map(processor_time, busy)) - before
            found["next_view_s"] = view(context, site)
            paths = {"home": "/", "campaign": f"/campaigns/{NAME}", "candidate": f"/campaigns/{NAME}/evaluations/1"}
            for key, path in paths.items():
                size, paint = received(browser, context.storage_state(), site.address + path)
                found |= {f"bytes_{key}": size, f"first_paint_{key}_ms": paint}
            tabs_of(context, f"{site.address}/campaigns/{NAME}", effort.tabs)
            with open_resources(settings, load_site(None)) as resources:
                found |= measure_tabs(resources.store, following, site, context, effort.idle)
            found |= measure_clients(site, context, effort.clients)
            browser.close()
    return found


def main() -> None:
    """Measures and writes the result, size by size."""
    parser = command("dashboard", __doc__, quick=f"{QUICK} evaluations, 3 tabs, a few seconds")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="evaluations of each campaign")
    given = parser.parse_args()
    sizes = [QUICK] if given.quick else given.sizes
    result = begun(given.out, {"schema_version": 1, "quick": given.quick}, by_evaluations={}, provenance=describe_machine())
    for count in sizes:
        found = measure(count, given.out.resolve().parent, quick=given.quick)
        result["by_evaluations"][str(count)] = found
        write_json(given.out, result)
        print(f"{count:>7} evaluations: " + ", ".join(f"{key} {value:.4g}" for key, value in found.items()), flush=True)


if __name__ == "__main__":
    main()
