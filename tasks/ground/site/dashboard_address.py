"""Address of the dashboard of a home folder, so that commands can print links to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tansaku.tasks.ground.site.processes import find_process, process_identity

_LONGEST = 4096


@contextmanager
def noted_address(home: Path, url: str) -> Iterator[None]:
    """Notes the address of this process's dashboard while the context is open; of several dashboards the last one is known.

    Args:
        url: Address for browsers, without a secret.
    """
    path = _path(home)
    text = json.dumps({**process_identity(), "url": url})
    # Without the note the commands ask for the address; that is no reason not to serve.
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        with suppress(OSError):
            if path.read_text(encoding="utf-8") == text:
                path.unlink()


def known_address(home: Path) -> str | None:
    """The address of the dashboard that runs on a home folder; None if none is known to run."""
    try:
        with _path(home).open(encoding="utf-8") as stream:
            found = json.loads(stream.read(_LONGEST))
        lives = find_process(found["pid"], found["started"]) is not None
        return str(found["url"]) if lives else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _path(home: Path) -> Path:
    return home / "service" / "dashboard.json"
