"""Takes the pictures of the dashboard in docs/images: ``python docs/screenshots.py [--home FOLDER]`` (``make screenshots``).

Runs the example campaign in a home of its own, or takes a home in which it was run, starts the dashboard on it and looks at its
pages with Debian's ``chromium``. Look at the pictures before they are committed.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
NAME = "al-110-tilt"
CHROMIUM = "/usr/bin/chromium"
_CLI = "from tansaku.deploy.cli.main import main; main()"
_LINK = re.compile(r"http://127\.0\.0\.1:\d+/login#token=\S+")
_SCREEN = {"": (1440, 900)}
_SCREENS = {**_SCREEN, "-tablet": (1024, 800), "-phone": (390, 844)}
_PATIENCE = 120_000.0  # [ms]


def tansaku(*words: str) -> str:
    """What a command prints."""
    command = [sys.executable, "-c", _CLI, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own interpreter


@contextmanager
def dashboard() -> Iterator[str]:
    """`tansaku web start` on the home of the environment; gives the link that logs in."""
    with tempfile.NamedTemporaryFile("w+") as log:
        command = [sys.executable, "-c", _CLI, "web", "start", "--port", "0"]
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603 - our own interpreter
        try:
            while (found := _LINK.search(Path(log.name).read_text())) is None:
                if server.poll() is not None:
                    sys.exit(Path(log.name).read_text())
                time.sleep(0.1)
            yield found[0]
        finally:
            server.terminate()
            server.wait(30)


def take(context: BrowserContext, address: str, name: str, ready: str, screens: Mapping[str, tuple[int, int]]) -> None:
    """Takes the pictures of a page, for each screen, when a part of it is there."""
    for screen, (width, height) in screens.items():
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.goto(address, timeout=_PATIENCE)
        page.wait_for_selector(ready, timeout=_PATIENCE)
        page.wait_for_timeout(2500)
        page.screenshot(path=IMAGES / f"dashboard-{name}{screen}.png")
        page.close()


def pictures(link: str) -> None:
    """Takes all pictures."""
    base = link.partition("/login")[0]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(color_scheme="light")
        page = context.new_page()
        page.goto(link, timeout=_PATIENCE)
        page.wait_for_selector("#home", timeout=_PATIENCE)
        page.close()
        take(context, f"{base}/campaigns/{NAME}", "campaign", "#curve canvas", _SCREENS)
        take(context, f"{base}/new?copy={NAME}", "new", "#result dl", _SCREEN)
        browser.close()


def main() -> None:
    """Takes the pictures of a home, or of one of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="TANSAKU_HOME in which the example was run")
    given = parser.parse_args()
    # A short name: the database's socket lies in it.
    with tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as own:
        os.environ["TANSAKU_HOME"] = str(given.home or own)
        try:
            if given.home is None:
                tansaku("run", "--plain", str(ROOT / "examples" / f"{NAME}.yaml"))
            with dashboard() as link:
                pictures(link)
        finally:
            if given.home is None:
                tansaku("db", "stop")


if __name__ == "__main__":
    main()
