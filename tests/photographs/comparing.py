"""Compares two photographs: every difference by item and path, but for those that a list says are on purpose."""

from __future__ import annotations

import json
import lzma
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

PURPOSEFUL = Path(__file__).with_name("purposeful.yaml")
PHOTOGRAPHS = "photographs.json.xz"
RELATIVE, ABSOLUTE = 1e-9, 1e-12
"""Numbers that differ by less are equal: other processors give other last digits."""

MISSING = "(missing)"


@dataclass(frozen=True)
class Difference:
    """A difference of two photographs.

    Attributes:
        item: Name of the photograph.
        path: Where in it, with slashes.
        before: What was there.
        after: What is there now.
    """

    item: str
    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.item}  {self.path or '/'}: {_short(self.before)} -> {_short(self.after)}"


@dataclass(frozen=True)
class Purpose:
    """Differences that a change makes on purpose.

    Attributes:
        item: Pattern of names.
        path: Pattern of paths.
        reason: Why.
    """

    item: str
    path: str
    reason: str

    def covers(self, difference: Difference) -> bool:
        """Returns whether the difference is one of these."""
        return fnmatchcase(difference.item, self.item) and fnmatchcase(difference.path, self.path)


def read_photographs(folder: Path) -> dict[str, Any]:
    """The photographs of a folder, by item."""
    with lzma.open(folder / PHOTOGRAPHS, "rt", encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
    return found


def write_photographs(folder: Path, items: dict[str, Any]) -> None:
    """Writes the photographs of a folder, the same bytes for the same photographs."""
    folder.mkdir(parents=True, exist_ok=True)
    with lzma.open(folder / PHOTOGRAPHS, "wt", encoding="utf-8", preset=9) as file:
        json.dump(items, file, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def read_purposes(file: Path) -> list[Purpose]:
    """The list of purposeful changes."""
    return [Purpose(**entry) for entry in yaml.safe_load(file.read_text(encoding="utf-8")) or ()]


def compared(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Difference]:
    """Every difference of two sets of photographs."""
    for item in sorted(before.keys() | after.keys()):
        for path, old, new in differences(before.get(item, MISSING), after.get(item, MISSING)):
            yield Difference(item, path, old, new)


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Path and both values of everything that differs in plain data."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from differences(before.get(key, MISSING), after.get(key, MISSING), f"{path}/{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differences(old, new, f"{path}/{number}")
    elif not _equal(before, after):
        yield path, before, after


def _equal(before: Any, after: Any) -> bool:
    if isinstance(before, float) and isinstance(after, float):
        return repr(before) == repr(after) or math.isclose(before, after, rel_tol=RELATIVE, abs_tol=ABSOLUTE)  # NaN too
    return type(before) is type(after) and bool(before == after)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else f"{text[:97]}..."
