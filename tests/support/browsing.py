"""A browser that tests look at pages with: what it complains of, what axe finds, and pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.served import Served

CHROMIUM = "/usr/bin/chromium"
PATIENCE = 180_000.0  # [ms]
PHONE = {"width": 390, "height": 844}
TALLEST = 4000
"""Pixels of a picture."""
PICTURES = Path(os.environ["TANSAKU_PICTURES"]) if "TANSAKU_PICTURES" in os.environ else None
"""Where what each page looks like is kept; None: nowhere, as no test reads pictures."""
OF_COLOURS = ("color-contrast", "link-in-text-block")
"""Rules of axe that a colour scheme decides; all others say the same in light and dark."""


class Errors(list):
    """What a browser complained of: errors on the console, and requests to other servers."""

    def watch(self, page: Page) -> Page:
        page.on("console", lambda message: self.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.append(str(error)))
        page.on("request", lambda request: None if "//127.0.0.1:" in request.url else self.append(request.url))
        return page


@contextmanager
def opened_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not work for root.
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield started
        started.close()


@contextmanager
def logged_in(browser: Browser, served: Served) -> Iterator[BrowserContext]:
    """A browser in which the admin has logged in by the printed link."""
    context = browser.new_context()
    address = served.page()
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(address)
    expect(page.get_by_role("heading", name="Campaigns")).to_be_visible(timeout=PATIENCE)
    page.close()
    context.base = address.partition("/login")[0]
    yield context
    context.close()


def go(page: Page, path: str) -> None:
    page.goto(page.context.base + path)


def violations(page: Page, rules: Sequence[str] = ()) -> dict[str, str]:
    """What axe finds on the present page, by rule; no rules: all that it looks for."""
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    found = Axe().run(page, options=options).response["violations"]
    return {rule["id"]: rule["nodes"][0]["html"][:200] for rule in found}


def take(page: Page, name: str) -> None:
    """Keeps a picture of the present page if they are asked for, of its beginning where it is very long."""
    if PICTURES is None:
        return
    width, height = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    clip = {"x": 0, "y": 0, "width": width, "height": min(height, TALLEST)}
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True, clip=clip)


def look(page: Page, name: str) -> dict[str, str]:
    """What axe finds on the present page in light and dark, by scheme and rule; keeps pictures of it, the last one of a phone.

    A page that is wider than the phone is a finding too; what is wider on it, such as a table, is to scroll by itself.
    """
    found = {}
    before = page.viewport_size
    for scheme, rules in (("light", ()), ("dark", OF_COLOURS)):
        page.emulate_media(color_scheme=scheme)
        found |= {f"{name}, {scheme}: {rule}": where for rule, where in violations(page, rules).items()}
        take(page, f"{name}-{scheme}")
    page.set_viewport_size(PHONE)
    # Figures are drawn again a moment after the window has its size.
    page.wait_for_timeout(300)
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > PHONE["width"]:
        found[f"{name}, phone"] = f"{width} pixels wide"
    take(page, f"{name}-phone")
    page.set_viewport_size(before)
    return found


def command(page: Page, title: str) -> None:
    page.get_by_role("button", name=title, exact=True).click()
