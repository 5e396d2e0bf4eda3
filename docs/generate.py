"""Writes the pages of docs/ that are made from the sources: `make docs`."""

from __future__ import annotations

from pathlib import Path

from tansaku.tasks.ground.formats.schema import configuration_page

PAGES = {"reference/configuration.md": configuration_page}


def main() -> None:
    """Writes every generated page."""
    for name, write in PAGES.items():
        (Path(__file__).parent / name).write_text(write(), encoding="utf-8")


if __name__ == "__main__":
    main()
